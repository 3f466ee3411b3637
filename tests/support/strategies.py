"""User strategies for end-to-end tests, as a user would write them."""

from __future__ import annotations

import time

from shared.strategy import Order, OrderSide, OrderType, Strategy


class Steady(Strategy):
    """Buys and sells one unit in turn, on every other bar."""

    def initialize(self, ctx):
        self.ctx = ctx
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        if self.bars % 2 == 0:
            side = OrderSide.BUY if self.bars % 4 == 2 else OrderSide.SELL
            self.ctx.submit_order(Order(bar.symbol, side, OrderType.MARKET, 1))


class Raises(Steady):
    """Trades until it does not."""

    def on_bar(self, bar):
        super().on_bar(bar)
        if self.bars == 5:
            raise ZeroDivisionError("by design")


class Blocks(Steady):
    """Does not come back from its fifth bar."""

    def on_bar(self, bar):
        super().on_bar(bar)
        if self.bars == 5:
            while True:
                time.sleep(0.01)
