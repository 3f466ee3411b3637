"""The account, written a second way: holdings by book, money by currency, what happened outside of orders, whose what is (I6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Final

from shared import events as ev
from shared.events import Envelope

from .evidence_model import EvidenceModel
from .market import CURRENCIES
from .truth import ZERO, Money, Truth, hold, signed, since, told_money, whole_lots

UNASSIGNED: Final = ""
NOBODY: Final = frozenset({"risk", "external"})  # whose orders trade for no strategy


class AccountModel:
    """books: holdings by owner and symbol; positions: of the account; money: moved since the venue's account began. executions, references: booked.
    baseline: newest report that is in the opening. reduces: trades by hand close strategies' holdings."""

    def __init__(self, truth: Truth, evidence: EvidenceModel, opened: Money, *, reduces: bool) -> None:
        self._truth, self._evidence, self._opened, self._reduces = truth, evidence, opened, reduces
        self.positions: Counter[str] = Counter()
        self.books: dict[str, Counter[str]] = defaultdict(Counter)
        self.money = Money()
        self.executions: set[str] = set()
        self.references: set[str] = set()
        self.baseline = 0
        self.opened = False
        self.claims: dict[str, ev.ClaimRequested] = {}
        self._moves: dict[tuple[str, str], list[tuple[int, Decimal]]] = defaultdict(list)  # by owner and symbol: from which seq on, what
        self._gone: set[str] = set()
        self._since: dict[str, int] = {}
        self._answered: dict[tuple[int, str, str], Decimal] = defaultdict(Decimal)  # by what was followed, owner and symbol: moved by commands
        self._closing: dict[int, tuple[str, Decimal]] = {}  # by the seq of a fill nobody's order made: symbol and what of it may be somebody's

    def held(self, owner: str, symbol: str, before: int) -> Decimal:
        """In the book of an owner as risk had it when this seq came: what it said itself counts from what it followed from."""
        return sum((by for place, by in self._moves[(owner, symbol)] if place < before), ZERO)

    def open(self, e: ev.AccountOpened, at: Envelope) -> None:
        hold(not self.opened, "I6", "the account is opened twice")
        self.opened, self.baseline = True, self._evidence.reports[at.cause]
        holdings, self.money = self._truth.at[self.baseline]
        told = dict(zip(e.symbols, e.quantities, strict=True))
        hold(told == {s: q for s, q in holdings.items() if q}, "I6", f"opened with {told}, the venue had {holdings}")
        found, there = told_money(e.currency, e.cash, e.balances), since(self._opened, self.money)
        hold(found == there, "I6", f"opened with {found}, the venue had {there}")
        for symbol, quantity in told.items():
            self._move(UNASSIGNED, symbol, quantity, at.seq)

    def filled(self, e: ev.OrderFilled, at: Envelope, approved: int) -> None:
        """approved: what the order's approval follows from; a strategy that was added since has nothing of it."""
        self._first(e.execution_id, self.executions, "I5")
        quantity = signed(e.side, e.quantity)
        if e.strategy in NOBODY:
            self._closing[at.seq] = (e.symbol, quantity if e.strategy == "risk" or self._reduces else ZERO)
        nobodys = e.strategy in NOBODY or e.strategy in self._gone or approved < self._since.get(e.strategy, 0)
        self._move(UNASSIGNED if nobodys else e.strategy, e.symbol, quantity, at.seq)
        self.money = self.money.paid(e)

    def flow(self, e: ev.CashFlow, _: Envelope) -> None:
        self._first(e.reference, self.references, "I6")
        row = self._truth.flows.get(e.reference)
        hold(
            row is not None and (row.kind, row.currency, row.amount, row.symbol, row.units) == _of_flow(e),
            "I6",
            f"{e} is booked, the venue had {row}",
        )
        self.money = self.money.plus(e.currency, e.amount)

    def action(self, e: ev.CorporateAction, at: Envelope) -> None:
        """A split: each strategy keeps whole lots of its own, the account whole lots of the sum; what is left is nobody's."""
        self._first(e.reference, self.references, "I6")
        row = self._truth.actions.get(e.reference)
        hold(
            row is not None and (row.symbol, row.ratio, row.per, row.lot, row.cash) == (e.symbol, e.ratio, e.per, e.lot, e.cash), "I6", f"{e}: {row}"
        )
        rest = whole_lots(self.positions[e.symbol], e)
        for owner in sorted(set(self.books) - {UNASSIGNED}):
            before = self.books[owner][e.symbol]
            kept = whole_lots(before, e)
            rest -= kept
            self._move(owner, e.symbol, kept - before, at.seq)
        self._move(UNASSIGNED, e.symbol, rest - self.books[UNASSIGNED][e.symbol], at.seq)
        self.money = self.money.plus(CURRENCIES[e.symbol], e.cash)

    def revised(self, e: ev.StrategyRevised, at: Envelope) -> None:
        """What a removed strategy held as the answer came into force, and what its orders trade from there on, is nobody's."""
        if e.outcome == "added":
            self._gone.discard(e.strategy)
            self._since[e.strategy] = at.cause
        elif e.outcome == "removed":
            self._gone.add(e.strategy)
            for symbol in list(self.books[e.strategy]):
                moved = [(max(place, at.cause), by) for place, by in self._moves[(e.strategy, symbol)]]
                for place, by in moved:
                    self._move(e.strategy, symbol, -by, place)
                    self._move(UNASSIGNED, symbol, by, place)
                    if place == at.cause:  # claims that the same run begins with are answered in view of it
                        self._answered[(place, e.strategy, symbol)] -= by
                        self._answered[(place, UNASSIGNED, symbol)] += by

    def claim(self, e: ev.ClaimRequested, _: Envelope) -> None:
        self.claims[e.command] = e

    def assigned(self, e: ev.HoldingAssigned, at: Envelope) -> None:
        """What moves from one book to another is there, and asked for or closed by a fill."""
        source, into = self.held(UNASSIGNED, e.symbol, at.cause), self.held(e.strategy, e.symbol, at.cause)
        if e.command:  # those that one run begins with are answered each in view of the ones before it
            source += self._answered[(at.cause, UNASSIGNED, e.symbol)]
            into += self._answered[(at.cause, e.strategy, e.symbol)]
            self._answered[(at.cause, UNASSIGNED, e.symbol)] -= e.quantity
            self._answered[(at.cause, e.strategy, e.symbol)] += e.quantity
            claim = self.claims.pop(e.command, None)
            hold(claim is not None and (claim.symbol, claim.strategy) == (e.symbol, e.strategy), "I6", f"{e} was not asked for once")
            assert claim is not None
            giver, moved = (into, -e.quantity) if claim.quantity.startswith("-") else (source, e.quantity)
            hold(moved * giver > 0 and abs(moved) <= abs(giver), "I6", f"{e} moves what {giver} does not hold")
        else:
            symbol, left = self._closing.get(at.cause, ("", ZERO))
            hold(symbol == e.symbol and left * e.quantity > 0 and abs(e.quantity) <= abs(left), "I6", f"{e} was not closed by seq {at.cause}: {left}")
            hold(into * e.quantity < 0 and abs(e.quantity) <= abs(into), "I6", f"{e} closes more than the {into} that {e.strategy} held")
            self._closing[at.cause] = (symbol, left - e.quantity)
        self._move(e.strategy, e.symbol, e.quantity, at.cause)
        self._move(UNASSIGNED, e.symbol, -e.quantity, at.cause)

    def refused(self, alert: ev.Alert) -> None:
        """A claim answered with no."""
        self.claims.pop(alert.key.removeprefix("claim:"), None)

    def unbooked(self) -> list[str]:
        """What the venue did since the opening that is not booked."""
        done = self.executions | self.references
        return [name for name, report in self._truth.numbers.items() if report > self.baseline and name not in done]

    def _first(self, name: str, booked: set[str], invariant: str) -> None:
        self._truth.read()
        hold(name not in booked, invariant, f"{name} is booked twice")
        hold(self.opened, "I6", f"{name} is booked before the account is opened")
        hold(self._truth.numbers.get(name, 0) > self.baseline, "I6", f"{name} is booked and was in the opening, or never")
        booked.add(name)

    def _move(self, owner: str, symbol: str, quantity: Decimal, place: int) -> None:
        self.books[owner][symbol] += quantity  # type: ignore[assignment]  # Decimals
        self.positions[symbol] += quantity  # type: ignore[assignment]
        self._moves[(owner, symbol)].append((place, quantity))


def _of_flow(e: ev.CashFlow) -> tuple[str, str, Decimal, str, Decimal]:
    return (e.kind, e.currency, e.amount, e.symbol, e.units)
