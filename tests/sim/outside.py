"""What people and corporations do at the broker itself, past the engine: trades and orders by hand, cancels of ours, money in and out, dividends,
splits. At any moment, and only where the venue is there to do it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from shared.events import ActionRow, OrderSide, OrderTerms, OrderType, TimeInForce
from shared.venue import protocol as p

from .market import ABROAD, CURRENCIES, HOME, SYMBOLS
from .truth import WORKING
from .venue import SimulatedVenue

HAND: Final = "hand-"


class Outside:
    """fired: what was done, counted once the venue did it. purse: of which currency, of its own so that it moves nothing else."""

    def __init__(self, venue: SimulatedVenue, rng: random.Random, purse: random.Random, fired: Counter[str]) -> None:
        self._venue = venue
        self._purse = purse
        self._rng = rng
        self._fired = fired
        self._done = 0
        self.acts: dict[str, Callable[[], None]] = {
            "hand trade": self._trade,
            "hand order": self._order,
            "hand cancel": self._cancel,
            "cash flow": self._flow,
            "dividend": self._dividend,
            "split": self._split,
        }

    def leave(self) -> bool:
        """Take every order made by hand out; whether none is left."""
        for name in self._working(HAND):
            self._ask("hand cancel", "cancel", p.Cancel(name))
        return not self._working(HAND)

    def _trade(self) -> None:
        trade = p.ExternalTrade(self._name(HAND), self._symbol(), self._side(), self._units(), self._price())
        if trade.symbol in self._venue.core.market.instruments:  # a broker knows what it trades; this one may not have been told yet
            self._ask("hand trade", "external_trade", trade)

    def _order(self) -> None:
        kind = self._rng.choice((OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT))
        limit = self._price() if kind is OrderType.LIMIT else None
        terms = OrderTerms(self._symbol(), self._side(), kind, self._units(), limit, tif=TimeInForce.GTC)
        self._ask("hand order", "external_order", p.Submit(self._name(HAND), terms))

    def _cancel(self) -> None:
        """Of an order of ours or not."""
        if names := self._working(""):
            name = self._rng.choice(names)
            self._ask("hand cancel" if name.startswith(HAND) else "hand cancel of ours", "cancel", p.Cancel(name))

    def _flow(self) -> None:
        kind, sign = self._rng.choice((("deposit", 1), ("withdrawal", -1), ("fee", -1), ("interest", 1)))
        amount, currency = sign * Decimal(self._rng.randint(1, 900_000)) / 100, self._purse.choice((HOME, ABROAD))
        self._ask(_of(kind, currency), "cash_flow", p.CashFlowRequest(kind, amount, self._name("cash-"), 0, "", currency))

    def _dividend(self) -> None:
        amount, name, symbol = Decimal(self._rng.randint(1, 9_999)) / 100, self._name("cash-"), self._symbol()
        self._ask(_of("dividend", CURRENCIES[symbol]), "cash_flow", p.CashFlowRequest("dividend", amount, name, 0, symbol))

    def _split(self) -> None:
        """Near one for one: the market's next price is no jump that closes every gate."""
        ratio, per = self._rng.choice(((41, 40), (40, 41), (101, 100)))
        row = ActionRow("split", self._symbol(), self._name("action-"), 0, Decimal(ratio), Decimal(per))
        self._ask("split", "corporate_action", p.ActionRequest(row))

    def _ask(self, what: str, method: str, message: p.Message) -> None:
        if not self._venue.up:
            return
        outcome = self._venue.handle(method, p.encode(message))
        if outcome is not None and not outcome.code and not getattr(outcome.said, "code", ""):
            self._fired[what] += 1

    def _working(self, prefix: str) -> list[str]:
        return sorted(name for name, row in self._venue.books.orders.items() if row.status in WORKING and name.startswith(prefix))

    def _name(self, prefix: str) -> str:
        self._done += 1
        return f"{prefix}{self._done}"

    def _symbol(self) -> str:
        return self._rng.choice(SYMBOLS)

    def _side(self) -> OrderSide:
        return self._rng.choice(list(OrderSide))

    def _units(self) -> Decimal:
        return Decimal(self._rng.randint(1, 25))

    def _price(self) -> Decimal:
        return Decimal(10_000 + self._rng.randint(-40, 40)) / 100


def _of(kind: str, currency: str) -> str:
    return kind if currency == HOME else f"{kind} in {currency}"
