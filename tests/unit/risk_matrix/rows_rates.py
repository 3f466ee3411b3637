"""Rows of the matrix: how often may be asked, what is told at the soft part, what repeats without end, what a regime forbids."""

from __future__ import annotations

from shared.events import (
    LimitBreached,
    Reason,
    RegimeChanged,
    Scope,
    TradingState,
    TradingStateChanged,
)

from .row import Denied, Follows, Row
from .rows_exposure import limits
from .scene import Act, Ask, Cancel, Price, Wait


def burst(extra: int) -> object:
    """Orders at once, each another, so many more or fewer than the limit of 5."""
    return lambda side, step: [Ask(side, n + 1, 100) for n in range(extra + step)]


def cancels(side: str, step: int) -> list[Act]:
    """Four orders, some cancels of a reserve of two, and the fifth."""
    return [*(Ask(side, n + 1, 100) for n in range(4)), *(Cancel(n + 1) for n in range(2 + step)), Ask(side, 9, 100)]


def alike(gap_ms: int) -> object:
    return lambda side, step: [Ask(side, 1, 100), Wait(gap_ms - 1 - step), Ask(side, 1, 100)]


def five(key: str, reason: Reason, told: str = "") -> Row:
    """Five orders at once and no sixth. told: the key it is denied by, where that is spelled otherwise."""
    return Row(f"limits.{key}", burst(5), Denied(reason, told or key, "5", "6"), limits(**{key: 5}), soft=-1)


RATES = [
    Row(
        "duplicate_order_window_ms",
        alike(1_000),
        Denied(Reason.DUPLICATE_ORDER, "duplicate_order_count_max", "1", "2"),
        {"duplicate_order_window_ms": 1_000},
    ),
    Row(
        "duplicate_order_count_max",
        lambda side, step: [Ask(side, 1, 100)] * (3 + step),
        Denied(Reason.DUPLICATE_ORDER, "duplicate_order_count_max", "3", "4"),
        {"duplicate_order_window_ms": 1_000, "duplicate_order_count_max": 3},
    ),
    five("max_orders_per_second", Reason.THROTTLED, "msgs_per_s_max"),
    five("max_orders_per_minute", Reason.THROTTLED, "msgs_per_min_max"),
    five("strategy_msgs_per_s_max", Reason.THROTTLED),
    Row(
        "cancel_reserve_per_s",
        cancels,
        Denied(Reason.THROTTLED, "msgs_per_s_max", "5", "6"),
        {"cancel_reserve_per_s": 2, **limits(max_orders_per_second=5)},
    ),
    five("orders_open_max", Reason.OPEN_ORDERS),
    five("strategy_orders_open_max", Reason.OPEN_ORDERS),
    five("symbol_orders_open_max", Reason.OPEN_ORDERS),
]


def in_time(window_ms: int, last: object) -> object:
    """The third of two allowed, so long after the first."""
    return lambda side, step: [last(side, 1), last(side, 2), Wait(window_ms - 2 - step), last(side, 3), Wait(10), Price("Y", 49.0, 51.0)]  # type: ignore[operator]


def filled(side: str, n: int) -> Ask:
    return Ask(side, n)


def refused(side: str, n: int) -> Ask:
    """More than the venue lends for."""
    return Ask(side, 100_000 + n, 100)


def thrice(last: object) -> object:
    return lambda side, step: [*(last(side, n) for n in range(1, 3 + step)), Wait(10), Price("Y", 49.0, 51.0)]  # type: ignore[operator]


def halts(reason: Reason) -> Follows:
    return Follows(TradingStateChanged, {"scope": Scope.STRATEGY, "key": "a", "state": TradingState.HALTED, "reason": reason})


SOFT = [
    Row(
        "soft_fraction",
        lambda side, step: [Ask(side, 50 + step, 100)],
        Follows(LimitBreached, {"reason": Reason.ORDER_QUANTITY, "key": "order_qty_max", "limit": "100", "hard": False}),
        {"soft_fraction": 0.5, **limits(order_qty_max=100)},
    )
]
REPEATS = [
    Row("repeat_executions_max", thrice(filled), halts(Reason.REPEATED_EXECUTION), {"repeat_executions_max": 2}),
    Row("repeat_window_s", in_time(1_000, filled), halts(Reason.REPEATED_EXECUTION), {"repeat_executions_max": 2, "repeat_window_s": 1}),
    Row("rejections_max", thrice(refused), halts(Reason.REPEATED_REJECTION), {"rejections_max": 2}, rejects=True),
    Row(
        "rejection_window_s", in_time(1_000, refused), halts(Reason.REPEATED_REJECTION), {"rejections_max": 2, "rejection_window_s": 1}, rejects=True
    ),
]

REGIMES = [
    Row(
        "limits_by_regime",
        lambda side, step: [RegimeChanged("crisis", "", 0.9), Ask(side, 10 + step, 100)],
        Denied(Reason.ORDER_QUANTITY, "order_qty_max", "10", "11"),
        {"limits_by_regime": {"crisis": {"limits": {"order_qty_max": 10}}}},
    ),
    Row(
        "regime_overlays",
        lambda side, step: [*([RegimeChanged("crisis" if step else "bull", "", 0.9)] if step >= 0 else ()), Ask(side, 1)],
        Denied(Reason.REGIME, "regime_overlays.crisis.allow_market_orders", "false", "market"),
        {"regime_overlays": {"crisis": {"allow_market_orders": False}}},
    ),
]

ROWS = [*RATES, *SOFT, *REPEATS, *REGIMES]
