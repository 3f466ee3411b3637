"""What a corporate action makes of the books, exactly.

A split leaves every strategy whole lots of its own and pays it for what is past them; the account keeps the whole lots of its sum and is
paid what the broker says. Both differ, since parts of a lot add up: what is left over, in units and in money, is the unassigned book's, so
the account is the broker's to the last digit and no strategy needs to know what another holds. Cost moves with the units: what is paid out
counts as sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shared.events import CorporateAction

from .book import Book
from .exact import ONE, ZERO, add, magnitude, multiply, negate, share, subtract, whole
from .money import Unit
from .position import Abroad


def units_after(quantity: Decimal, e: CorporateAction) -> Decimal:
    """Units a holding keeps after a split: whole lots towards zero; without a lot all of them (rounded where they do not end)."""
    if not e.lot:
        return share(quantity, e.ratio, e.per)
    return multiply(whole(multiply(quantity, e.ratio), multiply(e.per, e.lot)), e.lot)


def split(books: Mapping[str, Book], rest: str, net: Decimal, unit: Unit, e: CorporateAction) -> None:
    """rest: name of the book that takes what is left over. net: the account's holding before. Price and cash are in the instrument's currency."""
    units, cash = units_after(net, e), e.cash
    for name in sorted(books):
        held = books[name].quantity(e.symbol)
        if name == rest or not held:
            continue
        kept = units_after(held, e)
        past = subtract(multiply(held, e.ratio), multiply(kept, e.per))
        paid = share(multiply(past, e.price), unit.contract, e.per)
        _become(books[name], e, kept, paid, unit)
        units, cash = subtract(units, kept), subtract(cash, paid)
    if units or cash or books[rest].quantity(e.symbol):
        _become(books[rest], e, units, cash, unit)


def rename(books: Mapping[str, Book], old: str, new: str, unit: Unit) -> None:
    """The holding goes on under another symbol."""
    for book in books.values():
        moved = book.positions.pop(old, None)
        if moved is None:
            continue
        there = book.position(new)
        there.count_in(unit)
        if there.abroad is not None:
            paid = moved.abroad.cost if moved.abroad is not None else share(moved.cost, ONE, unit.rate)
            there.abroad = Abroad(add(there.abroad.cost, paid), unit.contract)
        there.quantity = add(there.quantity, moved.quantity)
        there.cost = add(there.cost, moved.cost)
        there.realised = add(there.realised, moved.realised)
        there.fees = add(there.fees, moved.fees)


def settle(books: Mapping[str, Book], symbol: str, price: Decimal, unit: Unit) -> None:
    """The holding ends and is paid at the price (0: worthless)."""
    for book in books.values():
        if held := book.quantity(symbol):
            book.trade(symbol, negate(held), price, unit)


def _become(book: Book, e: CorporateAction, kept: Decimal, paid: Decimal, unit: Unit) -> None:
    """A holding becomes `kept` new units and its book is paid for the difference, in the instrument's currency."""
    position = book.position(e.symbol)
    position.count_in(unit)
    worth = book.pay(paid, unit.currency, unit.rate)
    grown = multiply(position.quantity, e.ratio)
    gone = subtract(grown, multiply(kept, e.per))
    if position.abroad is not None:
        position.abroad = Abroad(_left(grown, gone, position.abroad.cost, paid)[0], unit.contract)
    position.cost, profit = _left(grown, gone, position.cost, worth)
    position.quantity = kept
    position.realised = add(position.realised, profit)
    book.realised = add(book.realised, profit)


def _left(grown: Decimal, gone: Decimal, cost: Decimal, paid: Decimal) -> tuple[Decimal, Decimal]:
    """(cost of what is kept, profit). Units that go are sold for what is paid, units that come are bought, a holding that turns over is closed
    first. Units in 1/per of a new one, in which all of them are whole."""
    if grown and gone and (gone > 0) == (grown > 0):
        if magnitude(gone) <= magnitude(grown):
            sold = cost if gone == grown else share(cost, gone, grown)
            return subtract(cost, sold), subtract(paid, sold)
        closed = share(paid, grown, gone)
        return subtract(closed, paid), subtract(closed, cost)
    return (subtract(cost, paid), ZERO) if gone else (cost, paid)
