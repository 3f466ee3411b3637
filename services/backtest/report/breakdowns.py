"""The page's tables of where the result came from: strategies, symbols, costs, drawdowns, trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.metrics.breakdown import Row
from shared.metrics.curves import Drawdown
from shared.metrics.exposure import Costs
from shared.metrics.trades import Trade

from . import formats
from .figure import Figure, Line, toned, words
from .key_figures import NO_CLOSED, NO_LOSS
from .markup import Markup
from .moments import Clock
from .tables import pairs, table

TRADES_SHOWN: Final = 25  # at each end of the list


def breakdown(caption: str, kind: str, rows: Sequence[Row], currency: str) -> Markup:
    """One line a strategy or symbol; they add up to the run."""
    headers = (
        kind,
        "Net result",
        "Contribution",
        "Realised",
        "Unrealised",
        "Fees",
        "Slippage",
        "Fills",
        "Trades",
        "Win rate",
        "Profit factor",
        "Traded",
    )
    return table(f"{caption} ({currency})", headers, [_line(row) for row in rows], "Nothing was configured and nothing traded.")


def _line(row: Row) -> list[Figure]:
    still = f" + {row.open_trades} open" if row.open_trades else ""
    return [
        words(row.name),
        toned(formats.signed(row.net), float(row.net)),
        toned(formats.change(row.contribution), row.contribution),
        Figure(formats.signed(row.realised)),
        Figure(formats.signed(row.unrealised)),
        Figure(formats.number(row.fees)),
        Figure(formats.number(row.slippage)),
        Figure(formats.count(row.fills)),
        Figure(f"{row.trades:,}{still}"),
        Figure(formats.percent(row.win_rate, 1), NO_CLOSED if row.win_rate is None else ""),
        Figure(formats.number(row.profit_factor), NO_LOSS if row.profit_factor is None else ""),
        Figure(formats.number(row.volume)),
    ]


def cost_table(costs: Costs, net: float, currency: str) -> Markup:
    """What trading cost, in money and as a share of what was traded."""
    none = "nothing was traded"
    gross = net + float(costs.fees)
    return pairs(
        "Costs",
        (
            Line("Fees and commissions", Figure(formats.money(costs.fees, currency))),
            Line("Fees, share of money traded", Figure(formats.bps(costs.fee_share), none if costs.fee_share is None else "")),
            Line("Slippage against the mark at submission", Figure(formats.money(costs.slippage, currency))),
            Line("Slippage, share of money traded", Figure(formats.bps(costs.slippage_share), none if costs.slippage_share is None else "")),
            Line("Result before fees", toned(formats.gain(gross, currency), gross)),
            Line("Result after fees", toned(formats.gain(net, currency), net)),
            Line("Money traded", Figure(formats.money(costs.volume, currency))),
            Line("Turnover of mean equity", Figure(formats.times(costs.turnover), "mean equity is not above zero" if costs.turnover is None else "")),
            Line("Turnover a year", Figure(formats.times(costs.annual_turnover), "the run is too short" if costs.annual_turnover is None else "")),
            Line("Fills", Figure(formats.count(costs.fills))),
        ),
    )


def drawdown_table(drawdowns: Sequence[Drawdown], clock: Clock, interval_ns: int) -> Markup:
    """The deepest falls, deepest first."""
    rows = [
        [
            Figure(formats.percent(-d.depth, 2 if d.depth >= 0.0001 else 4), tone="down", number=False),
            words(clock.stamp(d.peak_ns, interval_ns)),
            words(clock.stamp(d.trough_ns, interval_ns)),
            words(clock.stamp(d.recovered_ns, interval_ns))
            if d.recovered_ns
            else Figure("not yet", "below its peak at the end of the run", number=False),
            Figure(formats.span(d.duration_ns)),
        ]
        for d in drawdowns
    ]
    return table("Worst drawdowns", ("Depth", "Peak", "Lowest", "Recovered", "Under water"), rows, "None: equity never fell below an earlier value.")


def trade_table(trades: Sequence[Trade], clock: Clock, interval_ns: int) -> Markup:
    """The first and the last round trips; how many stand between them is said."""
    headers = (
        "Entry",
        "Exit",
        "Symbol",
        "Strategy",
        "Side",
        "Quantity",
        "Entry price",
        "Exit price",
        "Net result",
        "Return",
        "Fees",
        "Lowest",
        "Highest",
        "Bars",
    )
    between = len(trades) - 2 * TRADES_SHOWN
    if between <= 0:
        rows = [_trade(t, clock, interval_ns) for t in trades]
    else:
        gap = [Figure(f"{between:,} more in the trades CSV (--output-trades)")]
        rows = [_trade(t, clock, interval_ns) for t in trades[:TRADES_SHOWN]]
        rows += [gap, *(_trade(t, clock, interval_ns) for t in trades[-TRADES_SHOWN:])]
    return table(f"Trades (round trips): {len(trades):,}", headers, rows, "No trade was opened.")


def _trade(t: Trade, clock: Clock, interval_ns: int) -> list[Figure]:
    still, unseen = "still open at the end", "no price of this symbol to mark it with"
    return [
        words(clock.stamp(t.entry_ns, interval_ns)),
        words(clock.stamp(t.exit_ns, interval_ns)) if t.exit_ns is not None else Figure("open", still, number=False),
        words(t.symbol),
        words(t.strategy),
        words(t.direction),
        Figure(formats.exact(t.quantity)),
        Figure(formats.price(t.entry_price)),
        Figure(formats.price(t.exit_price), still if t.exit_price is None else ""),
        toned(formats.signed(t.net), float(t.net)),
        toned(formats.change(t.share), t.share),
        Figure(formats.number(t.fees)),
        Figure(formats.signed(t.mae), unseen if t.mae is None else ""),
        Figure(formats.signed(t.mfe), unseen if t.mfe is None else ""),
        Figure(formats.count(t.bars)),
    ]
