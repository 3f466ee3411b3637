"""Strategies whose every position has exits held by the router: for runs that must contain what can become of them."""

from __future__ import annotations

from shared.events import Bar, OrderSide, OrderType
from shared.strategy import Order, Strategy
from shared.strategy.context import Context

EVERY = 5  # bars between two looks


class Bracketeer(Strategy):
    """Long with a bracket around each entry, or closes with an OCO pair what a bracket left. params: quantity, entry (market | limit), width
    (fraction of the price to either exit)."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.quantity = int(ctx.params.get("quantity", 5))
        self.limit = ctx.params.get("entry", "market") == "limit"
        self.width = float(ctx.params.get("width", 0.0004))
        self.bars: dict[str, int] = {}

    def on_bar(self, bar: Bar) -> None:
        n = self.bars[bar.symbol] = self.bars.get(bar.symbol, 0) + 1
        if n % EVERY or self.ctx.has_open_order(bar.symbol):
            return
        target, stop = round(bar.close * (1 + self.width), 2), round(bar.close * (1 - self.width), 2)
        held = self.ctx.get_position(bar.symbol)
        if held > 0:
            sell = OrderSide.SELL
            self.ctx.submit_oco(Order(bar.symbol, sell, OrderType.LIMIT, held, target), Order(bar.symbol, sell, OrderType.STOP, held, None, stop))
        elif self.limit:
            self.ctx.submit_bracket(Order(bar.symbol, OrderSide.BUY, OrderType.LIMIT, self.quantity, round(bar.close, 2)), target, stop)
        else:
            self.ctx.submit_bracket(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, self.quantity), target, stop)
