"""Brackets and pairs, written a second way: what each leg may have, what they can still do together, and that it is all or nothing.

An exit never has more than its entry filled; the legs of a pair together never more than one of them was approved for. A fill that overtakes that
is a fact, and a person is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from shared.events import OrderSide

from .truth import ZERO, hold

if TYPE_CHECKING:
    from .orders_model import Order

EXITS: Final = frozenset({"take_profit", "stop_loss"})
OWN_REPLACES: Final = 1_000  # the router's own begin here


class GroupsModel:
    """By group, its legs in the order they were approved; size: how many there are to be. native: the venue keeps one-cancels-other itself."""

    def __init__(self, *, native: bool) -> None:
        self._native = native
        self.legs: dict[str, list[Order]] = defaultdict(list)
        self.sizes: dict[str, int] = {}

    def joined(self, order: Order, size: int) -> None:
        hold(order.group == (self.legs[order.group] or [order])[0].order_id, "group", f"{order.order_id} is of group {order.group}")
        self.legs[order.group].append(order)
        self.sizes[order.group] = size
        hold(len(self.legs[order.group]) <= size, "group", f"{order.group} has more than {size} legs")

    def is_held(self, order: Order) -> bool:
        """Whether it is one that waits for another."""
        return bool(order.group) and order.group != order.order_id

    def room(self, order: Order) -> Decimal:
        """The whole quantity it may have now, by what is booked."""
        legs = self.legs[order.group]
        others = sum((leg.filled for leg in legs if leg is not order and leg.role != "entry"), ZERO)
        whole = order.approved if order.role == "oco" else min(order.approved, legs[0].filled)
        return whole - (ZERO if self._native and order.sent else others)

    def open(self, orders: list[Order], side: OrderSide) -> Decimal:
        """What legs that share can still do on a side, of these orders: of each group the worst of them, within what is left."""
        most: Counter[str] = Counter()
        for order in orders:
            if order.shares and order.terms.side is side:
                legs = [leg for leg in self.legs[order.group] if leg.shares and leg.terms.side is side]
                done = sum((leg.filled for leg in legs), ZERO)
                whole = order.largest if order.role == "oco" else self.legs[order.group][0].filled
                most[order.group] = max(most[order.group], min(order.leaves, whole - done))  # type: ignore[type-var, assignment]  # Decimals
        return sum((Decimal(units) for units in most.values()), ZERO)

    def filled(self, order: Order) -> None:
        """An exit alone never closes more than is there."""
        if order.role in EXITS:
            entered = self.legs[order.group][0].filled
            hold(order.filled <= entered, "group", f"{order.order_id} closed {order.filled} of the {entered} its entry opened")

    def unfinished(self, working: Mapping[str, object], alerts: Mapping[str, int]) -> Iterator[str]:
        """working: client ids of what is open at the venue."""
        for group, legs in self.legs.items():
            if len(legs) != self.sizes[group]:
                yield f"{group} is approved in part: {len(legs)} of {self.sizes[group]}"
            sharing = [leg for leg in legs if leg.shares]
            done = sum((leg.filled for leg in sharing), ZERO)
            meant = legs[0].filled if legs[0].role == "entry" else max(leg.largest for leg in legs)
            if done > meant and not any(key.startswith(f"group_overfilled:{group}:") for key in alerts):
                yield f"the legs of {group} filled {done} of {meant} and nobody was told"
            for leg in sharing:
                if leg.client_id not in working:
                    continue
                leaves = leg.terms.quantity - leg.filled - (done - leg.filled if self._native else ZERO)
                if leaves > max(ZERO, meant - done):
                    yield f"{leg.order_id} works for {leaves} where {meant - done} is left"
