"""What the orders of a group can still do together, which is less than each could alone.

A bracket's exits count once, as far as the entry has filled and none of them has; before that not at all. OCO legs of one side count as the
worse of them, less what any has filled. What the router was told to take from them (`ExitsReduced`) counts until it is proven: a leg replaced, or
gone. Entries are counted like any order, not here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from shared.domain.exact import ZERO, add, multiply, subtract
from shared.domain.order_group import ENTRY, EXITS
from shared.events import OrderSide

from .open_order import OpenOrder


class GroupLine(NamedTuple):
    """Units the legs may still buy and sell, and money what opens exposure of it would need."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO
    value: Decimal = ZERO


NOTHING: Final = GroupLine()


class GroupLines:
    """by group, its orders and what is counted of them now. state: the orders; what is counted follows from them."""

    def __init__(self, state: dict[str, dict[str, OpenOrder]]) -> None:
        self._groups = state
        self._counted: dict[str, GroupLine] = {}

    def orders(self, group: str) -> dict[str, OpenOrder]:
        return self._groups.get(group, {})

    def counted(self, group: str) -> GroupLine:
        return self._counted.get(group, NOTHING)

    def with_order(self, order: OpenOrder) -> GroupLine:
        """The line once this is how an order of it stands."""
        return _line({**self.orders(order.group), order.order_id: order}.values())

    def put(self, order: OpenOrder) -> GroupLine:
        """Keep an order as it stands now; the line it changes its group's to. A group is forgotten when none of it can fill."""
        orders = self._groups.setdefault(order.group, {})
        orders[order.order_id] = order
        line = _line(orders.values())
        if all(other.ended for other in orders.values()):
            del self._groups[order.group]
            self._counted.pop(order.group, None)
        else:
            self._counted[order.group] = line
        return line

    def values(self) -> Iterator[tuple[str, Decimal]]:
        """Of each group its symbol and its money, in the symbol's currency."""
        for name, line in self._counted.items():
            yield next(iter(self._groups[name].values())).symbol, line.value

    def to_state(self) -> dict[str, dict[str, OpenOrder]]:
        return self._groups


def shares(order: OpenOrder) -> bool:
    """Whether an order is counted with its group and not by itself."""
    return bool(order.group) and order.role != ENTRY


def _line(orders: Collection[OpenOrder]) -> GroupLine:
    buys, buys_value = _side(orders, OrderSide.BUY)
    sells, sells_value = _side(orders, OrderSide.SELL)
    return GroupLine(buys, sells, add(buys_value, sells_value))


def _side(orders: Collection[OpenOrder], side: OrderSide) -> tuple[Decimal, Decimal]:
    """The most any leg of a side can still do, and its money."""
    legs = [order for order in orders if shares(order) and order.side is side]
    done = entered = most = value = ZERO
    for leg in legs:
        done = add(done, leg.filled)
    for order in orders:
        entered = add(entered, order.filled) if order.role == ENTRY else entered
    for leg in legs:
        whole = entered if leg.role in EXITS else leg.approved.quantity
        units = min(leg.leaves, max(ZERO, subtract(whole, done)))
        most = max(most, units)
        value = max(value, multiply(min(leg.opening, units), leg.unit_value))
    return most, value
