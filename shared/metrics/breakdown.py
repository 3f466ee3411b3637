"""Where the result came from: by strategy and by symbol.

Promise: rows add up. Over the rows of either table `realised`, `unrealised`, `fees`, `net`, `volume` and `contribution` sum to the run's.
What rates did to balances of other currencies is in no row: it is `record.exchange`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.exact import magnitude, multiply, total

from .ratios import ratio
from .record import FillRecord, RunRecord
from .trade_statistics import trade_statistics
from .trades import Trade, owner, slippage_cost


@dataclass(frozen=True, slots=True)
class Row:
    """trades: closed ones. realised, unrealised: before fees; net: after. volume: money traded, both sides. slippage: money lost against the
    mark at submission. contribution: net over the run's initial capital, so rows sum to the trading return."""

    name: str
    fills: int
    trades: int
    open_trades: int
    win_rate: float | None
    profit_factor: float | None
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    net: Decimal
    volume: Decimal
    slippage: float
    contribution: float | None


def by_strategy(record: RunRecord, trades: Sequence[Trade]) -> tuple[Row, ...]:
    """A row for every configured strategy and every other book that traded, by name."""
    return _rows(record, trades, record.strategies, lambda f: owner(f.strategy), lambda t: t.strategy)


def by_symbol(record: RunRecord, trades: Sequence[Trade]) -> tuple[Row, ...]:
    """A row for every symbol of the run and every other one that traded, by name."""
    return _rows(record, trades, record.symbols, lambda f: f.symbol, lambda t: t.symbol)


def volume(fill: FillRecord) -> Decimal:
    """Money a fill traded, positive."""
    return magnitude(multiply(multiply(fill.quantity, fill.price), fill.multiplier))


def _rows(
    record: RunRecord, trades: Sequence[Trade], known: Iterable[str], of_fill: Callable[[FillRecord], str], of_trade: Callable[[Trade], str]
) -> tuple[Row, ...]:
    fills: dict[str, list[FillRecord]] = {name: [] for name in known}
    groups: dict[str, list[Trade]] = {}
    for fill in record.fills:
        fills.setdefault(of_fill(fill), []).append(fill)
    for trade in trades:
        groups.setdefault(of_trade(trade), []).append(trade)
    return tuple(_row(name, fills[name], groups.get(name, []), float(record.initial_capital)) for name in sorted(fills))


def _row(name: str, fills: Sequence[FillRecord], trades: Sequence[Trade], capital: float) -> Row:
    figures = trade_statistics(trades)
    net = total([t.net for t in trades])
    return Row(
        name=name,
        fills=len(fills),
        trades=figures.closed,
        open_trades=figures.open,
        win_rate=figures.win_rate,
        profit_factor=figures.profit_factor,
        realised=total([t.pnl for t in trades]),
        unrealised=figures.open_pnl,
        fees=total([t.fees for t in trades]),
        net=net,
        volume=total([volume(f) for f in fills]),
        slippage=sum(slippage_cost(f) for f in fills),
        contribution=ratio(float(net), capital),
    )
