"""The strategies of the benchmarks. Nothing of them lasts: each order is refused by the measuring session, so none stays open."""

from __future__ import annotations

import time
from typing import Final

from shared.events import OrderSide, OrderType, Quote
from shared.strategy.context import Context
from shared.strategy.contract import Strategy
from shared.strategy.orders import Order

BURN_NS: Final = 1_000_000


class TickTrader(Strategy):
    """One order at every quote, as soon as it comes."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx

    def on_quote(self, quote: Quote) -> None:
        self.ctx.submit_order(Order(quote.symbol, OrderSide.BUY, OrderType.LIMIT, 1, quote.ask))

    def save(self) -> dict[str, object]:
        return {}

    def load(self, state: dict[str, object]) -> None: ...


class Burner(TickTrader):
    """A millisecond of processor time at every quote, and an order at the one that is marked as the last."""

    def on_quote(self, quote: Quote) -> None:
        until = time.thread_time_ns() + BURN_NS
        while time.thread_time_ns() < until:
            pass
        if quote.bid_size == 301.0:
            super().on_quote(quote)
