"""What a strategy is given: the market, its own book and orders, the account, time, and verbs whose effects are events in the log.

Everything read here is as of the event at hand, so the same log gives the same answers. Verbs judge what can be judged from their
arguments alone and raise, naming the argument, into the strategy; everything else is answered through `on_order_update`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.domain.order_group import BRACKET_ROLES, OCO, OCO_ROLES
from shared.events import (
    Bar,
    CancelIntent,
    InstrumentDefined,
    OrderBook,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderTerms,
    OrderType,
    Quote,
    ReplaceIntent,
    TimeInForce,
    Trade,
)

from .account import Account
from .desk import Desk, Gate
from .logbook import Logbook
from .orders import Number, Order, OrderError, exact, positive, terms_of
from .own_orders import OwnOrder
from .portfolio import Portfolio
from .regime import RegimeState
from .times import Timestamp, interval_ns


class Bracket(NamedTuple):
    """Order ids of a bracket; entry names the group."""

    entry: str
    take_profit: str
    stop_loss: str


class Context:
    """params: the strategy's parameters, read-only. portfolio: its own book. account: the whole account. log: `ctx.log("text")`,
    `ctx.log.warning("text")`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.params: Mapping[str, Any] = MappingProxyType(dict(desk.settings.params))
        self.portfolio = Portfolio(desk.book, desk.history.mark)
        self.log = Logbook(desk)

    # what it may read

    @property
    def account(self) -> Account:
        return self._desk.account

    @property
    def strategy_id(self) -> str:
        return self._desk.settings.id

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._desk.settings.symbols

    @property
    def warming_up(self) -> bool:
        """True while history is told; orders are refused then."""
        return self._desk.gate is Gate.DEAF

    def current_time(self) -> Timestamp:
        """The log's time of the event at hand, ns UTC. A bar's own times are `bar.timestamp` and `bar.end`."""
        return Timestamp(self._desk.now)

    def current_regime(self) -> RegimeState:
        return self._desk.regime

    def get_position(self, symbol: str) -> float:
        """Signed units in the strategy's own book."""
        return float(self._desk.book.quantity(symbol))

    def get_latest_bar(self, symbol: str) -> Bar | None:
        return self._desk.history.bar(symbol)

    def get_latest_quote(self, symbol: str) -> Quote | None:
        return self._desk.history.quote(symbol)

    def get_latest_tick(self, symbol: str) -> Trade | None:
        return self._desk.history.tick(symbol)

    def get_latest_book(self, symbol: str) -> OrderBook | None:
        return self._desk.history.book(symbol)

    def get_bars(self, symbol: str, n: int) -> list[Bar]:
        """The newest n bars, oldest first, the one at hand included. Raises ValueError for n past `history_bars_max`."""
        return self._desk.history.bars(symbol, n)

    def get_instrument(self, symbol: str) -> InstrumentDefined | None:
        """Tick size, lot size, multiplier, calendar of an own symbol."""
        return self._desk.instruments.get(symbol)

    def rate(self, currency: str) -> float | None:
        """What a unit of a currency is worth in the account's: the newest rate that was told, 1.0 of the account's own; None where nobody told one."""
        return self._desk.rate(currency)

    def get_order(self, order_id: str) -> Order | None:
        """A copy of an own order as of now; None for one not known (ended orders are forgotten after the next thousand)."""
        order = self._desk.orders.get(order_id)
        return order.view() if order is not None else None

    def get_open_orders(self, symbol: str | None = None) -> list[Order]:
        """Copies of own orders not yet ended, oldest first, those of earlier runs included."""
        return [o.view() for o in self._desk.orders.open(symbol)]

    def has_open_order(self, symbol: str) -> bool:
        return self._desk.orders.has_open(symbol)

    # what it may ask for

    def submit_order(self, order: Order) -> str:
        """The order's id; "" while warming up, when nothing is sent and the log says so. Raises OrderError or TypeError naming the argument."""
        return self._submit(order)

    def submit_bracket(self, entry: Order, take_profit: Number, stop_loss: Number) -> Bracket:
        """An entry with two exits, a LIMIT at take_profit and a STOP at stop_loss, of its quantity and time in force (DAY where the entry's is
        IOC or FOK, since exits wait). The exits work once and as far as the entry is filled; when one is filled the other is cancelled.
        Approved whole or not at all."""
        terms = self._terms(entry)
        exits = OrderSide.SELL if terms.side is OrderSide.BUY else OrderSide.BUY
        rest = (TimeInForce.DAY, None) if terms.tif in (TimeInForce.IOC, TimeInForce.FOK) else (entry.tif, entry.expire_at)
        profit = Order(entry.symbol, exits, OrderType.LIMIT, entry.quantity, take_profit, None, *rest, reduce_only=True)
        loss = Order(entry.symbol, exits, OrderType.STOP, entry.quantity, None, stop_loss, *rest, reduce_only=True)
        self._judge_all(profit, loss)
        group = self._next_group()
        legs = zip((entry, profit, loss), BRACKET_ROLES, strict=True)
        return Bracket(*(self._submit(order, group, role, len(BRACKET_ROLES)) for order, role in legs))

    def submit_oco(self, first: Order, second: Order) -> tuple[str, str]:
        """Two orders of one symbol of which one cancels the other: what one fills, the other need not. Approved whole or not at all."""
        self._judge_all(first, second)
        group, size = self._next_group(), len(OCO_ROLES)
        return self._submit(first, group, OCO, size), self._submit(second, group, OCO, size)

    def cancel_order(self, order_id: str) -> bool:
        """Ask for an own order's end. False when there is nothing to ask: it has ended or a cancel is on its way. Raises OrderError for an id
        that is none of ours."""
        order = self._open_order(order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return False
        self._desk.say(CancelIntent(order_id, self.strategy_id))
        return True

    def replace_order(
        self, order_id: str, quantity: Number | None = None, limit_price: Number | None = None, stop_price: Number | None = None
    ) -> bool:
        """Ask for other terms of a working order; None keeps one. quantity: the whole new quantity, what is filled included. False when it
        has ended or another replace or a cancel is on its way. Raises OrderError, TypeError."""
        if quantity is None and limit_price is None and stop_price is None:
            raise OrderError("quantity: a replace needs a new quantity, limit_price or stop_price")
        new_quantity = None if quantity is None else positive(quantity, "quantity")
        new_limit = None if limit_price is None else exact(limit_price, "limit_price")
        new_stop = None if stop_price is None else exact(stop_price, "stop_price")
        order = self._open_order(order_id)
        if order is None or order.status in (OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE):
            return False
        if new_limit is not None and order.record.terms.limit_price is None:
            raise OrderError(f"limit_price: a {order.record.terms.type.name} order takes none")
        if new_stop is not None and order.record.terms.stop_price is None:
            raise OrderError(f"stop_price: a {order.record.terms.type.name} order takes none")
        number = order.replace_no + 1
        self._desk.say(ReplaceIntent(order_id, self.strategy_id, number, new_quantity, new_limit, new_stop))
        return True

    def schedule_timer(self, timer_id: str, interval: float | str | timedelta) -> None:
        """Call `on_timer(timer_id)` every interval (seconds, a timedelta, or text like "250ms", "5m"), first one interval from now. Times are
        the log's; under the wall clock they are met within one clock tick (100 ms), and beats missed meanwhile are not made up."""
        if not isinstance(timer_id, str) or not timer_id:
            raise TypeError(f"timer_id: expected text, got {timer_id!r}")
        self._desk.timers.schedule(timer_id, self._desk.now, interval_ns(interval))

    def cancel_timer(self, timer_id: str) -> bool:
        """Whether there was one."""
        return self._desk.timers.cancel(timer_id)

    def _next_group(self) -> str:
        """A group is named after the first of its orders."""
        return f"{self.strategy_id}:{self._desk.run}:{self._desk.submitted + 1}"

    def _judge_all(self, *orders: Order) -> None:
        """Before the first of a group is said, so that half a group never leaves."""
        for order in orders:
            self._terms(order)

    def _submit(self, order: Order, group: str = "", role: str = "", size: int = 0) -> str:
        terms = self._terms(order)
        desk = self._desk
        if desk.gate is Gate.SHUT:
            raise RuntimeError("orders may be sent from on_start on, not while the strategy is set up or saved")
        if desk.gate is Gate.DEAF:
            desk.refused += 1
            return ""
        order_id = desk.next_order_id()
        desk.say(OrderIntent(order_id, desk.settings.id, terms, group, role, order.reduce_only, size, order.route_style))
        return order_id

    def _terms(self, order: Order) -> OrderTerms:
        return terms_of(order, self._desk.settings.default_tif)

    def _open_order(self, order_id: str) -> OwnOrder | None:
        if not isinstance(order_id, str):
            raise TypeError(f"order_id: expected text, got {type(order_id).__name__}")
        if self._desk.gate is Gate.SHUT:
            raise RuntimeError("orders may be changed from on_start on, not while the strategy is set up or saved")
        order = self._desk.orders.get(order_id)
        if order is None and order_id and not self._desk.issued(order_id):
            raise OrderError(f"order_id: {order_id!r} is no order of this strategy")
        return order if order is not None and not order.done else None
