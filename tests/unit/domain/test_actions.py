"""Corporate actions in the books, by hand: who keeps what, who is paid, what it cost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.ledger import UNASSIGNED, Ledger
from shared.events import AccountOpened, CashFlow, CorporateAction, HoldingAssigned, OrderFilled, OrderSide

D = Decimal


def account(cash: str = "1000", **held: tuple[int, str]) -> Ledger:
    """Books that bought so much at a price, by owner (`rest`: unassigned)."""
    ledger = Ledger()
    ledger.apply(AccountOpened("acc", "USD", D(cash), D(cash), (), (), ()))
    for name, (units, price) in held.items():
        owner = "external" if name == "rest" else name
        side = OrderSide.BUY if units > 0 else OrderSide.SELL
        ledger.apply(OrderFilled(f"{owner}:1:1", owner, "X", side, D(abs(units)), D(price), D(0), "USD", f"e{name}", f"b{name}", D(1), D(0), 0))
    return ledger


def split(ratio: int, per: int, *, lot: str = "1", price: str = "0", cash: str = "0") -> CorporateAction:
    return CorporateAction("split", "X", D(ratio), "", "r", D(per), D(lot), D(price), D(cash))


def test_a_fraction_is_paid_to_who_had_it_and_the_whole_lot_two_of_them_make_is_unassigned() -> None:
    ledger = account(a=(3, "9"), b=(5, "9"))
    ledger.apply(split(3, 2, price="6"))  # 4.5 and 7.5: 12 whole units at the broker, nothing in cash
    assert [ledger.quantity(s, "X") for s in ("a", "b", UNASSIGNED)] == [4, 7, 1]
    assert ledger.net("X") == 12
    assert ledger.cash == 1000 - 72
    assert ledger.books["a"].cash == -27 + 3  # half a unit at 6
    assert ledger.books["a"].positions["X"].cost == 24  # 27 less the ninth that went
    assert ledger.books["a"].realised == 0
    assert ledger.books[UNASSIGNED].positions["X"].cost == 6  # it bought two halves


def test_a_reverse_split_pays_the_rest_in_cash_to_the_last_digit() -> None:
    ledger = account(a=(100, "3"))
    ledger.apply(split(1, 3, price="9.01", cash="3.00"))  # 33 and a third of a unit
    assert ledger.net("X") == ledger.quantity("a", "X") == 33
    assert ledger.cash == 1000 - 300 + 3
    book = ledger.books["a"]
    assert book.cash + book.cost() == book.funding + book.realised - book.fees
    assert book.positions["X"].cost == 297


def test_a_short_pays_for_its_fraction() -> None:
    ledger = account(a=(-3, "10"))
    ledger.apply(split(3, 2, price="8", cash="-4"))
    assert ledger.net("X") == -4
    assert ledger.cash == 1000 + 30 - 4


def test_an_instrument_without_lots_keeps_its_fractions() -> None:
    ledger = account(a=(3, "10"))
    ledger.apply(split(3, 2, lot="0"))
    assert ledger.net("X") == D("4.5")
    assert ledger.cash == 970


def test_an_expiry_settles_every_book_at_the_price_with_its_multiplier() -> None:
    ledger = account(a=(2, "10"), b=(-1, "12"))
    ledger.apply(CorporateAction("expiry", "X", D(1), "", "r", price=D(15)))
    assert ledger.positions() == {}
    assert (ledger.books["a"].realised, ledger.books["b"].realised) == (10, -3)
    assert ledger.cash == 1000 + 7


def test_a_dividend_goes_to_who_holds_and_the_rest_is_unassigned() -> None:
    ledger = account(a=(30, "1"), b=(-10, "1"), rest=(20, "1"))
    ledger.apply(CashFlow("dividend", "USD", D("10.00"), "d", "X", D(40)))
    assert ledger.books["a"].funding == D("7.5")
    assert ledger.books["b"].funding == D("-2.5")  # a short pays it
    assert ledger.cash == 1000 - 40 + 10
    assert ledger.books["a"].realised == 0


def test_a_dividend_on_nothing_that_is_held_any_more_is_unassigned() -> None:
    ledger = account()
    ledger.apply(CashFlow("dividend", "USD", D("10.00"), "d", "X", D(40)))
    assert ledger.books[UNASSIGNED].funding == 1010


units = st.integers(-50, 50)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(units, units, units, st.integers(1, 9), st.integers(1, 9), st.integers(1, 500))
def test_any_split_keeps_every_identity(a: int, b: int, rest: int, ratio: int, per: int, cents: int) -> None:
    held = {name: (n, "7") for name, n in (("a", a), ("b", b), ("rest", rest)) if n}
    ledger = account(**held)
    net, cash = ledger.net("X"), ledger.cash
    grown = Fraction(net) * ratio / per
    paid = D(round((grown - int(grown)) * cents)) / 100
    ledger.apply(split(ratio, per, price=str(D(cents) / 100), cash=str(paid)))
    assert ledger.net("X") == int(grown)
    assert ledger.cash == cash + paid
    for strategy, n in (("a", a), ("b", b)):
        assert ledger.quantity(strategy, "X") == int(Fraction(n) * ratio / per)
    for book in ledger.books.values():
        assert book.cash + book.cost() == book.funding + book.realised - book.fees
        assert all(bool(p.quantity) or not p.cost for p in book.positions.values())


def test_a_strategy_needs_to_see_nothing_but_its_own_fills_to_know_its_book() -> None:
    whole, own = account(a=(31, "7"), b=(45, "7"), rest=(-11, "6")), account(a=(31, "7"))
    for event in (
        split(2, 3, price="10.5", cash="3.50"),
        CashFlow("dividend", "USD", D("4.44"), "d", "X", D(65)),
        HoldingAssigned("X", "b", D(1), D(1)),
    ):
        whole.apply(event)
        own.apply(event)
    assert own.books["a"] == whole.books["a"]
