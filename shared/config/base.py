"""What every configuration section is: strict, closed and frozen; and the scalar types the sections share.

Promises: an unknown key is an error, a value of another type is an error (`"10"` is not a whole number, `1` is not true), and nothing of
a loaded configuration can be changed afterwards. Amounts, ratios and quantities are exact: the integer 50000, the float 50000.0 and the
text "50000" are one value, `Decimal("50000")`, with one representation, so they have one digest too.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.domain.exact import of_float, text

AMOUNT_MAX: Final = 10**15  # past any account; keeps exact products far inside their 80 digits
DIGITS_MAX: Final = 30
RATIO_MAX: Final = 4  # `max_position_pct: 20` is a slip for 0.2, not twenty times equity


class Section(BaseModel):
    """A section of the configuration. Fields carry their meaning in `description`; docs and JSON Schema are drawn from there."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """What was written in the configuration, defaults left out. `None` there: a control switched off on purpose."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


def exact(value: object) -> Decimal:
    """int, float, str or Decimal as a finite Decimal in its shortest plain form. Raises ValueError."""
    number: Decimal
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic turns ValueError into a problem with its path
    try:
        number = of_float(value) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite() or len(number.as_tuple().digits) > DIGITS_MAX:
        raise ValueError(f"must be a finite number of at most {DIGITS_MAX} digits")
    if abs(number.adjusted()) > DIGITS_MAX:
        raise ValueError("is out of any sensible range")
    return Decimal(text(number))


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a time such as 2024-01-02T14:30:00Z")  # noqa: TRY004 - as above
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time such as 2024-01-02T14:30:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is None:
        raise ValueError("must be a date such as 2024-01-31")
    return date.fromisoformat(value)


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be a path")
    return Path(value).expanduser()


def _text(value: object) -> object:
    """Contract fields are text at the broker, yet people write `multiplier: 100` and `20251219`."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Exact = Annotated[Decimal, BeforeValidator(exact)]
Amount = Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=AMOUNT_MAX)]
Cost = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=AMOUNT_MAX)]
Fraction = Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=1)]
Ratio = Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=RATIO_MAX)]
Basis = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=10_000)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
CountOrZero = Annotated[int, Field(ge=0, le=10_000_000)]
Millis = Annotated[int, Field(ge=1, le=86_400_000)]
MillisOfDays = Annotated[int, Field(ge=1, le=2_678_400_000)]
MillisOrZero = Annotated[int, Field(ge=0, le=86_400_000)]
Seconds = Annotated[int, Field(ge=1, le=31_536_000)]
SecondsOrZero = Annotated[int, Field(ge=0, le=31_536_000)]
Port = Annotated[int, Field(ge=1, le=65_535)]

Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:\-]{0,31}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3,5}$")]
StrategyId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")]
Url = Annotated[str, Field(pattern=r"^(https?|wss?)://[^\s/]+")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Day = Annotated[date, BeforeValidator(_day)]
FilePath = Annotated[Path, BeforeValidator(_path)]
LooseText = Annotated[str, BeforeValidator(_text)]

# A YAML list arrives as a list and is kept as a tuple; its items stay strict.
Symbols = Annotated[tuple[Symbol, ...], Field(strict=False)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]
