"""The calendars' tables: weekly hours, holidays and early closes as package data, and the loader that reads them.

The JSON files are written by `tests/tools/generate_calendars.py` from the exchange_calendars package, which is then not needed at run time;
`tests/unit/domain/test_calendar.py` compares every session with it. Never edited by hand.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import msgspec

# RegimeFlow users and exchange_calendars write these; Nasdaq keeps the hours and holidays of the New York Stock Exchange.
ALIASES: Final = {"XNAS": "XNYS", "NYSE": "XNYS", "NASDAQ": "XNYS", "24/7": "24x7", "24/5": "24x5"}


class CalendarTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours are `HH:MM` wall time in `timezone`; open_day and close_day: days after the session's date (-1: the evening before).

    weekdays: 0 is Monday. pre: start of pre-market, empty when there is none. post_minutes: length of post-market after the close, early or
    not. first, last: dates the holidays are known for, empty where no holiday exists. early_closes: date -> close.
    """

    name: str
    timezone: str
    weekdays: tuple[int, ...]
    open: str
    open_day: int
    close: str
    close_day: int
    pre: str
    post_minutes: int
    first: str
    last: str
    holidays: tuple[str, ...]
    early_closes: dict[str, str]
    generated_with: str


class UnknownCalendar(ValueError):
    """No table of that name; the text lists those there are."""


def names() -> tuple[str, ...]:
    """Every name `load` takes, aliases included, sorted."""
    files = (item.name for item in resources.files(__name__).iterdir())
    return tuple(sorted({name.removesuffix(".json") for name in files if name.endswith(".json")} | ALIASES.keys()))


@cache
def load(name: str) -> CalendarTable:
    """The table of a calendar. Raises UnknownCalendar."""
    if name not in names():
        raise UnknownCalendar(f"unknown calendar {name!r}; known: {', '.join(names())}")
    raw = resources.files(__name__).joinpath(f"{ALIASES.get(name, name)}.json").read_bytes()
    return msgspec.json.decode(raw, type=CalendarTable)
