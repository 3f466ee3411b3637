"""`pairs_trading`: sells what is dear and buys what is cheap of two symbols that move together, and closes both when they are back together.

Parameters (RegimeFlow's): symbol_a, symbol_b; lookback (120): bars of the window; entry_z (2.0): distance from the mean, in standard deviations,
at which the spread is traded; exit_z (0.5): distance at which it is closed; max_z (4.0): distance from which the size grows no more;
allow_short (true): false never sells the spread (z above 0); base_qty (10): units of A, scaled from min_qty_scale (0.5) at entry_z to
max_qty_scale (2.0) at max_z, B by the hedge ratio; cooldown_bars (5): bars after an entry or exit before the next.

Bars count when both symbols have one that ends at the same moment; a bar without a partner is left out, so the two never stand for two moments.

Two legs, and what keeps one from standing alone:
- The sold leg goes first, and the bought one follows when the broker has it: what may not be shorted costs nothing. Both closing orders go
  together, reduce-only.
- A leg that ends short of its quantity (denied, rejected, cancelled, expired, filled in part) ends the trade: the other leg's order is
  cancelled, and what either leg holds is closed at the market, at once and then once a bar until it is flat. No entry follows before the
  spread has been back within entry_z.
- Whatever the reason, a book that holds one leg, or both on one side, with no order working is closed the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shared.domain.order_machine import DONE
from shared.events import Bar, OrderSide, OrderStatus, OrderType
from shared.strategy.context import Context
from shared.strategy.contract import Strategy
from shared.strategy.orders import Order, exact

from .params import at_least, between, flag, refuse_unknown, text, units
from .spread import Reading, Spread
from .steps import in_lots

LOOKBACK_MIN: Final = 30  # RegimeFlow's; a slope over less says nothing
NAMES: Final = (
    "symbol_a",
    "symbol_b",
    "lookback",
    "entry_z",
    "exit_z",
    "max_z",
    "allow_short",
    "base_qty",
    "min_qty_scale",
    "max_qty_scale",
    "cooldown_bars",
    "warmup_bars",
)
_AT_BROKER: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED})
_FELL_SHORT: Final = DONE - {OrderStatus.FILLED}


class PairsTrading(Strategy):
    @classmethod
    def check_params(cls, params: Mapping[str, Any]) -> None:
        refuse_unknown(params, NAMES)
        for name in ("symbol_a", "symbol_b"):
            if not text(params, name):
                raise ValueError(f"{name}: required parameter is missing")
        if params["symbol_a"] == params["symbol_b"]:
            raise ValueError(f"symbol_b: {params['symbol_b']} is symbol_a too")
        at_least(params, "lookback", 120, LOOKBACK_MIN)
        at_least(params, "cooldown_bars", 5, 0)
        entry, low = between(params, "entry_z", 2.0, 0.5), between(params, "min_qty_scale", 0.5, 0.1)
        if between(params, "exit_z", 0.5, 0.1) >= entry:
            raise ValueError(f"exit_z: {params.get('exit_z', 0.5)} must be smaller than entry_z ({entry:g})")
        between(params, "max_z", 4.0, entry)
        between(params, "max_qty_scale", 2.0, low)
        units(params, "base_qty", 10)
        flag(params, "allow_short", default=True)

    def initialize(self, ctx: Context) -> None:
        p = ctx.params
        self.check_params(p)
        self.ctx = ctx
        self.a, self.b = p["symbol_a"], p["symbol_b"]
        for name in ("symbol_a", "symbol_b"):
            if p[name] not in ctx.symbols:
                raise ValueError(f"{name}: {p[name]} is none of the strategy's symbols ({', '.join(ctx.symbols)})")
        self.entry_z, self.exit_z, self.max_z = between(p, "entry_z", 2.0, 0.5), between(p, "exit_z", 0.5, 0.1), between(p, "max_z", 4.0, 0.5)
        self.low, self.high = between(p, "min_qty_scale", 0.5, 0.1), between(p, "max_qty_scale", 2.0, 0.1)
        self.base = units(p, "base_qty", 10)
        self.allow_short = flag(p, "allow_short", default=True)
        self.cooldown = at_least(p, "cooldown_bars", 5, 0)
        self.spread = Spread(at_least(p, "lookback", 120, LOOKBACK_MIN))
        self.newest: dict[str, tuple[int, float]] = {self.a: (-1, 0.0), self.b: (-2, 0.0)}  # end and close; not yet at one moment
        self.wait = 0  # bars until the next entry or exit
        self.armed = True  # the spread was within entry_z since the last failure
        self.closing = False  # until flat
        self.follower: list[str] = []  # symbol, side and quantity of the leg that waits for the sold one

    def on_bar(self, bar: Bar) -> None:
        newest = self.newest
        if bar.symbol not in newest:
            return
        newest[bar.symbol] = (bar.end, bar.close)
        (end_a, close_a), (end_b, close_b) = newest[self.a], newest[self.b]
        if end_a == end_b:
            self.spread.add(close_a, close_b)
            self.wait = max(0, self.wait - 1)
            self._decide()
        elif self.closing and not self._working():
            self._close()

    def on_order_update(self, order: Order) -> None:
        if order.reduce_only or order.symbol not in self.newest:
            return
        if order.status in _FELL_SHORT and not self.closing:
            short = f"{order.filled_quantity:g} of {order.quantity:g} {order.symbol} ({order.side.value})"
            self.ctx.log(f"{short} when the order ended: the pair is closed", "warning")
            self.follower, self.armed, self.closing, self.wait = [], False, True, self.cooldown
            for other in self.ctx.get_open_orders():
                if other.symbol in self.newest and not other.reduce_only:
                    self.ctx.cancel_order(other.id)
        if self.follower and order.status in _AT_BROKER:
            symbol, side, quantity = self.follower
            self.follower = []
            self._send(symbol, OrderSide(side), Decimal(quantity))
        elif self.closing and not self._working():
            self._close()

    def _decide(self) -> None:
        """Once a moment, with both bars known."""
        ctx = self.ctx
        if ctx.warming_up or self._working():
            return
        held_a, held_b = ctx.portfolio.quantity(self.a), ctx.portfolio.quantity(self.b)
        if self.closing or ((held_a or held_b) and held_a * held_b >= 0):
            self._close()
            return
        reading = self.spread.reading()
        if reading is None:
            return
        self.armed = self.armed or abs(reading.z) < self.entry_z
        if self.wait:
            return
        if held_a:
            if (reading.z if held_a < 0 else -reading.z) <= self.exit_z:  # back, or already beyond on the other side
                self.wait = self.cooldown
                self._close()
        elif self.armed and abs(reading.z) >= self.entry_z and (reading.z < 0 or self.allow_short):
            self.wait = self.cooldown
            self._enter(reading)

    def _enter(self, reading: Reading) -> None:
        quantity_a = in_lots(self.ctx.get_instrument(self.a), self.base * exact(self._scale(reading.z), "scale"))
        quantity_b = in_lots(self.ctx.get_instrument(self.b), quantity_a * exact(reading.hedge_ratio, "hedge_ratio"))
        legs = [(self.a, quantity_a), (self.b, quantity_b)]
        sold, bought = legs if reading.z > 0 else reversed(legs)
        self.ctx.log(f"z {reading.z:.4f}, hedge ratio {reading.hedge_ratio:.6f}: sell {sold[1]} {sold[0]}, buy {bought[1]} {bought[0]}")
        self.follower = [bought[0], OrderSide.BUY.value, str(bought[1])]
        self._send(sold[0], OrderSide.SELL, sold[1])

    def _scale(self, z: float) -> float:
        """From the lower bound at entry_z to the upper at max_z, straight."""
        if self.max_z <= self.entry_z:
            return self.low
        share = (min(abs(z), self.max_z) - self.entry_z) / (self.max_z - self.entry_z)
        return self.low + (self.high - self.low) * share

    def _close(self) -> None:
        """Ask for the end of what is held. It is asked again at each bar until nothing is."""
        held = [(symbol, self.ctx.portfolio.quantity(symbol)) for symbol in (self.a, self.b)]
        self.closing = any(quantity for _, quantity in held)
        for symbol, quantity in held:
            if quantity:
                self._send(symbol, OrderSide.SELL if quantity > 0 else OrderSide.BUY, abs(quantity), closes=True)

    def _send(self, symbol: str, side: OrderSide, quantity: Decimal, *, closes: bool = False) -> None:
        self.ctx.submit_order(Order(symbol, side, OrderType.MARKET, quantity, reduce_only=closes))

    def _working(self) -> bool:
        return self.ctx.has_open_order(self.a) or self.ctx.has_open_order(self.b)

    def save(self) -> dict[str, Any]:
        return {
            "closes": self.spread.save(),
            "newest": [list(self.newest[self.a]), list(self.newest[self.b])],
            "wait": self.wait,
            "armed": self.armed,
            "closing": self.closing,
            "follower": self.follower,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.spread.load(state["closes"])
        (end_a, close_a), (end_b, close_b) = state["newest"]
        self.newest = {self.a: (end_a, close_a), self.b: (end_b, close_b)}
        self.wait, self.armed, self.closing = state["wait"], state["armed"], state["closing"]
        self.follower = list(state["follower"])
