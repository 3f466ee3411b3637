"""A scene through the risk core alone, beside a broker that does at once what it is asked: market orders fill at the touch, others rest."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from services.gateway.build import instruments
from services.risk_engine.build import risk_settings
from services.risk_engine.core import SOURCE, RiskCore
from services.risk_engine.settings import RiskSettings
from shared.config import Config
from shared.events import (
    AccountOpened,
    AccountReported,
    CancelApproved,
    CancelIntent,
    Event,
    LogStarted,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderSide,
    OrderType,
    OrderUnknown,
    Quote,
    ReplaceApproved,
    ReplaceIntent,
    RunStarted,
)
from shared.strategy.orders import terms_of
from tests.support.risk_desk import CLEAN, RiskDesk, replayed

from .scene import CASH, Act, Ask, Bracket, Cancel, Doing, Replace, exact, moments

ROLES = ("entry", "take_profit", "stop_loss")


class Setup(NamedTuple):
    """What of a configuration the core is made of."""

    settings: RiskSettings
    defined: Sequence[Event]
    clock: str


def setup_of(config: Config, undefined: str = "") -> Setup:
    """undefined: a symbol that nobody defines."""
    return Setup(risk_settings(config), [e for e in instruments(config) if e.symbol != undefined], config.bus.clock)


class Alone(RiskDesk):
    """rejects: the broker takes nothing. silent: what becomes of resting orders is not known."""

    def __init__(self, setup: Setup, *, rejects: bool = False, silent: bool = False) -> None:
        self.settings = setup.settings
        self.core = RiskCore(self.settings)
        self.log, self.told, self.all = [], [], []
        self.now, self._seq = 0, 0
        self._ids: dict[str, int] = {}
        self._touch: dict[str, tuple[float, float]] = {}
        self._rejects, self._silent = rejects, silent
        self._setup = setup
        self._replaces = 0

    def begin(self, at: int, told: Sequence[Event]) -> None:
        """As every session of a real one."""
        self.now = at
        opened = AccountOpened("acc", "USD", Decimal(CASH), Decimal(CASH), (), (), ())
        reported = AccountReported("acc", "USD", Decimal(CASH), Decimal(CASH), Decimal(4 * CASH))
        first = LogStarted("logid0", self._setup.clock, "process"), RunStarted(SOURCE, 1, "f")
        for event in (*first, *self._setup.defined, opened, reported, CLEAN, *told):
            self.happen(event)

    def happen(self, event: Event, source: str = "outside", cause: int = 0) -> None:
        """One event of the log, and what the broker makes of the answers."""
        if isinstance(event, Quote):
            self._touch[event.symbol] = (event.bid, event.ask)
        self.all.append(event)
        answers = self.tell(event, source, cause)
        self.all += answers
        for answer in answers:
            self._broker(answer)

    def do(self, act: Doing) -> None:
        source = f"strategy.{act.strategy}"
        match act:
            case Ask():
                order = act.order()
                self.happen(OrderIntent(self._next(act.strategy), act.strategy, terms_of(order), reduce_only=order.reduce_only), source)
            case Bracket():
                exits = "sell" if act.side == "buy" else "buy"
                legs = (
                    Ask(act.side, act.quantity, act.limit, act.symbol),
                    Ask(exits, act.quantity, act.profit, act.symbol),
                    Ask(exits, act.quantity, symbol=act.symbol, type="stop", terms={"stop_price": act.loss}),
                )
                ids = [self._next(act.strategy) for _ in legs]
                for order_id, leg, role in zip(ids, legs, ROLES, strict=True):
                    self.happen(OrderIntent(order_id, act.strategy, terms_of(leg.order()), ids[0], role, role != "entry", 3), source)
            case Replace():
                self._replaces += 1
                wanted = ReplaceIntent(f"{act.strategy}:1:{act.number}", act.strategy, self._replaces, exact(act.quantity), exact(act.limit))
                self.happen(wanted, source)
            case Cancel():
                self.happen(CancelIntent(f"{act.strategy}:1:{act.number}", act.strategy), source)

    def again(self, *, from_log: bool) -> None:
        """Another engine goes on: from a snapshot, or from the log alone."""
        if from_log:
            self.core = RiskCore(self.settings)
            for envelope in self.log:
                replayed(self.core, envelope)
        else:
            self.core = self.restarted()

    def _next(self, strategy: str) -> str:
        self._ids[strategy] = self._ids.get(strategy, 0) + 1
        return f"{strategy}:1:{self._ids[strategy]}"

    def _broker(self, answer: Event) -> None:
        match answer:
            case OrderApproved() if self._rejects:
                self.happen(OrderRejected(answer.order_id, answer.strategy, "no", "not today"), "order_router")
            case OrderApproved() if answer.terms.type is OrderType.MARKET:
                self._fill(answer)
            case OrderApproved() if self._silent:
                self.happen(OrderUnknown(answer.order_id, answer.strategy, "time-out"), "order_router")
            case OrderApproved():
                self.happen(OrderAccepted(answer.order_id, answer.strategy, "b1", 0), "order_router")
            case CancelApproved():
                self.happen(OrderCanceled(answer.order_id, answer.strategy, Decimal(0)), "order_router")
            case ReplaceApproved():
                self.happen(OrderReplaced(answer.order_id, answer.strategy, answer.replace_no, answer.terms, "c", "b"), "order_router")

    def _fill(self, order: OrderApproved) -> None:
        bid, ask = self._touch[order.terms.symbol]
        price = ask if order.terms.side is OrderSide.BUY else bid
        answers = self.fill(order, price=price)
        self.all += answers
        for answer in answers:
            self._broker(answer)


def by_core(setup: Setup, acts: Sequence[Act], start: int, told: Sequence[Event] = (), again: str = "", **broker: bool) -> list[Event]:
    """Everything the core was told and said. told: what the gateway, not played here, would say first. again: before the last act another
    engine goes on, from a `snapshot` or from the `log`."""
    desk = Alone(setup, **broker)
    script = list(moments(acts, start))
    desk.begin(start - 1, told)
    for n, (ns, act) in enumerate(script):
        if n == len(script) - 1 and again:
            desk.again(from_log=again == "log")
        desk.now = ns
        if isinstance(act, Ask | Bracket | Replace | Cancel):
            desk.do(act)
        else:
            desk.happen(act)
    return desk.all
