"""What is said over the link to a paper venue: one structure a request, one an answer. msgpack, bounded, typed; no transport here.

Times: now_ns is the caller's trading time (the log's) under a feed clock; 0 lets the venue take its own wall clock. A request that changes
something is named: a submit and a replace by their client_order_id, a cancel by its order and attempt, an advance by its row, an act of the
operator by its reference; said again it is answered as the first time.
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar, get_args

import msgspec

from shared.events import AccountRow, ActionPlaced, ActionRow, ExecutionRow, OrderRow, OrderSide, OrderTerms, PositionRow

from .faults import FaultSpec
from .prices import reasonable
from .reports import Report

PAGE_ROWS_MAX: Final = 1_000


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Base of everything below. New fields go last, with a default."""


class Advance(Message, frozen=True):
    """A market event. row: its number in the feed, dense from 1; 0: an unnumbered event of a live feed."""

    row: int
    now_ns: int
    tag: int
    body: bytes


class Advanced(Message, frozen=True):
    """head: newest report any advance up to this row caused; what must be in the log before the row itself."""

    head: int


class Submit(Message, frozen=True):
    """group: OCO group, empty for a plain order."""

    client_order_id: str
    terms: OrderTerms
    now_ns: int = 0
    group: str = ""


class Cancel(Message, frozen=True):
    """attempt: from 1, names the request; 0: unnamed, each one acts. broker_order_id: which, where client_order_id is empty."""

    client_order_id: str
    attempt: int = 0
    now_ns: int = 0
    broker_order_id: str = ""


class Replace(Message, frozen=True):
    """terms: whole new terms of the order that takes the place of `replaces`; their quantity includes what is filled already."""

    client_order_id: str
    replaces: str
    terms: OrderTerms
    now_ns: int = 0


class OrderQuery(Message, frozen=True):
    client_order_id: str


class Since(Message, frozen=True):
    """What follows report n, oldest first, at most limit rows."""

    n: int
    limit: int = PAGE_ROWS_MAX


class ExternalTrade(Message, frozen=True):
    """A trade a person made in the broker's own application."""

    client_order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    now_ns: int = 0


class CashFlowRequest(Message, frozen=True):
    """reference names it. symbol: of a dividend. currency: empty for the symbol's, or else the account's."""

    kind: str
    amount: Decimal
    reference: str
    now_ns: int = 0
    symbol: str = ""
    currency: str = ""


class ActionRequest(Message, frozen=True):
    """A corporate action; its reference names it."""

    action: ActionRow
    now_ns: int = 0


class FaultRequest(Message, frozen=True):
    """Put a fault in force; None clears all."""

    spec: FaultSpec | None = None


class Empty(Message, frozen=True):
    """A request without arguments."""


class OrderAnswer(Message, frozen=True):
    """The venue's word. code empty: taken, `order` is how it stood after the request. code set: a definite no, with `order` when a submission or
    replace ended as a rejected order. head: newest report that had been made when it was answered."""

    order: OrderRow | None
    head: int
    code: str = ""
    text: str = ""


class OrdersAnswer(Message, frozen=True):
    rows: tuple[OrderRow, ...]
    head: int


class ExecutionsAnswer(Message, frozen=True):
    """next: pass it as the next `n`; more: there are further ones."""

    rows: tuple[ExecutionRow, ...]
    next: int
    more: bool


class PositionsAnswer(Message, frozen=True):
    rows: tuple[PositionRow, ...]
    head: int


class AccountAnswer(Message, frozen=True):
    account: str
    row: AccountRow
    head: int


class StateAnswer(Message, frozen=True):
    """One consistent reading that reflects every report up to head and none after. more: executions stop before head; read those first.
    actions: those among its executions. clock_ns: the venue's wall clock as it answered; 0: it has none (feed clock)."""

    account: str
    orders: tuple[OrderRow, ...]
    executions: tuple[ExecutionRow, ...]
    positions: tuple[PositionRow, ...]
    totals: AccountRow
    head: int
    next: int
    more: bool
    as_of: int
    actions: tuple[ActionPlaced, ...] = ()
    clock_ns: int = 0


class ReportsAnswer(Message, frozen=True):
    """A page of the report stream; also what is pushed. head: newest report there is."""

    reports: tuple[Report, ...]
    head: int


class Done(Message, frozen=True):
    """It happened; head: newest report."""

    head: int


class ProtocolError(ValueError):
    """Not one of these messages."""


M = TypeVar("M", bound=Message)
_encode = msgspec.msgpack.Encoder(decimal_format="string").encode
_decoders: dict[type[Message], Any] = {}


def encode(message: Message) -> bytes:
    return _encode(message)


def decode(kind: type[M], raw: bytes) -> M:
    """Raises ProtocolError: malformed, of other types, or with a number no money has."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind, dec_hook=None)
    try:
        message: M = decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
        raise ProtocolError(f"{kind.__name__}: {error}") from None
    return checked(message)


def checked(message: M) -> M:
    """The message. Raises ProtocolError for a number no money has. Requests that carry money carry it at most one level deep: their own fields and
    those of their terms or action."""
    for holder in (message, getattr(message, "terms", None), getattr(message, "action", None)):
        for name in () if holder is None else _decimal_fields(holder.__class__):
            value = getattr(holder, name)
            if value is not None and not reasonable(value):
                raise ProtocolError(f"{name} is no number that money or a quantity can be")
    return message


@cache
def _decimal_fields(kind: Hashable) -> tuple[str, ...]:
    """Names of a struct's fields that are decimals."""
    assert isinstance(kind, type)
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type is Decimal or Decimal in get_args(field.type))
