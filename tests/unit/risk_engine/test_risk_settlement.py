"""Settled cash: what a sale brought may be spent once a later trading date of its calendar begins, and not before."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from services.risk_engine.core import RiskCore
from shared.events import (
    AccountOpened,
    CashFlow,
    DayEnded,
    FillCorrected,
    InstrumentDefined,
    OrderApproved,
    OrderDenied,
    OrderFilled,
    Reason,
    SessionChanged,
    SessionPhase,
    UnsettledRow,
)
from shared.runtime.actor import state_hash
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk, replayed

FRIDAY, SATURDAY, TUESDAY, WEDNESDAY = ("2024-01-12", "2024-01-13", "2024-01-16", "2024-01-17")  # Monday is a holiday


def ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 10**9


def begins(date: str, calendar: str = "XNYS", phase: SessionPhase = SessionPhase.OPEN) -> SessionChanged:
    return SessionChanged(calendar, phase, date, 1, 2)


def sold(quantity: int = 10, price: int = 100, *, days: int = 1, calendar: str = "XNYS", kind: str = "equity", **limits: Any) -> RiskDesk:
    """An account whose 1,000 are spent on 10 X, so many of which are sold on Friday at ten to four."""
    every = {"account_kind": "cash", "settlement_days": days, "buying_power_fraction_max": 1, **limits}
    desk = RiskDesk(cash="1000", **every)
    desk.now = ns(f"{FRIDAY}T20:50:00")
    desk.tell(InstrumentDefined("X", kind, "USD", D("0.01"), D(1), D(1), calendar))
    desk.tell(begins(FRIDAY, calendar))
    desk.fill(desk.buy(10, 100), 10, price=100)
    desk.fill(desk.sell(quantity), quantity, price=price)
    return desk


def spendable(desk: RiskDesk) -> int:
    return int(desk.core._desk.buying_power())


def test_proceeds_are_spent_on_the_next_trading_date_and_no_sooner() -> None:
    desk = sold(8)
    told = desk.buy(2, 50, symbol="Y")
    assert isinstance(told, OrderDenied)
    assert (told.reason, told.key, told.limit, told.value) == (Reason.UNSETTLED_CASH, "settlement_days", "0", "100")
    desk.tell(DayEnded("XNYS", FRIDAY))
    assert spendable(desk) == 0, "after hours it is Friday still"
    desk.tell(begins(SATURDAY, "24x7"))
    assert spendable(desk) == 0, "another calendar's date"
    desk.wait(4 * 3_600_000).tell(begins(TUESDAY, phase=SessionPhase.CLOSED))
    assert spendable(desk) == 800
    assert isinstance(desk.buy(16, 50, symbol="Y"), OrderApproved)
    over = desk.buy(1, 50, symbol="Y")
    assert isinstance(over, OrderDenied)
    assert (over.reason, over.key) == (Reason.BUYING_POWER, "buying_power_fraction_max"), "nothing is left to settle"


def test_an_order_beyond_all_there_is_lacks_money_and_not_time() -> None:
    told = sold(8).buy(17, 50, symbol="Y")
    assert isinstance(told, OrderDenied)
    assert (told.reason, told.limit, told.value) == (Reason.BUYING_POWER, "0", "850")


@pytest.mark.parametrize(
    ("days", "calendar", "kind", "free"),
    [(0, "XNYS", "equity", 800), (1, "24x7", "equity", 800), (1, "XNYS", "crypto", 800), (1, "24x5", "forex", 0), (1, "XNYS", "equity", 0)],
)
def test_what_settles_at_once(days: int, calendar: str, kind: str, free: int) -> None:
    assert spendable(sold(8, days=days, calendar=calendar, kind=kind)) == free


def test_a_margin_account_waits_for_nothing() -> None:
    desk = sold(8, account_kind="margin")
    assert desk.core._desk.settlement.unsettled_in("") == 0
    assert isinstance(desk.buy(2, 50, symbol="Y"), OrderApproved)


def test_two_days_are_two_trading_dates() -> None:
    desk = sold(8, days=2)
    desk.tell(begins(TUESDAY))
    assert spendable(desk) == 0
    desk.tell(begins(WEDNESDAY))
    assert spendable(desk) == 800


def test_a_sale_counts_from_its_own_time_however_late_it_is_told() -> None:
    desk = sold(5)
    late = msgspec.structs.replace(fill_of(desk), execution_id="late", quantity=D(3), broker_ns=ns(f"{FRIDAY}T20:59:59"))
    desk.tell(begins(TUESDAY, phase=SessionPhase.CLOSED))
    desk.tell(late, "order_router")
    assert spendable(desk) == 800
    desk.tell(msgspec.structs.replace(late, execution_id="new", quantity=D(1), broker_ns=ns(f"{TUESDAY}T15:00:00")), "order_router")
    assert spendable(desk) == 800


def fill_of(desk: RiskDesk) -> OrderFilled:
    return next(e.event for e in reversed(desk.log) if isinstance(e.event, OrderFilled))


def test_fees_come_off_the_proceeds_and_a_deposit_is_settled() -> None:
    desk = sold(1)
    desk.fill(desk.sell(1), 1, price=100, commission="3")
    desk.fill(desk.sell(1), 1, price=1, commission="3")  # costs 2 in all
    assert desk.core._desk.settlement.unsettled_in("") == 197
    assert spendable(desk) == -2
    desk.tell(CashFlow("deposit", "USD", D(50), "r"))
    assert spendable(desk) == 48


def test_a_correction_changes_what_waits_by_the_difference() -> None:
    desk = sold(8)
    fill = fill_of(desk)

    def correct(quantity: int, before: int) -> None:
        old, new = (D(before), D(100), D(0)), (D(quantity), D(100), D(0))
        desk.tell(FillCorrected(fill.order_id, "a", "X", SELL, "e2", "e1", *new, *old), "order_router")

    correct(6, 8)
    assert (desk.core._desk.settlement.unsettled_in(""), spendable(desk)) == (600, 0)
    correct(9, 6)
    assert (desk.core._desk.settlement.unsettled_in(""), spendable(desk)) == (900, 0)
    desk.tell(begins(TUESDAY))
    correct(7, 9)
    assert (desk.core._desk.settlement.unsettled_in(""), spendable(desk)) == (0, 700), "it was settled, and is gone"


def test_a_busted_purchase_gives_its_money_back_at_once() -> None:
    desk = sold(8)
    bought = next(e.event for e in desk.log if isinstance(e.event, OrderFilled))
    desk.tell(FillCorrected(bought.order_id, "a", "X", BUY, "", "e1", D(0), D(100), D(0), D(10), D(100), D(0)), "order_router")
    assert (desk.core._desk.settlement.unsettled_in(""), spendable(desk)) == (800, 1000)


def test_an_account_found_with_unsettled_cash() -> None:
    desk = RiskDesk(ready=False, account_kind="cash", settlement_days=1, buying_power_fraction_max=1)
    rows = (UnsettledRow("XNYS", TUESDAY, D(300)), UnsettledRow("XNYS", WEDNESDAY, D(200)))
    for _ in range(2):
        desk.tell(AccountOpened("acc", "USD", D(1000), D(1000), (), (), (), rows))
    desk.tell(CLEAN)
    assert spendable(desk) == 500
    desk.tell(begins(TUESDAY))
    assert spendable(desk) == 800
    desk.tell(begins(FRIDAY))
    desk.tell(begins(WEDNESDAY))
    assert spendable(desk) == 1000


def test_a_restart_at_any_point_counts_the_same() -> None:
    desk = sold(8)
    desk.tell(begins(TUESDAY))
    desk.now = ns(f"{TUESDAY}T15:00:00")
    desk.fill(desk.sell(1), 1)
    desk.tell(begins(WEDNESDAY))
    whole = RiskCore(desk.settings)
    for n, e in enumerate(desk.log):
        if n % 2:
            again = RiskCore(desk.settings)
            again.restore(whole.snapshot())
            whole = again
        replayed(whole, e)
    assert state_hash(whole) == state_hash(desk.core)
    assert int(whole._desk.buying_power()) == 900


def test_a_start_with_every_sale_settled_at_once_frees_what_waits() -> None:
    desk = sold(8)
    again = RiskCore(msgspec.structs.replace(desk.settings, settlement_days=0))
    again.restore(desk.core.snapshot())
    assert again._desk.buying_power() == 800
