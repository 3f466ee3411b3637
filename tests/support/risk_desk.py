"""A risk engine at work, for tests that read as conversations: tell it what happened, see what it answered.

Its driver does what the real one does: decide, apply the event, apply the outputs as own envelopes with seq 0. Every envelope is kept, so
a test can replay the same log through another engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from services.risk_engine.core import SOURCE, RiskCore
from services.risk_engine.settings import RiskSettings
from shared.events import (
    AccountOpened,
    Envelope,
    Event,
    InstrumentDefined,
    LogStarted,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderSide,
    OrderTerms,
    OrderType,
    Quote,
    Reason,
    ReconcileCompleted,
    ReplaceApproved,
    ReplaceDenied,
    ReplaceIntent,
    RunStarted,
)

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MS = 1_000_000
CLEAN = ReconcileCompleted(1, clean=True, breaks=(), pending=0, report=0)

# limits wide open: a test narrows the one it is about
WIDE: dict[str, Any] = {
    "strategies": [{"id": "a", "symbols": ["X", "Y"]}, {"id": "b", "symbols": ["X", "Y"]}],
    "quote_age_ms_max": None,
    "command_age_ms_max": None,
    "duplicate_order_window_ms": None,
    "msgs_per_s_max": None,
    "strategy_msgs_per_s_max": None,
    "repeat_executions_max": None,
    "rejections_max": None,
    "orders_open_max": None,
    "strategy_orders_open_max": None,
    "symbol_orders_open_max": None,
    "order_qty_max": None,
    "order_notional_max": None,
    "collar_bps": None,
    "collar_window_bps": None,
    "position_max": None,
    "position_notional_max": None,
    "gross_notional_max": None,
    "net_notional_max": None,
    "position_pct_max": None,
    "gross_pct_max": None,
    "net_pct_max": None,
    "leverage_max": None,
    "buying_power_fraction_max": None,
    "short_allowed": True,
    "self_trade_allowed": True,
    "day_loss_pct_max": None,
    "drawdown_max": None,
}


def replayed(core: RiskCore, envelope: Envelope) -> Sequence[Event]:
    """One step of a driver."""
    outputs = core.decide(envelope)
    core.apply(envelope)
    for n, event in enumerate(outputs, 1):
        core.apply(Envelope(0, envelope.ts_ns, event.topic, SOURCE, 1, n, envelope.seq, 1, event))
    return outputs


class RiskDesk:
    """core: the engine. log: every outside envelope it was told; told: every output."""

    def __init__(self, *, clock: str = "feed", cash: str = "1000000", defaults: bool = False, ready: bool = True, **limits: Any) -> None:
        base = {"strategies": WIDE["strategies"]} if defaults else WIDE
        self.settings = RiskSettings.of({**base, **limits})
        self.core = RiskCore(self.settings)
        self.log: list[Envelope] = []
        self.told: list[Event] = []
        self.now = 1_700_000_000_000 * MS
        self._seq = 0
        self._ids: dict[str, int] = {}
        self.tell(LogStarted("logid0", clock, "process"))
        self.tell(RunStarted(SOURCE, 1, "f"))
        for symbol in ("X", "Y"):
            self.tell(InstrumentDefined(symbol, "equity", "USD", Decimal("0.01"), Decimal(1), Decimal(1), "24x7"))
        if ready:
            self.tell(AccountOpened("acc", "USD", Decimal(cash), Decimal(cash), (), (), ()))
            self.tell(CLEAN)
            self.quote("X", 99.0, 101.0)
            self.quote("Y", 49.0, 51.0)

    def tell(self, event: Event, source: str = "outside", cause: int = 0) -> list[Event]:
        """One event of the log at the present time; its outputs."""
        self._seq += 1
        envelope = Envelope(self._seq, self.now, event.topic, source, 1, self._seq, cause, 1, event)
        self.log.append(envelope)
        outputs = list(replayed(self.core, envelope))
        self.told += outputs
        return outputs

    def wait(self, ms: float) -> RiskDesk:
        self.now += int(ms * MS)
        return self

    @property
    def seq(self) -> int:
        return self._seq

    def quote(self, symbol: str, bid: float, ask: float) -> list[Event]:
        return self.tell(Quote(symbol, self.now, bid, ask, 100.0, 100.0))

    def intend(self, terms: OrderTerms, strategy: str = "a", order_id: str = "", cause: int = 0, **extra: Any) -> list[Event]:
        """A new order of a strategy; every output."""
        if not order_id:
            self._ids[strategy] = self._ids.get(strategy, 0) + 1
            order_id = f"{strategy}:1:{self._ids[strategy]}"
        return self.tell(OrderIntent(order_id, strategy, terms, **extra), f"strategy.{strategy}", cause)

    def order(self, side: OrderSide, quantity: object, limit: object = None, *, symbol: str = "X", strategy: str = "a", **extra: Any) -> Event:
        """A market or limit order; its answer."""
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        price = None if limit is None else Decimal(str(limit))
        return self.intend(OrderTerms(symbol, side, kind, Decimal(str(quantity)), price), strategy, **extra)[0]

    def buy(self, quantity: object, limit: object = None, **extra: Any) -> Event:
        return self.order(BUY, quantity, limit, **extra)

    def sell(self, quantity: object, limit: object = None, **extra: Any) -> Event:
        return self.order(SELL, quantity, limit, **extra)

    def replace(self, order: Event, no: int = 1, quantity: object = None, limit: object = None) -> Event:
        assert isinstance(order, OrderApproved)
        wanted = (None if quantity is None else Decimal(str(quantity)), None if limit is None else Decimal(str(limit)))
        return self.tell(ReplaceIntent(order.order_id, order.strategy, no, *wanted), f"strategy.{order.strategy}")[0]

    def accept(self, order: Event) -> list[Event]:
        assert isinstance(order, OrderApproved)
        return self.tell(OrderAccepted(order.order_id, order.strategy, "b1", 0), "order_router")

    def fill(self, order: Event, quantity: object = None, price: object = 100, commission: object = 0, leaves: object = None) -> list[Event]:
        """An execution of an approved order (all of it by default)."""
        assert isinstance(order, OrderApproved)
        terms, filled = order.terms, order.terms.quantity if quantity is None else Decimal(str(quantity))
        rest = terms.quantity - filled if leaves is None else Decimal(str(leaves))
        return self.tell(
            OrderFilled(
                order.order_id,
                order.strategy,
                terms.symbol,
                terms.side,
                filled,
                Decimal(str(price)),
                Decimal(str(commission)),
                "USD",
                f"e{self._seq}",
                "b1",
                filled,
                rest,
                0,
            ),
            "order_router",
        )

    def cancel(self, order: Event) -> list[Event]:
        """The broker's word that it is canceled."""
        assert isinstance(order, OrderApproved)
        return self.tell(OrderCanceled(order.order_id, order.strategy, Decimal(0)), "order_router")

    def abandon(self, order: Event) -> list[Event]:
        assert isinstance(order, OrderApproved)
        return self.tell(OrderAbandoned(order.order_id, order.strategy, "halted"), "order_router")

    def hold(self, quantity: object, symbol: str = "X", strategy: str = "a", price: object = 100) -> None:
        """Give a strategy a holding (negative: short) by an approved and filled order."""
        units = Decimal(str(quantity))
        self.fill(self.order(BUY if units > 0 else SELL, abs(units), symbol=symbol, strategy=strategy), price=price)

    def restarted(self) -> RiskCore:
        """Another engine from this one's snapshot."""
        again = RiskCore(self.settings)
        again.restore(self.core.snapshot())
        return again


def reason(answer: Event) -> Reason | None:
    """Why it was denied; None when it was approved."""
    if isinstance(answer, OrderDenied | ReplaceDenied):
        return answer.reason
    assert isinstance(answer, OrderApproved | ReplaceApproved), answer
    return None
