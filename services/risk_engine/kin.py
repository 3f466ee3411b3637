"""What one strategy's own limits on kindred symbols are judged by: sums and ranks of its book alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from shared.domain.instrument import Instrument

from .book_value import BookValue
from .correlation import Ranking
from .sectors import GroupSums
from .settings import Bounds, RiskSettings


class Kin(NamedTuple):
    groups: GroupSums
    ranking: Ranking

    @classmethod
    def of(cls, book: BookValue, bounds: Bounds, settings: RiskSettings, instruments: Mapping[str, Instrument]) -> Kin:
        """A symbol belongs where the strategy's map puts it, else where the account's does, else where its instrument says."""
        sectors, industries = {**settings.sector_map, **bounds.sector_map}, {**settings.industry_map, **bounds.industry_map}
        groups = GroupSums(replace(bounds, sector_map=sectors, industry_map=industries), instruments, book.sums)
        return cls(groups, Ranking(bounds.correlation, book.sums))
