"""A strategy that trades at every quote: takes, rests, replaces and cancels in turn, so that an order is always under way somewhere.

Deterministic by counting quotes; save and load carry what it knows, so that a worker killed every second is back in milliseconds.
"""

from __future__ import annotations

from typing import Any

from shared.events import OrderSide, OrderStatus, OrderType, Quote, TimeInForce
from shared.strategy import Context, Order, Strategy

TAKE, SWEEP = 5, 60  # units: within the quoted size, and beyond it (partial fills)
HELD_MAX = 400  # units: beyond it only sells take
RESTING_MAX = 3
KEPT_MAX = 8  # ids of resting orders remembered
AWAY = 0.99  # of the bid: rests, and is inside the collar


class Busy(Strategy):
    """One symbol a strategy; never short, so that every order has a plain reason to be approved."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.count = 0
        self.resting: list[str] = []

    def on_quote(self, quote: Quote) -> None:
        self.count += 1
        turn = self.count % 4
        working = [
            i for i in self.resting if (o := self.ctx.get_order(i)) is not None and o.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        ]
        if turn == 0:
            self._take(quote)
        elif turn == 1 and len(working) < RESTING_MAX:
            price = round(quote.bid * AWAY, 2)
            self.resting.append(self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.LIMIT, TAKE, price, tif=TimeInForce.GTC)))
            del self.resting[:-KEPT_MAX]
        elif turn == 2 and working:
            price = round(quote.bid * AWAY - 0.01 * (self.count % 5), 2)
            self.ctx.replace_order(working[-1], quantity=TAKE + self.count % 7, limit_price=price)
        elif turn == 3 and working:
            self.ctx.cancel_order(working[0])

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
        return {"count": self.count, "resting": list(self.resting)}

    def load(self, state: dict[str, Any]) -> None:
        self.count, self.resting = state["count"], list(state["resting"])
