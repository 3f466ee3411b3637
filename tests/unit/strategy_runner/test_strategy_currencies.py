"""What a strategy sees of other currencies: prices in the instrument's, worth in the account's at the newest rate, and the money it owes."""

from decimal import Decimal as D

import pytest

from shared.events import (
    AccountOpened,
    AccountReported,
    BalanceRow,
    CurrencyRate,
    InstrumentDefined,
    OrderFilled,
    OrderIntent,
    OrderSide,
    OrderType,
    UnsettledRow,
)
from shared.strategy import Order, Strategy


class Looker(Strategy):
    def initialize(self, ctx):
        self.bought = False

    def on_bar(self, bar):
        p = self.ctx.portfolio
        position = p.get_position("SPY")
        Looker.saw = {
            "rate": self.ctx.rate("EUR"),
            "rates": (self.ctx.rate("USD"), self.ctx.rate("JPY")),
            "money": (p.cash, p.balances, p.equity, p.gross_exposure),
            "position": position and (position.avg_cost, position.current_price, position.market_value, position.unrealized_pnl),
            "account": (self.ctx.account.cash, self.ctx.account.balances, self.ctx.account.settled_cash, self.ctx.account.unsettled_cash),
        }
        if not self.bought:
            self.bought = True
            self.ctx.submit_order(Order("SPY", OrderSide.BUY, OrderType.MARKET, 10))

    def save(self):
        return self.bought

    def load(self, state):
        self.bought = state


@pytest.fixture
def life(live):
    life = live(Looker)
    life.tell(InstrumentDefined("SPY", "equity", "EUR", D("0.01"), D(1), D(5), "24x7"))
    life.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), ()))
    life.start()
    return life


def look(life, price):
    said = life.bar(price)
    return Looker.saw, said


def buy(life, said, price):
    (intent,) = [e for e in said if isinstance(e, OrderIntent)]
    t = intent.terms
    life.tell(OrderFilled(intent.order_id, "ma", "SPY", t.side, t.quantity, D(price), D(2), "EUR", "e1", "b1", t.quantity, D(0), 0))


def test_a_rate_nobody_told_is_none_and_the_accounts_own_is_one(life):
    assert look(life, 100.0)[0]["rate"] is None
    life.tell(CurrencyRate("EUR", D("1.1"), 1))
    saw, _ = look(life, 100.0)
    assert (saw["rate"], saw["rates"]) == (1.1, (1.0, None))


def test_what_is_bought_is_owed_in_its_currency_and_valued_at_the_newest_rate(life):
    life.tell(CurrencyRate("EUR", D("1.1"), 1))
    _, said = look(life, 100.0)
    buy(life, said, "100")
    life.tell(CurrencyRate("EUR", D("1.2"), 2))
    saw, _ = look(life, 110.0)

    assert saw["position"] == (100.0, 110.0, pytest.approx(10 * 5 * 110 * 1.2), pytest.approx(10 * 5 * (110 * 1.2 - 100 * 1.1)))
    cash, balances, equity, gross = saw["money"]
    assert (cash, balances) == (100_000.0, {"EUR": -5002.0})
    assert equity == pytest.approx(100_000 + (5500 - 5002) * 1.2)
    assert gross == pytest.approx(5500 * 1.2)


def test_it_goes_on_the_same_from_its_snapshot(life):
    life.tell(CurrencyRate("EUR", D("1.1"), 1))
    _, said = look(life, 100.0)
    buy(life, said, "100")
    state = life.actor.snapshot()
    saw, _ = look(life, 110.0)
    event = life.log[-1]

    again = life.fresh()
    again.restore(state)
    assert again.snapshot() == state
    again.step(event)
    assert Looker.saw == saw
    assert again.snapshot() == life.actor.snapshot()


def test_the_accounts_money_is_told_by_currency_and_only_its_own_is_settled_cash(life):
    unsettled = (UnsettledRow("XNYS", "2024-01-16", D(30)), UnsettledRow("XETR", "2024-01-16", D(40), "EUR"))
    life.tell(AccountReported("acc", "USD", D(100), D(200), D(90), unsettled, (BalanceRow("EUR", D(70)),)))
    assert look(life, 100.0)[0]["account"] == (100.0, {"EUR": 70.0}, 70.0, 30.0)
