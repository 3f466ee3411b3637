"""Strategies whose whole run can be worked out on paper."""

from __future__ import annotations

from shared.events import Bar, OrderSide, OrderType, Quote, Trade
from shared.strategy import Order, Strategy
from shared.strategy.context import Context
from shared.strategy.orders import Fill


class AllIn(Strategy):
    """Buys as many whole units as its cash pays for at the first close with `margin` left for the fee, and holds."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.margin = float(ctx.params.get("margin", 0.0))
        self.asked = False

    def on_bar(self, bar: Bar) -> None:
        if not self.asked:
            self.asked = True
            units = int((float(self.ctx.portfolio.cash) - self.margin) / bar.close)
            self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.MARKET, units))


class Peeker(Strategy):
    """Looks for tomorrow everywhere a strategy can look, and trades on every bar. `seen`: whatever was later than now."""

    seen: list[str] = []  # noqa: RUF012 - read by the test, which starts one run at a time
    decided: dict[str, int] = {}  # noqa: RUF012 - as above: order id to the moment it was submitted
    filled: list[tuple[str, int, float]] = []  # noqa: RUF012 - as above: order id, moment, price

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.long = False

    def on_bar(self, bar: Bar) -> None:
        self._look(bar.end, "its bar")
        for past in self.ctx.get_bars(bar.symbol, 5):
            self._look(past.end, "history")
        latest, quote, tick = self.ctx.get_latest_bar(bar.symbol), self.ctx.get_latest_quote(bar.symbol), self.ctx.get_latest_tick(bar.symbol)
        for datum in (latest, quote, tick):
            if datum is not None:
                self._look(datum.end if isinstance(datum, Bar) else datum.timestamp, type(datum).__name__)
        if not self.ctx.has_open_order(bar.symbol):
            side = OrderSide.SELL if self.ctx.get_position(bar.symbol) > 0 else OrderSide.BUY
            self.decided[self.ctx.submit_order(Order(bar.symbol, side, OrderType.MARKET, 1))] = int(self.ctx.current_time())

    def on_quote(self, quote: Quote) -> None:
        self._look(quote.timestamp, "a quote")

    def on_tick(self, tick: Trade) -> None:
        self._look(tick.timestamp, "a tick")

    def on_fill(self, fill: Fill) -> None:
        self.filled.append((fill.order_id, int(self.ctx.current_time()), fill.price))

    def _look(self, ns: int, what: str) -> None:
        if ns > self.ctx.current_time():
            self.seen.append(f"{what} of {ns} at {int(self.ctx.current_time())}")


class SaysGoodbye(Strategy):
    """Logs its end and leaves an order working."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx

    def on_bar(self, bar: Bar) -> None:
        if not self.ctx.has_open_order(bar.symbol):
            self.ctx.submit_order(Order(bar.symbol, OrderSide.BUY, OrderType.LIMIT, 1, limit_price=round(bar.close * 0.97, 2)))

    def on_stop(self) -> None:
        self.ctx.log("goodbye")
