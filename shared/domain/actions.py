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
from .exact import ZERO, add, magnitude, multiply, negate, share, subtract, whole


def units_after(quantity: Decimal, e: CorporateAction) -> Decimal:
    """Units a holding keeps after a split: whole lots towards zero; without a lot all of them (rounded where they do not end)."""
    if not e.lot:
        return share(quantity, e.ratio, e.per)
    return multiply(whole(multiply(quantity, e.ratio), multiply(e.per, e.lot)), e.lot)


def split(books: Mapping[str, Book], rest: str, net: Decimal, multiplier: Decimal, e: CorporateAction) -> None:
    """rest: name of the book that takes what is left over. net: the account's holding before."""
    units, cash = units_after(net, e), e.cash
    for name in sorted(books):
        held = books[name].quantity(e.symbol)
        if name == rest or not held:
            continue
        kept = units_after(held, e)
        past = subtract(multiply(held, e.ratio), multiply(kept, e.per))
        paid = share(multiply(past, e.price), multiplier, e.per)
        _become(books[name], e, kept, paid)
        units, cash = subtract(units, kept), subtract(cash, paid)
    if units or cash or books[rest].quantity(e.symbol):
        _become(books[rest], e, units, cash)


def rename(books: Mapping[str, Book], old: str, new: str, multiplier: Decimal) -> None:
    """The holding goes on under another symbol."""
    for book in books.values():
        moved = book.positions.pop(old, None)
        if moved is None:
            continue
        there = book.position(new)
        there.multiplier = multiplier
        there.quantity = add(there.quantity, moved.quantity)
        there.cost = add(there.cost, moved.cost)
        there.realised = add(there.realised, moved.realised)
        there.fees = add(there.fees, moved.fees)


def settle(books: Mapping[str, Book], symbol: str, price: Decimal) -> None:
    """The holding ends and is paid at the price (0: worthless)."""
    for book in books.values():
        position = book.positions.get(symbol)
        if position is not None and position.quantity:
            paid, profit = position.trade(negate(position.quantity), price)
            book.cash = subtract(book.cash, paid)
            book.realised = add(book.realised, profit)


def _become(book: Book, e: CorporateAction, kept: Decimal, paid: Decimal) -> None:
    """A holding becomes `kept` new units and its book is paid for the difference. Units that go are sold for it, units that come are bought, a
    holding that turns over is closed first. In 1/per of a new unit, in which all of them are whole."""
    position = book.position(e.symbol)
    grown, cost = multiply(position.quantity, e.ratio), position.cost
    gone = subtract(grown, multiply(kept, e.per))
    profit = ZERO
    if grown and gone and (gone > 0) == (grown > 0):
        if magnitude(gone) <= magnitude(grown):
            sold = cost if gone == grown else share(cost, gone, grown)
            position.cost, profit = subtract(cost, sold), subtract(paid, sold)
        else:
            closed = share(paid, grown, gone)
            position.cost, profit = subtract(closed, paid), subtract(closed, cost)
    elif gone:
        position.cost = subtract(cost, paid)
    else:
        profit = paid
    position.quantity = kept
    position.realised = add(position.realised, profit)
    book.cash = add(book.cash, paid)
    book.realised = add(book.realised, profit)
