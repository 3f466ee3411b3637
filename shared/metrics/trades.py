"""Round trips from fills: a trade runs from flat to flat of one symbol in one strategy's book.

Promises: scaling in and out belongs to one trade, so how an order was cut into fills changes no statistic; a fill through zero closes one
trade and opens the next, its fee split by quantity; P&L is exact and is the ledger's own. First-in-first-out and average cost agree
on a closed trade; of one still open the closed part is what the ledger realised, so `sum(pnl)` over trades is the realised profit to the
last digit, and `sum(fees)` the fees. Money is the account's: of an instrument of another currency at the rates of its fills, what is still
open at the newest rate; what the balances made by their rates is not a trade's (`Exchange`). Fills of orders no strategy owns trade in one book, UNOWNED, as in the ledger.

A trade still open at the end is valued at the symbol's last mark, at its cost where there is none. Splits and assignments of holdings are
not fills: a run with them has trades that do not close here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from shared.domain.exact import ONE, ZERO, add, magnitude, multiply, negate, share, subtract
from shared.domain.ledger import OWNERLESS
from shared.domain.position import Position
from shared.events import OrderSide

from .excursion import Marks, Step
from .record import Exchange, FillRecord, Prices

UNOWNED: Final = "unassigned"


@dataclass(frozen=True, slots=True)
class Trade:
    """One round trip. quantity: the largest held, units. *_price: average over the fills that built or reduced it, in the instrument's currency, rounded to 18 decimals;
    exit_price: None while nothing was closed. exit_ns: None while open. pnl: realised, before fees; unrealised: at the last mark, 0 when
    closed; net: pnl + unrealised - fees. share: net over the money entered, None where that is 0. mae, mfe: worst and best result before
    fees seen at the symbol's marks while held, money, <= 0 and >= 0; None without marks. bars: marks of the symbol while held.
    slippage: cost in money, positive: worse."""

    strategy: str
    symbol: str
    direction: Literal["long", "short"]
    quantity: Decimal
    entry_ns: int
    entry_price: Decimal
    exit_ns: int | None
    exit_price: Decimal | None
    pnl: Decimal
    unrealised: Decimal
    fees: Decimal
    net: Decimal
    share: float | None
    mae: float | None
    mfe: float | None
    bars: int
    fills: int
    slippage: float


def owner(strategy: str) -> str:
    """The book a fill trades in."""
    return UNOWNED if strategy in OWNERLESS else strategy


def slippage_cost(fill: FillRecord) -> float:
    """Money a fill lost against the mark when its order was submitted, positive: worse."""
    return fill.slippage * float(fill.quantity) * float(fill.multiplier)


def round_trips(fills: Sequence[FillRecord], prices: Mapping[str, Prices], exchange: Exchange | None = None) -> tuple[Trade, ...]:
    """All trades, by entry time; fills in the order they were booked. Linear in fills and marks. exchange: rates of other currencies, where
    there are fills in one."""
    books: dict[tuple[str, str], _Open] = {}
    currencies = {fill.symbol: fill.currency for fill in fills if fill.currency}
    history = exchange.history if exchange is not None else {}
    marks = {symbol: Marks.of(p, history.get(currencies.get(symbol, ""))) for symbol, p in prices.items()}
    trades: list[Trade] = []
    for fill in fills:
        key = (owner(fill.strategy), fill.symbol)
        for part in _parts(fill, books[key].position.quantity if key in books else ZERO):
            book = books.get(key)
            if book is None:
                book = books[key] = _Open(*key, part.side, part.ts_ns)
            book.fill(part)
            if not book.position.quantity:
                trades.append(book.trade(marks.get(fill.symbol), part.ts_ns))
                del books[key]
    for (_, symbol), book in books.items():
        if exchange is not None and symbol in currencies:
            book.revalue(exchange.rates.get(currencies[symbol], ONE))
        trades.append(book.trade(marks.get(symbol), None))
    trades.sort(key=lambda t: t.entry_ns)
    return tuple(trades)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a fill belongs to one trade: all of it, unless it crosses zero. slippage: money. contract: of its own currency a point."""

    ts_ns: int
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    multiplier: Decimal
    contract: Decimal
    slippage: float


def _parts(fill: FillRecord, held: Decimal) -> tuple[_Part, ...]:
    cost, contract = slippage_cost(fill), share(fill.multiplier, ONE, fill.rate)
    crosses = held and (held > 0) != (fill.side is OrderSide.BUY) and fill.quantity > magnitude(held)
    if not crosses:
        return (_Part(fill.ts_ns, fill.side, fill.quantity, fill.price, fill.fee, fill.multiplier, contract, cost),)
    closing = magnitude(held)
    fee = share(fill.fee, closing, fill.quantity)
    part = cost * float(closing / fill.quantity)
    return (
        _Part(fill.ts_ns, fill.side, closing, fill.price, fee, fill.multiplier, contract, part),
        _Part(fill.ts_ns, fill.side, subtract(fill.quantity, closing), fill.price, subtract(fill.fee, fee), fill.multiplier, contract, cost - part),
    )


@dataclass(slots=True)
class _Side:
    """Fills on one side of a trade: units, price x units, money."""

    units: Decimal = ZERO
    weighted: Decimal = ZERO
    money: Decimal = ZERO

    def add(self, part: _Part) -> None:
        weighted = multiply(part.quantity, part.price)
        self.units = add(self.units, part.quantity)
        self.weighted = add(self.weighted, weighted)
        self.money = add(self.money, multiply(weighted, part.multiplier))

    @property
    def average(self) -> Decimal | None:
        return share(self.weighted, ONE, self.units) if self.units else None


@dataclass(slots=True)
class _Open:
    """A trade while it lasts."""

    strategy: str
    symbol: str
    side: OrderSide
    entry_ns: int
    position: Position = field(default_factory=Position)
    entries: _Side = field(default_factory=_Side)
    exits: _Side = field(default_factory=_Side)
    largest: Decimal = ZERO
    fees: Decimal = ZERO
    slippage: float = 0.0
    cash: Decimal = ZERO
    contract: Decimal = ONE
    steps: list[Step] = field(default_factory=list)

    def fill(self, part: _Part) -> None:
        signed = part.quantity if part.side is OrderSide.BUY else negate(part.quantity)
        self.position.multiplier, self.contract = part.multiplier, part.contract
        paid, _ = self.position.trade(signed, part.price)
        (self.entries if part.side is self.side else self.exits).add(part)
        self.largest = max(self.largest, magnitude(self.position.quantity))
        self.fees = add(self.fees, part.fee)
        self.slippage += part.slippage
        self.cash = subtract(self.cash, paid)
        self.steps.append(Step(part.ts_ns, float(multiply(self.position.quantity, part.contract)), float(self.cash)))

    def revalue(self, rate: Decimal) -> None:
        """What is still held is worth this a unit of its currency."""
        self.position.multiplier = multiply(self.contract, rate)

    def trade(self, marks: Marks | None, exit_ns: int | None) -> Trade:
        pnl, entry = self.position.realised, self.entries.average
        assert entry is not None, "a trade begins with a fill"
        unrealised = self.position.unrealised(marks.last if marks is not None else None) if exit_ns is None else ZERO
        net = subtract(add(pnl, unrealised), self.fees)
        seen = marks.seen(self.steps, exit_ns, float(add(pnl, unrealised))) if marks is not None else None
        money = magnitude(self.entries.money)
        return Trade(
            strategy=self.strategy,
            symbol=self.symbol,
            direction="long" if self.side is OrderSide.BUY else "short",
            quantity=self.largest,
            entry_ns=self.entry_ns,
            entry_price=entry,
            exit_ns=exit_ns,
            exit_price=self.exits.average,
            pnl=pnl,
            unrealised=unrealised,
            fees=self.fees,
            net=net,
            share=float(net / money) if money else None,
            mae=seen.worst if seen is not None else None,
            mfe=seen.best if seen is not None else None,
            bars=seen.bars if seen is not None else 0,
            fills=len(self.steps),
            slippage=self.slippage,
        )
