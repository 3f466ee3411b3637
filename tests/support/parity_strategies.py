"""Strategies that make a run contain every end an order can have, by counting bars: the same on every machine, good for nothing else."""

from __future__ import annotations

from shared.events import Bar, OrderSide, OrderType, TimeInForce
from shared.strategy import Order, Strategy
from shared.strategy.context import Context
from shared.strategy.orders import Fill

DENIED_AT, RESTS_AT, TAKEN_BACK_AT, ENTERS_AT, STOPS_AT, SWEEPS_AT, COMPETES_AT = 3, 5, 8, 12, 14, 40, 60


class Probe(Strategy):
    """Of its first symbol: an order that is too large, one that is cancelled, a long position with a stop under it, a sweep larger than the
    displayed size, a day order nobody fills, and one that competes with the other strategy for the account's limit."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.symbol = ctx.symbols[0]
        self.bars = 0
        self.resting = ""
        self.fills: list[tuple[str, float]] = []

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol != self.symbol:
            return
        self.bars += 1
        n, price = self.bars, bar.close
        buy, sell = OrderSide.BUY, OrderSide.SELL
        if n == DENIED_AT:
            self._order(buy, OrderType.MARKET, 5_000)
        elif n == RESTS_AT:
            self.resting = self._order(buy, OrderType.LIMIT, 10, limit=round(price * 0.98, 2))
            self._order(buy, OrderType.LIMIT, 20, limit=round(price * 0.97, 2))  # lives to the end of its day
        elif n == TAKEN_BACK_AT:
            self.ctx.cancel_order(self.resting)
        elif n == ENTERS_AT:
            self._order(buy, OrderType.MARKET, 50)
        elif n == STOPS_AT:
            self._order(sell, OrderType.STOP, 50, stop=round(price - 0.04, 2), tif=TimeInForce.GTC)
        elif n == SWEEPS_AT:
            self._order(buy, OrderType.LIMIT, 3_000, limit=round(price + 0.01, 2))
        elif n == COMPETES_AT:
            self._order(buy, OrderType.LIMIT, 90, limit=round(price * 0.99, 2))

    def on_fill(self, fill: Fill) -> None:
        self.fills.append((fill.order_id, fill.price))

    def _order(
        self,
        side: OrderSide,
        kind: OrderType,
        quantity: int,
        limit: float | None = None,
        stop: float | None = None,
        tif: TimeInForce = TimeInForce.DAY,
    ) -> str:
        return self.ctx.submit_order(Order(self.symbol, side, kind, quantity, limit_price=limit, stop_price=stop, tif=tif))


class Breaker(Strategy):
    """Meets a handful of limits, each with an order of its own that is denied; of two alike the first passes."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars == DENIED_AT:
            self._order(OrderSide.BUY, 3_900, bar, 1.0)  # money
            self._order(OrderSide.BUY, 1, bar, 1.2)  # eager beyond the collar
            self._order(OrderSide.BUY, 1, bar, 0.9, off=0.005)  # between ticks
            self._order(OrderSide.SELL, 900, bar, 1.0)  # short
            for _ in range(2):
                self._order(OrderSide.BUY, 1, bar, 0.95)

    def _order(self, side: OrderSide, quantity: int, bar: Bar, eager: float, off: float = 0.0) -> None:
        self.ctx.submit_order(Order(bar.symbol, side, OrderType.LIMIT, quantity, limit_price=round(bar.close * eager, 2) + off))


class Rival(Strategy):
    """Wants the last of the account's limit at the very bar the probe does, and trades its own symbols meanwhile."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.bars = 0
        ctx.schedule_timer("beat", 900)

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol == self.ctx.symbols[0]:
            self.bars += 1
            if self.bars == COMPETES_AT:
                self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.LIMIT, 90, limit_price=round(bar.close * 0.99, 2)))

    def on_timer(self, timer_id: str) -> None:
        for symbol in self.ctx.symbols[1:]:
            side = OrderSide.SELL if self.ctx.get_position(symbol) > 0 else OrderSide.BUY
            self.ctx.submit_order(Order(symbol, side, OrderType.MARKET, 7))
