"""A cash account of several currencies: each pays for itself."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import (
    AccountOpened,
    BalanceRow,
    CurrencyRate,
    FillCorrected,
    InstrumentDefined,
    OrderApproved,
    OrderFilled,
    Reason,
    SessionChanged,
    SessionPhase,
    UnsettledRow,
)
from tests.support.risk_desk import CLEAN, SELL, RiskDesk

from .abroad import denial, rate


class TestACashAccount:
    """Buys with settled money of the instrument's own currency, and with that alone."""

    def cash(self, eur: int = 1_000, usd: int = 10_000, unsettled: tuple[UnsettledRow, ...] = ()) -> RiskDesk:
        desk = RiskDesk(ready=False, account_kind="cash", settlement_days=1, buying_power_fraction_max=1, short_allowed=False)
        desk.tell(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "XNYS"))
        desk.tell(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-14", 1, 2))
        desk.tell(AccountOpened("acc", "USD", D(usd), D(usd), (), (), (), unsettled, (BalanceRow("EUR", D(eur)),)))
        desk.tell(CLEAN)
        desk.tell(CurrencyRate("EUR", D(2)))
        desk.quote("X", 100.0, 100.0)
        desk.quote("Y", 50.0, 50.0)
        return desk

    def test_each_currency_pays_for_itself(self) -> None:
        desk = self.cash()
        assert denial(desk.buy(11, 100)) == (Reason.BUYING_POWER, "buying_power_fraction_max", "1000", "1100")
        assert isinstance(desk.buy(10, 100), OrderApproved)
        assert denial(desk.buy(1, 100))[2:] == ("0", "100")
        assert isinstance(desk.buy(200, 50, symbol="Y"), OrderApproved), "all of the dollars"
        assert denial(desk.buy(1, 50, symbol="Y"))[2:] == ("0", "50")

    def test_a_rate_that_moves_takes_nothing_from_what_it_may_buy(self) -> None:
        desk = self.cash()
        rate(desk, "7")
        assert isinstance(desk.buy(10, 100), OrderApproved)

    def test_proceeds_wait_in_their_currency(self) -> None:
        desk = self.cash()
        desk.hold(10)
        desk.fill(desk.sell(10, 100), 10, price=100)
        settlement = desk.core._desk.settlement
        assert (settlement.unsettled_in(""), settlement.unsettled_in("EUR")) == (0, 1_000)
        assert denial(desk.buy(1, 100)) == (Reason.UNSETTLED_CASH, "settlement_days", "0", "100")
        assert isinstance(desk.buy(200, 50, symbol="Y"), OrderApproved)
        desk.tell(SessionChanged("XNYS", SessionPhase.OPEN, "2023-11-15", 1, 2))
        assert settlement.unsettled_in("EUR") == 0
        assert isinstance(desk.buy(10, 100), OrderApproved)

    @pytest.mark.parametrize(("currency", "waits"), [("EUR", 990), ("USD", 1_000)])
    def test_a_commission_of_the_same_currency_is_taken_from_the_proceeds(self, currency: str, waits: int) -> None:
        desk = self.cash()
        desk.hold(10)
        order = desk.sell(10, 100)
        assert isinstance(order, OrderApproved)
        desk.tell(OrderFilled(order.order_id, "a", "X", SELL, D(10), D(100), D(10), currency, "e", "b", D(10), D(0), 0), "order_router")
        assert desk.core._desk.settlement.unsettled_in("EUR") == waits

    def test_a_corrected_commission_of_another_currency_changes_nothing_of_what_waits(self) -> None:
        desk = self.cash()
        desk.hold(10)
        order = desk.sell(10, 100)
        assert isinstance(order, OrderApproved)
        desk.tell(OrderFilled(order.order_id, "a", "X", SELL, D(10), D(100), D(10), "USD", "e", "b", D(10), D(0), 0), "order_router")
        desk.tell(FillCorrected(order.order_id, "a", "X", SELL, "f", "e", D(9), D(100), D(40), D(10), D(100), D(10), currency="USD"), "order_router")
        assert desk.core.desk.settlement.unsettled_in("EUR") == 900

    def test_what_the_account_is_found_with_waits_in_its_currency(self) -> None:
        desk = self.cash(unsettled=(UnsettledRow("XNYS", "2023-11-15", D(400), "EUR"), UnsettledRow("XNYS", "2023-11-15", D(70))))
        assert (desk.core._desk.buying_power(), desk.core._desk.buying_power("EUR")) == (9_930, 600)
        again = desk.restarted()
        assert (again._desk.buying_power(), again._desk.buying_power("EUR")) == (9_930, 600)
