"""The figures of a run in the order a trader reads them, each with the reason where there is none. One list for page and terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from shared.domain.exact import add, subtract, total
from shared.metrics.curves import RESULTS
from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary

from . import formats
from .figure import Figure, Line, toned

UNMARKED: Final = "equity was never marked, or had no meaning (capital used up)"
FEW: Final = "too few returns, all the same, or capital used up"
NO_CLOSED: Final = "no closed trade"
NO_LOSS: Final = "no losing trade to divide by"
NO_MARKET: Final = "not compared with a benchmark, or its prices do not cover the run"


class Group(NamedTuple):
    """Lines that belong together."""

    title: str
    lines: Sequence[Line]


def net_result(record: RunRecord) -> Decimal:
    """What trading made: the end less the start and less money that merely came in or went out."""
    moved = total([f.amount for f in record.cash_flows if f.kind not in RESULTS])
    return subtract(subtract(record.final_equity, record.initial_capital), moved)


def headline(record: RunRecord, summary: Summary) -> list[Line]:
    """What is read first."""
    p, t = summary.performance, summary.trades
    net, years = float(net_result(record)), summary.years
    against = summary.benchmark
    excess = against.excess_return if against is not None else None
    lines = [
        Line(
            "Final equity",
            Figure(formats.money(record.final_equity, record.currency)),
            f"from {formats.money(record.initial_capital, record.currency)}",
        ),
        Line("Net result", toned(formats.gain(net, record.currency), net), f"after {formats.money(record.fees, record.currency)} of fees"),
        Line("Total return", _change(p.total_return, UNMARKED), _versus(excess)),
        Line(
            "CAGR",
            _change(p.cagr, "no year follows from less than a day, or all was lost"),
            "extrapolated: the run is under a year" if years and years < 1 and p.cagr is not None else "",
        ),
        Line("Sharpe ratio", _number(p.sharpe, FEW), _measured(summary)),
        Line("Maximum drawdown", _loss(summary.max_drawdown, UNMARKED), _longest(summary)),
        Line("Volatility", _percent(p.volatility, FEW), "a year"),
        Line("Trades", Figure(f"{t.closed:,}"), f"{t.winning:,} won, {t.losing:,} lost" + (f", {t.open:,} open" if t.open else "")),
    ]
    return [*lines, Line("Win rate", _percent(t.win_rate, NO_CLOSED, 1)), Line("Profit factor", _number(t.profit_factor, _no_factor(summary)))]


def groups(record: RunRecord, summary: Summary) -> list[Group]:
    """Everything else."""
    return [_returns(summary), _risk(summary), _ratios(summary), _against(summary), _trades(record, summary), _exposure(summary), _money(record)]


def _returns(s: Summary) -> Group:
    p = s.performance_summary
    return Group(
        "Return",
        (
            Line("Total return", _change(p.total_return, UNMARKED)),
            Line("CAGR", _change(p.cagr, "no year follows from less than a day, or all was lost")),
            Line("Average day", _change(p.avg_daily_return, UNMARKED, 3)),
            Line("Best day", _change(p.best_day, UNMARKED), p.best_day_date or ""),
            Line("Worst day", _change(p.worst_day, UNMARKED), p.worst_day_date or ""),
            Line("Average month", _change(p.avg_monthly_return, UNMARKED)),
            Line("Best month", _change(p.best_month, UNMARKED), (p.best_month_date or "")[:7]),
            Line("Worst month", _change(p.worst_month, UNMARKED), (p.worst_month_date or "")[:7]),
        ),
    )


def _risk(s: Summary) -> Group:
    p = s.performance_summary
    period = {"day": "of a day", "mark": "of a bar"}.get(s.return_interval or "", "")
    return Group(
        "Risk",
        (
            Line("Volatility", _percent(p.volatility, FEW), "a year"),
            Line("Downside deviation", _percent(p.downside_deviation, FEW), "a year"),
            Line("Maximum drawdown", _loss(p.max_drawdown, UNMARKED)),
            Line("Ulcer index", _percent(p.ulcer_index, UNMARKED)),
            Line("Value at risk 95 %", _percent(p.var_95, FEW), period),
            Line("Value at risk 99 %", _percent(p.var_99, FEW), period),
            Line("Expected shortfall 95 %", _percent(p.cvar_95, FEW), period),
        ),
    )


def _ratios(s: Summary) -> Group:
    p = s.performance_summary
    return Group(
        "Ratios",
        (
            Line("Sharpe", _number(p.sharpe_ratio, FEW), _measured(s)),
            Line("Sortino", _number(p.sortino_ratio, "no losing period, or too few returns")),
            Line("Calmar", _number(p.calmar_ratio, "no drawdown, or no CAGR")),
            Line("Omega", _number(p.omega_ratio, "no losing period, or too few returns")),
            Line("Tail ratio", _number(p.tail_ratio, FEW)),
        ),
    )


def _against(s: Summary) -> Group:
    b = s.benchmark
    if b is None:
        return Group("Against the benchmark", [Line("Excess return", Figure(formats.DASH, NO_MARKET))])
    return Group(
        "Against the benchmark",
        (
            Line("Benchmark's return", _change(b.total_return, NO_MARKET)),
            Line("Excess return", _points(b.excess_return)),
            Line("Benchmark's maximum drawdown", _loss(b.max_drawdown, NO_MARKET)),
            Line("Benchmark's Sharpe", _number(b.sharpe, FEW)),
            Line("Beta", _number(b.beta, FEW)),
            Line("Alpha", _change(b.alpha, FEW), "a year"),
            Line("Correlation", _number(b.correlation, FEW)),
            Line("Tracking error", _percent(b.tracking_error, FEW), "a year"),
            Line("Information ratio", _number(b.information_ratio, FEW)),
        ),
    )


def _trades(record: RunRecord, s: Summary) -> Group:
    t, cash = s.trades, record.currency
    return Group(
        "Trades",
        (
            Line("Closed", Figure(formats.count(t.closed)), f"{t.winning:,} won, {t.losing:,} lost"),
            Line("Open at the end", Figure(formats.count(t.open)), formats.gain(t.open_pnl, cash) if t.open else ""),
            Line("Win rate", _percent(t.win_rate, NO_CLOSED, 1)),
            Line("Profit factor", _number(t.profit_factor, _no_factor(s))),
            Line("Expectancy", _gain(t.expectancy, cash, NO_CLOSED), "a trade"),
            Line("Average win", _gain(t.average_win, cash, "no winning trade")),
            Line("Average loss", _gain(t.average_loss, cash, "no losing trade")),
            Line("Largest win", _gain(t.largest_win, cash, "no winning trade")),
            Line("Largest loss", _gain(t.largest_loss, cash, "no losing trade")),
            Line("Longest streaks", Figure(f"{t.longest_winning_streak} / {t.longest_losing_streak}"), "wins / losses in a row"),
            Line(
                "Average holding",
                _holding(t.average_holding_days),
                f"{formats.number(t.average_holding_bars, 1)} bars" if t.average_holding_bars is not None else "",
            ),
        ),
    )


def _exposure(s: Summary) -> Group:
    e, none = s.exposure, "equity was never above zero at a mark"
    return Group(
        "Exposure",
        (
            Line("Time in the market", _percent(e.time_in_market, UNMARKED, 1), "of all marks"),
            Line("Average gross leverage", _times(e.average_gross_leverage, none)),
            Line("Highest gross leverage", _times(e.max_gross_leverage, none)),
            Line("Average net leverage", _times(e.average_net_leverage, none)),
            Line("Highest net leverage", _times(e.max_net_leverage, none)),
            Line("Lowest net leverage", _times(e.min_net_leverage, none)),
        ),
    )


def _money(record: RunRecord) -> Group:
    cash, net, found = record.currency, net_result(record), record.exchange
    flows = total([f.amount for f in record.cash_flows])
    owned = add(record.final_cash, found.worth) if found is not None else record.final_cash
    lines = [
        Line("Initial capital", Figure(formats.money(record.initial_capital, cash))),
        Line("Net result", _gain(net, cash, "")),
        Line("Realised", _gain(record.realised, cash, "")),
        *([Line("FX result", _gain(found.result, cash, ""), "of balances in other currencies, by their rates")] if found is not None else ()),
        Line("Fees", Figure(formats.money(record.fees, cash))),
        Line("Final cash", Figure(formats.money(record.final_cash, cash))),
        *([Line("Final balances", Figure(formats.money(found.worth, cash)), _held(found.balances))] if found is not None else ()),
        Line("Final holdings", Figure(formats.money(subtract(record.final_equity, owned), cash))),
        Line("Final equity", Figure(formats.money(record.final_equity, cash))),
    ]
    if record.cash_flows:
        lines.insert(1, Line("Cash in and out", _gain(flows, cash, ""), "not from trading"))
    return Group("Money", lines)


def _held(balances: Mapping[str, Decimal]) -> str:
    return ", ".join(formats.money(balances[currency], currency) for currency in sorted(balances))


def _versus(excess: float | None) -> str:
    """A difference of two returns is in percentage points."""
    return "" if excess is None else f"{formats.signed(excess * 100)} points against the benchmark"


def _points(value: float | None) -> Figure:
    return Figure(formats.DASH, NO_MARKET) if value is None else toned(f"{formats.signed(value * 100)} points", value)


def _measured(s: Summary) -> str:
    """What returns the ratio is of."""
    if s.return_interval is None or not s.observations:
        return ""
    return f"{s.observations:,} {'daily' if s.return_interval == 'day' else 'bar'} returns"


def _longest(s: Summary) -> str:
    longest = max((d.duration_ns for d in s.drawdowns), default=0)
    return f"longest {formats.span(longest)} under water" if longest else ""


def _no_factor(s: Summary) -> str:
    return NO_LOSS if s.trades.closed else NO_CLOSED


def _change(value: float | None, why: str, places: int = 2) -> Figure:
    return Figure(formats.DASH, why) if value is None else toned(formats.change(value, places), value)


def _percent(value: float | None, why: str, places: int = 2) -> Figure:
    return Figure(formats.percent(value, places), why if value is None else "")


def _loss(value: float | None, why: str) -> Figure:
    """A positive loss, shown as what it is."""
    return Figure(formats.DASH, why) if value is None else toned(formats.percent(-value), -value)


def _number(value: float | None, why: str) -> Figure:
    return Figure(formats.number(value), why if value is None else "")


def _times(value: float | None, why: str) -> Figure:
    return Figure(formats.times(value), why if value is None else "")


def _gain(value: float | Decimal | None, currency: str, why: str) -> Figure:
    return Figure(formats.DASH, why) if value is None else toned(formats.gain(value, currency), float(value))


def _holding(days: float | None) -> Figure:
    return Figure(formats.span(None if days is None else round(days * 86_400e9)), NO_CLOSED if days is None else "")
