"""Controls of kinship, volume, path and venue: below, at and above, both sides, with orders working, and after a restart."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as D
from itertools import pairwise
from statistics import correlation
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk_engine.bands import HaltPolicy
from services.risk_engine.settings import RiskSettings
from shared.events import (
    Bar,
    CancelApproved,
    CorporateAction,
    DayEnded,
    Event,
    ExternalOrderSeen,
    InstrumentDefined,
    InstrumentHalted,
    LimitBreached,
    OrderApproved,
    OrderDenied,
    OrderSide,
    OrderTerms,
    OrderType,
    PriceBandsChanged,
    Reason,
    SessionChanged,
    SessionPhase,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk, reason

STEPS = {-1: "below", 0: "at", 1: "above"}
SECOND = 1_000_000_000


def define(desk: RiskDesk, symbol: str, **facts: Any) -> None:
    desk.tell(InstrumentDefined(symbol, "equity", "USD", D("0.01"), D(1), D(1), "24x7", **facts))


def bars(desk: RiskDesk, **closes: list[float]) -> None:
    """One bar a symbol a minute; the quotes stand again after them."""
    for prices in zip(*closes.values(), strict=True):
        desk.wait(60_000)
        for symbol, close in zip(closes, prices, strict=True):
            desk.tell(Bar(symbol, desk.now - 60 * SECOND, desk.now, close, close, close, close, 250.0))
    desk.wait(1).quote("X", 99.0, 101.0)
    desk.quote("Y", 49.0, 51.0)


def works_in_y(desk: RiskDesk) -> None:
    assert reason(desk.buy(100, 50, symbol="Y")) is None  # 5,000 of worst case


def holds_y(desk: RiskDesk) -> None:
    desk.hold(-100, symbol="Y", price=51)
    desk.quote("Y", 50.0, 50.0)


def same_industry(desk: RiskDesk) -> None:
    define(desk, "X", industry="chips")
    define(desk, "Y", industry="chips")
    works_in_y(desk)


def move_together(desk: RiskDesk) -> None:
    bars(desk, X=[100.0, 101.0, 99.0], Y=[50.0, 50.5, 49.5])
    works_in_y(desk)


def given_volume(desk: RiskDesk) -> None:
    define(desk, "X", average_daily_volume=D(500))


def seen_volume(desk: RiskDesk) -> None:
    bars(desk, X=[100.0, 100.0])
    desk.tell(DayEnded("24x7", "2024-01-01"))


def first_prices(desk: RiskDesk) -> None:
    assert reason(desk.buy(1)) is reason(desk.sell(1)) is None  # at 101 and 99
    desk.quote("X", 98.5, 101.5)


def bands(desk: RiskDesk) -> None:
    desk.tell(PriceBandsChanged("X", desk.now, 95.0, 105.0))


def closing_soon(desk: RiskDesk) -> None:
    desk.tell(SessionChanged("24x7", SessionPhase.OPEN, "2024-01-02", 0, desk.now + 60 * SECOND))


def units(base: int) -> Callable[[RiskDesk, OrderSide, int], Event]:
    return lambda desk, side, over: desk.order(side, base + over, 100)


def limit_price(buy: str, sell: str) -> Callable[[RiskDesk, OrderSide, int], Event]:
    def order(desk: RiskDesk, side: OrderSide, over: int) -> Event:
        price = D(buy) + D("0.01") * over if side is BUY else D(sell) - D("0.01") * over
        return desk.order(side, 1, price)

    return order


def seconds_before_close(desk: RiskDesk, side: OrderSide, over: int) -> Event:
    desk.wait(30_000 + over)
    desk.quote("X", 99.0, 101.0)
    return desk.order(side, 1, 100)


@dataclass(frozen=True)
class Case:
    """before: what stands when the order comes; order: one that reaches the limit, one step below or above it."""

    limits: dict[str, Any]
    before: Callable[[RiskDesk], None]
    order: Callable[[RiskDesk, OrderSide, int], Event]
    code: Reason
    key: str
    limit: str
    value: dict[OrderSide, str]


def both(value: str) -> dict[OrderSide, str]:
    return {BUY: value, SELL: value}


TECH = {"sector_limits": {"tech": "0.01"}, "sector_map": {"X": "tech", "Y": "tech"}}
PAIR = {"correlation": {"window": 2, "max_corr": 0.8, "max_pair_exposure_pct": "0.01"}}
CASES = {
    "sector, with a working order": Case(TECH, works_in_y, units(50), Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", both("0.0101")),
    "sector, with a short holding": Case(TECH, holds_y, units(50), Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", both("0.0101")),
    "industry of the instrument": Case(
        {"industry_limits": {"chips": "0.01"}}, same_industry, units(50), Reason.INDUSTRY_EXPOSURE, "industry_limits.chips", "0.01", both("0.0101")
    ),
    "pair": Case(PAIR, move_together, units(50), Reason.PAIR_EXPOSURE, "correlation.max_pair_exposure_pct", "0.01", both("0.0101 with Y")),
    "pair nothing is known of": Case(
        PAIR, works_in_y, units(50), Reason.PAIR_EXPOSURE, "correlation.max_pair_exposure_pct", "0.01", both("0.0101 with Y")
    ),
    "volume of the instrument": Case(
        {"order_adv_fraction_max": "0.1"}, given_volume, units(50), Reason.ORDER_ADV, "order_adv_fraction_max", "0.1", both("0.102")
    ),
    "volume of the days seen": Case(
        {"order_adv_fraction_max": "0.1"}, seen_volume, units(50), Reason.ORDER_ADV, "order_adv_fraction_max", "0.1", both("0.102")
    ),
    "walk": Case(
        {"collar_window_bps": 100, "collar_window_ms": 60_000},
        first_prices,
        limit_price("102.01", "98.01"),
        Reason.PRICE_WALK,
        "collar_window_bps",
        "100",
        {BUY: "100.9901", SELL: "101.0101"},
    ),
    "bands": Case({}, bands, limit_price("105", "95"), Reason.PRICE_BAND, "luld", "95 to 105", {BUY: "105.01", SELL: "94.99"}),
    "close": Case({"close_buffer_s": 30}, closing_soon, seconds_before_close, Reason.CLOSE_BUFFER, "close_buffer_s", "30", both("29.999 left")),
}


@pytest.mark.parametrize("restart", [False, True], ids=["", "restarted"])
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("over", STEPS, ids=STEPS.values())
@pytest.mark.parametrize("name", CASES)
def test_below_at_and_above(name: str, over: int, side: OrderSide, restart: bool) -> None:
    case = CASES[name]
    desk = RiskDesk(**case.limits)
    case.before(desk)
    if restart:
        desk.core = desk.restarted()
    answer = case.order(desk, side, over)
    if over <= 0:
        assert isinstance(answer, OrderApproved)
    else:
        assert isinstance(answer, OrderDenied)
        assert (answer.reason, answer.key, answer.limit, answer.value) == (case.code, case.key, case.limit, case.value[side])


@pytest.mark.parametrize("name", CASES)
def test_without_its_key_the_same_order_passes(name: str) -> None:
    if name == "bands":
        return  # what a venue publishes needs no key
    case = CASES[name]
    desk = RiskDesk()
    case.before(desk)
    assert isinstance(case.order(desk, BUY, 1), OrderApproved)


# kinship


def test_the_soft_part_of_a_sector_is_told_once_as_it_is_crossed() -> None:
    desk = RiskDesk(**TECH)
    works_in_y(desk)
    desk.buy(31, 100)
    assert desk.told[-1] == LimitBreached(Reason.SECTOR_EXPOSURE, "sector_limits.tech", "0.01", "0.0081", hard=False)
    desk.buy(1, 100)
    assert isinstance(desk.told[-1], OrderApproved)


def test_what_reduces_a_sector_passes_above_its_limit_and_other_sectors_are_free() -> None:
    desk = RiskDesk(**TECH)
    desk.hold(100)
    desk.quote("X", 200.0, 202.0)
    assert reason(desk.buy(1, 201)) is Reason.SECTOR_EXPOSURE
    assert reason(desk.sell(100)) is None
    desk = RiskDesk(sector_limits={"tech": "0.01"}, sector_map={"X": "tech"})
    assert reason(desk.buy(1000, 50, symbol="Y")) is None


def test_the_map_goes_before_the_instruments_own_sector() -> None:
    desk = RiskDesk(sector_limits={"tech": "0.01"}, sector_map={"X": "other"})
    define(desk, "X", sector="tech")
    assert reason(desk.buy(500, 100)) is None
    desk = RiskDesk(sector_limits={"tech": "0.01"})
    define(desk, "X", sector="tech")
    assert reason(desk.buy(101, 100)) is Reason.SECTOR_EXPOSURE


@pytest.mark.parametrize(
    ("y", "denied"),
    [([50.0, 50.5, 49.5], True), ([50.0, 49.5, 50.5], False), ([50.0, 50.0, 50.0], True)],
    ids=["together", "against", "not moving is not known"],
)
def test_only_pairs_that_move_together_count_as_one(y: list[float], denied: bool) -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0, 99.0], Y=y)
    works_in_y(desk)
    assert (reason(desk.buy(51, 100)) is Reason.PAIR_EXPOSURE) is denied


def test_at_the_correlation_itself_a_pair_is_two() -> None:
    rng = random.Random(5)
    x = [100.0 + rng.random() for _ in range(9)]
    y = [price + rng.random() for price in x]
    returns = [[b / a - 1.0 for a, b in pairwise(series)] for series in (x, y)]
    theirs = correlation(*returns)
    assert 0.0 < theirs < 1.0
    for most, denied in ((theirs - 1e-9, True), (theirs + 1e-9, False)):
        desk = RiskDesk(correlation={"window": 8, "max_corr": most, "max_pair_exposure_pct": "0.01"})
        bars(desk, X=x, Y=y)
        works_in_y(desk)
        assert (reason(desk.buy(51, 100)) is Reason.PAIR_EXPOSURE) is denied


def test_the_window_forgets() -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0, 99.0] * 4 + [100.0, 101.0, 99.0], Y=[50.0, 50.5, 49.5] * 4 + [50.0, 49.5, 50.5])
    works_in_y(desk)
    assert reason(desk.buy(51, 100)) is None
    assert len(desk.core._desk.closes.by_symbol["X"]) <= 6


def test_bars_of_one_time_are_compared_and_a_split_is_no_move() -> None:
    desk = RiskDesk(**PAIR)
    bars(desk, X=[100.0, 101.0], Y=[50.0, 49.5])
    desk.tell(CorporateAction("split", "Y", D(2), "", "r"))
    bars(desk, X=[99.0], Y=[25.25])  # against, as before
    works_in_y(desk)
    assert reason(desk.buy(51, 100)) is None


# volume


def test_no_volume_known_denies() -> None:
    answer = RiskDesk(order_adv_fraction_max=1).buy(1)
    assert answer == OrderDenied("a:1:1", "a", Reason.ORDER_ADV, "order_adv_fraction_max", "1", "no volume known")


def test_the_average_is_of_the_newest_days_of_its_own_calendar() -> None:
    desk = RiskDesk(order_adv_fraction_max=1)
    for day in range(25):
        bars(desk, X=[100.0] * (1 if day < 24 else 21))
        desk.tell(DayEnded("XNYS", f"2024-02-{day:02}"))
        desk.tell(DayEnded("24x7", f"2024-02-{day:02}"))
    assert reason(desk.buy(500, 100)) is None  # (19 x 250 + 21 x 250) / 20
    assert reason(desk.buy(501, 100)) is Reason.ORDER_ADV
    desk.tell(CorporateAction("split", "X", D(2), "", "r"))
    assert reason(desk.buy(1000, 50)) is None


# path


def test_a_walk_is_forgotten_with_its_window_and_replaces_are_part_of_it() -> None:
    desk = RiskDesk(collar_window_bps=100, collar_window_ms=60_000)
    order = desk.buy(1, 101)
    assert reason(desk.replace(order, 1, limit="102.01")) is None
    assert reason(desk.replace(order, 2, limit="102.02")) is Reason.PRICE_WALK
    desk.wait(59_999)
    assert reason(desk.replace(order, 2, limit="102.02")) is Reason.PRICE_WALK
    desk.wait(1)
    assert reason(desk.replace(order, 2, limit="102.02")) is None
    assert reason(desk.replace(order, 3, limit="103.05")) is Reason.PRICE_WALK  # from 102.02 on


def test_a_patient_order_is_no_step_and_getting_out_is_no_walk() -> None:
    desk = RiskDesk(collar_window_bps=100)
    assert reason(desk.buy(1, 50)) is reason(desk.buy(1)) is None
    assert reason(desk.buy(1, "102.01")) is None  # measured from 101, not from 50
    desk = RiskDesk(collar_window_bps=100)
    desk.hold(100)
    assert reason(desk.sell(10)) is None
    desk.quote("X", 80.0, 82.0)
    assert reason(desk.sell(90)) is None
    assert reason(desk.sell(1)) is Reason.PRICE_WALK  # this one opens


# venue


def test_bands_are_required_where_the_config_says_so_and_end_with_their_day() -> None:
    desk = RiskDesk(luld_required=True)
    assert desk.buy(1) == OrderDenied("a:1:1", "a", Reason.PRICE_BAND, "luld_required", "published bands", "none")
    bands(desk)
    assert reason(desk.buy(1)) is None
    desk.tell(DayEnded("XNYS", "2024-01-02"))
    assert reason(desk.buy(1)) is None
    desk.tell(DayEnded("24x7", "2024-01-02"))
    assert reason(desk.buy(1)) is Reason.PRICE_BAND


@pytest.mark.parametrize(("lower", "upper"), [(105.0, 95.0), (float("nan"), 105.0), (95.0, float("nan")), (-1.0, 105.0), (0.0, 0.0)])
def test_bands_that_are_none_bind_nothing(lower: float, upper: float) -> None:
    desk = RiskDesk()
    bands(desk)
    desk.tell(PriceBandsChanged("X", desk.now, lower, upper))
    assert reason(desk.buy(1, 200)) is None


def test_a_market_order_is_judged_by_what_it_would_meet() -> None:
    desk = RiskDesk()
    desk.tell(PriceBandsChanged("X", desk.now, 0.0, 100.5))
    assert reason(desk.buy(1)) is Reason.PRICE_BAND  # 101 asked
    assert reason(desk.sell(1)) is None


def test_a_halt_cancels_what_works_there_but_not_what_others_placed() -> None:
    desk = RiskDesk()
    desk.tell(ExternalOrderSeen("ext:1", "external", "1", OrderTerms("X", BUY, OrderType.MARKET, D(5)), D(0), working=True))
    desk.buy(1, 90)
    desk.buy(1, 40, symbol="Y")
    assert desk.tell(InstrumentHalted("X", halted=True, reason="T1")) == [CancelApproved("a:1:1", "a", Reason.INSTRUMENT_HALTED)]
    assert desk.tell(InstrumentHalted("X", halted=True, reason="T1")) == []
    leaving = RiskDesk(halt_policy="leave")
    leaving.buy(1, 90)
    assert leaving.tell(InstrumentHalted("X", halted=True, reason="T1")) == []


def test_after_a_halt_the_market_speaks_first() -> None:
    desk = RiskDesk()
    desk.tell(InstrumentHalted("X", halted=True, reason="T1"))
    desk.wait(1).quote("X", 99.0, 101.0)
    desk.wait(1).tell(InstrumentHalted("X", halted=False, reason=""))
    desk.core = desk.restarted()
    assert reason(desk.buy(1)) is Reason.INSTRUMENT_HALTED
    desk.wait(1).quote("X", 99.0, 101.0)
    assert reason(desk.buy(1)) is None


def test_what_reduces_passes_before_the_close_and_after_it_the_buffer_is_over() -> None:
    desk = RiskDesk(close_buffer_s=30, sessions_allowed=["open", "post"])
    desk.hold(10)
    closing_soon(desk)
    desk.wait(45_000)
    desk.quote("X", 99.0, 101.0)
    assert reason(desk.buy(1)) is reason(desk.sell(11)) is Reason.CLOSE_BUFFER
    assert reason(desk.sell(10)) is None
    desk.wait(15_000).tell(SessionChanged("24x7", SessionPhase.POST, "2024-01-02", 0, desk.now))
    assert reason(desk.buy(1)) is None


@pytest.mark.parametrize("required", [True, False])
def test_hard_to_borrow_is_not_sold_short(required: bool) -> None:
    desk = RiskDesk(require_easy_to_borrow=required)
    define(desk, "X", easy_to_borrow=False)
    desk.hold(10)
    assert reason(desk.sell(10)) is None
    answer = desk.sell(1)
    if required:
        assert answer == OrderDenied("a:1:3", "a", Reason.SHORT_SALE, "require_easy_to_borrow", "0", "-1")
    else:
        assert isinstance(answer, OrderApproved)


# numbers

AMOUNTS = [f.name for f in msgspec.structs.fields(RiskSettings) if "Decimal" in str(f.type) and not f.name.endswith("_limits")]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.sampled_from(AMOUNTS), st.integers(1, 10_000_000))
def test_integer_float_and_text_are_one_limit(key: str, value: int) -> None:
    """One settings value, so one decision: nothing of how it was written is left."""
    forms = [value, float(value), str(value), f"{value}.0", D(value)]
    made = [RiskSettings.of({key: form}) for form in forms]
    assert all(other == made[0] for other in made)
    assert all(type(getattr(other, key)) is D for other in made)


@pytest.mark.parametrize("form", [1, 1.0, "1", "1.00", D(1)])
def test_so_are_limits_inside_tables(form: object) -> None:
    made = RiskSettings.of(
        {
            "sector_limits": {"tech": form},
            "correlation": {"max_pair_exposure_pct": form, "max_corr": "0.5", "window": "3"},
            "stops": {"stop_loss_pct": form, "atr_window": "3"},
            "halt_policy": "leave",
        }
    )
    assert (made.sector_limits["tech"], made.stops.stop_loss_pct, made.halt_policy) == (1, 1, HaltPolicy.LEAVE)
    assert made.correlation is not None
    assert (made.correlation.max_pair_exposure_pct, made.correlation.max_corr, made.correlation.window) == (1, 0.5, 3)


@pytest.mark.parametrize(
    "tree",
    [
        {"sector_limits": {"tech": 0}},
        {"sector_limits": {"tech": "NaN"}},
        {"industry_limits": {"chips": -1}},
        {"correlation": {"window": 1}},
        {"correlation": {"max_corr": 0}},
        {"correlation": {"max_corr": 1.5}},
        {"correlation": {"max_pair_exposure_pct": "Infinity"}},
        {"stops": {"stop_loss_pct": 0}},
        {"stops": {"trailing_stop_pct": "NaN"}},
        {"stops": {"atr_window": -1}},
        {"stops": {"pct": 1}},
        {"halt_policy": "wait"},
        {"collar_window_ms": -1},
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RiskSettings.of(tree)
