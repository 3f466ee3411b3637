"""Limits of kindred symbols together: worst-case money in one sector, or one industry, as a fraction of equity.

A symbol belongs where `sector_map` (`industry_map`) puts it, else where its instrument says. A symbol of no group, or of one without a limit,
is not judged here. The sums of groups follow the account's, or those of one strategy's book for limits of its own: an order costs a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from shared.domain.exact import ZERO, add, subtract
from shared.domain.instrument import Instrument
from shared.events import Reason

from .proposal import Denial, Proposal
from .valuation import Amounts, Valuation
from .within import within_equity

if TYPE_CHECKING:
    from .book_value import BookValue
    from .desk import Desk
    from .settings import Bounds, RiskSettings
    from .valuation import AccountValue

_KEYS: Final = ("sector_limits", "industry_limits")


class GroupSums:
    """Gross worst case of each sector and industry, by key and group; of nothing where no such limit is set."""

    def __init__(self, limits: RiskSettings | Bounds, instruments: Mapping[str, Instrument], sums: Valuation) -> None:
        self._maps = {"sector_limits": limits.sector_map, "industry_limits": limits.industry_map}
        self._instruments = instruments
        self._of_symbols = sums
        self._sums: dict[tuple[str, str], Decimal] = {}
        self._groups: dict[str, tuple[tuple[str, str], ...]] = {}  # by symbol, where it is counted
        if limits.sector_limits or limits.industry_limits:
            sums.follow(self._moved)

    def gross(self, key: str, group: str) -> Decimal:
        self._of_symbols.total()
        return self._sums.get((key, group), ZERO)

    def group(self, symbol: str, key: str) -> str:
        """Its sector or industry by the limits' key; empty where it has none."""
        named = self._maps[key].get(symbol)
        if named is not None:
            return named
        instrument = self._instruments.get(symbol)
        if instrument is None:
            return ""
        return instrument.sector if key == "sector_limits" else instrument.industry

    def _moved(self, symbol: str, old: Amounts, new: Amounts) -> None:
        """An instrument that is defined anew may have changed its groups."""
        was = self._groups.get(symbol, ())
        now: tuple[tuple[str, str], ...] = ()
        if new.gross:
            now = tuple((key, self.group(symbol, key)) for key in _KEYS)
            self._groups[symbol] = now
        else:
            self._groups.pop(symbol, None)
        if now == was and old.gross == new.gross:
            return
        for name in was:
            self._sums[name] = subtract(self._sums[name], old.gross)
        for name in now:
            self._sums[name] = add(self._sums.get(name, ZERO), new.gross)


def group_exposure(p: Proposal, desk: Desk) -> Denial | None:
    """Gross worst case of the symbol's sector, then of its industry."""
    return within_groups(p, desk, desk.settings, desk.group_sums, desk.value, "")


def within_groups(
    p: Proposal, desk: Desk, limits: RiskSettings | Bounds, sums: GroupSums, value: AccountValue | BookValue, name: str
) -> Denial | None:
    """sums, value: of whom the limits are; name: who that is, before the key."""
    if not p.added or not (limits.sector_limits or limits.industry_limits):
        return None
    grown = value.grown(p.symbol, p.terms.side, p.added)
    for key, reason, table in (
        ("sector_limits", Reason.SECTOR_EXPOSURE, limits.sector_limits),
        ("industry_limits", Reason.INDUSTRY_EXPOSURE, limits.industry_limits),
    ):
        group = sums.group(p.symbol, key)
        limit = table.get(group) if group else None
        if limit is None:
            continue
        before = sums.gross(key, group)
        after = add(subtract(before, value.sums.part(p.symbol).gross), grown.gross)
        denial = within_equity(limit, (before, after), reason, f"{name}{key}.{group}", value.equity(), p, desk)
        if denial is not None:
            return denial
    return None
