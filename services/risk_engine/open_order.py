"""One order that may still fill, and what each event of the order path leaves of it: pure, so the core can ask before it folds.

Who may end an order here: the broker's word, booked by the router (rejected, canceled, expired, filled), or the router's proof that it
never got there (abandoned). An unknown outcome ends nothing. While a replace is open the order counts at the larger of its terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.domain.exact import ZERO, add, subtract
from shared.domain.order_group import REPLACES_MAX
from shared.events import (
    Event,
    ExitsReduced,
    ExternalOrderSeen,
    FillCorrected,
    OrderAbandoned,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
)


class OpenOrder(msgspec.Struct, frozen=True):
    """terms: in force; approved: as first approved. unit_value: money of its currency a unit it is counted at; opening: units of it that opened
    exposure. pending: terms of open replaces by replace_no; replace_no: the newest decided. ended: empty while it may fill; `absent` where the router
    said it never got there. group, role: of an order the router holds together with others, which may be sent for less than was approved. resting:
    limit a market order was routed with. taken: of the first of a group, units its exits protected that are gone without them. deadline_ns: until
    when it may be sent, halt_epoch: in which; 0 of one we did not approve."""

    order_id: str
    strategy: str
    terms: OrderTerms
    unit_value: Decimal
    opening: Decimal
    approved: OrderTerms
    filled: Decimal = ZERO
    pending: tuple[tuple[int, OrderTerms], ...] = ()
    replace_no: int = 0
    ended: str = ""
    group: str = ""
    role: str = ""
    resting: Decimal | None = None
    taken: Decimal = ZERO
    deadline_ns: int = 0
    halt_epoch: int = 0

    @property
    def symbol(self) -> str:
        return self.terms.symbol

    @property
    def side(self) -> OrderSide:
        return self.terms.side

    @property
    def newest(self) -> OrderTerms:
        """Terms it will have if every replace goes through."""
        return self.pending[-1][1] if self.pending else self.terms

    @property
    def counted(self) -> Decimal:
        """Units it may come to in all: the largest of its terms."""
        return max(self.terms.quantity, *(terms.quantity for _, terms in self.pending)) if self.pending else self.terms.quantity

    @property
    def leaves(self) -> Decimal:
        """Units that may still fill."""
        if self.ended:
            return ZERO
        return max(ZERO, subtract(self.counted, self.filled)) if self.filled else self.counted


def after(order: OpenOrder, event: Event) -> OpenOrder:
    """The order once the event is folded."""
    change = _CHANGES.get(type(event))
    return order if change is None else change(order, event)


def _ended(order: OpenOrder, how: str) -> OpenOrder:
    return msgspec.structs.replace(order, ended=how, pending=())


def _filled(order: OpenOrder, e: OrderFilled) -> OpenOrder:
    order = msgspec.structs.replace(order, filled=add(order.filled, e.quantity))
    # with a replace open, `leaves` 0 speaks of the old terms: the broker may already work the new ones
    return _ended(order, "filled") if not order.leaves or (e.leaves <= 0 and not order.pending) else order


def _corrected(order: OpenOrder, e: FillCorrected) -> OpenOrder:
    return msgspec.structs.replace(order, filled=add(order.filled, subtract(e.quantity, e.previous_quantity)))


def _replace_approved(order: OpenOrder, e: ReplaceApproved) -> OpenOrder:
    grown = max(ZERO, subtract(e.terms.quantity, order.counted))
    return msgspec.structs.replace(
        order, pending=(*order.pending, (e.replace_no, e.terms)), replace_no=e.replace_no, opening=add(order.opening, grown)
    )


def _replaced(order: OpenOrder, e: OrderReplaced) -> OpenOrder:
    rest = tuple((no, terms) for no, terms in order.pending if no > e.replace_no)
    order = msgspec.structs.replace(order, terms=e.terms, pending=rest)
    return order if order.leaves else _ended(order, "filled")


def _replace_rejected(order: OpenOrder, e: ReplaceRejected) -> OpenOrder:
    rest = tuple((no, terms) for no, terms in order.pending if no != e.replace_no)
    order = msgspec.structs.replace(order, pending=rest)
    return order if order.leaves else _ended(order, "filled")


def _routed(order: OpenOrder, e: OrderRouted) -> OpenOrder:
    limits = [child.terms.limit_price for child in e.children if child.terms.limit_price is not None]
    if not limits or order.terms.type is not OrderType.MARKET:
        return order
    return msgspec.structs.replace(order, resting=max(limits) if order.side is OrderSide.BUY else min(limits))


def _sent(order: OpenOrder, e: OrderSending) -> OpenOrder:
    return msgspec.structs.replace(order, terms=e.terms) if order.group else order


def _replace_sent(order: OpenOrder, e: ReplaceSending) -> OpenOrder:
    """The router's own replace of a group's order, which nobody asked risk for: within what was approved."""
    if not order.group or e.replace_no <= REPLACES_MAX:
        return order
    return msgspec.structs.replace(order, pending=(*order.pending, (e.replace_no, e.terms)))


def _external(order: OpenOrder, e: ExternalOrderSeen) -> OpenOrder:
    order = msgspec.structs.replace(order, terms=e.terms, filled=e.filled)
    return order if e.working and order.leaves else _ended(order, "gone")


def _exits_reduced(order: OpenOrder, e: ExitsReduced) -> OpenOrder:
    return msgspec.structs.replace(order, taken=max(order.taken, e.quantity))


_CHANGES: Final[Mapping[type[Event], Callable[[OpenOrder, Any], OpenOrder]]] = {
    OrderFilled: _filled,
    FillCorrected: _corrected,
    OrderRejected: lambda order, _: _ended(order, "absent"),
    OrderAbandoned: lambda order, _: _ended(order, "absent"),
    OrderCanceled: lambda order, _: _ended(order, "canceled"),
    OrderExpired: lambda order, _: _ended(order, "expired"),
    ReplaceApproved: _replace_approved,
    OrderReplaced: _replaced,
    ReplaceRejected: _replace_rejected,
    ExternalOrderSeen: _external,
    OrderRouted: _routed,
    OrderSending: _sent,
    ReplaceSending: _replace_sent,
    ExitsReduced: _exits_reduced,
}
