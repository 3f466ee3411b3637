"""Rows of one order's size and of exposure. X is valued at 100 while flat, a long at the bid of 99, a short at the ask of 101."""

from __future__ import annotations

from collections.abc import Sequence

from shared.events import DayEnded, Reason

from .row import Denied, Row, other, units, works
from .scene import Act, Ask, Candle, Price, Replace, Wait

SOFT = -20  # of 100 units: at 80 not past four fifths


def limits(**found: object) -> dict[str, object]:
    return {"limits": found}


def replaced_up(base: int) -> object:
    """A working order that becomes as large as the step says."""
    return lambda side, step: [Ask(side, 1, 100), Replace(1, base + step)]


def market(base: int) -> object:
    return lambda side, step: [Ask(side, base + step)]


def at_price(buy: str, sell: str, before: object = None) -> object:
    """A limit a cent further than the step before."""

    def acts(side: str, step: int) -> Sequence[Act]:
        cents = float(buy) * 100 + step if side == "buy" else float(sell) * 100 - step
        return [*(before(side) if callable(before) else ()), Ask(side, 1, f"{cents / 100:.2f}")]

    return acts


def bars(*closes: tuple[float, float]) -> list[Act]:
    """Of both symbols, a second apart, with the opening prices after them."""
    made: list[Act] = []
    for x, y in closes:
        made += [Wait(1_000), Candle("X", x + 1, x - 1, x), Candle("Y", y + 1, y - 1, y)]
    return [*made, Price("X", 99.0, 101.0), Price("Y", 49.0, 51.0)]


def together(side: str) -> list[Act]:
    return [*bars((100.0, 50.0), (101.0, 50.5), (99.0, 49.5)), *works(100)(side)]


def first_step(side: str) -> list[Act]:
    return [Ask(side, 1), Price("X", 98.5, 101.5)]


def a_day(_: str) -> list[Act]:
    return [Candle("X", 101.0, 99.0, 100.0, 500.0), Price("X", 99.0, 101.0)]


TECH = {"tech": "0.01"}
BOTH_TECH = {"X": "tech", "Y": "tech"}
PAIR = {"window": 2, "max_corr": 0.8, "max_pair_exposure_pct": "0.01"}


def sums(key: str, page: str, limit: object, code: Reason, shown: str, value: str, side_limit: int = 100) -> Row:
    """A limit that working orders of a symbol use up together."""
    return Row(
        page, units(side_limit), Denied(code, key, shown, value), limits(**{page.removeprefix("limits."): limit}), adds=side_limit // 2, soft=SOFT
    )


SIZE = [
    Row("limits.order_qty_max", units(100), Denied(Reason.ORDER_QUANTITY, "order_qty_max", "100", "101"), limits(order_qty_max=100), soft=SOFT),
    Row("limits.order_qty_max", replaced_up(100), Denied(Reason.ORDER_QUANTITY, "order_qty_max", "100", "101"), limits(order_qty_max="100")),
    Row(
        "limits.max_notional",
        units(100),
        Denied(Reason.ORDER_NOTIONAL, "order_notional_max", "10000", "10100"),
        limits(max_notional=10_000),
        soft=SOFT,
    ),
    Row(
        "limits.max_notional",  # a market order buys at the ask with the collar on it, and sells at the bid
        market(100),
        Denied(Reason.ORDER_NOTIONAL, "order_notional_max", "10605", "10711.05"),
        {"collar_bps": 500, **limits(max_notional=10_605)},
        sides=("buy",),
    ),
    Row(
        "limits.max_notional",
        market(100),
        Denied(Reason.ORDER_NOTIONAL, "order_notional_max", "9900", "9999"),
        limits(max_notional=9_900.0),
        sides=("sell",),
    ),
    Row(
        "limits.max_notional",  # a sale below the bid turns over the bid
        units(100, 98),
        Denied(Reason.ORDER_NOTIONAL, "order_notional_max", "9900", "9999"),
        limits(max_notional=9_900),
        sides=("sell",),
    ),
    Row(
        "limits.order_adv_fraction_max",
        units(50),
        Denied(Reason.ORDER_ADV, "order_adv_fraction_max", "0.1", "0.102"),
        limits(order_adv_fraction_max=0.1),
        more={"instruments": {"X": {"average_daily_volume": 500}}},
        soft=-10,
    ),
    Row(
        "limits.order_adv_fraction_max",
        lambda side, step: [*a_day(side), DayEnded("24x7", "2024-01-03"), Ask(side, 50 + step, 100)],
        Denied(Reason.ORDER_ADV, "order_adv_fraction_max", "0.1", "0.102"),
        limits(order_adv_fraction_max="0.1"),
        where=("core",),
    ),
    Row(
        "collar_bps",
        at_price("106.05", "94.05"),
        Denied(Reason.PRICE_COLLAR, "collar_bps", "500", {"buy": "500.9901", "sell": "501.0101"}),
        {"collar_bps": 500},
    ),
    Row(
        "collar_window_bps",
        at_price("102.01", "98.01", first_step),
        Denied(Reason.PRICE_WALK, "collar_window_bps", "100", {"buy": "100.9901", "sell": "101.0101"}),
        {"collar_window_bps": 100},
    ),
    Row(
        "collar_window_ms",  # a step too far, made so long after the first
        lambda side, step: [*first_step(side), Wait(998 - step), Ask(side, 1, "102.02" if side == "buy" else "98.00")],
        Denied(Reason.PRICE_WALK, "collar_window_bps", "100", {"buy": "100.9901", "sell": "101.0101"}),
        {"collar_window_bps": 100, "collar_window_ms": 1_000},
    ),
    Row(
        "self_trade",
        lambda side, step: [
            Ask(other(side), 1, 100, strategy="b"),
            Ask(side, 1, f"{99.99 + step / 100:.2f}" if side == "buy" else f"{100.01 - step / 100:.2f}"),
        ],
        Denied(Reason.SELF_TRADE, "self_trade", "b:1:1 at 100", "100"),
    ),
    Row(
        "short_allowed",
        units(100, before=lambda _: [Ask("buy", 100)]),
        Denied(Reason.SHORT_SALE, "short_allowed", "0", "-1"),
        {"short_allowed": False},
        sides=("sell",),
        adds=50,
    ),
    Row(
        "require_easy_to_borrow",
        units(100, before=lambda _: [Ask("buy", 100)]),
        Denied(Reason.SHORT_SALE, "require_easy_to_borrow", "0", "-1"),
        {"require_easy_to_borrow": True},
        more={"instruments": {"X": {"easy_to_borrow": False}}},
        sides=("sell",),
        adds=50,
    ),
]

SUMS = [
    sums("position_max", "limits.max_position", 100, Reason.POSITION, "100", "101"),
    sums("position_notional_max", "limits.position_notional_max", "10000", Reason.POSITION_NOTIONAL, "10000", "10100"),
    sums("position_pct_max", "limits.max_position_pct", 0.01, Reason.POSITION_PCT, "0.01", "0.0101"),
    sums("gross_notional_max", "limits.gross_notional_max", 10_000.0, Reason.GROSS_EXPOSURE, "10000", "10100"),
    sums("gross_pct_max", "limits.max_gross_exposure", "0.01", Reason.GROSS_EXPOSURE, "0.01", "0.0101"),
    sums("net_notional_max", "limits.net_notional_max", 10_000, Reason.NET_EXPOSURE, "10000", "10100"),
    sums("net_pct_max", "limits.max_net_exposure", 0.01, Reason.NET_EXPOSURE, "0.01", "0.0101"),
    sums("leverage_max", "limits.max_leverage", "0.01", Reason.LEVERAGE, "0.01", "0.0101"),
    Row(
        "limits.max_position",  # with a holding, which is part of it; through zero it is the other side's
        lambda side, step: [Ask(other(side), 50), Ask(side, 150 + step, 100)],
        Denied(Reason.POSITION, "position_max", "100", "101"),
        limits(max_position=100),
        adds=50,
    ),
    Row(
        "limits.buying_power_fraction_max",  # of 4,000,000 that the broker's rule allows: 10,000 and no more
        units(100),
        Denied(Reason.BUYING_POWER, "buying_power_fraction_max", "10000", "10100"),
        limits(buying_power_fraction_max=0.0025),
        soft=SOFT,
    ),
]

KIN = [
    Row(
        "limits.sector_limits",
        units(50, before=works(100)),
        Denied(Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", "0.0101"),
        limits(sector_limits=TECH, sector_map=BOTH_TECH),
        adds=20,
        soft=-20,
    ),
    Row(
        "limits.sector_map",  # what it does not put into the sector does not count there; the instrument's own sector stands below it
        lambda side, step: [*works(100)(side), Ask(side, 51, 100)],
        Denied(Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", "0.0101"),
        lambda step: limits(sector_limits=TECH, sector_map={"X": "tech", **({"Y": "tech"} if step > 0 else {"Y": "oil"} if step else {})}),
    ),
    Row(
        "limits.industry_limits",
        units(50, before=works(100)),
        Denied(Reason.INDUSTRY_EXPOSURE, "industry_limits.chips", "0.01", "0.0101"),
        limits(industry_limits={"chips": 0.01}),
        more={"instruments": {"X": {"industry": "chips"}, "Y": {"industry": "chips"}}},
        adds=20,
        soft=-20,
    ),
    Row(
        "limits.industry_map",
        lambda side, step: [*works(100)(side), Ask(side, 51, 100)],
        Denied(Reason.INDUSTRY_EXPOSURE, "industry_limits.chips", "0.01", "0.0101"),
        lambda step: limits(industry_limits={"chips": 0.01}, industry_map={"X": "chips", **({"Y": "chips"} if step > 0 else {})}),
    ),
    Row(
        "limits.correlation",
        units(50, before=together),
        Denied(Reason.PAIR_EXPOSURE, "correlation.max_pair_exposure_pct", "0.01", "0.0101 with Y"),
        limits(correlation=PAIR),
        adds=20,
        soft=-20,
    ),
    Row(
        "limits.correlation",  # a pair nothing is known of is not known to differ
        units(50, before=works(100)),
        Denied(Reason.PAIR_EXPOSURE, "correlation.max_pair_exposure_pct", "0.01", "0.0101 with Y"),
        limits(correlation=PAIR),
    ),
]

ROWS = [*SIZE, *SUMS, *KIN]
