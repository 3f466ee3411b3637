"""Rows of limits that hold for one strategy's own book, and for one symbol by an operator's word. The book of a has 500,000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.events import DayEnded, LimitChanged, Reason, Scope

from .row import Acts, Denied, Row, units, works
from .rows_after import HALTED, MONEY, REDUCING, cents, loss, state
from .rows_exposure import BOTH_TECH, PAIR, SOFT, a_day, together
from .rows_rates import burst
from .scene import Act, Ask

WHOLE = ("limits.max_position", "limits.max_orders_per_second")  # played by whole engines too: the rest takes the same road

# by the key of the page: the limit of the book, its reason, its name there, how it is shown, the value above it
OF_THE_BOOK: dict[str, tuple[object, Reason, str, str, str]] = {
    "limits.order_qty_max": (100, Reason.ORDER_QUANTITY, "order_qty_max", "100", "101"),
    "limits.max_notional": ("10000", Reason.ORDER_NOTIONAL, "order_notional_max", "10000", "10100"),
    "limits.max_position": (100, Reason.POSITION, "position_max", "100", "101"),
    "limits.position_notional_max": (10_000, Reason.POSITION_NOTIONAL, "position_notional_max", "10000", "10100"),
    "limits.max_position_pct": (0.02, Reason.POSITION_PCT, "position_pct_max", "0.02", "0.0202"),
    "limits.gross_notional_max": (10_000, Reason.GROSS_EXPOSURE, "gross_notional_max", "10000", "10100"),
    "limits.max_gross_exposure": (0.02, Reason.GROSS_EXPOSURE, "gross_pct_max", "0.02", "0.0202"),
    "limits.net_notional_max": (10_000, Reason.NET_EXPOSURE, "net_notional_max", "10000", "10100"),
    "limits.max_net_exposure": (0.02, Reason.NET_EXPOSURE, "net_pct_max", "0.02", "0.0202"),
    "limits.max_leverage": ("0.02", Reason.LEVERAGE, "leverage_max", "0.02", "0.0202"),
    "limits.buying_power_fraction_max": (0.02, Reason.BUYING_POWER, "buying_power_fraction_max", "10000", "10100"),
}
OF_ORDERS: dict[str, tuple[Reason, str]] = {
    "limits.orders_open_max": (Reason.OPEN_ORDERS, "orders_open_max"),
    "limits.symbol_orders_open_max": (Reason.OPEN_ORDERS, "symbol_orders_open_max"),
    "limits.max_orders_per_second": (Reason.THROTTLED, "msgs_per_s_max"),
    "limits.max_orders_per_minute": (Reason.THROTTLED, "msgs_per_min_max"),
}
OF_A_SYMBOL = ("order_qty_max", "order_notional_max", "position_max", "position_notional_max", "position_pct_max")


def own(page: str, limit: object, acts: Any, expected: Denied, soft: int, adds: int = 0) -> Row:
    return Row(page, acts, expected, own={page.removeprefix("limits."): limit}, soft=soft, adds=adds)


def commanded(key: str, value: object, acts: Acts) -> Acts:
    """An operator bounds the symbol first."""

    def all_(side: str, step: int) -> Sequence[Act]:
        return [LimitChanged("c", "ann", "r", key, str(value), 0, Scope.SYMBOL, "X"), *acts(side, step)]

    return all_


BOOKS = [
    own(page, limit, units(100), Denied(code, f"strategies.a.{key}", shown, value), SOFT, 0 if key.startswith(("order_", "buying_")) else 50)
    for page, (limit, code, key, shown, value) in OF_THE_BOOK.items()
] + [own(page, 5, burst(5), Denied(code, f"strategies.a.{key}", "5", "6"), -1) for page, (code, key) in OF_ORDERS.items()]

PART = cents("0.002", "0.002002")
LOST = [
    loss(page, f"strategies.a.{key}", shown, value, {}, state(code, follows, Scope.STRATEGY, "a"), code, {page.removeprefix("limits."): shown})
    for page, key, shown, value, code, follows in (
        ("limits.daily_loss_limit", "day_loss_max", 1_000, MONEY, Reason.DAY_LOSS, REDUCING),
        ("limits.daily_loss_limit_pct", "day_loss_pct_max", 0.002, PART, Reason.DAY_LOSS, REDUCING),
        ("limits.max_drawdown", "drawdown_max", 0.002, PART, Reason.DRAWDOWN, HALTED),
    )
]

SYMBOLS = [
    Row(
        page,
        commanded(page, str(float(str(limit)) / 2) if key.endswith("pct_max") else limit, units(100)),
        Denied(code, f"symbols.X.{key}", "0.01" if key.endswith("pct_max") else shown, "0.0101" if key.endswith("pct_max") else value),
        soft=SOFT,
        adds=0 if key.startswith("order_") else 50,
    )
    for page, (limit, code, key, shown, value) in OF_THE_BOOK.items()
    if key in OF_A_SYMBOL
] + [
    Row(
        "limits.symbol_orders_open_max",
        commanded("limits.symbol_orders_open_max", 5, burst(5)),
        Denied(Reason.OPEN_ORDERS, "symbols.X.symbol_orders_open_max", "5", "6"),
        soft=-1,
    )
]

OF_TECH = {"sector_limits": {"tech": 0.02}, "sector_map": BOTH_TECH}
OF_CHIPS = {"industry_limits": {"chips": "0.02"}, "industry_map": {"Y": "chips"}}
CHIPS = {"instruments": {"X": {"industry": "chips"}, "Y": {"industry": "none of the map's"}}}
OF_PAIRS = {"correlation": {**PAIR, "max_pair_exposure_pct": 0.02}}
TRADED = {"instruments": {"X": {"average_daily_volume": 500}}}
TOO_MUCH = Denied(Reason.ORDER_ADV, "strategies.a.order_adv_fraction_max", "0.1", "0.102")
TOO_KINDRED = Denied(Reason.SECTOR_EXPOSURE, "strategies.a.sector_limits.tech", "0.02", "0.0202")
TOO_LIKE = Denied(Reason.PAIR_EXPOSURE, "strategies.a.correlation.max_pair_exposure_pct", "0.02", "0.0202 with Y")
KIN = [
    Row("limits.order_adv_fraction_max", units(50), TOO_MUCH, own={"order_adv_fraction_max": "0.1"}, more=TRADED, soft=-10),
    Row(
        "limits.order_adv_fraction_max",
        lambda side, step: [*a_day(side), DayEnded("24x7", "2024-01-03"), Ask(side, 50 + step, 100)],
        TOO_MUCH,
        own={"order_adv_fraction_max": 0.1},
    ),
    Row("limits.sector_limits", units(50, before=works(100)), TOO_KINDRED, own=OF_TECH, adds=20, soft=-20),
    Row(
        "limits.sector_map",  # the account's counts where the book has none
        units(50, before=works(100)),
        TOO_KINDRED,
        {"limits": {"sector_map": {"Y": "tech"}}},
        {"sector_limits": {"tech": 0.02}, "sector_map": {"X": "tech"}},
    ),
    Row(
        "limits.industry_limits",
        units(50, before=works(100)),
        Denied(Reason.INDUSTRY_EXPOSURE, "strategies.a.industry_limits.chips", "0.02", "0.0202"),
        own=OF_CHIPS,
        more=CHIPS,
        adds=20,
        soft=-20,
    ),
    Row("limits.correlation", units(50, before=together), TOO_LIKE, own=OF_PAIRS, adds=20, soft=-20),
    Row("limits.correlation", units(50, before=works(100)), TOO_LIKE, own=OF_PAIRS),
]

ROWS = [*(row if row.page in WHOLE else replace(row, where=("core",)) for row in (*BOOKS, *KIN, *SYMBOLS)), *LOST]
