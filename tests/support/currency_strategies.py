"""Strategies on instruments of other currencies, whose orders depend on rates and on what they see of their money: the same on every machine."""

from __future__ import annotations

from decimal import Decimal

from shared.events import Bar, OrderSide, OrderType
from shared.strategy import Order, Strategy
from shared.strategy.context import Context

WORTH = 4_000.0  # of an order, in the account's currency


class Abroad(Strategy):
    """Turns its one holding from long to short and back every fourth bar, each time for the same worth in the account's currency, and writes down
    what it sees: one digit that differs anywhere is another word in the log."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.symbol = ctx.symbols[0]
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol != self.symbol:
            return
        self.bars += 1
        instrument, portfolio = self.ctx.get_instrument(self.symbol), self.ctx.portfolio
        rate = self.ctx.rate(instrument.currency) if instrument is not None else None
        if instrument is None or rate is None or self.bars % 4:
            return
        held = portfolio.get_position(self.symbol)
        seen = (rate, portfolio.cash, portfolio.balances, portfolio.equity, held and (held.avg_cost, held.market_value, held.unrealized_pnl))
        self.ctx.log(f"sees {seen!r}")
        units = int(WORTH / (bar.close * float(instrument.multiplier) * rate))
        side = OrderSide.SELL if held is not None and held.quantity > 0 else OrderSide.BUY
        kind = OrderType.LIMIT if self.bars % 3 == 0 else OrderType.MARKET
        eager = Decimal(repr(bar.close * (1.001 if side is OrderSide.BUY else 0.999))).quantize(instrument.tick_size)
        self.ctx.submit_order(
            Order(self.symbol, side, kind, units * (2 if held is not None else 1), limit_price=eager if kind is OrderType.LIMIT else None)
        )
