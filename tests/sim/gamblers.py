"""Strategies that trade a lot and badly: every type of order, brackets, pairs of which one cancels the other, cancels and replaces of whatever, on
one symbol and against each other."""

from __future__ import annotations

from typing import Any

from shared.events import Bar, OrderSide, OrderType, Quote, TimeInForce
from shared.strategy import Order, Strategy
from shared.strategy.context import Context

_SECOND = 1_000_000_000
_KINDS = (
    *(OrderType.MARKET, OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT),
    *(OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP),
)


class Gambler(Strategy):
    """Throws its own dice at every quote and bar; leans to one side for a while, so that position limits are met. Without save and load: its run is
    replayed."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.dice = int(ctx.params["seed"]) * 2 + 1
        self.pace = int(ctx.params["pace"])
        self.bets = 0
        self.mine: list[str] = []

    def throw(self, sides: int) -> int:
        self.dice = (self.dice * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % (1 << 64)
        return (self.dice >> 33) % sides

    def on_quote(self, quote: Quote) -> None:
        if self.throw(100) < self.pace:
            self._gamble(quote)
        if self.mine and self.throw(100) < self.pace // 3:
            self.ctx.cancel_order(self._recent())
        if self.mine and self.throw(100) < self.pace // 4:
            self.ctx.replace_order(self._recent(), quantity=1 + self.throw(20))

    def on_bar(self, bar: Bar) -> None:
        if self.mine and self.throw(100) < self.pace // 2:
            self.ctx.cancel_order(self._recent())

    def _recent(self) -> str:
        return self.mine[-1 - self.throw(min(6, len(self.mine)))]

    def _gamble(self, quote: Quote) -> None:
        self.bets += 1
        kind = self.throw(6)
        if kind == 0:
            entry = self._order(quote)
            up, down = round(quote.ask + self._cents(), 2), round(quote.bid - self._cents(), 2)
            self.mine += self.ctx.submit_bracket(entry, *((up, down) if entry.side is OrderSide.BUY else (down, up)))
        elif kind == 1:
            first = self._order(quote, OrderType.LIMIT)
            second = self._order(quote, OrderType.STOP)
            second.side, second.quantity = first.side, first.quantity
            second.stop_price = round(quote.ask + self._cents() if first.side is OrderSide.BUY else quote.bid - self._cents(), 2)
            self.mine += self.ctx.submit_oco(first, second)
        else:
            self.mine.append(self.ctx.submit_order(self._order(quote)))

    def _cents(self) -> float:
        return (2 + self.throw(7)) / 100

    def _order(self, quote: Quote, kind: OrderType | None = None) -> Order:
        kind = kind or _KINDS[self.throw(len(_KINDS))]
        leaning = OrderSide.BUY if (self.bets // 10) % 2 == 0 else OrderSide.SELL
        other = OrderSide.SELL if leaning is OrderSide.BUY else OrderSide.BUY
        side = leaning if self.throw(4) else other
        near = round(quote.bid + (self.throw(13) - 6) / 100, 2)
        far = round(quote.ask + 0.03, 2) if side is OrderSide.BUY else round(quote.bid - 0.03, 2)
        limit = near if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None
        stop = far if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None
        trail = 0.05 if kind is OrderType.TRAILING_STOP else None
        tif, expires = TimeInForce.GTC, None
        if kind in (OrderType.MARKET, OrderType.LIMIT) and not self.throw(5):
            tif = TimeInForce.IOC
        elif kind is not OrderType.MARKET and not self.throw(4):
            tif, expires = TimeInForce.GTD, quote.timestamp + (1 + self.throw(3)) * _SECOND
        return Order(quote.symbol, side, kind, 1 + self.throw(20), limit, stop, tif, expires, trail_price=trail)


class Saver(Gambler):
    """The same with save and load: it goes on from a snapshot."""

    def save(self) -> dict[str, Any]:
        return {"dice": str(self.dice), "bets": self.bets, "mine": self.mine[-20:]}

    def load(self, state: dict[str, Any]) -> None:
        self.dice, self.bets, self.mine = int(state["dice"]), int(state["bets"]), list(state["mine"])
