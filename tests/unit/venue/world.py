"""Builders for venue scenarios: a venue, a day in seconds, market data and orders in one line each, and readable outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal as D
from typing import Any

import msgspec

from shared.events import (
    Bar,
    InstrumentDefined,
    OrderSide,
    OrderTerms,
    OrderType,
    Quote,
    SessionChanged,
    SessionPhase,
    TimeInForce,
    Trade,
)
from shared.venue import MatchingCore, Report, VenueSettings, Verdict

S = 1_000_000_000
DAY0 = 1_700_000_000 * S  # any day; times below are seconds after it
MINUTE = 60


def at(second: float) -> int:
    return DAY0 + round(second * S)


def terms(
    side: str,
    kind: str,
    quantity: Any = 100,
    *,
    limit: Any = None,
    stop: Any = None,
    tif: str = "day",
    expire: float = 0,
    trail: Any = None,
    percent: Any = None,
) -> OrderTerms:
    def number(value: Any) -> D | None:
        return None if value is None else D(str(value))

    return OrderTerms(
        "X",
        OrderSide(side),
        OrderType(kind),
        D(str(quantity)),
        number(limit),
        number(stop),
        TimeInForce(tif),
        at(expire) if expire else 0,
        number(trail),
        number(percent),
    )


def bar(start: float, o: float, h: float, low: float, c: float, volume: float = 10_000.0, length: float = MINUTE, symbol: str = "X") -> Bar:
    return Bar(symbol, at(start), at(start + length), o, h, low, c, volume)


def quote(second: float, bid: float, ask: float, bid_size: float = 1000.0, ask_size: float = 1000.0, symbol: str = "X") -> Quote:
    return Quote(symbol, at(second), bid, ask, bid_size, ask_size)


def trade(second: float, price: float, size: float = 1000.0, symbol: str = "X") -> Trade:
    return Trade(symbol, at(second), price, size)


class World:
    """A venue with one instrument X (tick 0.01, lot 1) on calendar XT. Without `opened` no hours are told: it always trades."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("initial_cash", D(1_000_000))
        self.core = MatchingCore(msgspec.convert(settings, VenueSettings))
        self.core.on_instrument(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XT"))
        self.seen: list[Report] = []
        self.count = 0

    def opened(self, open_second: float, close_second: float, date: str = "2023-11-14") -> World:
        session = SessionChanged("XT", SessionPhase.OPEN, date, at(open_second), at(close_second))
        self.keep(self.core.on_session(session, at(open_second)))
        return self

    def keep(self, reports: Iterable[Report]) -> list[Report]:
        new = list(reports)
        self.seen.extend(new)
        assert [r.n for r in self.seen] == list(range(1, len(self.seen) + 1)), "reports are dense"
        return new

    def feed(self, *events: Bar | Quote | Trade) -> list[Report]:
        new: list[Report] = []
        for event in events:
            now = event.end if isinstance(event, Bar) else event.timestamp
            new += self.keep(self.core.on_market(event, now))
        return new

    def submit(self, order: OrderTerms, second: float, name: str = "", **more: Any) -> Verdict:
        self.count += 1
        verdict = self.core.submit(name or f"o{self.count}", order, at(second), **more)
        self.keep(verdict.reports)
        return verdict

    def status(self, name: str = "o1") -> str:
        row = self.core.order(name)
        assert row is not None, name
        return row.status.value

    def fills(self, name: str = "") -> list[tuple[float, float]]:
        """(quantity, price) of each execution so far."""
        rows = [r.execution for r in self.seen if r.execution]
        return [(float(e.quantity), float(e.price)) for e in rows if not name or e.client_order_id == name]

    def when(self) -> list[float]:
        """Seconds of each execution."""
        return [(r.ns - DAY0) / S for r in self.seen if r.execution]

    def fees(self) -> list[D]:
        return [r.execution.commission for r in self.seen if r.execution]
