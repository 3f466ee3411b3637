"""Three views of the router's orders with one interface: the state itself, a draft laid over it that leaves it untouched, and a draft that is the
state, for a driver that folds at once whatever was decided.

`decide` works on a draft: it folds the event and every output it adds, so that what comes later in the same decision sees what came
earlier, by the same fold that `apply` uses on the state. Only what is touched is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from shared.events import Alert, Event, OrdersRetired, Severity

from . import retirement
from .settings import RouterSettings
from .state import CANCEL, REPLACE, SUBMIT, Buckets, RouterOrder, RouterState, Standing


class Orders:
    """The state itself."""

    def __init__(self, state: RouterState, settings: RouterSettings) -> None:
        self._state = state
        self.settings = settings

    @property
    def standing(self) -> Standing:
        """To read."""
        return self._state.standing

    def change_standing(self) -> Standing:
        """To write."""
        return self._state.standing

    def change_buckets(self) -> Buckets:
        """To write."""
        return self._state.buckets

    def get(self, order_id: str) -> RouterOrder | None:
        return self._state.orders.get(order_id)

    def add(self, order: RouterOrder) -> None:
        self._state.routed = self._state.routed or bool(order.parent)
        self._state.orders[order.record.order_id] = order

    def bind(self, order: RouterOrder, client_order_id: str, broker_order_id: str) -> None:
        """The broker's names of an order; empty ones are skipped. A name stays bound while the order is kept, so late news of a superseded id
        finds home."""
        if client_order_id:
            self._state.by_client[client_order_id] = order.record.order_id
        if broker_order_id:
            self._state.by_broker[broker_order_id] = order.record.order_id
        order.names = (*order.names, *(name for name in (client_order_id, broker_order_id) if name and name not in order.names))

    @property
    def was_routed(self) -> bool:
        """Whether some order was ever worked in parts."""
        return self._state.routed

    def find(self, client_order_id: str, broker_order_id: str = "") -> RouterOrder | None:
        key = self._state.by_client.get(client_order_id) or self._state.by_broker.get(broker_order_id)
        return self.get(key) if key else None

    def join(self, group: str, order_id: str) -> None:
        """An order of a group."""
        self._state.groups[group] = (*self.legs_of(group), order_id)

    def legs_of(self, group: str) -> tuple[str, ...]:
        """Ids of a group's orders, in order of approval."""
        return self._state.groups.get(group, ())

    def touched(self, order: RouterOrder) -> None:
        """Bring the indexes up to date after an order changed."""
        key, due = order.record.order_id, order.due()
        if order.record.done:
            self._state.open.pop(key, None)
        else:
            self._state.open.setdefault(key, True)
        if due:
            self._state.due[key] = due
        else:
            self._state.due.pop(key, None)
        if order.held or order.lookups or self._state.held or self._state.held_cancels:
            self._queue(key, order)
        if order.record.done or order.group or key in self._state.ended:
            retirement.file(self._state, order)

    def retire(self, e: OrdersRetired) -> None:
        """Keep these orders no more."""
        retirement.drop(self._state, e)

    def _queue(self, key: str, order: RouterOrder) -> None:
        """Keep what waits for room in order of arrival."""
        waits = order.holds(SUBMIT) or order.holds(REPLACE) or any(lookup.held for lookup in order.lookups.values())
        for queue, joined in ((self._state.held, waits), (self._state.held_cancels, order.holds(CANCEL))):
            if joined:
                queue.setdefault(key, True)
            else:
                queue.pop(key, None)

    def open(self) -> Iterator[RouterOrder]:
        """Orders not done, oldest first."""
        for key in tuple(self._state.open):
            order = self.get(key)
            if order is not None and not order.record.done:
                yield order

    def due(self, now: int) -> Iterator[RouterOrder]:
        """Orders with a time that has come."""
        for key, at in tuple(self._state.due.items()):
            order = self.get(key) if at <= now else None
            if order is not None:
                yield order


_NOTHING_HELD: Final[tuple[tuple[str, ...], tuple[str, ...]]] = ((), ())

Fold = Callable[[Orders, Event, int, int], bool]


class Draft(Orders):
    """A decision in the making. now: log time of its cause. draining: what waited for room is being sent, in order."""

    def __init__(self, state: RouterState, settings: RouterSettings, now: int, fold: Fold) -> None:
        super().__init__(state, settings)
        self.now = now
        self.outputs: list[Event] = []
        self.draining = False
        self._fold = fold
        self._standing = state.standing
        self._buckets = state.buckets
        self._copies: dict[str, RouterOrder] = {}
        self._clients: dict[str, str] = {}
        self._brokers: dict[str, str] = {}
        self._groups: dict[str, tuple[str, ...]] = {}

    @property
    def standing(self) -> Standing:
        return self._standing

    def change_standing(self) -> Standing:
        if self._standing is self._state.standing:
            self._standing = self._state.standing.copy()
        return self._standing

    @property
    def buckets(self) -> Buckets:
        """To read."""
        return self._buckets

    def change_buckets(self) -> Buckets:
        if self._buckets is self._state.buckets:
            self._buckets = msgspec.structs.replace(self._buckets)
        return self._buckets

    def held(self, *, cancels: bool) -> Iterator[RouterOrder]:
        """Orders with a cancel, or another message, that waits for room, oldest first; as they stood when the decision began."""
        for key in tuple(self._state.held_cancels if cancels else self._state.held):
            order = self.get(key)
            if order is not None:
                yield order

    def any_held(self, *, cancels: bool) -> bool:
        return bool(self._state.held_cancels if cancels else self._state.held)

    def get(self, order_id: str) -> RouterOrder | None:
        order = self._copies.get(order_id)
        if order is None:
            original = self._state.orders.get(order_id)
            if original is None:
                return None
            order = self._copies[order_id] = original.copy()
        return order

    def add(self, order: RouterOrder) -> None:
        self._copies[order.record.order_id] = order

    def bind(self, order: RouterOrder, client_order_id: str, broker_order_id: str) -> None:
        if client_order_id:
            self._clients[client_order_id] = order.record.order_id
        if broker_order_id:
            self._brokers[broker_order_id] = order.record.order_id

    def find(self, client_order_id: str, broker_order_id: str = "") -> RouterOrder | None:
        key = (
            self._clients.get(client_order_id)
            or self._state.by_client.get(client_order_id)
            or self._brokers.get(broker_order_id)
            or self._state.by_broker.get(broker_order_id)
        )
        return self.get(key) if key else None

    def join(self, group: str, order_id: str) -> None:
        self._groups[group] = (*self.legs_of(group), order_id)

    def legs_of(self, group: str) -> tuple[str, ...]:
        return self._groups.get(group) or self._state.groups.get(group, ())

    def touched(self, order: RouterOrder) -> None:
        """Indexes of the state follow when the outputs are applied."""

    def retire(self, e: OrdersRetired) -> None:
        """Nothing that follows in this decision asks for them."""

    def retirable(self) -> list[tuple[str, int]]:
        """Orders to be kept no more, and when they ended."""
        return list(retirement.due(self._state, self.settings, self.now))

    def touched_orders(self) -> tuple[RouterOrder, ...]:
        """Every order this decision looked at, in the order it did."""
        return tuple(self._copies.values())

    def fold(self, event: Event) -> None:
        self._fold(self, event, self.now, self._standing.epoch)

    def emit(self, event: Event) -> None:
        """Add an output; what follows in this decision sees it as done."""
        self.outputs.append(event)
        self.fold(event)

    def alert(self, severity: Severity, key: str, text: str) -> None:
        self.outputs.append(Alert(severity, key, text))


class FoldedDraft(Draft):
    """A decision whose event and outputs are in the state as soon as they are said: what a `Draft` and `apply` make of them, at half the work.
    Whoever decides sees no difference: orders it opens itself are not among those that were open."""

    def __init__(
        self, state: RouterState, settings: RouterSettings, now: int, fold: Fold
    ) -> None:  # the parent's lookups over the state are not needed
        self._state = state
        self.settings = settings
        self.now = now
        self.outputs = []
        self._fold = fold
        self.draining = False
        self._copies = {}  # here the orders themselves
        self._opened: set[str] = set()
        self._held_before = (tuple(state.held), tuple(state.held_cancels)) if state.held or state.held_cancels else _NOTHING_HELD

    @property
    def standing(self) -> Standing:
        return self._state.standing

    def change_standing(self) -> Standing:
        return self._state.standing

    @property
    def buckets(self) -> Buckets:
        return self._state.buckets

    def change_buckets(self) -> Buckets:
        return self._state.buckets

    def held(self, *, cancels: bool) -> Iterator[RouterOrder]:
        for key in self._held_before[cancels]:
            order = self.get(key)
            if order is not None:
                yield order

    def any_held(self, *, cancels: bool) -> bool:
        return bool(self._held_before[cancels])

    def get(self, order_id: str) -> RouterOrder | None:
        order = self._state.orders.get(order_id)
        if order is not None:
            self._copies[order_id] = order
        return order

    def add(self, order: RouterOrder) -> None:
        Orders.add(self, order)
        self._copies[order.record.order_id] = order

    bind = Orders.bind
    find = Orders.find
    join = Orders.join
    legs_of = Orders.legs_of
    retire = Orders.retire

    def touched(self, order: RouterOrder) -> None:
        key, before = order.record.order_id, len(self._state.open)
        Orders.touched(self, order)
        if len(self._state.open) > before:
            self._opened.add(key)

    def open(self) -> Iterator[RouterOrder]:
        return (order for order in super().open() if order.record.order_id not in self._opened)

    def fold(self, event: Event) -> None:
        self._fold(self, event, self.now, self._state.standing.epoch)
