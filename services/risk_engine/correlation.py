"""Pairs of symbols that move together: their exposure is one exposure, and bounded as one.

Correlation (Pearson's) is of the returns between the newest `window` + 1 bars both symbols have, by the time a bar ends. A pair with fewer, or
one that did not move, is not known to differ and counts as one: what is not known is closed. It is computed for an order, against those
symbols alone whose exposure, together with the order's, would come to the limit or its soft part; a bar costs an append, where the limit is
configured.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from decimal import Decimal
from math import fsum, inf, sqrt
from typing import TYPE_CHECKING

import msgspec

from shared.domain.exact import add, multiply, subtract
from shared.events import Bar, CorporateAction, Reason

from .proposal import Denial, Proposal
from .valuation import Amounts, Valuation
from .within import within_equity

if TYPE_CHECKING:
    from .book_value import BookValue
    from .desk import Desk
    from .valuation import AccountValue


class CorrelationLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """window: returns. max_pair_exposure_pct: of equity, for two symbols together whose correlation is above max_corr."""

    window: int = 120
    max_corr: float = 0.8
    max_pair_exposure_pct: Decimal = Decimal("0.3")

    def __post_init__(self) -> None:
        if self.window < 2 or not 0.0 < self.max_corr <= 1.0 or not (self.max_pair_exposure_pct.is_finite() and self.max_pair_exposure_pct > 0):
            raise ValueError("correlation: window at least 2, max_corr above 0 and at most 1, max_pair_exposure_pct above 0")


class Closes(msgspec.Struct):
    """by_symbol: (end ns, close) of the newest bars, oldest first; at least `window` + 1 where there were so many."""

    by_symbol: dict[str, list[tuple[int, float]]] = msgspec.field(default_factory=dict)

    def add(self, bar: Bar, window: int) -> None:
        known = self.by_symbol.setdefault(bar.symbol, [])
        if not 0.0 < bar.close < inf or (known and bar.end <= known[-1][0]):
            return
        known.append((bar.end, bar.close))
        if len(known) > 2 * window + 2:
            del known[: -(window + 1)]

    def correlation(self, one: str, other: str, window: int) -> float | None:
        """None where it is not known."""
        theirs = dict(self.by_symbol.get(other, ())[-(window + 1) :])
        both = [(close, theirs[end]) for end, close in self.by_symbol.get(one, ())[-(window + 1) :] if end in theirs]
        if len(both) <= window:
            return None
        x = [b[0] / a[0] - 1.0 for a, b in itertools.pairwise(both)]
        y = [b[1] / a[1] - 1.0 for a, b in itertools.pairwise(both)]
        mean_x, mean_y = fsum(x) / len(x), fsum(y) / len(y)
        scale = sqrt(fsum((v - mean_x) ** 2 for v in x) * fsum((v - mean_y) ** 2 for v in y))
        return fsum((u - mean_x) * (v - mean_y) for u, v in zip(x, y, strict=True)) / scale if scale > 0.0 else None

    def acted(self, e: CorporateAction, ratio: float) -> None:
        """Closes before a split in new units; a renamed symbol has the old one's. ratio: new units per old."""
        if e.kind == "split" and e.symbol in self.by_symbol:
            self.by_symbol[e.symbol] = [(end, close / ratio) for end, close in self.by_symbol[e.symbol]]
        elif e.kind == "symbol_change" and e.symbol in self.by_symbol:
            self.by_symbol.setdefault(e.new_symbol, self.by_symbol.pop(e.symbol))


class Ranking:
    """Symbols by their gross worst case; of nothing where no pair is limited."""

    def __init__(self, limit: CorrelationLimit | None, sums: Valuation) -> None:
        self._of_symbols = sums
        self._ranked: list[tuple[Decimal, str]] = []
        if limit is not None:
            sums.follow(self._moved)

    def above(self, gross: Decimal) -> list[str]:
        """Symbols with more than that, by name."""
        self._of_symbols.total()
        first = bisect_right(self._ranked, gross, key=lambda ranked: ranked[0])
        return sorted(symbol for _, symbol in self._ranked[first:])

    def _moved(self, symbol: str, old: Amounts, new: Amounts) -> None:
        if old.gross == new.gross:
            return
        if old.gross:
            del self._ranked[bisect_left(self._ranked, (old.gross, symbol))]
        if new.gross:
            insort(self._ranked, (new.gross, symbol))


def pair_exposure(p: Proposal, desk: Desk) -> Denial | None:
    """Worst-case money of the symbol together with each symbol it moves with."""
    return within_pairs(p, desk, desk.settings.correlation, desk.ranking, desk.value, "")


def within_pairs(
    p: Proposal, desk: Desk, limit: CorrelationLimit | None, ranking: Ranking, value: AccountValue | BookValue, name: str
) -> Denial | None:
    """ranking, value: of whom the limit is; name: who that is, before the key."""
    if limit is None or not p.added:
        return None
    own, grown = value.sums.part(p.symbol).gross, value.grown(p.symbol, p.terms.side, p.added).gross
    whole, key = multiply(limit.max_pair_exposure_pct, value.equity()), f"{name}correlation.max_pair_exposure_pct"
    matters = subtract(min(whole, multiply(desk.settings.soft_fraction, whole)), grown)  # `within_equity` passes a pair with no more
    for symbol in ranking.above(matters):
        if symbol == p.symbol:
            continue
        other = value.sums.part(symbol).gross
        found = desk.closes.correlation(p.symbol, symbol, limit.window)
        if found is not None and found <= limit.max_corr:
            continue
        pair = add(own, other), add(grown, other)
        denial = within_equity(limit.max_pair_exposure_pct, pair, Reason.PAIR_EXPOSURE, key, value.equity(), p, desk)
        if denial is not None:
            return denial._replace(value=f"{denial.value} with {symbol}")
    return None
