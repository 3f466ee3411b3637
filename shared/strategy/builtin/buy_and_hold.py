"""`buy_and_hold`: buys once, at the first bar, and holds.

Parameters (RegimeFlow's): symbol (the first that has a bar when left out), quantity (1 when left out or 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.events import Bar, OrderSide, OrderType, TimeInForce
from shared.strategy.context import Context
from shared.strategy.contract import Strategy
from shared.strategy.orders import Order

from .params import quantity_of, refuse_unknown


class BuyAndHold(Strategy):
    """Whether it has bought is read from its book and its open orders, never remembered: an order that was denied is tried again at the
    next bar, and a position assigned to it counts."""

    @classmethod
    def check_params(cls, params: Mapping[str, Any]) -> None:
        refuse_unknown(params, ("symbol", "quantity", "warmup_bars"))
        quantity_of(params)
        if not isinstance(params.get("symbol", ""), str):
            raise TypeError(f"symbol: {params['symbol']!r} is not text")

    def initialize(self, ctx: Context) -> None:
        self.check_params(ctx.params)
        self.ctx = ctx
        self.quantity: Decimal = quantity_of(ctx.params)
        self.symbol: str = ctx.params.get("symbol") or ""

    def on_bar(self, bar: Bar) -> None:
        ctx = self.ctx
        if ctx.warming_up or bar.symbol != (self.symbol or bar.symbol):
            return
        self.symbol = bar.symbol
        if ctx.get_position(bar.symbol) == 0.0 and not ctx.has_open_order(bar.symbol):
            ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, self.quantity, tif=TimeInForce.DAY))

    def save(self) -> dict[str, Any]:
        return {"symbol": self.symbol}

    def load(self, state: dict[str, Any]) -> None:
        self.symbol = state["symbol"]
