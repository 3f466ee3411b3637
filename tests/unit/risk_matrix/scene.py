"""A scene: what happens, one act after another, whoever plays it: the risk core alone, a backtest, the live actors.

It opens with X at 99 to 101, Y at 49 to 51 and an account that is reconciled. Each act has a moment of its own, a millisecond after the one
before; strategies act when the symbol T, which is quoted at every moment and never traded, says that it is time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from services.backtest.venue_link import Venue
from shared.events import Bar, Event, Quote
from shared.strategy import Context, Order, Strategy

MS = 1_000_000
START = 1_704_295_800_000 * MS  # 2024-01-03 15:30 UTC, a Wednesday: New York is open
CASH = 1_000_000
BEAT = "T"
TRADED = ("X", "Y")


@dataclass(frozen=True)
class Ask:
    """A strategy's new order: at market without a limit."""

    side: str
    quantity: object
    limit: object = None
    symbol: str = "X"
    strategy: str = "a"
    type: str = ""
    tif: str | None = "day"
    terms: dict[str, Any] = field(default_factory=dict)

    def order(self) -> Order:
        kind = self.type or ("market" if self.limit is None else "limit")
        return Order(self.symbol, self.side, kind, self.quantity, self.limit, tif=self.tif, **self.terms)  # type: ignore[arg-type]  # as text


@dataclass(frozen=True)
class Bracket:
    """A limit order with a target and a stop."""

    side: str
    quantity: object
    limit: object
    profit: object
    loss: object
    symbol: str = "X"
    strategy: str = "a"


@dataclass(frozen=True)
class Replace:
    """Other terms for the number-th order (from 1) of a strategy."""

    number: int
    quantity: object = None
    limit: object = None
    strategy: str = "a"


@dataclass(frozen=True)
class Cancel:
    number: int
    strategy: str = "a"


@dataclass(frozen=True)
class Price:
    """A quote of a symbol."""

    symbol: str
    bid: float
    ask: float


@dataclass(frozen=True)
class Candle:
    """A bar of one second that ends now."""

    symbol: str
    high: float
    low: float
    close: float
    volume: float = 100.0


@dataclass(frozen=True)
class Wait:
    ms: int


@dataclass(frozen=True)
class Broker:
    """Something that happens at the broker."""

    happens: Callable[[Venue], object]


Made = Callable[[int], Event]  # an event that names its time
Doing = Ask | Bracket | Replace | Cancel
Race = tuple[Doing, ...]  # what strategies do at one moment
Act = Doing | Race | Price | Candle | Wait | Broker | Event | Made


class Moment(NamedTuple):
    """ns, and what is done then: by a strategy, or an event of the world."""

    ns: int
    act: Doing | Race | Broker | Event


def moments(acts: Sequence[Act], start: int = START) -> Iterator[Moment]:
    """The opening prices, then every act at its time."""
    now = start
    for act in (Price("X", 99.0, 101.0), Price("Y", 49.0, 51.0), *acts):
        match act:
            case Wait():
                now += act.ms * MS
                continue
            case Price():
                yield Moment(now, Quote(act.symbol, now, act.bid, act.ask, 1e6, 1e6))
            case Candle():
                yield Moment(now, Bar(act.symbol, now - 1_000 * MS, now, act.close, act.high, act.low, act.close, act.volume))
            case Ask() | Bracket() | Replace() | Cancel() | Broker() | Event() | tuple():
                yield Moment(now, act)
            case _:
                yield Moment(now, act(now))
        now += MS


class Scripted(Strategy):
    """Does what the scene says, when T says so. script: by ns, what is done by whom; set before a play."""

    script: ClassVar[dict[int, Race]] = {}

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.orders: list[str] = []

    def on_quote(self, quote: Quote) -> None:
        for act in self.script.get(quote.timestamp, ()) if quote.symbol == BEAT else ():
            if act.strategy == self.ctx.strategy_id:
                self._do(act)

    def _do(self, act: Doing) -> None:
        match act:
            case Ask():
                self.orders.append(self.ctx.submit_order(act.order()))
            case Bracket():
                entry = Ask(act.side, act.quantity, act.limit, act.symbol, act.strategy).order()
                self.orders += self.ctx.submit_bracket(entry, act.profit, act.loss)  # type: ignore[arg-type]  # numbers as text
            case Replace():
                self.ctx.replace_order(self.orders[act.number - 1], act.quantity, act.limit)  # type: ignore[arg-type]  # as above
            case Cancel():
                self.ctx.cancel_order(self.orders[act.number - 1])


# what is switched off, so that a row shows the one limit it is about
WIDE: dict[str, Any] = {
    "quote_age_ms_max": None,
    "duplicate_order_window_ms": None,
    "repeat_executions_max": None,
    "rejections_max": None,
    "collar_bps": None,
    "collar_window_bps": None,
    "short_allowed": True,
    "command_age_ms_max": 60_000,
    "deadline_ms": 60_000,
}
WIDE_LIMITS: dict[str, Any] = dict.fromkeys(
    [
        "max_notional",
        "order_qty_max",
        "max_position",
        "max_position_pct",
        "position_notional_max",
        "max_gross_exposure",
        "gross_notional_max",
        "max_net_exposure",
        "net_notional_max",
        "max_leverage",
        "buying_power_fraction_max",
        "orders_open_max",
        "strategy_orders_open_max",
        "symbol_orders_open_max",
        "max_orders_per_second",
        "strategy_msgs_per_s_max",
        "max_drawdown",
        "daily_loss_limit_pct",
    ]
)


def tree(risk: dict[str, Any], own: dict[str, Any], more: dict[str, Any], clock: str) -> dict[str, Any]:
    """A whole configuration. risk: below `live.risk`; own: limits of strategy a's book; more: other sections, merged one level deep."""
    limits = WIDE_LIMITS | risk.get("limits", {})
    strategies = [{"id": name, "path": f"{__name__}:Scripted", "budget": CASH // 2} for name in "ab"]
    strategies[0] |= {"limits": own, "symbols": more.get("symbols_of_a", [])}
    live = {
        "broker": "paper",
        "symbols": [*TRADED, BEAT],
        "calendar": "24x7",
        "strategies": strategies,
        "risk": {**WIDE, **risk, "limits": limits},
        **more.get("live", {}),
    }
    return {
        "live": live,
        "bus": {"clock": clock},
        "gateway": {"feed": {"kind": "synthetic", "minutes": 1}},
        "instruments": more.get("instruments", {}),
        "currencies": more.get("currencies", {}),
        "paper": {"initial_cash": CASH, "margin_multiplier": 4, **more.get("paper", {})},
    }


def exact(number: object) -> Decimal | None:
    return None if number is None else Decimal(str(number))
