"""Protective stops: which holdings of strategies are watched, and at what price or time each must be closed.

A holding of a strategy's book is guarded from the fill that opened it to the one that ends it. Its stops: a fraction of the average cost
(`stop_loss`), a fraction below the best mark since the entry (`trailing_stop`), so many average true ranges from the cost, the range as it was
at the entry (`atr_stop`), a time (`time_stop`); whichever is met first; or a loss limit of its strategy or the account (`loss_flattens`). All of it is folded from the log, so a restart loses nothing. Costs
nothing where no stop is configured, and a comparison or two a datum of a guarded symbol where one is (`atr_stop`: an update a bar).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from math import inf, nan
from typing import Any, Final

import msgspec

from shared.domain.exact import ONE, add, multiply, of_float, subtract
from shared.domain.ledger import UNASSIGNED, Ledger
from shared.events import Alert, Bar, CorporateAction, Envelope, LimitBreached, Reason, SessionPhase

from .gates import Gates
from .prices import Prices

SECOND: Final = 1_000_000_000
NEVER: Final = 1 << 62
RETRY_NS: Final = 30 * SECOND  # before an exit that came to nothing is tried again
FAILED: Final = "stop_failed"  # alert keys: `<what>.<strategy>.<symbol>`
WAITS: Final = "stop_waits"
LOSSES: Final = frozenset({Reason.DAY_LOSS, Reason.DRAWDOWN})
STOPS: Final = frozenset({Reason.STOP_LOSS, Reason.TRAILING_STOP, Reason.ATR_STOP, Reason.TIME_STOP})


class Stops(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What closes a holding by itself; None: not in force. `_pct`: fractions of price."""

    stop_loss_pct: Decimal | None = None
    trailing_stop_pct: Decimal | None = None
    atr_window: int | None = None  # bars
    atr_multiplier: Decimal = Decimal(2)
    max_holding_seconds: int | None = None
    loss: bool = False  # a loss limit that is met does too

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool) and not (Decimal(value).is_finite() and value > 0):
                raise ValueError(f"stops.{name}: {value} is no distance")

    @property
    def any(self) -> bool:
        limits = (self.stop_loss_pct, self.trailing_stop_pct, self.atr_window, self.max_holding_seconds)
        return self.loss or any(limit is not None for limit in limits)


class Guard(msgspec.Struct):
    """One guarded holding. sign: 1.0 long, -1.0 short. since: ns of the fill that opened it. best: best mark since. range: average true range
    at the entry, 0.0 until one is known. level, reason: the price stop that is met first. due: ns from which time is up. met: why it is being
    closed. order: newest exit. again: ns before which no other exit is tried. warned: a person was told that the exit waits."""

    sign: float
    since: int
    best: float
    range: float = 0.0
    level: float = nan
    reason: Reason = Reason.STOP_LOSS
    due: int = NEVER
    met: Reason | None = None
    order: str = ""
    again: int = 0
    warned: bool = False

    def meets(self, bid: float, ask: float, now: int) -> bool:
        """Whether a datum concerns it: never no where a stop is met or an exit is under way."""
        return self.met is not None or now >= self.due or (bid <= self.level if self.sign > 0.0 else ask >= self.level)


class TrueRange(msgspec.Struct):
    """Average true range: the mean of the first `window` bars, then Wilder's smoothing (New Concepts in Technical Trading Systems, 1978)."""

    average: float = 0.0
    bars: int = 0
    close: float = 0.0
    end: int = 0

    def add(self, bar: Bar, window: int) -> None:
        if not (0.0 < bar.low <= bar.close <= bar.high < inf) or bar.end <= self.end:
            return
        true = max(bar.high, self.close) - min(bar.low, self.close) if self.bars else bar.high - bar.low
        self.bars = min(self.bars + 1, window)
        self.average += (true - self.average) / self.bars
        self.close, self.end = bar.close, bar.end


class ProtectiveState(msgspec.Struct):
    """guards: by symbol and strategy. ranges: by symbol."""

    guards: dict[str, dict[str, Guard]] = msgspec.field(default_factory=dict)
    ranges: dict[str, TrueRange] = msgspec.field(default_factory=dict)


class Protective:
    """guards: by symbol and strategy, the holdings watched; empty where no stop is configured. lost: the loss limit a strategy, or the account,
    met and no operator lifted."""

    def __init__(
        self,
        stops: Stops,
        sessions: tuple[SessionPhase, ...],
        ledger: Ledger,
        prices: Prices,
        gates: Gates,
        state: ProtectiveState,
        lost: Callable[[str], Reason | None] = lambda _: None,
    ) -> None:
        self.stops = stops
        self.enabled = stops.any
        self._sessions = frozenset(sessions) - {SessionPhase.CLOSED}
        self._ledger = ledger
        self._prices = prices
        self._gates = gates
        self._ranges = state.ranges
        self.guards = state.guards
        self._lost = lost

    def guard(self, strategy: str, symbol: str) -> Guard | None:
        of_symbol = self.guards.get(symbol)
        return None if of_symbol is None else of_symbol.get(strategy)

    def in_session(self, symbol: str) -> bool:
        """Whether an exit could trade now; a stop of a closed market waits."""
        instrument = self._gates.instruments.get(symbol)
        return instrument is not None and self._gates.phase(instrument) in self._sessions and symbol not in self._gates.halted

    # folding

    def folding(self, fold: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
        """The fold of a datum with what it means for stops behind it."""
        if not self.enabled:
            return fold
        guards, trails, window = self.guards, self.stops.trailing_stop_pct is not None, self.stops.atr_window

        def folded(e: Envelope) -> None:
            fold(e)
            datum: Any = e.event
            if window is not None and type(datum) is Bar:
                self._ranged(datum, window)
            if trails and datum.symbol in guards:
                self._moved(datum.symbol)

        return folded

    def begin(self, now: int) -> None:
        """A run begins, perhaps under other stops: every holding is guarded by today's, one that was not is entered now."""
        if not self.enabled:
            self.guards.clear()
            self._ranges.clear()
            return
        for symbol in sorted({*self._ledger.positions(), *self.guards, *(s for book in self._ledger.books.values() for s in book.positions)}):
            self.rebooked(symbol, now)

    def rebooked(self, symbol: str, now: int) -> None:
        """Books may hold another quantity of a symbol, or the same at another cost."""
        if not self.enabled:
            return
        for strategy, book in self._ledger.books.items():
            quantity = book.quantity(symbol)
            if strategy == UNASSIGNED or not quantity:
                self._drop(strategy, symbol)
                continue
            sign, guard = (1.0 if quantity > 0 else -1.0), self.guard(strategy, symbol)
            if guard is None or guard.sign != sign:
                guard = Guard(sign, now, float(book.positions[symbol].average_price), self._range(symbol))
                guard.met = self._lost(strategy) if self.stops.loss else None  # an order that filled before its cancel
                self.guards.setdefault(symbol, {})[strategy] = guard
            self._settle(strategy, symbol, guard)

    def breached(self, e: LimitBreached) -> None:
        """One of our own stops, or a loss limit, is met: the holding is being closed until it is gone."""
        if e.reason in LOSSES and e.hard and self.stops.loss:
            self._lose(e)
        if e.reason not in STOPS:
            return
        _, strategy, symbol = e.key.split(".", 2)
        guard = self.guard(strategy, symbol)
        if guard is not None:
            guard.met = e.reason

    def _lose(self, e: LimitBreached) -> None:
        of = e.key.split(".")[1] if e.key.startswith("strategies.") else ""
        for guards in self.guards.values():
            for strategy, guard in guards.items():
                if of in ("", strategy) and guard.met is None:
                    guard.met = e.reason

    def approved(self, strategy: str, symbol: str, order_id: str) -> None:
        guard = self.guard(strategy, symbol)
        if guard is not None:
            guard.order, guard.warned = order_id, False

    def alerted(self, e: Alert, now: int) -> None:
        """What we told of an exit: that it failed, or that it waits."""
        what, _, rest = e.key.partition(".")
        if what not in (FAILED, WAITS):
            return
        strategy, _, symbol = rest.partition(".")
        guard = self.guard(strategy, symbol)
        if guard is None:
            return
        if what == FAILED:
            guard.again = now + RETRY_NS
        else:
            guard.warned = True

    def acted(self, e: CorporateAction, ratio: float) -> None:
        """Prices of a split are in new units (ratio: new ones per old); a renamed symbol keeps its guards."""
        if e.kind == "split":
            self._rescale(e.symbol, ratio)
        elif e.kind == "symbol_change":
            for strategy, guard in self.guards.pop(e.symbol, {}).items():
                self.guards.setdefault(e.new_symbol, {}).setdefault(strategy, guard)
            if e.symbol in self._ranges:
                self._ranges.setdefault(e.new_symbol, self._ranges.pop(e.symbol))

    def _ranged(self, bar: Bar, window: int) -> None:
        known = self._ranges.get(bar.symbol)
        if known is None:
            known = self._ranges[bar.symbol] = TrueRange()
        known.add(bar, window)
        if known.bars < window:
            return
        for strategy, guard in self.guards.get(bar.symbol, {}).items():
            if not guard.range:
                guard.range = known.average
                self._settle(strategy, bar.symbol, guard)

    def _moved(self, symbol: str) -> None:
        marks = self._prices.marks(symbol)
        if marks is None:
            return
        for strategy, guard in self.guards[symbol].items():
            mark = marks[0] if guard.sign > 0.0 else marks[1]
            if (mark - guard.best) * guard.sign > 0.0 and self.in_session(symbol):
                guard.best = mark
                self._settle(strategy, symbol, guard)

    def _range(self, symbol: str) -> float:
        known = self._ranges.get(symbol)
        return known.average if known is not None and known.bars == self.stops.atr_window else 0.0

    def _drop(self, strategy: str, symbol: str) -> None:
        of_symbol = self.guards.get(symbol)
        if of_symbol is not None and of_symbol.pop(strategy, None) is not None and not of_symbol:
            del self.guards[symbol]

    def _rescale(self, symbol: str, ratio: float) -> None:
        for guard in self.guards.get(symbol, {}).values():
            guard.best /= ratio
            guard.range /= ratio
        known = self._ranges.get(symbol)
        if known is not None:
            known.average /= ratio
            known.close /= ratio

    def _settle(self, strategy: str, symbol: str, guard: Guard) -> None:
        """The level that is met first, and the time."""
        guard.level, guard.reason = nan, Reason.STOP_LOSS
        for reason, level in self._levels(strategy, symbol, guard):
            if not (level - guard.level) * guard.sign <= 0.0:  # nearer, or the first
                guard.level, guard.reason = level, reason
        seconds = self.stops.max_holding_seconds
        guard.due = NEVER if seconds is None else guard.since + seconds * SECOND

    def _levels(self, strategy: str, symbol: str, guard: Guard) -> Iterator[tuple[Reason, float]]:
        stops, long = self.stops, guard.sign > 0.0
        cost = self._ledger.books[strategy].positions[symbol].average_price
        if stops.stop_loss_pct is not None:
            yield Reason.STOP_LOSS, float(_off(cost, stops.stop_loss_pct, long=long))
        if stops.trailing_stop_pct is not None:
            yield Reason.TRAILING_STOP, float(_off(of_float(guard.best), stops.trailing_stop_pct, long=long))
        if stops.atr_window is not None and guard.range:
            away = multiply(stops.atr_multiplier, of_float(guard.range))
            yield Reason.ATR_STOP, float(subtract(cost, away) if long else add(cost, away))


def _off(price: Decimal, fraction: Decimal, *, long: bool) -> Decimal:
    """A price a fraction worse for a holding."""
    return multiply(price, subtract(ONE, fraction) if long else add(ONE, fraction))
