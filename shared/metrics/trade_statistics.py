"""What round trips say together: how often and how much they win.

A trade wins or loses by its net result, after its fees; one that nets exactly 0 does neither. Only closed trades count, except in the
`open_*` figures. Money is exact where it is a sum. None where there is nothing to average or divide by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.domain.exact import add, total

from .ratios import ratio
from .trades import Trade

_DAY_NS: Final = 86_400e9


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """closed = winning + losing + those that net 0. gross_profit, gross_loss: sums of net wins and losses (the latter <= 0). profit_factor:
    their quotient, positive. expectancy: mean net result of a closed trade. payoff: mean win over mean loss, positive. largest_loss <= 0.
    streaks: longest run of wins, of losses, by exit. holding_days: mean time from entry to exit; holding_bars: mean marks of the symbol held."""

    closed: int
    winning: int
    losing: int
    open: int
    open_pnl: Decimal
    win_rate: float | None
    gross_profit: Decimal
    gross_loss: Decimal
    profit_factor: float | None
    expectancy: float | None
    average_win: float | None
    average_loss: float | None
    payoff: float | None
    largest_win: Decimal | None
    largest_loss: Decimal | None
    longest_winning_streak: int
    longest_losing_streak: int
    average_holding_days: float | None
    average_holding_bars: float | None


def trade_statistics(trades: Sequence[Trade]) -> TradeStatistics:
    closed = sorted((t for t in trades if t.exit_ns is not None), key=lambda t: t.exit_ns or 0)
    wins = [t.net for t in closed if t.net > 0]
    losses = [t.net for t in closed if t.net < 0]
    profit, loss = total(wins), total(losses)
    average_win, average_loss = _mean(profit, len(wins)), _mean(loss, len(losses))
    still = [t for t in trades if t.exit_ns is None]
    return TradeStatistics(
        closed=len(closed),
        winning=len(wins),
        losing=len(losses),
        open=len(still),
        open_pnl=total([t.unrealised for t in still]),
        win_rate=ratio(len(wins), len(closed)),
        gross_profit=profit,
        gross_loss=loss,
        profit_factor=ratio(float(profit), -float(loss)),
        expectancy=_mean(add(profit, loss), len(closed)),
        average_win=average_win,
        average_loss=average_loss,
        payoff=ratio(average_win, -average_loss if average_loss is not None else None),
        largest_win=max(wins, default=None),
        largest_loss=min(losses, default=None),
        longest_winning_streak=_longest(np.array([t.net > 0 for t in closed], dtype=bool)),
        longest_losing_streak=_longest(np.array([t.net < 0 for t in closed], dtype=bool)),
        average_holding_days=ratio(sum((t.exit_ns or 0) - t.entry_ns for t in closed) / _DAY_NS, len(closed)),
        average_holding_bars=ratio(sum(t.bars for t in closed), len(closed)),
    )


def _mean(amount: Decimal, count: int) -> float | None:
    return ratio(float(amount), count)


def _longest(hits: NDArray[np.bool_]) -> int:
    misses = np.flatnonzero(~np.concatenate(([False], hits, [False])))
    return int(np.diff(misses).max() - 1)
