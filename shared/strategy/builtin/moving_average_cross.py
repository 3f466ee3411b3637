"""`moving_average_cross`: long while the fast average of closes is above the slow one, flat while it is below; each symbol by itself.

Parameters (RegimeFlow's): fast_period (10), slow_period (30), quantity (1 when left out or 0). Buys `quantity` at the market when flat or
short, sells the whole long position; one order a symbol at a time; an order that was denied is tried again at the next bar.

Averages are compared exactly: closes are counted in whole units of 1e-8, so the running sums are integers. They cost O(1) a bar, never
drift, restore exactly, and equal prices never look like a cross, which a sum of floats cannot promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shared.events import Bar, OrderSide, OrderType
from shared.strategy.context import Context
from shared.strategy.contract import Strategy
from shared.strategy.orders import Order

from .params import quantity_of, refuse_unknown, whole_number

PRICE_UNITS: Final = 1e8  # prices of up to 8 decimals are exact


class CrossingAverages:
    """Two running sums over one ring of the newest `slow` closes."""

    __slots__ = ("count", "fast", "fast_sum", "ring", "slow", "slow_sum")

    def __init__(self, fast: int, slow: int) -> None:
        self.fast = fast
        self.slow = slow
        self.ring = [0] * slow
        self.count = 0
        self.fast_sum = 0
        self.slow_sum = 0

    def add(self, price: float) -> int:
        """Above 0 when the fast average is above the slow one, below 0 when below, 0 when equal or not yet `slow` prices."""
        units = round(price * PRICE_UNITS)
        ring, count, fast, slow = self.ring, self.count, self.fast, self.slow
        place = count % slow
        self.slow_sum += units - ring[place]
        self.fast_sum += units - ring[(count - fast) % slow]  # 0 until the ring has been round once or `fast` prices are there
        ring[place] = units
        self.count = count = count + 1
        return self.fast_sum * slow - self.slow_sum * fast if count >= slow else 0

    def save(self) -> list[int]:
        """Closes oldest first; the sums follow from them."""
        n = min(self.count, self.slow)
        return [self.ring[i % self.slow] for i in range(self.count - n, self.count)]

    def load(self, closes: list[int]) -> None:
        self.count = len(closes)
        self.ring = [*closes, *[0] * (self.slow - len(closes))]
        self.fast_sum = sum(closes[-self.fast :])
        self.slow_sum = sum(closes)


class MovingAverageCross(Strategy):
    @classmethod
    def check_params(cls, params: Mapping[str, Any]) -> None:
        refuse_unknown(params, ("fast_period", "slow_period", "quantity", "warmup_bars"))
        quantity_of(params)
        fast, slow = whole_number(params, "fast_period", 10), whole_number(params, "slow_period", 30)
        if fast >= slow:
            raise ValueError(f"fast_period: {fast} must be smaller than slow_period ({slow})")

    def initialize(self, ctx: Context) -> None:
        self.check_params(ctx.params)
        self.ctx = ctx
        self.fast = whole_number(ctx.params, "fast_period", 10)
        self.slow = whole_number(ctx.params, "slow_period", 30)
        self.quantity: Decimal = quantity_of(ctx.params)
        self.averages: dict[str, CrossingAverages] = {}

    def on_bar(self, bar: Bar) -> None:
        symbol = bar.symbol
        averages = self.averages.get(symbol)
        if averages is None:
            averages = self.averages[symbol] = CrossingAverages(self.fast, self.slow)
        gap = averages.add(bar.close)
        if gap == 0:
            return
        position = self.ctx.portfolio.quantity(symbol)
        if gap > 0 and position <= 0:
            self._trade(symbol, OrderSide.BUY, self.quantity)
        elif gap < 0 and position > 0:
            self._trade(symbol, OrderSide.SELL, position)

    def _trade(self, symbol: str, side: OrderSide, quantity: Decimal) -> None:
        if not self.ctx.warming_up and not self.ctx.has_open_order(symbol):
            self.ctx.submit_order(Order(symbol, side, OrderType.MARKET, quantity))

    def save(self) -> dict[str, Any]:
        return {symbol: averages.save() for symbol, averages in self.averages.items()}

    def load(self, state: dict[str, Any]) -> None:
        for symbol, closes in state.items():
            self.averages[symbol] = CrossingAverages(self.fast, self.slow)
            self.averages[symbol].load(closes)
