"""Orders seen before: by id for ever, by content inside a window.

Ids are dense a strategy run, so the newest number of the newest run says of every id whether it was decided; no list of ids grows.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from shared.domain import exact
from shared.events import OrderTerms

from .prices import MILLISECOND

_NO_PRICES: Final = (None, None, None, None)
_UNPRICED: Final = "- - - -"  # as the order without a price is written, which most are


class OrderId(msgspec.Struct, frozen=True):
    """The parts of `<strategy>:<run>:<n>`."""

    strategy: str
    run: int
    n: int

    @staticmethod
    def parse(text: str) -> OrderId | None:
        """None when it is not of that form."""
        return _parsed(text)

    def __str__(self) -> str:
        return f"{self.strategy}:{self.run}:{self.n}"


@lru_cache(maxsize=64)
def _parsed(text: str) -> OrderId | None:
    """Remembered, because an order's id is read when it is asked for, judged and decided."""
    parts = text.split(":")
    if len(parts) != 3 or not (_is_count(parts[1]) and _is_count(parts[2])):
        return None
    return OrderId(parts[0], int(parts[1]), int(parts[2]))


class DuplicateState(msgspec.Struct):
    """decided: newest (run, n) by strategy. recent: approved orders (ns, strategy, content), oldest first."""

    decided: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    recent: list[tuple[int, str, str]] = msgspec.field(default_factory=list)


class Duplicates:
    def __init__(self, window_ms: int | None, state: DuplicateState) -> None:
        self._window = (window_ms or 0) * MILLISECOND
        self._decided = state.decided
        self._recent = deque(state.recent)
        self._times: dict[tuple[str, str], deque[int]] = {}  # the same by strategy and content
        for ns, strategy, content in state.recent:
            self._times.setdefault((strategy, content), deque()).append(ns)

    def seen(self, order_id: OrderId) -> bool:
        return (order_id.run, order_id.n) <= self._decided.get(order_id.strategy, (0, 0))

    def decide(self, order_id: OrderId) -> None:
        """An approval or denial of this id is in the log."""
        if not self.seen(order_id):
            self._decided[order_id.strategy] = (order_id.run, order_id.n)

    def alike(self, strategy: str, terms: OrderTerms, now: int) -> int:
        """Orders of the same content this strategy had approved less than a window ago."""
        since = now - self._window
        if not self._recent or self._recent[-1][0] <= since:  # the newest is too old, as mostly
            return 0
        return sum(1 for ns in self._times.get((strategy, _content(terms)), ()) if ns > since)

    def approved(self, strategy: str, terms: OrderTerms, now: int) -> None:
        if not self._window:
            return
        while self._recent and self._recent[0][0] <= now - self._window:
            self._forget()
        content = _content(terms)
        self._recent.append((now, strategy, content))
        self._times.setdefault((strategy, content), deque()).append(now)

    def _forget(self) -> None:
        _, *key = self._recent.popleft()
        times = self._times[key[0], key[1]]
        times.popleft()
        if not times:
            del self._times[key[0], key[1]]

    def to_state(self) -> DuplicateState:
        return DuplicateState(self._decided, list(self._recent))


def _is_count(text: str) -> bool:
    """A whole number from 1, in the one spelling there is."""
    return text.isdigit() and text.isascii() and text[0] != "0" and len(text) < 16


def _content(terms: OrderTerms) -> str:
    """Symbol, side, quantity and prices, equal for equal numbers however they are written."""
    prices = (terms.limit_price, terms.stop_price, terms.trail_price, terms.trail_percent)
    priced = _UNPRICED if prices == _NO_PRICES else " ".join(map(_plain, prices))
    return f"{terms.symbol} {terms.side} {terms.type} {_plain(terms.quantity)} {priced}"


def _plain(number: Decimal | None) -> str:
    return "-" if number is None else exact.text(number)
