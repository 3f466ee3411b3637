"""Conservation: whatever happens, in whatever order, money and units are neither made nor lost, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.ledger import OWNERLESS, UNASSIGNED, Ledger
from shared.events import AccountOpened, CashFlow, Event, FillCorrected, HoldingAssigned, OrderFilled, OrderSide

OWNERS = ("a", "b", "risk", "external")
SYMBOLS = ("X", "Y")

quantities = st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal(1_000_000), places=8)
prices = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(100_000), places=4)
fees = st.decimals(min_value=-1, max_value=5, places=6)
sides = st.sampled_from(OrderSide)

fills = st.builds(
    lambda owner, symbol, side, q, p, c: OrderFilled(f"{owner}:1:1", owner, symbol, side, q, p, c, "USD", "e", "b", q, Decimal(0), 0),
    st.sampled_from(OWNERS),
    st.sampled_from(SYMBOLS),
    sides,
    quantities,
    prices,
    fees,
)
flows = st.builds(lambda amount: CashFlow("deposit", "USD", amount, ""), st.decimals(min_value=-1000, max_value=1000, places=2))
assignments = st.builds(
    lambda symbol, owner, q, sign, p: HoldingAssigned(symbol, owner, q * sign, p),
    st.sampled_from(SYMBOLS),
    st.sampled_from(("a", "b")),
    quantities,
    st.sampled_from((1, -1)),
    prices,
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Fills, some corrected or busted later, flows and assignments."""
    history: list[Event] = []
    booked: list[OrderFilled] = []
    for _ in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(("fill", "fill", "fill", "correct", "flow", "assign")))
        if kind == "correct" and booked:
            old = booked.pop(draw(st.integers(0, len(booked) - 1)))
            bust = draw(st.booleans())
            new = (Decimal(0), Decimal(0), Decimal(0)) if bust else (draw(quantities), draw(prices), draw(fees))
            history.append(FillCorrected(old.order_id, old.strategy, old.symbol, old.side, "e2", "e", *new, old.quantity, old.price, old.commission))
        elif kind == "flow":
            history.append(draw(flows))
        elif kind == "assign":
            history.append(draw(assignments))
        else:
            booked.append(draw(fills))
            history.append(booked[-1])
    return history


class Truth:
    """The account kept a second way: fractions, no books, no averages."""

    def __init__(self, cash: Decimal) -> None:
        self.cash = Fraction(cash)
        self.units: dict[tuple[str, str], Fraction] = {}

    def apply(self, event: Event) -> None:
        if isinstance(event, OrderFilled):
            self._trade(event.strategy, event.symbol, event.side, event.quantity, event.price, event.commission)
        elif isinstance(event, FillCorrected):
            self._trade(event.strategy, event.symbol, event.side, -event.previous_quantity, event.previous_price, -event.previous_commission)
            self._trade(event.strategy, event.symbol, event.side, event.quantity, event.price, event.commission)
        elif isinstance(event, CashFlow):
            self.cash += Fraction(event.amount)
        elif isinstance(event, HoldingAssigned):
            self._move(event.strategy, event.symbol, Fraction(event.quantity))
            self._move(UNASSIGNED, event.symbol, -Fraction(event.quantity))

    def _trade(self, owner: str, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        units = Fraction(quantity) * (1 if side is OrderSide.BUY else -1)
        self.cash -= units * Fraction(price) + Fraction(fee)
        self._move(owner, symbol, units)

    def _move(self, owner: str, symbol: str, units: Fraction) -> None:
        key = (UNASSIGNED if owner in OWNERLESS else owner, symbol)
        self.units[key] = self.units.get(key, Fraction(0)) + units


@settings(max_examples=150, derandomize=True, deadline=None)
@given(histories())
def test_conservation_is_exact_at_every_prefix(history: list[Event]) -> None:
    opening = Decimal("1234.56")
    ledger, truth = Ledger({"a": Decimal(100), "b": Decimal(200)}), Truth(opening)
    ledger.apply(AccountOpened("acc", "USD", opening, opening, (), (), ()))
    for event in history:
        ledger.apply(event)
        truth.apply(event)
        assert Fraction(ledger.cash) == truth.cash
        for book in ledger.books.values():
            assert Fraction(book.cash) + Fraction(book.cost()) == Fraction(book.funding) + Fraction(book.realised) - Fraction(book.fees)
            assert sum((Fraction(p.realised) for p in book.positions.values()), Fraction(0)) == Fraction(book.realised)
            assert all(bool(p.cost) is bool(p.quantity) or not p.quantity for p in book.positions.values())
        for symbol in SYMBOLS:
            parts = {owner: ledger.quantity(owner, symbol) for owner in (UNASSIGNED, "a", "b")}
            assert all(Fraction(units) == truth.units.get((owner, symbol), Fraction(0)) for owner, units in parts.items())
            assert ledger.net(symbol) == sum(parts.values(), Decimal(0))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.tuples(sides, quantities, prices), min_size=1, max_size=20))
def test_closing_everything_realises_exactly_what_cash_says(trades: list[tuple[OrderSide, Decimal, Decimal]]) -> None:
    ledger = Ledger()
    for n, (side, quantity, price) in enumerate(trades):
        ledger.apply(OrderFilled(f"a:1:{n}", "a", "X", side, quantity, price, Decimal(0), "USD", f"{n}", "b", quantity, Decimal(0), 0))
    rest = ledger.net("X")
    if rest:
        side = OrderSide.SELL if rest > 0 else OrderSide.BUY
        ledger.apply(OrderFilled("a:1:99", "a", "X", side, abs(rest), Decimal(7), Decimal(0), "USD", "last", "b", abs(rest), Decimal(0), 0))
    book = ledger.books["a"]
    assert book.positions["X"].quantity == book.cost() == 0
    assert book.realised == book.cash


@settings(max_examples=60, derandomize=True, deadline=None)
@given(histories(), st.integers(0, 25))
def test_a_ledger_restored_anywhere_goes_on_the_same(history: list[Event], at: int) -> None:
    straight = Ledger({"a": Decimal(100)})
    for event in history:
        straight.apply(event)
    first = Ledger({"a": Decimal(100)})
    for event in history[:at]:
        first.apply(event)
    second = Ledger.from_state(first.to_state())
    for event in history[at:]:
        second.apply(event)
    assert second.to_state() == straight.to_state()
