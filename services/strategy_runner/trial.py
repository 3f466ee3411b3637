"""A trial run of one strategy: events in, what it said out, with a plain counterpart that approves and fills its orders.

For `check-strategy` only. The counterpart is no venue: it lets order callbacks fire and positions come to be, the same way in every trial.
Orders are approved and accepted at once; a market order fills whole at the next bar's open, any other at its price when the next bars
touch it; cancels and replaces are granted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from random import Random

from shared.events import (
    Bar,
    CancelIntent,
    ClockTicked,
    Envelope,
    Event,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderFilled,
    OrderIntent,
    OrderReplaced,
    OrderSide,
    OrderTerms,
    OrderType,
    ReplaceIntent,
    RunStarted,
    WarmupEnded,
)

from .host import StrategyHost

Said = tuple[int, Event]
"""(ts_ns, what the strategy said then)."""


class Counterpart:
    """Answers intents; keeps what is open in the order it came."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, OrderTerms]] = {}
        self._executions = 0

    def answer(self, event: Event) -> list[Event]:
        """What follows from an intent at once."""
        if isinstance(event, OrderIntent):
            self._open[event.order_id] = (event.strategy, event.terms)
            approved = OrderApproved(event.order_id, event.strategy, event.terms, 0, 0, 0.0, 0, event.group, event.group_role, event.group_size)
            return [approved, OrderAccepted(event.order_id, event.strategy, f"b-{event.order_id}", 0)]
        if isinstance(event, CancelIntent) and self._open.pop(event.order_id, None) is not None:
            return [OrderCanceled(event.order_id, event.strategy, Decimal(0))]
        if isinstance(event, ReplaceIntent) and event.order_id in self._open:
            strategy, t = self._open[event.order_id]
            terms = OrderTerms(
                t.symbol, t.side, t.type, event.quantity or t.quantity, event.limit_price or t.limit_price, event.stop_price or t.stop_price, t.tif
            )
            self._open[event.order_id] = (strategy, terms)
            return [OrderReplaced(event.order_id, strategy, event.replace_no, terms, event.order_id, f"b-{event.order_id}")]
        return []

    def fills(self, bar: Bar) -> list[Event]:
        """What fills inside a bar, before the bar itself is told."""
        filled: list[Event] = []
        for order_id, (strategy, terms) in list(self._open.items()):
            price = _price(terms, bar) if terms.symbol == bar.symbol else None
            if price is None:
                continue
            del self._open[order_id]
            self._executions += 1
            t, zero = terms, Decimal(0)
            execution = f"x-{self._executions}"
            filled.append(
                OrderFilled(
                    order_id, strategy, t.symbol, t.side, t.quantity, price, zero, "USD", execution, f"b-{order_id}", t.quantity, zero, bar.timestamp
                )
            )
        return filled


def _price(terms: OrderTerms, bar: Bar) -> Decimal | None:
    """The price an order fills at in the bar, None when it does not."""
    level = terms.limit_price if terms.limit_price is not None else terms.stop_price
    if terms.type in (OrderType.MARKET, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE) or level is None:
        return Decimal(repr(bar.open))
    below = (terms.side is OrderSide.BUY) == (terms.limit_price is not None)  # a buy limit and a sell stop wait for lower prices
    touched = bar.low <= float(level) if below else bar.high >= float(level)
    return level if touched else None


class Trial:
    """make: a fresh host. cuts: at which events (counted from 0) the host is thrown away and rebuilt, from its snapshot where it has one, else by
    replaying its run."""

    def __init__(self, make: Callable[[], StrategyHost], cuts: frozenset[int] = frozenset()) -> None:
        self._make = make
        self._cuts = cuts
        self._host = make()
        self._counterpart = Counterpart()
        self._journal: list[Envelope] = []
        self.said: list[Said] = []

    def run(self, events: Iterable[tuple[int, Event]]) -> list[Said]:
        """events: (ts_ns, event) in order. Every timer is given its clock event on the way."""
        settings, first = self._host.settings, True
        for number, (ts_ns, event) in enumerate(events):
            if first:
                self._tell(ts_ns, RunStarted(settings.source, 1, ""))
                if settings.warmup_bars:
                    self._tell(ts_ns, WarmupEnded(settings.id, 1, 0))
                first = False
            if number in self._cuts:
                self._rebuild()
            while 0 < (due := self._host.next_timer()) < ts_ns:
                self._tell(due, ClockTicked())
            if isinstance(event, Bar):
                for fill in self._counterpart.fills(event):
                    self._tell(ts_ns, fill)
            self._tell(ts_ns, event)
        return self.said

    def _tell(self, ts_ns: int, event: Event) -> None:
        """One event, then what follows from it, until nothing does."""
        waiting = [event]
        for told in waiting:  # grows while it is read
            e = Envelope(len(self._journal) + 1, ts_ns, told.topic, "trial", 1, len(self._journal) + 1, 0, 0, told)
            self._journal.append(e)
            for answer in self._host.step(e):
                self.said.append((ts_ns, answer))
                waiting.extend(self._counterpart.answer(answer))

    def _rebuild(self) -> None:
        fresh = self._make()
        if self._host.snapshottable:
            fresh.restore(self._host.snapshot())
        else:
            for e in self._journal:
                fresh.step(e)
        self._host.close()
        self._host = fresh


def random_cuts(events: int, count: int, seed: int) -> frozenset[int]:
    """Where a trial is cut: spread at random, the same for the same seed."""
    chooser = Random(seed)  # noqa: S311 - simulation, not secrets
    return frozenset(chooser.sample(range(1, events), min(count, events - 1))) if events > 1 else frozenset()


def synthetic_bars(symbols: Sequence[str], count: int, seed: int) -> list[tuple[int, Event]]:
    """One-minute bars of random walks with turns in them, so that trend and reversal strategies both trade; days of 390 bars."""
    walk = Random(seed)  # noqa: S311 - simulation, not secrets
    minute, start = 60_000_000_000, 1_704_204_600_000_000_000
    prices = dict.fromkeys(symbols, 100.0)
    rows: list[tuple[int, Event]] = []
    for i in range(count):
        begin = start + i // 390 * 86_400_000_000_000 + i % 390 * minute
        for symbol in symbols:
            opened = prices[symbol]
            drift = 0.0006 if i // 60 % 2 else -0.0006
            closed = prices[symbol] = round(max(1.0, opened * (1.0 + drift + walk.gauss(0.0, 0.001))), 2)
            high, low = round(max(opened, closed) * 1.0004, 2), round(min(opened, closed) * 0.9996, 2)
            rows.append((begin + minute, Bar(symbol, begin, begin + minute, opened, high, low, closed, float(walk.randint(100, 10_000)))))
    return rows
