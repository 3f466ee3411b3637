"""Fewer points, no spike lost: of each stretch of a curve its lowest and its highest point stay, and its ends.

The first and last points always stay. Indexes come back sorted, so that columns thinned together stay aligned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]


def keep(columns: Sequence[Floats], points_max: int) -> Indexes:
    """Indexes to keep so that every column shows its extremes, at most points_max (>= 2) of them; all when there are no more than that.
    Values that are not finite are never an extreme."""
    size = len(columns[0]) if columns else 0
    if size <= points_max:
        return np.arange(size, dtype=np.int64)
    ends = np.array([0, size - 1], dtype=np.int64)
    buckets = (points_max - 2) // (2 * len(columns))
    if not buckets:
        return ends
    edges = np.linspace(0, size, buckets + 1).astype(np.int64)
    extremes = [_extremes(column, edges, lowest=lowest) for column in columns for lowest in (True, False)]
    return np.unique(np.concatenate([ends, *extremes]))


def _extremes(column: Floats, edges: Indexes, *, lowest: bool) -> Indexes:
    """The index of the lowest or highest value of each stretch between edges."""
    guarded = np.where(np.isfinite(column), column, np.inf if lowest else -np.inf)
    pick = np.argmin if lowest else np.argmax
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return np.array([start + int(pick(guarded[start:end])) for start, end in pairs if end > start], dtype=np.int64)
