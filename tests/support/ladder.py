"""A strategy that keeps a ladder of resting orders far below the market, for drills: they work until somebody cancels them."""

from __future__ import annotations

from shared.events import OrderSide, OrderType, Quote, TimeInForce
from shared.strategy import Context, Order, Strategy

AT_ONCE = 25
EVERY = 3  # quotes between two tries, so that a halt is not answered with a flood


class Ladder(Strategy):
    """params: rungs."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.rungs = int(ctx.params["rungs"])
        self.count = 0

    def on_quote(self, quote: Quote) -> None:
        self.count += 1
        missing = self.rungs - len(self.ctx.get_open_orders(quote.symbol))
        if self.count % EVERY or missing <= 0:
            return
        for rung in range(min(missing, AT_ONCE)):
            price = round(quote.bid / 2 - 0.01 * rung, 2)
            self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.LIMIT, 1, price, tif=TimeInForce.GTC))
