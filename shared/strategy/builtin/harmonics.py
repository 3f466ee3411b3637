"""Swings of a price and the harmonic patterns five of them make.

A pattern is the points X, A, B, C, D of a zigzag. Its ratios are AB/XA, BC/AB, CD/BC, AD/XA and CD/XC, all of absolute lengths; each pattern
wants some of them in a range, stretched by a tolerance on both sides. Ranges are RegimeFlow's, which are the usual ones (S. Carney, "Harmonic
Trading", 2010; Cypher: D. Oglesbee).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

AB_XA, BC_AB, CD_BC, AD_XA, CD_XC = range(5)

Ranges = tuple[tuple[int, float, float], ...]

PATTERNS: Final[dict[str, Ranges]] = {
    "gartley": ((AB_XA, 0.618, 0.618), (BC_AB, 0.382, 0.886), (CD_BC, 1.27, 1.618), (AD_XA, 0.786, 0.786)),
    "bat": ((AB_XA, 0.382, 0.5), (BC_AB, 0.382, 0.886), (CD_BC, 1.618, 2.618), (AD_XA, 0.886, 0.886)),
    "butterfly": ((AB_XA, 0.786, 0.786), (BC_AB, 0.382, 0.886), (CD_BC, 1.618, 2.618), (AD_XA, 1.27, 1.618)),
    "crab": ((AB_XA, 0.382, 0.618), (BC_AB, 0.382, 0.886), (CD_BC, 2.24, 3.618), (AD_XA, 1.618, 1.618)),
    "cypher": ((AB_XA, 0.382, 0.618), (BC_AB, 1.13, 1.414), (CD_XC, 0.786, 0.786)),
}
"""By name: which ratio must lie from where to where."""

_NARROW: Final = 1e-6  # half width of a point range without tolerance


class Match(NamedTuple):
    """confidence: 0 to 1, how near the ratios are to the middles of their ranges. falling: the last leg fell, so a rise is expected."""

    pattern: str
    confidence: float
    falling: bool


def swings(closes: Iterable[float], threshold: float) -> list[float]:
    """Prices of the zigzag's turning points, oldest first: the first close, each extreme from which the price came back by `threshold` (a
    fraction), and the extreme of the leg under way, which may still move. One pass."""
    rest = iter(closes)
    extreme = next(rest, None)
    if extreme is None:
        return []
    found = [extreme]
    trend = 0
    for price in rest:
        if trend == 0:
            if abs(price - extreme) >= threshold * extreme:
                trend, extreme = (1 if price > extreme else -1), price
        elif (price - extreme) * trend > 0:
            extreme = price
        elif (extreme - price) * trend >= threshold * extreme:
            found.append(extreme)
            trend, extreme = -trend, price
    if trend:
        found.append(extreme)
    return found


def best_match(points: Sequence[float], tolerance: float) -> Match | None:
    """The pattern of five points X, A, B, C, D that fits best; of equals the first in the table."""
    x, a, b, c, d = points
    lengths = ((b - a, a - x), (c - b, b - a), (d - c, c - b), (d - a, a - x), (d - c, c - x))
    ratios = [abs(part / whole) if whole else 0.0 for part, whole in lengths]
    best: Match | None = None
    for name, ranges in PATTERNS.items():
        if all(low * (1.0 - tolerance) <= ratios[which] <= high * (1.0 + tolerance) for which, low, high in ranges):
            confidence = sum(_nearness(ratios[which], low, high, tolerance) for which, low, high in ranges) / len(ranges)
            if best is None or confidence > best.confidence:
                best = Match(name, confidence, d < c)
    return best


def _nearness(ratio: float, low: float, high: float, tolerance: float) -> float:
    """1 in the middle of the range, 0 at its ends; of a range that is a point, 0 at the tolerance's ends."""
    middle = 0.5 * (low + high)
    reach = 0.5 * (high - low) if high > low else max(_NARROW, middle * tolerance)
    return max(0.0, 1.0 - abs(ratio - middle) / reach)
