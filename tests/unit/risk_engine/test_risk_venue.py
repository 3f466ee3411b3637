"""What the venue says: price bands, halts, the close, what can be borrowed."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from shared.events import (
    CancelApproved,
    DayEnded,
    ExternalOrderSeen,
    InstrumentDefined,
    InstrumentHalted,
    OrderApproved,
    OrderDenied,
    OrderTerms,
    OrderType,
    PriceBandsChanged,
    Reason,
    SessionChanged,
    SessionPhase,
)
from tests.support.risk_desk import BUY, RiskDesk, reason

SECOND = 1_000_000_000


def define(desk: RiskDesk, symbol: str, **facts: Any) -> None:
    desk.tell(InstrumentDefined(symbol, "equity", "USD", D("0.01"), D(1), D(1), "24x7", **facts))


def bands(desk: RiskDesk) -> None:
    desk.tell(PriceBandsChanged("X", desk.now, 95.0, 105.0))


def closing_soon(desk: RiskDesk) -> None:
    desk.tell(SessionChanged("24x7", SessionPhase.OPEN, "2024-01-02", 0, desk.now + 60 * SECOND))


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
