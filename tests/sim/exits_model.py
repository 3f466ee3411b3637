"""Protective exits, written a second way: risk's own orders in a strategy's name close what it holds, never more, and only once a stop of it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import events as ev
from shared.events import Envelope, OrderSide

from .truth import ZERO, hold

if TYPE_CHECKING:
    from .orders_model import OrdersModel

STOPS = frozenset({"stop_loss", "trailing_stop", "atr_stop", "time_stop"})


class ExitsModel:
    """met: by strategy and symbol, the seq of what met the newest stop."""

    def __init__(self, orders: OrdersModel) -> None:
        self._orders = orders
        self._met: dict[tuple[str, str], int] = {}

    def breached(self, e: ev.LimitBreached, at: Envelope) -> None:
        kind, _, rest = e.key.partition(".")
        if kind in STOPS and e.hard:
            strategy, _, symbol = rest.partition(".")
            self._met[(strategy, symbol)] = at.cause
            self._orders.seen["stop met"] += 1

    def approved(self, e: ev.OrderApproved, at: Envelope) -> None:
        orders, terms = self._orders, e.terms
        symbol, side = terms.symbol, terms.side
        hold((e.strategy, symbol) in self._met, "exit", f"{e.order_id} closes {symbol} of {e.strategy}, no stop of which is met")
        for key in (("global", ""), ("symbol", symbol)):
            hold(not orders.halts.wanted(key, at.cause), "I8", f"{e.order_id} is approved while {key} is halted")
        hold(not orders.locks.held(symbol, at.cause), "lock", f"{e.order_id} is approved while {symbol} is locked")
        known, now = orders.account.held(e.strategy, symbol, at.cause + 1), orders.account.books[e.strategy][symbol]
        held = max(known, now) if side is OrderSide.SELL else min(known, now)  # a fill or a split may have come since
        against = -held if side is OrderSide.BUY else held
        hold(against > 0, "exit", f"{e.order_id}: {side} of {terms.quantity} {symbol}, {e.strategy} holds {held}")
        own = [o for o in orders.orders.values() if o.strategy == e.strategy and o.terms.symbol == symbol and o.terms.side is side]
        working = sum((o.leaves for o in own if not o.shares), ZERO) + orders.groups.open(own, side)
        hold(working + terms.quantity <= against, "exit", f"{e.order_id}: {terms.quantity} and {working} at work against {held}")
        orders.seen["exit"] += 1
