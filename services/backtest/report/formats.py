"""Figures as people read them. A figure that does not exist is a dash, never 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from shared.domain.exact import plain

DASH: Final = "-"
MINUS: Final = "\N{MINUS SIGN}"
_PLACES: Final[Mapping[str, int]] = {"JPY": 0, "KRW": 0, "BTC": 8, "ETH": 8}  # everyone else: two
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def missing(value: float | Decimal | None) -> bool:
    """None, NaN and infinities: not figures."""
    return value is None or not math.isfinite(value)


def number(value: float | Decimal | None, places: int = 2) -> str:
    """`1,234.50`."""
    if value is None or missing(value):
        return DASH
    text = f"{value:,.{places}f}"
    return _signed(text)


def money(value: float | Decimal | None, currency: str) -> str:
    """`1,234.50 USD`, rounded for reading; files have every digit."""
    return DASH if missing(value) else f"{number(value, _PLACES.get(currency, 2))} {currency}"


def gain(value: float | Decimal | None, currency: str) -> str:
    """Money with its sign: `+12.00 USD`."""
    return _plus(money(value, currency))


def signed(value: float | Decimal | None, places: int = 2) -> str:
    """`+12.00`, the currency being said elsewhere."""
    return _plus(number(value, places))


def bps(share: float | None) -> str:
    """A share of one as basis points: 0.00015 is `1.50 bps`."""
    return DASH if share is None or missing(share) else f"{number(share * 10_000)} bps"


def times(value: float | None) -> str:
    """A multiple: `1.25 x`."""
    return DASH if value is None or missing(value) else f"{number(value)} x"


def percent(value: float | None, places: int = 2) -> str:
    """0.0123 as `1.23 %`."""
    return DASH if value is None or missing(value) else f"{_signed(f'{value * 100:,.{places}f}')} %"


def change(value: float | None, places: int = 2) -> str:
    """A return with its sign: `+1.23 %`."""
    return _plus(percent(value, places))


def exact(value: Decimal | None) -> str:
    """Quantities and prices: every digit there is, thousands grouped."""
    return DASH if value is None else _signed(f"{plain(value):,f}")


def price(value: float | Decimal | None) -> str:
    """A price: at least two decimals, at most six."""
    if value is None or missing(value):
        return DASH
    whole, _, fraction = f"{value:,.6f}".partition(".")
    return _signed(f"{whole}.{fraction.rstrip('0'):0<2}")


def count(value: int | None) -> str:
    """`12,345`."""
    return DASH if value is None else f"{value:,}"


def span(ns: int | None) -> str:
    """A stretch of time, its largest unit and the next: `3 d 4 h`, `12 min`, `1.5 s`."""
    if ns is None:
        return DASH
    seconds = ns / 1_000_000_000
    for index, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            below = _UNITS[index + 1] if index + 1 < len(_UNITS) else None
            more = int(rest // below[0]) if below else 0
            return f"{int(whole)} {unit} {more} {below[1]}" if below and more else f"{int(whole)} {unit}"
    return f"{seconds:.3g} s"


def words(key: str) -> str:
    """`max_drawdown` as `max drawdown`."""
    return key.replace("_", " ").strip()


def short(value: float) -> str:
    """An axis label: `1.2M`, `350k`, `99.5`."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return _signed(f"{value / (1e3 if unit == 'k' else size):.4g}{unit}")
    return _signed(f"{value:,.6g}")


def _plus(text: str) -> str:
    """The sign of a gain; none before what reads as zero."""
    return f"+{text}" if not text.startswith(MINUS) and any(c in "123456789" for c in text) else text


def _signed(text: str) -> str:
    """A true minus sign, and none before zero."""
    if not text.startswith("-"):
        return text
    return text[1:] if not any(c in "123456789" for c in text) else MINUS + text[1:]
