"""A strategy that trades at every quote: takes, rests, replaces and cancels in turn, so that an order is always under way somewhere.

Deterministic by counting quotes; save and load carry the count, so that a worker killed every second is back in milliseconds.
"""

from __future__ import annotations

from typing import Any

from shared.events import OrderSide, OrderStatus, OrderType, Quote, TimeInForce
from shared.strategy import Order, Strategy

TAKE, SWEEP = 5, 60  # units: within the quoted size, and beyond it (partial fills)
HELD_MAX = 400  # units: beyond it only sells take
RESTING_MAX = 3
AWAY = 0.99  # of the bid: rests, and is inside the collar


class Busy(Strategy):
    """One symbol a strategy; never short, so that every order has a plain reason to be approved."""

    def on_start(self) -> None:
        self.count = getattr(self, "count", 0)

    def on_quote(self, quote: Quote) -> None:
        self.count += 1
        turn = self.count % 4
        resting = [o for o in self.ctx.get_open_orders(quote.symbol) if o.type is OrderType.LIMIT and o.side is OrderSide.BUY and o.limit_price]
        resting = [o for o in resting if o.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)]
        if turn == 0:
            self._take(quote)
        elif turn == 1 and len(resting) < RESTING_MAX:
            self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.LIMIT, TAKE, round(quote.bid * AWAY, 2), tif=TimeInForce.GTC))
        elif turn == 2 and resting:
            self.ctx.replace_order(resting[-1].id, quantity=TAKE + self.count % 7, limit_price=round(quote.bid * AWAY - 0.01 * (self.count % 5), 2))
        elif turn == 3 and resting:
            self.ctx.cancel_order(resting[0].id)

    def _take(self, quote: Quote) -> None:
        """Buys and sells in turn; every third time more than is quoted, as a limit order whose rest goes at once."""
        held = self.ctx.get_position(quote.symbol)
        buying = held < TAKE or (self.count // 4 % 2 == 0 and held < HELD_MAX)
        if buying and self.count // 4 % 3 == 0:
            self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.LIMIT, SWEEP, quote.ask, tif=TimeInForce.IOC))
        elif buying:
            self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.MARKET, TAKE + self.count % 3))
        else:
            self.ctx.submit_order(Order(quote.symbol, OrderSide.SELL, OrderType.MARKET, min(TAKE, int(held))))

    def save(self) -> dict[str, Any]:
        return {"count": getattr(self, "count", 0)}

    def load(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
