"""What a strategy that is added or removed while running does to the books: the account never changes."""

from __future__ import annotations

from decimal import Decimal as D

from msgspec.msgpack import encode

from shared.domain.ledger import UNASSIGNED, Ledger
from shared.events import AccountOpened, Event, FillCorrected, OrderFilled, OrderSide, StrategyRevised

ADDED = StrategyRevised("c1", "added", "b", 7, '{"id":"b"}', D(300), "ann: why")
REMOVED = StrategyRevised("c2", "removed", "a", 9, "", D(0), "ann: why")


def fill(n: int, strategy: str, side: OrderSide, quantity: str, price: str) -> OrderFilled:
    q = D(quantity)
    return OrderFilled(f"{strategy}:1:{n}", strategy, "X", side, q, D(price), D(1), "USD", f"e{n}", "b", q, D(0), 0)


def ledger(*events: Event) -> Ledger:
    made = Ledger({"a": D(500)})
    for event in (AccountOpened("acc", "USD", D(1000), D(1000), (), (), ()), *events):
        made.apply(event)
    return made


def holds(made: Ledger) -> bool:
    """Every book's identity, and the account as their sum."""
    books = made.books.values()
    each = all(b.cash + b.cost() == b.funding + b.realised - b.fees for b in books)
    return each and sum(b.quantity("X") for b in books) == made.net("X") and sum(b.cash for b in books) == made.cash


def test_an_added_one_has_its_budget_from_what_is_unassigned() -> None:
    made = ledger(ADDED)
    assert (made.books["b"].cash, made.books[UNASSIGNED].cash, made.cash) == (300, 200, 1000)
    assert holds(made)


def test_a_removed_one_leaves_cash_and_holdings_unassigned_and_keeps_what_it_earned() -> None:
    trades = [fill(1, "a", OrderSide.BUY, "3", "33.1"), fill(2, "a", OrderSide.BUY, "4", "31.7"), fill(3, "a", OrderSide.SELL, "2", "40")]
    before, made = ledger(*trades), ledger(*trades, REMOVED)
    assert (made.cash, made.net("X")) == (before.cash, before.net("X"))
    assert (made.books["a"].cash, made.books["a"].quantity("X"), made.books["a"].fees) == (0, 0, 3)
    assert made.books[UNASSIGNED].quantity("X") == 5
    assert made.books[UNASSIGNED].cash + made.books[UNASSIGNED].cost() == 1000 + before.books["a"].realised - 3
    assert holds(made)


def test_what_its_orders_still_fill_is_unassigned_until_it_is_added_again() -> None:
    late = fill(2, "a", OrderSide.BUY, "1", "10")
    made = ledger(fill(1, "a", OrderSide.BUY, "1", "10"), REMOVED, late)
    assert (made.quantity("a", "X"), made.books["a"].quantity("X"), made.net("X")) == (2, 0, 2)
    made.apply(FillCorrected(late.order_id, "a", "X", late.side, "e3", "e2", D(2), D(10), D(1), D(1), D(10), D(1)))
    assert made.books[UNASSIGNED].quantity("X") == 3
    made.apply(StrategyRevised("c3", "added", "a", 12, '{"id":"a"}', D(100), ""))
    made.apply(fill(4, "a", OrderSide.BUY, "1", "10"))
    assert (made.books["a"].quantity("X"), made.books["a"].cash) == (1, 89)
    assert holds(made)


def test_set_and_refused_move_nothing() -> None:
    for outcome in ("set", "refused"):
        assert ledger(StrategyRevised("c", outcome, "a", 3, "", D(77), "")).to_state() == ledger().to_state()


def test_a_restart_under_the_files_budgets_keeps_what_commands_made_of_them() -> None:
    made = ledger(fill(1, "a", OrderSide.BUY, "1", "10"), REMOVED, ADDED)
    again = Ledger.from_state(made.to_state(), {"a": D(500), "c": D(50)})
    assert again.books["b"].cash == 300
    assert again.books[UNASSIGNED].cash == made.books[UNASSIGNED].cash - 50
    assert again.quantity("a", "X") == 1
    assert Ledger.from_state(made.to_state(), {"a": D(500)}).to_state() == made.to_state()


def test_a_state_taken_anywhere_goes_on_to_the_same_bytes() -> None:
    added = StrategyRevised("c1", "added", "b", 7, '{"id":"b"}', D("300.50"), "ann: why")
    events = (added, StrategyRevised("c2", "removed", "b", 9, "", D(0), "ann: why"), StrategyRevised("c3", "added", "b", 11, "", D(300), "ann: why"))
    whole = ledger(*events)
    for cut in range(len(events) + 1):
        again = Ledger.from_state(ledger(*events[:cut]).to_state())
        for event in events[cut:]:
            again.apply(event)
        assert encode(again.to_state()) == encode(whole.to_state()), cut
