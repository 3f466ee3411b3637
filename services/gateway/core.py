"""The gateway's core: instruments, sessions, freshness, gaps and bars as events, from market data and time that come through the log.

Market data itself is an outside fact (`gateway.feed`) that the session appends; it has a consequence here only when something is due, a symbol
is not fresh, or bars are built. Log time is what judges: a datum counts from its own moment, but never from later than it was sequenced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec

from services.gateway.bars import BarBuilder, OpenBar
from services.gateway.freshness import Freshness, moment
from services.gateway.phases import CalendarState, Phases
from services.gateway.rates import Rates, Told
from services.gateway.settings import BarsFrom, GatewaySettings, WarmupSettings, interval_ns
from services.gateway.wanted import Wanted
from shared.events import (
    Bar,
    ClockTicked,
    CurrencyRate,
    DataGap,
    DayEnded,
    Envelope,
    Event,
    FeedStateChanged,
    FeedStatus,
    FreshnessChanged,
    Quote,
    RunStarted,
    SessionChanged,
    StrategyRevised,
    Trade,
    WarmupRequested,
)
from shared.runtime.actor import SnapshotIncompatible

SOURCE: Final = "gateway"
TOPICS: Final = ("m.", "c.")
_STRATEGY: Final = "strategy."
_LAYOUT: Final = 2
_T = TypeVar("_T")


class _State(msgspec.Struct, array_like=True):
    """The snapshot. Dictionaries are stored sorted, so equal states give equal bytes."""

    layout: int
    calendars: dict[str, CalendarState]
    quotes: dict[str, int]
    bars: dict[str, int]
    trades: dict[str, int]
    fresh: dict[str, bool]
    open_bars: dict[str, OpenBar]
    closed_bars: dict[str, int]
    feed: str
    unasked: dict[str, int] = msgspec.field(default_factory=dict)
    wanted: dict[str, WarmupSettings | None] = msgspec.field(default_factory=dict)
    rates: dict[str, Told] = msgspec.field(default_factory=dict)


class GatewayCore:
    """Implements `shared.runtime.actor.Core`. Emits InstrumentDefined, CurrencyRate, SessionChanged, DayEnded, FreshnessChanged, DataGap, Bar (where
    bars are built here) and WarmupRequested."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings: Final = settings
        calendars = {i.symbol: i.calendar for i in settings.instruments}
        self._calendars: Final = calendars
        self._phases: Final = Phases(dict.fromkeys(calendars.values()), settings.day_end_delay_ms * 1_000_000)
        quote_age, bar_age = settings.age_ns_max(settings.quote_age_ms_max), settings.age_ns_max(settings.bar_age_ms_max)
        self._rates: Final = Rates(settings.rates)
        self._fresh: Final = Freshness(calendars, self._phases, quote_age, bar_age, self._rates.pairs)
        self._waiting: Final = self._fresh.waiting
        self._bars: Final = BarBuilder(interval_ns(settings.bars.interval)) if settings.bars else None
        self._built_from: Final[type[Event] | None] = None if settings.bars is None else Trade if settings.bars.source is BarsFrom.TRADES else Quote
        self._wanted: Final = Wanted(settings.warmup)
        self._unasked: dict[str, int] = {}  # strategy -> its run that no history was asked for: it began before ours
        self._feed = ""  # up or down, as the feed last said; empty before it said anything
        self._due = 0  # the earliest moment something can follow from time alone
        self._timer = 0  # the same without staleness, which asks for no timer
        self._deciders: Final[dict[type[Event], Callable[[Envelope], Sequence[Event]]]] = {
            Bar: self._follows,
            Quote: self._follows,
            Trade: self._follows,
            ClockTicked: self._on_clock,
            FeedStateChanged: self._on_feed,
            RunStarted: self._on_run,
        }
        self._appliers: Final[dict[type[Event], Callable[[Envelope], None]]] = {
            Bar: self._apply_bar,
            Quote: self._apply_quote,
            Trade: self._apply_trade,
            ClockTicked: self._apply_time,
            FeedStateChanged: self._apply_feed,
            SessionChanged: self._apply_session,
            DayEnded: self._apply_day,
            FreshnessChanged: self._apply_freshness,
            RunStarted: self._apply_run,
            WarmupRequested: self._apply_request,
            CurrencyRate: self._apply_rate,
            StrategyRevised: self._apply_revised,
        }
        self._quiet: Final = {Bar, Quote, Trade} - {self._built_from}
        if self._built_from is not None:
            self._deciders[self._built_from] = self._on_built
            self._appliers[self._built_from] = self._apply_built

    def decide(self, e: Envelope) -> Sequence[Event]:
        """What follows from an event; nothing, for a datum of a fresh symbol with nothing due: the hot path, kept to three tests."""
        event: Any = e.event
        kind = type(event)
        if kind in self._quiet and event.symbol not in self._waiting and (e.ts_ns <= self._due or e.ts_ns <= self._later()):
            return ()
        handler = self._deciders.get(kind)
        return () if handler is None else handler(e)

    def apply(self, e: Envelope) -> None:
        """Fold an event of the log, our own outputs included."""
        handler = self._appliers.get(type(e.event))
        if handler is not None:
            handler(e)

    @property
    def kinds(self) -> frozenset[type[Event]]:
        """Events of any other type change nothing."""
        return frozenset(self._deciders) | frozenset(self._appliers)

    def handlers(self, kind: type[Event]) -> tuple[Callable[[Envelope], Sequence[Event]], Callable[[Envelope], None] | None]:
        """`decide` and `apply` of one of the `kinds`, looked up once; None in place of `apply` where the first folds the event too."""
        handler, apply = self._deciders.get(kind, _nothing), self._appliers.get(kind, self.apply)
        if kind not in self._quiet:
            return handler, apply
        waiting, later, newest = self._waiting, self._later, self._fresh.bars

        def decide(e: Envelope) -> Sequence[Event]:
            if e.event.symbol not in waiting and (e.ts_ns <= self._due or e.ts_ns <= later()):  # type: ignore[attr-defined]  # market data has one
                return ()
            return handler(e)

        def bar(e: Envelope) -> Sequence[Event]:
            """`decide` and `_apply_bar` of a bar in one: the hot path of a backtest."""
            event: Any = e.event
            ts, symbol, end = e.ts_ns, event.symbol, event.end
            if symbol in waiting or (ts > self._due and ts > later()):
                outputs = handler(e)
                self._apply_bar(e)
                return outputs
            if end > ts:  # noqa: PLR1730 - as in `_apply_bar`
                end = ts
            if end > newest.get(symbol, 0):
                newest[symbol] = end
            return ()

        return (bar, None) if kind is Bar and self._bars is None else (decide, apply)

    @property
    def timer_moves(self) -> bool:
        """Whether a datum that brings nothing about can change `next_timer`."""
        return self._bars is not None

    def next_timer(self) -> int:
        """The next session change, end of a day or end of a bar being built; 0 before trading time began."""
        return self._timer

    def snapshot(self) -> bytes:
        """Canonical bytes of the state."""
        fresh, bars = self._fresh, self._bars
        return msgspec.msgpack.encode(
            _State(
                _LAYOUT,
                _sorted(self._phases.states),
                _sorted(fresh.quotes),
                _sorted(fresh.bars),
                _sorted(fresh.trades),
                _sorted(fresh.fresh),
                _sorted(bars.open) if bars else {},
                _sorted(bars.closed) if bars else {},
                self._feed,
                _sorted(self._unasked),
                _sorted(self._wanted.changed),
                _sorted(self._rates.told),
            )
        )

    def restore(self, state: bytes) -> None:
        """Back to a snapshot. Symbols and calendars that the settings no longer have are dropped. Raises SnapshotIncompatible."""
        try:
            s = msgspec.msgpack.decode(state, type=_State)
        except msgspec.MsgspecError as error:
            raise SnapshotIncompatible(f"gateway snapshot: {error}") from None
        if s.layout != _LAYOUT:
            raise SnapshotIncompatible(f"gateway snapshot of layout {s.layout}, this build has {_LAYOUT}")
        names = set(self._calendars.values())
        self._phases.states = {name: c for name, c in s.calendars.items() if name in names}
        fresh = self._fresh
        for mine, stored in ((fresh.quotes, s.quotes), (fresh.bars, s.bars), (fresh.trades, s.trades), (fresh.fresh, s.fresh)):
            _refill(cast("dict[str, Any]", mine), stored)
        self._waiting.clear()
        self._waiting.update(symbol for symbol in self._calendars if symbol in self._rates.pairs or not fresh.fresh.get(symbol))
        if self._bars is not None:
            _refill(self._bars.open, s.open_bars)
            _refill(self._bars.closed, s.closed_bars)
        self._feed = s.feed
        self._wanted.changed = s.wanted
        self._rates.told = s.rates
        self._unasked = {strategy: run for strategy, run in s.unasked.items() if self._wanted.of(strategy) is not None}
        self._reckon()

    def _on_built(self, e: Envelope) -> Sequence[Event]:
        """A datum that bars are built from."""
        datum = cast("Quote | Trade", e.event)
        assert self._bars is not None
        if e.ts_ns > self._due or datum.symbol in self._waiting or self._bars.ends_by(datum.symbol, min(datum.timestamp, e.ts_ns)):
            return self._follows(e)
        return ()

    def _follows(self, e: Envelope) -> list[Event]:
        """What a datum brings about, rates last. Of a symbol that is here only for its rate, fresh and with nothing due, nothing else is asked.
        Time has passed only up to just before it: others of its moment may follow, and what is due at that very moment (an opening, a close,
        the end of another symbol's bar) comes after them, with the clock."""
        datum, now, bars = cast("Bar | Quote | Trade", e.event), e.ts_ns, self._bars
        symbol, at = datum.symbol, moment(datum, now)
        ended = bars.bar(symbol) if bars is not None and type(datum) is self._built_from and bars.ends_by(symbol, at) else None
        if ended is None and self._fresh.fresh.get(symbol) and (now <= self._due or now <= self._later()):
            return list[Event](self._rates.after((datum,), now))
        events = self._passed(now - 1, but=symbol)
        if ended is not None and ended.end >= now:
            events.append(ended)
        events += self._fresh.after(datum, at, now)
        return events + self._rates.after((*_bars_of(events), datum), now)

    def _on_clock(self, e: Envelope) -> Sequence[Event]:
        if e.ts_ns < self._due:
            return ()
        events = self._passed(e.ts_ns)
        return events + self._rates.after(_bars_of(events), e.ts_ns)

    def _passed(self, now: int, but: str = "") -> list[Event]:
        """What follows from time having come to `now`, that moment included, but for the rates that bars built here tell."""
        events: list[Event] = [] if self._bars is None else list(self._bars.complete(now))
        return events + self._phases.changes(now) + self._fresh.expired(now, but)

    def _on_feed(self, e: Envelope) -> Sequence[Event]:
        """A feed that comes up again has missed what its markets did meanwhile; one whose process died says UP twice without DOWN."""
        events = self._passed(e.ts_ns)
        if cast("FeedStateChanged", e.event).status is FeedStatus.UP and self._feed:
            reason = "the feed was down" if self._feed == FeedStatus.DOWN else "the feed was started again"
            events += self._gaps(e.ts_ns, reason)
        return events + self._rates.after(_bars_of(events), e.ts_ns)

    def _gaps(self, now: int, reason: str) -> list[Event]:
        newest = {symbol: self._fresh.newest(symbol) for symbol in self._calendars}
        return [
            DataGap(symbol, last, now, reason)
            for symbol, last in newest.items()
            if last and self._phases.was_open_within(self._calendars[symbol], last, now)
        ]

    def _on_run(self, e: Envelope) -> Sequence[Event]:
        run = cast("RunStarted", e.event)
        if run.name == SOURCE:
            late = [self._request(strategy, number, e.ts_ns) for strategy, number in sorted(self._unasked.items())]
            return [*self._settings.instruments, *self._rates.fixed(), *self._phases.announcements(e.ts_ns), *late]
        strategy = self._warming(run)
        return (self._request(strategy, run.name_run, e.ts_ns),) if strategy else ()

    def _warming(self, run: RunStarted) -> str:
        """The strategy whose run it is, where it wants history."""
        strategy = run.name.removeprefix(_STRATEGY) if run.name.startswith(_STRATEGY) else ""
        return strategy if strategy and self._wanted.of(strategy) is not None else ""

    def _request(self, strategy: str, run: int, now: int) -> WarmupRequested:
        wanted = self._wanted.of(strategy)
        assert wanted is not None
        return WarmupRequested(strategy, run, wanted.symbols, wanted.bars, now)

    def _apply_run(self, e: Envelope) -> None:
        run = cast("RunStarted", e.event)
        strategy = self._warming(run)
        if strategy:
            self._unasked[strategy] = run.name_run

    def _apply_request(self, e: Envelope) -> None:
        request = cast("WarmupRequested", e.event)
        if self._unasked.get(request.strategy) == request.strategy_run:
            del self._unasked[request.strategy]

    def _apply_revised(self, e: Envelope) -> None:
        revised = cast("StrategyRevised", e.event)
        self._wanted.fold(revised)
        if self._wanted.of(revised.strategy) is None:
            self._unasked.pop(revised.strategy, None)

    def _apply_rate(self, e: Envelope) -> None:
        self._rates.apply(cast("CurrencyRate", e.event), e.ts_ns)

    def _apply_quote(self, e: Envelope) -> None:
        quote: Any = e.event
        ts = e.ts_ns
        at, newest = quote.timestamp if quote.timestamp < ts else ts, self._fresh.quotes  # noqa: FURB136 - a third of what min() costs, on the hot path
        if at > newest.get(quote.symbol, 0):  # a datum older than one seen makes nothing older
            newest[quote.symbol] = at
        if ts > self._due:
            self._reckon()

    def _apply_bar(self, e: Envelope) -> None:
        bar: Any = e.event
        ts = e.ts_ns
        at, newest = bar.end if bar.end < ts else ts, self._fresh.bars  # noqa: FURB136 - a third of what min() costs, on the hot path
        if at > newest.get(bar.symbol, 0):  # a datum older than one seen makes nothing older
            newest[bar.symbol] = at
        if (self._bars is not None and self._bars.emitted(bar)) or ts > self._due:
            self._reckon()

    def _apply_trade(self, e: Envelope) -> None:
        trade: Any = e.event
        ts = e.ts_ns
        at, newest = trade.timestamp if trade.timestamp < ts else ts, self._fresh.trades  # noqa: FURB136 - a third of what min() costs, on the hot path
        if at > newest.get(trade.symbol, 0):  # a datum older than one seen makes nothing older
            newest[trade.symbol] = at
        if ts > self._due:
            self._reckon()

    def _apply_built(self, e: Envelope) -> None:
        """A datum that bars are built from."""
        datum = cast("Quote | Trade", e.event)
        bars = self._bars
        assert bars is not None
        bars.add(datum, min(datum.timestamp, e.ts_ns), e.ts_ns)
        (self._apply_trade if isinstance(datum, Trade) else self._apply_quote)(e)
        mine = bars.open.get(datum.symbol)
        if mine is not None and mine.end < self._timer:
            self._timer, self._due = mine.end, min(mine.end, self._due)

    def _apply_time(self, e: Envelope) -> None:
        if e.ts_ns >= self._due:
            self._reckon()

    def _apply_feed(self, e: Envelope) -> None:
        status = cast("FeedStateChanged", e.event).status
        if status in {FeedStatus.UP, FeedStatus.DOWN}:
            self._feed = status.value
        self._reckon()

    def _apply_session(self, e: Envelope) -> None:
        self._phases.apply_session(cast("SessionChanged", e.event), e.ts_ns)
        self._reckon()

    def _apply_day(self, e: Envelope) -> None:
        self._phases.apply_day(cast("DayEnded", e.event))
        self._reckon()

    def _apply_freshness(self, e: Envelope) -> None:
        self._fresh.apply(cast("FreshnessChanged", e.event))
        self._reckon()

    def _later(self) -> int:
        """Data since the last reckoning have moved staleness on: `_due` anew. No state: what it is derived from stays."""
        if self._timer:
            self._due = min(self._timer, self._fresh.deadline())
        return self._due

    def _reckon(self) -> None:
        """Find the earliest moment anything can be due. Data only move staleness later, so a datum before it needs no reckoning."""
        phases = self._phases.due
        if phases:
            self._timer = phases if self._bars is None else min(phases, self._bars.due)
            self._due = min(self._timer, self._fresh.deadline())


def _bars_of(events: Sequence[Event]) -> list[Bar]:
    return [e for e in events if isinstance(e, Bar)]


def _nothing(_e: Envelope) -> Sequence[Event]:
    return ()


def _sorted(table: dict[str, _T]) -> dict[str, _T]:
    return dict(sorted(table.items()))


def _refill(table: dict[str, _T], content: dict[str, _T]) -> None:
    table.clear()
    table.update(content)
