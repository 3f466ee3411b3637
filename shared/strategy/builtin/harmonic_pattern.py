"""`harmonic_pattern`: trades the turn that a Gartley, Bat, Butterfly, Crab or Cypher pattern announces.

Parameters (RegimeFlow's): symbol (the first that has a bar when left out); pivot_threshold_pct (0.03): a swing turns when the close comes back
by this fraction; tolerance (0.1): stretch of the ratios' ranges, a fraction; min_bars (120): window of closes the swings are read from,
nothing is traded before it is full; cooldown_bars (5): bars after a signal before the next; min_confidence (0.45); order_qty (10), scaled from
min_qty_scale (0.5) at confidence 0 to max_qty_scale (1.5) at 1; use_limit (true): where a bar's range is at least vol_threshold_pct (0.01) of its
close, a calm signal waits as a DAY limit order limit_offset_bps (2) better than the close; any other, one of at least
aggressive_confidence_threshold (0.7) and every Butterfly and Crab goes at the market (IOC); allow_short (false).
venue_switch_confidence, passive_venue_weight and aggressive_venue_weight steer RegimeFlow's order routing between venues: they are checked and
have no effect: routing goes by the weights of its configuration.

Buys at the end of a falling last leg unless it holds order_qty or more, sells at the end of a rising one: what it holds, or short where allow_short.
It has no stop and no target of its own, as RegimeFlow's has none: it holds until a pattern says the opposite; `live.risk` bounds the loss.

One order at a time: while one works a signal on its side is passed over, and one on the other side cancels it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shared.events import Bar, OrderSide, OrderType, TimeInForce
from shared.strategy.context import Context
from shared.strategy.contract import Strategy
from shared.strategy.orders import Order, exact

from .harmonics import Match, best_match, swings
from .params import at_least, between, flag, refuse_unknown, text, units
from .steps import in_lots, on_tick

MIN_BARS_MIN: Final = 30
POINTS: Final = 5
EAGER: Final = frozenset({"butterfly", "crab"})  # their turns are sharp
FRACTIONS: Final = {
    "min_confidence": 0.45,
    "aggressive_confidence_threshold": 0.7,
    "venue_switch_confidence": 0.6,
    "passive_venue_weight": 0.7,
    "aggressive_venue_weight": 0.3,
}
NAMES: Final = (
    "symbol",
    "pivot_threshold_pct",
    "tolerance",
    "min_bars",
    "cooldown_bars",
    "use_limit",
    "limit_offset_bps",
    "vol_threshold_pct",
    "min_qty_scale",
    "max_qty_scale",
    "allow_short",
    "order_qty",
    "warmup_bars",
    *FRACTIONS,
)


class HarmonicPattern(Strategy):
    @classmethod
    def check_params(cls, params: Mapping[str, Any]) -> None:
        refuse_unknown(params, NAMES)
        text(params, "symbol")
        between(params, "pivot_threshold_pct", 0.03, 0.001, 1.0)
        between(params, "tolerance", 0.1, 0.0, 0.5)
        at_least(params, "min_bars", 120, MIN_BARS_MIN)
        at_least(params, "cooldown_bars", 5, 0)
        between(params, "limit_offset_bps", 2.0, 0.0, 5_000.0)
        between(params, "vol_threshold_pct", 0.01, 0.0)
        between(params, "max_qty_scale", 1.5, between(params, "min_qty_scale", 0.5, 0.1))
        for name, default in FRACTIONS.items():
            between(params, name, default, 0.0, 1.0)
        units(params, "order_qty", 10)
        for name in ("use_limit", "allow_short"):
            flag(params, name, default=False)

    def initialize(self, ctx: Context) -> None:
        p = ctx.params
        self.check_params(p)
        self.ctx = ctx
        self.symbol: str = text(p, "symbol")
        if self.symbol and self.symbol not in ctx.symbols:
            raise ValueError(f"symbol: {self.symbol} is none of the strategy's symbols ({', '.join(ctx.symbols)})")
        self.threshold, self.tolerance = between(p, "pivot_threshold_pct", 0.03, 0.001), between(p, "tolerance", 0.1, 0.0)
        self.closes: deque[float] = deque(maxlen=at_least(p, "min_bars", 120, MIN_BARS_MIN))
        self.cooldown = at_least(p, "cooldown_bars", 5, 0)
        self.use_limit, self.offset = flag(p, "use_limit", default=True), exact(p.get("limit_offset_bps", 2), "limit_offset_bps") / 10_000
        self.lively = between(p, "vol_threshold_pct", 0.01, 0.0)
        self.sure, self.eager = (between(p, name, FRACTIONS[name], 0.0) for name in ("min_confidence", "aggressive_confidence_threshold"))
        self.low, self.high = between(p, "min_qty_scale", 0.5, 0.1), between(p, "max_qty_scale", 1.5, 0.1)
        self.allow_short = flag(p, "allow_short", default=False)
        self.quantity = units(p, "order_qty", 10)
        self.wait = 0  # bars until the next signal; cooldown_bars lie between two

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol != (self.symbol or bar.symbol):
            return
        self.symbol = bar.symbol
        closes = self.closes
        closes.append(bar.close)
        if self.wait:
            self.wait -= 1
        if self.wait or len(closes) < (closes.maxlen or 0) or self.ctx.warming_up:
            return
        points = swings(closes, self.threshold)
        if len(points) < POINTS:
            return
        match = best_match(points[-POINTS:], self.tolerance)
        if match is not None and match.confidence >= self.sure:
            self._trade(bar, match)

    def _trade(self, bar: Bar, match: Match) -> None:
        side = OrderSide.BUY if match.falling else OrderSide.SELL
        quantity = self._quantity(side, match)
        if not quantity:
            return
        working = self.ctx.get_open_orders(self.symbol)
        for order in working:
            if order.side is not side:
                self.ctx.cancel_order(order.id)  # acted on at a later bar, if the pattern still stands
        if working:
            return
        order = self._order(bar, side, quantity, match)
        price = f" at {order.limit_price}" if order.limit_price is not None else ""
        self.ctx.log(f"{match.pattern}, confidence {match.confidence:.4f}: {side.value} {quantity} {self.symbol} {order.type.value}{price}")
        self.ctx.submit_order(order)
        self.wait = self.cooldown + 1

    def _quantity(self, side: OrderSide, match: Match) -> Decimal:
        """Units to trade; 0: the book already holds what the signal asks for, or may not hold it."""
        held = self.ctx.portfolio.quantity(self.symbol)
        if (held if side is OrderSide.BUY else -held) >= self.quantity:
            return Decimal(0)
        scale = self.low + (self.high - self.low) * match.confidence
        quantity = in_lots(self.ctx.get_instrument(self.symbol), self.quantity * exact(scale, "scale"))
        if side is OrderSide.SELL and not self.allow_short:
            return min(quantity, max(held, Decimal(0)))
        return quantity

    def _order(self, bar: Bar, side: OrderSide, quantity: Decimal, match: Match) -> Order:
        eager = match.confidence >= self.eager or match.pattern in EAGER
        if not self.use_limit or eager or bar.high - bar.low < self.lively * bar.close:
            return Order(self.symbol, side, OrderType.MARKET, quantity, tif=TimeInForce.IOC)
        better = exact(bar.close, "close") * (1 - self.offset if side is OrderSide.BUY else 1 + self.offset)
        price = on_tick(self.ctx.get_instrument(self.symbol), better, side)
        return Order(self.symbol, side, OrderType.LIMIT, quantity, price, tif=TimeInForce.DAY)

    def save(self) -> dict[str, Any]:
        return {"symbol": self.symbol, "closes": list(self.closes), "wait": self.wait}

    def load(self, state: dict[str, Any]) -> None:
        self.symbol, self.wait = state["symbol"], state["wait"]
        self.closes.extend(state["closes"])
