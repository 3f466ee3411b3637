"""Every order that may still fill, counted from the moment it is approved until its end is proven.

Promises: an approval counts at once, before anyone sends it; sending, working and unknown orders all count; a release needs the broker's
word or the router's proof. Account and strategy exposure follow each event in O(1). An order thought absent that shows up counts again.
Orders of a group count together (`group_lines`).
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from shared.domain.exact import ZERO, add, multiply, negate, subtract
from shared.domain.exposure import Exposure
from shared.domain.instrument import signed
from shared.domain.ledger import OWNERLESS, UNASSIGNED, Ledger
from shared.events import (
    ExitsReduced,
    ExternalOrderSeen,
    FillCorrected,
    OrderAccepted,
    OrderEvent,
    OrderFilled,
    OrderSide,
    OrderUnknown,
    ReplaceApproved,
)
from shared.events.enums import BUY

from .group_lines import GroupLines, shares
from .open_order import OpenOrder, after
from .resting import Resting

ENDED_MAX: Final = 1_000  # ended orders remembered, for what is still said of them


class Line(msgspec.Struct, frozen=True, gc=False):
    """Worst-case parts of one symbol: what is held and what may still be bought and sold."""

    symbol: str
    position: Decimal
    buys: Decimal
    sells: Decimal

    def grown(self, side: OrderSide, added: Decimal) -> Line:
        """The line with so many units more on one side."""
        if side is BUY:
            return Line(self.symbol, self.position, add(self.buys, added), self.sells)
        return Line(self.symbol, self.position, self.buys, add(self.sells, added))

    def room_to_reduce(self, side: OrderSide) -> Decimal:
        """As `Exposure.room_to_reduce`."""
        if side is OrderSide.BUY:
            return max(ZERO, negate(add(self.position, self.buys))) if self.position < 0 else ZERO
        return max(ZERO, subtract(self.position, self.sells)) if self.position > 0 else ZERO


class ReservationState(msgspec.Struct):
    """Orders in the order they were approved, or ended. groups: the orders of each group of which one is open, ended ones too."""

    open: list[OpenOrder] = msgspec.field(default_factory=list)
    ended: list[OpenOrder] = msgspec.field(default_factory=list)
    groups: dict[str, dict[str, OpenOrder]] = msgspec.field(default_factory=dict)


class Reservations:
    """orders: by id, those that may fill. account: exposure over account holdings. resting: the prices they rest at. Money that the opening part of
    them would need is kept in the currency it is needed in, so that a rate that moves changes what it is worth and nothing here."""

    def __init__(self, ledger: Ledger, state: ReservationState) -> None:
        self._ledger = ledger
        self.orders: dict[str, OpenOrder] = {}
        self.ended: dict[str, OpenOrder] = {order.order_id: order for order in state.ended}
        self._groups = GroupLines(state.groups)
        self.account = Exposure(ledger.net)
        self._needed: dict[str, Decimal] = {}  # by currency, the account's own empty
        self._needed_by: dict[str, dict[str, Decimal]] = {}  # by strategy and currency, of its orders each by itself
        self.resting = Resting()
        self._strategies: dict[str, Exposure] = {}
        self._by_symbol: dict[str, dict[str, None]] = {}
        for order in state.open:
            self._count(order)

    def strategy(self, owner: str) -> Exposure:
        """Exposure over one owner's book; all who trade for no strategy share one."""
        key = UNASSIGNED if owner in OWNERLESS else owner
        exposure = self._strategies.get(key)
        if exposure is None:
            exposure = self._strategies[key] = Exposure(partial(self._ledger.quantity, key))
        return exposure

    @property
    def value(self) -> Decimal:
        """Money the opening part of all orders would need, in account currency at the newest rates."""
        return self._worth(self._needed)

    def value_by(self, strategy: str) -> Decimal:
        """The same of one strategy's orders, each by itself."""
        return self._worth(self._needed_by.get(strategy, {}))

    def needed(self, currency: str) -> Decimal:
        """The same of all orders that are paid in one currency (empty: the account's), in it."""
        return self._needed.get(currency, ZERO)

    def recount(self) -> None:
        """An instrument is of another currency than it was known to be."""
        self._needed, self._needed_by = {}, {}
        for order in self.orders.values():
            self._need(order.symbol, _value_alone(order))
            self._need(order.symbol, value_of(order), order.strategy)
        for symbol, value in self._groups.values():
            self._need(symbol, value)

    def in_symbol(self, symbol: str) -> list[OpenOrder]:
        """Open orders of a symbol, oldest first."""
        return [self.orders[order_id] for order_id in self._by_symbol.get(symbol, ())]

    def group(self, name: str) -> dict[str, OpenOrder]:
        """Orders of a group of which one may fill, in the order they were approved."""
        return self._groups.orders(name)

    def reserve(self, order: OpenOrder) -> None:
        """An order was approved."""
        if order.order_id not in self.orders:
            self._count(order)

    def fold(self, e: OrderEvent) -> str:
        """What an event of the order path leaves of its order; the symbol whose exposure changed, or nothing. Fold fills into the ledger
        first."""
        order = self.orders.get(e.order_id)
        if order is not None:
            new = after(order, e)
            if new is order:
                return ""
            if isinstance(e, ReplaceApproved) and e.terms.limit_price is not None:
                dearer = multiply(e.terms.limit_price, self._ledger.unit(order.symbol).contract)
                new = msgspec.structs.replace(new, unit_value=max(new.unit_value, dearer))
            self._swap(order, new)
            return order.symbol
        if isinstance(e, ExternalOrderSeen) and e.working:
            price = e.terms.limit_price or e.terms.stop_price or ZERO
            unit = multiply(price, self._ledger.unit(e.terms.symbol).contract)
            self.ended.pop(e.order_id, None)
            self._count(OpenOrder(e.order_id, e.strategy, e.terms, unit, e.terms.quantity, approved=e.terms, filled=e.filled))
            return e.terms.symbol
        ended = self.ended.get(e.order_id)
        if ended is None and isinstance(e, ExitsReduced):
            ended = self.group(e.order_id).get(e.order_id)
        return "" if ended is None else self._fold_ended(ended, e)

    def preview(self, e: OrderEvent, of: Exposure | None = None) -> Line | None:
        """The line of the event's symbol once it is folded; None where it changes none. of: its strategy's exposure, else the account's."""
        exposure = self.account if of is None else of
        order = self.orders.get(e.order_id)
        if order is not None:
            symbol = order.symbol
        elif isinstance(e, OrderFilled | FillCorrected):
            symbol = e.symbol
        elif isinstance(e, ExternalOrderSeen):
            symbol = e.terms.symbol
        else:
            return None
        open_ = exposure.open(symbol)
        position, buys, sells = exposure.position(symbol), open_.buys, open_.sells
        known = order or self.ended.get(e.order_id)
        if known is not None and known.group:
            was, now = self._groups.counted(known.group), self._groups.with_order(after(known, e))
            buys, sells = add(buys, subtract(now.buys, was.buys)), add(sells, subtract(now.sells, was.sells))
        if isinstance(e, OrderFilled):
            position = add(position, signed(e.side, e.quantity))
        elif isinstance(e, FillCorrected):
            position = add(position, signed(e.side, subtract(e.quantity, e.previous_quantity)))
        change = ZERO
        if order is not None:
            change = subtract(_alone(after(order, e)), _alone(order))
        elif isinstance(e, ExternalOrderSeen) and e.working:
            change = max(ZERO, subtract(e.terms.quantity, e.filled))
        side = order.side if order is not None else getattr(getattr(e, "terms", e), "side", None)
        return Line(symbol, position, add(buys, change), sells) if side is OrderSide.BUY else Line(symbol, position, buys, add(sells, change))

    def covers(self, e: OrderFilled) -> bool:
        """Whether the fill was counted before it happened: it turns reserved quantity into holding and adds no exposure."""
        order = self.orders.get(e.order_id)
        return order is not None and order.symbol == e.symbol and order.side is e.side and e.quantity <= order.leaves

    def to_state(self) -> ReservationState:
        return ReservationState(list(self.orders.values()), list(self.ended.values()), self._groups.to_state())

    def _fold_ended(self, order: OpenOrder, e: OrderEvent) -> str:
        if order.ended == "absent" and isinstance(e, OrderAccepted | OrderUnknown | OrderFilled):
            del self.ended[order.order_id]
            self._count(msgspec.structs.replace(order, ended=""))
            return self.fold(e)
        if isinstance(e, OrderFilled | FillCorrected | ExitsReduced):
            new = self.ended[order.order_id] = msgspec.structs.replace(after(order, e), ended=order.ended)
            if new.group and self._groups.orders(new.group):
                self._regroup(new)
        return ""

    def _count(self, order: OpenOrder) -> None:
        symbol, side, leaves = order.symbol, order.side, _alone(order)
        self.orders[order.order_id] = order
        self._by_symbol.setdefault(symbol, {})[order.order_id] = None
        self.account.add_order(symbol, side, leaves)
        self.strategy(order.strategy).add_order(symbol, side, leaves)
        self._need(symbol, _value_alone(order))
        self._need(symbol, value_of(order), order.strategy)
        self.resting.add(order)
        if order.group:
            self._regroup(order)

    def _swap(self, old: OpenOrder, new: OpenOrder) -> None:
        symbol, side, left = old.symbol, old.side, _alone(old)
        self._need(symbol, negate(_value_alone(old)))
        self._need(symbol, negate(value_of(old)), old.strategy)
        self.resting.remove(old)
        if new.group:
            self._regroup(new)
        if not new.ended:
            by = subtract(_alone(new), left)
            self.orders[old.order_id] = new
            self.account.change(symbol, side, by)
            self.strategy(old.strategy).change(symbol, side, by)
            self._need(symbol, _value_alone(new))
            self._need(symbol, value_of(new), new.strategy)
            self.resting.add(new)
            return
        del self.orders[old.order_id]
        of_symbol = self._by_symbol[symbol]
        del of_symbol[old.order_id]
        if not of_symbol:
            del self._by_symbol[symbol]
        self.account.end_order(symbol, side, left)
        self.strategy(old.strategy).end_order(symbol, side, left)
        self.ended[old.order_id] = new
        while len(self.ended) > ENDED_MAX:
            del self.ended[next(iter(self.ended))]

    def _regroup(self, order: OpenOrder) -> None:
        """Count its group by how this order of it stands now, while its symbol has a line."""
        was = self._groups.counted(order.group)
        now = self._groups.put(order)
        for side, by in ((OrderSide.BUY, subtract(now.buys, was.buys)), (OrderSide.SELL, subtract(now.sells, was.sells))):
            if by:
                self.account.change(order.symbol, side, by)
                self.strategy(order.strategy).change(order.symbol, side, by)
        self._need(order.symbol, subtract(now.value, was.value))

    def _need(self, symbol: str, money: Decimal, strategy: str | None = None) -> None:
        """So much more of the symbol's currency. strategy: in the sums of one."""
        table = self._needed if strategy is None else self._needed_by.setdefault(strategy, {})
        currency = self._ledger.unit(symbol).currency
        table[currency] = add(table.get(currency, ZERO), money)

    def _worth(self, needed: dict[str, Decimal]) -> Decimal:
        total = ZERO
        for currency, money in needed.items():
            total = add(total, self._ledger.worth(money, currency) if currency else money)
        return total


def _alone(order: OpenOrder) -> Decimal:
    """Units an order is counted with by itself."""
    return ZERO if shares(order) else order.leaves


def _value_alone(order: OpenOrder) -> Decimal:
    return ZERO if shares(order) else value_of(order)


def value_of(order: OpenOrder) -> Decimal:
    """Money of its currency that the part of an order that opens exposure would still need."""
    return multiply(min(order.opening, order.leaves), order.unit_value)
