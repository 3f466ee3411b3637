"""Staleness of each symbol, judged by its own calendar: a closed market is not a dead feed.

Each kind of data a symbol has ever had is judged by itself - bars that go on do not hide quotes that stopped - and only in regular hours,
where the age of a datum counts from the opening if it is older. A symbol becomes fresh with the datum that puts every kind within its limit;
no operator is needed. Prints are judged only where a symbol has nothing else: a thin market may go without a trade for long.
Judged at every event of the log that passes the earliest deadline: each clock tick under the wall clock, the next datum of any symbol under
the feed clock. No timer is asked for: between two events nobody can trade on old data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from shared.events import Bar, Event, FreshnessChanged, Quote, SessionPhase, Trade

from .phases import NEVER, Phases

_OPEN: Final = SessionPhase.OPEN  # an enumeration answers for its members twenty times slower than a module for its names


def moment(datum: Quote | Bar | Trade, now: int) -> int:
    """The moment a datum stands for, never later than it was sequenced: a clock ahead of ours must not hide a dead feed."""
    return min(datum.end if isinstance(datum, Bar) else datum.timestamp, now)


class Freshness:
    """calendars: calendar name by symbol. Limits in ns; 0: that kind is not judged. followed: symbols of which every datum means something."""

    def __init__(
        self, calendars: Mapping[str, str], phases: Phases, quote_age_max: int, bar_age_max: int, followed: Collection[str] = frozenset()
    ) -> None:
        self._calendars: Final = calendars
        self._phases: Final = phases
        self._quote_age_max: Final = quote_age_max
        self._bar_age_max: Final = bar_age_max
        # Newest moment of each kind by symbol; the core's hot path writes them.
        self.quotes: dict[str, int] = {}
        self.bars: dict[str, int] = {}
        self.trades: dict[str, int] = {}
        self.fresh: dict[str, bool] = {}  # what was last said of a symbol
        self.waiting: set[str] = set(calendars)  # symbols not fresh, whose next datum may change that; and those followed
        self._followed: Final = frozenset(followed)

    def newest(self, symbol: str) -> int:
        """ns of the newest datum of a symbol, 0 if none."""
        return max(self.quotes.get(symbol, 0), self.bars.get(symbol, 0), self.trades.get(symbol, 0))

    def expired(self, now: int, but: str) -> list[Event]:
        """Symbols that went stale by `now`; `but`, whose datum is this very event, is judged by `after`."""
        return [
            FreshnessChanged(symbol, False, self.newest(symbol))
            for symbol in self._calendars
            if symbol != but and self.fresh.get(symbol) is not False and now > self._deadline(symbol)
        ]

    def after(self, datum: Quote | Bar | Trade, at: int, now: int) -> list[Event]:
        """What a datum changes for its symbol: fresh again, or stale although it came, for want of another kind. at: the moment it stands for."""
        symbol = datum.symbol
        if symbol not in self._calendars:
            return []
        fresh = now <= self._deadline(symbol, datum, at)
        return [] if fresh is self.fresh.get(symbol) else [FreshnessChanged(symbol, fresh, max(at, self.newest(symbol)))]

    def deadline(self) -> int:
        """The earliest moment after which a symbol can be stale and is not yet said to be."""
        earliest, fresh = NEVER, self.fresh
        for symbol in self._calendars:
            if fresh.get(symbol) is not False and (deadline := self._deadline(symbol)) < earliest:
                earliest = deadline
        return earliest

    def apply(self, event: FreshnessChanged) -> None:
        """Fold what we said."""
        self.fresh[event.symbol] = event.fresh
        if event.fresh and event.symbol not in self._followed:
            self.waiting.discard(event.symbol)
        else:
            self.waiting.add(event.symbol)

    def _deadline(self, symbol: str, datum: Quote | Bar | Trade | None = None, at: int = 0) -> int:
        """The moment after which the symbol is stale, with `datum` counted as seen at `at`."""
        state = self._phases.states.get(self._calendars[symbol])
        if state is None or state.phase is not _OPEN:
            return NEVER
        quote, bar = self.quotes.get(symbol, 0), self.bars.get(symbol, 0)
        if type(datum) is Quote:
            quote = max(quote, at)
        elif type(datum) is Bar:
            bar = max(bar, at)
        since, deadline = state.open_since, NEVER
        if quote and self._quote_age_max:
            deadline = max(quote, since) + self._quote_age_max
        if bar and self._bar_age_max and (due := (bar if bar > since else since) + self._bar_age_max) < deadline:  # noqa: FURB136 - the hot path
            deadline = due
        if not (quote or bar) and self._bar_age_max:
            last = at if type(datum) is Trade else self.trades.get(symbol, 0)
            deadline = max(last, since) + self._bar_age_max
        return deadline
