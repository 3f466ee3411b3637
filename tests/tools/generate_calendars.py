"""Writes shared/domain/calendars/*.json from the exchange_calendars package (a development dependency).

    python tests/tools/generate_calendars.py

Run it when exchange_calendars learns new holidays; `tests/unit/domain/test_calendar.py` fails when the files differ from what this makes.
Extended hours are not in exchange_calendars; those below are the exchanges' own: US equities trade from 04:00 and for four hours after the
close (until 20:00, on early closes until 17:00), New York time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import exchange_calendars
import msgspec
import pandas as pd

from shared.domain.calendars import CalendarTable

FOLDER: Final = Path(__file__).parents[2] / "shared" / "domain" / "calendars"
FIRST, LAST = "1970-01-01", "2035-12-31"
EXTENDED: Final = {"XNYS": ("04:00", 240), "CMES": ("", 0)}
ALL_DAYS, WEEK_DAYS = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4)


def exchange_table(name: str) -> CalendarTable:
    """Weekly hours are the usual ones; what differs becomes a holiday or an early close. Refuses a market that does not fit that shape."""
    source = exchange_calendars.get_calendar(name, start=FIRST, end=LAST)
    schedule = source.schedule
    opens = schedule["open"].dt.tz_convert(source.tz).dt.strftime("%H:%M")
    closes = schedule["close"].dt.tz_convert(source.tz).dt.strftime("%H:%M")
    usual_open, usual_close = opens.mode()[0], closes.mode()[0]
    if (opens != usual_open).any() or schedule["break_start"].notna().any():
        raise SystemExit(f"{name}: late opens or breaks, which the table has no place for")
    weekdays = tuple(i for i, flag in enumerate(source.weekmask) if flag == "1")
    expected = [d for d in pd.date_range(FIRST, LAST) if d.weekday() in weekdays]
    missing = set(schedule.index)
    return CalendarTable(
        name=name,
        timezone=str(source.tz),
        weekdays=weekdays,
        open=usual_open,
        open_day=source.open_offset,
        close=usual_close,
        close_day=source.close_offset,
        pre=EXTENDED[name][0],
        post_minutes=EXTENDED[name][1],
        first=FIRST,
        last=LAST,
        holidays=tuple(f"{d:%Y-%m-%d}" for d in expected if d not in missing),
        early_closes={f"{d:%Y-%m-%d}": clock for d, clock in closes.items() if clock != usual_close},
        generated_with=f"exchange_calendars {exchange_calendars.__version__}",
    )


def always_table(name: str, timezone: str, weekdays: tuple[int, ...], clock: str, open_day: int) -> CalendarTable:
    """A market that never pauses within its week and keeps no holidays: each day ends where the next begins."""
    return CalendarTable(name, timezone, weekdays, clock, open_day, clock, open_day + 1, "", 0, "", "", (), {}, "rule")


def tables() -> list[CalendarTable]:
    """Every table of the project. `24x5` is the foreign-exchange week: Sunday 17:00 to Friday 17:00 New York."""
    return [
        *(exchange_table(name) for name in EXTENDED),
        always_table("24x7", "UTC", ALL_DAYS, "00:00", 0),
        always_table("24x5", "America/New_York", WEEK_DAYS, "17:00", -1),
    ]


def text(table: CalendarTable) -> bytes:
    """The file's bytes: indented, so that a new holiday is one line in a review."""
    return msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n"


if __name__ == "__main__":
    for table in tables():
        (FOLDER / f"{table.name}.json").write_bytes(text(table))
        print(
            f"{table.name}: {len(table.holidays)} holidays, {len(table.early_closes)} early closes, {table.first or 'always'} to {table.last or 'always'}"
        )
