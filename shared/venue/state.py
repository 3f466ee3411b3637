"""The core's state as bytes and back: everything but the newest prices and rates and the rows of ended orders, which a ledger keeps row by row.

Canonical: equal states give equal bytes. Bytes of another layout are refused with `StateIncompatible`, never half read; layout 1 knew one currency
and is read as the account it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from shared.events import InstrumentDefined, OrderRow, Quote

from .account import Account
from .book import NEVER, Book, Due, Replacement
from .core import MatchingCore
from .market import Hours, Newest
from .orders import Working
from .settings import VenueSettings

LAYOUT: Final = 2
_READ: Final = frozenset({1, LAYOUT})


class StateIncompatible(Exception):
    """The bytes were written by another layout of this module."""


class State(msgspec.Struct, array_like=True):
    layout: int
    next_report: int
    next_order: int
    next_act: int
    next_execution: int
    now: int
    account: Account
    books: list[tuple[str, list[Working], list[Due]]]
    replacements: list[Replacement]
    instruments: list[InstrumentDefined]
    halted: list[str]
    hours: list[tuple[str, Hours]]
    taken: list[tuple[Quote, Decimal, Decimal]]


_encode = msgspec.msgpack.Encoder(order="sorted").encode
_decode = msgspec.msgpack.Decoder(State).decode


def dump(core: MatchingCore) -> bytes:
    market, clerk = core.market, core._clerk  # noqa: SLF001  # the one module that reads the core's inside
    return _encode(
        State(
            LAYOUT,
            core.report_number + 1,
            core._next_order,  # noqa: SLF001
            core._next_act,  # noqa: SLF001
            clerk.next_execution,
            core._now,  # noqa: SLF001
            clerk.account,
            [(symbol, book.orders, book.acts) for symbol, book in sorted(core.books.items())],
            [r for _, r in sorted(core.replacements.items())],
            [i for _, i in sorted(market.instruments.items())],
            sorted(market.halted),
            sorted(market.hours.items()),
            [t for _, t in sorted(market.taken.items())],
        )
    )


def load(settings: VenueSettings, raw: bytes, ended: Iterable[OrderRow], newest: Iterable[Newest]) -> MatchingCore:
    """A core that goes on where `dump` stood. ended: last rows of ended orders; newest: newest print and quote of each symbol and rate of each
    currency, oldest first. Raises StateIncompatible."""
    try:
        state = _decode(raw)
    except msgspec.MsgspecError as error:
        raise StateIncompatible(str(error)) from None
    if state.layout not in _READ:
        raise StateIncompatible(f"layout {state.layout}, this build has {LAYOUT}")
    core = MatchingCore(settings)
    market, clerk = core.market, core._clerk  # noqa: SLF001
    core._recorder.next_number = state.next_report  # noqa: SLF001
    core._next_order, core._next_act, core._now = state.next_order, state.next_act, state.now  # noqa: SLF001
    clerk.next_execution, clerk.account = state.next_execution, state.account
    clerk.done = {row.client_order_id: row for row in ended}
    market.instruments.update((i.symbol, i) for i in state.instruments)
    market.halted.update(state.halted)
    market.hours.update(state.hours)
    market.taken.update((t[0].symbol, t) for t in state.taken)
    core.replacements.update((r.client_order_id, r) for r in state.replacements)
    for event in newest:
        market.remember(event)
    core._due = NEVER  # noqa: SLF001
    for symbol, orders, acts in state.books:
        book = Book(symbol)
        book.orders, book.acts = orders, acts
        core.books[symbol] = book
        clerk.working.update((o.client_order_id, o) for o in orders)
        if acts:
            core._due = min(core._due, acts[0].ns)  # noqa: SLF001
    core._settle_all()  # noqa: SLF001
    return core
