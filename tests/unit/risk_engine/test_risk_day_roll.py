"""When the base of the daily loss rolls: with the exchange's own trading day, over clock changes and half days, once a date where instruments trade
round the clock beside it, and the same after a restart at any moment. The days are the gateway's own."""

from __future__ import annotations

import datetime as dt

import pytest

from services.gateway.phases import Phases
from services.risk_engine.core import RiskCore
from shared.events import DayEnded, EquityMarked, SessionChanged
from tests.support.risk_desk import RiskDesk


def ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 1_000_000_000


def when(at: int) -> str:
    return dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC).strftime("%m-%d %H:%M")


def rolls(calendars: list[str], start: str, end: str, *, restarts: bool) -> list[str]:
    """When the day's base was taken anew. restarts: engine and gateway state are written and read back before every event."""
    desk, phases = RiskDesk(mark_interval_ms=0), Phases(calendars, 0)
    desk.now, found = ns(start), []
    first = phases.announcements(desk.now)
    events = list(first)
    while desk.now <= ns(end):
        for event in events:
            if isinstance(event, SessionChanged):
                phases.apply_session(event, desk.now)
            elif isinstance(event, DayEnded):
                phases.apply_day(event)
            if restarts:
                core = RiskCore(desk.settings)
                core.restore(desk.core.snapshot())
                desk.core = core
            found += [when(desk.now) for told in desk.tell(event) if isinstance(told, EquityMarked)]
        desk.now = phases.due
        events = phases.changes(desk.now)
    return found


SPRING = ["03-07 21:00", "03-08 21:00", "03-11 20:00", "03-12 20:00"]  # New York's clocks move on Sunday the 10th
AUTUMN = ["10-31 20:00", "11-01 20:00", "11-04 21:00"]
THANKSGIVING = ["11-27 21:00", "11-29 18:00", "12-02 21:00"]  # Thursday closed, Friday until one o'clock


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("calendars", "start", "end", "expected"),
    [
        (["XNYS"], "2024-03-07T15:00", "2024-03-12T23:00", SPRING),
        (["XNYS"], "2024-10-31T15:00", "2024-11-04T23:00", AUTUMN),
        (["XNYS"], "2024-11-27T15:00", "2024-12-02T23:00", THANKSGIVING),
        (["24x7"], "2024-03-09T15:00", "2024-03-11T23:00", ["03-10 00:00", "03-11 00:00"]),
        # the date is ended by the calendar that ends it first; weekends and holidays are days of the one that trades
        (["XNYS", "24x7"], "2024-03-07T15:00", "2024-03-12T23:00", [*SPRING[:2], "03-10 00:00", "03-11 00:00", *SPRING[2:]]),
        (["24x7", "XNYS"], "2024-11-27T15:00", "2024-11-29T23:00", ["11-27 21:00", "11-29 00:00", "11-29 18:00"]),
    ],
)
def test_the_base_rolls_once_a_trading_date(calendars: list[str], start: str, end: str, expected: list[str], restarts: bool) -> None:
    assert rolls(calendars, start, end, restarts=restarts) == expected
