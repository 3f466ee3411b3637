"""Limits of kindred symbols together: worst-case money in one sector, or one industry, as a fraction of equity.

A symbol belongs where `sector_map` (`industry_map`) puts it, else where its instrument says. A symbol of no group, or of one without a limit,
is not judged here; an order in another costs a look at each symbol the account holds or works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.domain.exact import ZERO, add, subtract
from shared.events import Reason

from .proposal import Denial, Proposal
from .within import within_equity

if TYPE_CHECKING:
    from .desk import Desk


def group_exposure(p: Proposal, desk: Desk) -> Denial | None:
    """Gross worst case of the symbol's sector, then of its industry."""
    s = desk.settings
    if not p.added or not (s.sector_limits or s.industry_limits):
        return None
    grown = desk.value.grown(p.symbol, p.terms.side, p.added)
    for key, reason, limits, names in (
        ("sector_limits", Reason.SECTOR_EXPOSURE, s.sector_limits, s.sector_map),
        ("industry_limits", Reason.INDUSTRY_EXPOSURE, s.industry_limits, s.industry_map),
    ):
        group = _group(p.symbol, names, key, desk)
        limit = limits.get(group) if group else None
        if limit is None:
            continue
        before = ZERO
        for symbol in desk.value.sums.symbols():
            if _group(symbol, names, key, desk) == group:
                before = add(before, desk.value.sums.part(symbol).gross)
        after = add(subtract(before, desk.value.sums.part(p.symbol).gross), grown.gross)
        denial = within_equity(limit, (before, after), reason, f"{key}.{group}", desk.value.equity(), p, desk)
        if denial is not None:
            return denial
    return None


def _group(symbol: str, names: Mapping[str, str], key: str, desk: Desk) -> str:
    named = names.get(symbol)
    if named is not None:
        return named
    instrument = desk.gates.instruments.get(symbol)
    if instrument is None:
        return ""
    return instrument.sector if key == "sector_limits" else instrument.industry
