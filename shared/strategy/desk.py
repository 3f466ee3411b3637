"""One strategy's desk: all it may see, folded from the log, and the out-tray its words go to.

The strategy's actor owns it; the strategy reaches it through `Context` only. Nothing here calls user code. Folding is total: what the
events say is what the desk shows, whether the strategy is alive, failed or not yet built.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from shared.domain.ledger import Book, Ledger, LedgerState
from shared.events import (
    AccountEvent,
    CancelIntent,
    CurrencyRate,
    Event,
    FillCorrected,
    InstrumentDefined,
    OrderEvent,
    OrderFilled,
    OrderIntent,
    OrderSide,
    RegimeChanged,
    ReplaceIntent,
)

from .account import Account, AccountState
from .history import History, HistoryState
from .orders import Fill
from .own_orders import OwnOrder, OwnOrders, OwnOrdersState
from .regime import RegimeState, regime_named
from .settings import StrategySettings
from .timers import Timer, Timers

EXECUTIONS: Final = (OrderFilled, FillCorrected)
WORDS_MAX: Final = 1_000  # intents and log lines of one event; a loop without an end in a strategy stops here


class Gate(IntEnum):
    """Whether the strategy may trade now. SHUT: it must not ask (set-up, save); DEAF: it may ask and is refused (warm-up)."""

    SHUT = 0
    DEAF = 1
    OPEN = 2


class DeskState(msgspec.Struct, frozen=True, array_like=True):
    run: int
    submitted: int
    refused: int
    ledger: LedgerState
    orders: OwnOrdersState
    history: HistoryState
    timers: tuple[Timer, ...]
    account: AccountState
    regime: tuple[str, float, int]
    instruments: tuple[InstrumentDefined, ...]


class Desk:
    """run: the strategy's run, 0 before the first. submitted: orders of the run so far. refused: orders asked for during
    warm-up. now: ts_ns of the event at hand. said: what the
    strategy wants written, in order; the actor empties it."""

    def __init__(self, settings: StrategySettings) -> None:
        self.settings = settings
        self.run = 0
        self.submitted = 0
        self.now = 0
        self.gate = Gate.SHUT
        self.refused = 0
        self.said: list[Event] = []
        self.orders = OwnOrders()
        self.history = History(settings.history_bars_max)
        self.timers = Timers()
        self.account = Account(settings.id)
        self.regime = RegimeState()
        self.instruments: dict[str, InstrumentDefined] = {}
        self.ledger = Ledger({settings.id: settings.budget})
        self.book: Book = self.ledger.book(settings.id)  # the ledger keeps one object a strategy for its life

    def begin_run(self, run: int) -> None:
        """A new run counts its orders anew; what earlier runs hold and have working stays."""
        self.run = run
        self.submitted = 0
        self.refused = 0
        self.timers.clear()
        if self.settings.warmup_bars:
            self.history.forget_bars()

    def next_order_id(self) -> str:
        self.submitted += 1
        return f"{self.settings.id}:{self.run}:{self.submitted}"

    def issued(self, order_id: str) -> bool:
        """Whether the id is of this run and was given out, however long ago."""
        prefix, _, n = order_id.rpartition(":")
        return prefix == f"{self.settings.id}:{self.run}" and n.isdigit() and 0 < int(n) <= self.submitted

    def say(self, event: Event) -> None:
        """Raises RuntimeError past WORDS_MAX, into the strategy."""
        if len(self.said) >= WORDS_MAX:
            raise RuntimeError(f"more than {WORDS_MAX} orders and log lines for one event")
        self.said.append(event)
        if isinstance(event, OrderEvent):
            self.orders.fold(event, self.now)

    def take_back_orders(self) -> None:
        """Unsay the orders and replaces of the event at hand; log lines and cancels of other orders stand."""
        unsaid = {e.order_id for e in self.said if isinstance(e, OrderIntent)}
        for event in self.said:
            if isinstance(event, ReplaceIntent) and (order := self.orders.get(event.order_id)) is not None:
                order.replace_no -= 1
                order.asked = None
        for order_id in unsaid:
            self.orders.forget(order_id)
        self.submitted -= len(unsaid)
        self.said = [
            e for e in self.said if not isinstance(e, OrderIntent | ReplaceIntent) and not (isinstance(e, CancelIntent) and e.order_id in unsaid)
        ]

    def fold_intent(self, event: OrderIntent | CancelIntent | ReplaceIntent) -> None:
        """An intent of this strategy read back from the log, when no living strategy said it: an earlier run's, or recovery by facts."""
        self.orders.fold(event, self.now)
        prefix, _, n = event.order_id.rpartition(":")
        if type(event) is OrderIntent and prefix == f"{self.settings.id}:{self.run}":
            self.submitted = max(self.submitted, int(n))

    def fold_order(self, event: OrderEvent) -> OwnOrder | None:
        """An event of the order path; fills reach the book whether or not their order is still known."""
        if type(event) in EXECUTIONS:
            self.ledger.apply(event)
        return self.orders.fold(event, self.now)

    def fold_account(self, event: AccountEvent) -> None:
        self.ledger.apply(event)
        self.account.fold(event)

    def fold_instrument(self, event: InstrumentDefined) -> None:
        self.ledger.apply(event)
        if event.symbol in self.settings.symbols:
            self.instruments[event.symbol] = event

    def fold_rate(self, event: CurrencyRate) -> None:
        self.ledger.apply(event)

    def rate(self, currency: str) -> float | None:
        """None where nobody told it."""
        told = self.ledger.rate(currency)
        return None if told is None else float(told)

    def fold_regime(self, event: RegimeChanged) -> None:
        self.regime = RegimeState(regime_named(event.regime), event.confidence, self.now)

    def fill(self, event: OrderFilled | FillCorrected) -> Fill:
        """An execution as the strategy is told of it."""
        order = self.orders.get(event.order_id)
        price, reference = float(event.price), order.reference if order is not None else 0.0
        worse = price - reference if event.side is OrderSide.BUY else reference - price
        filled = event if isinstance(event, OrderFilled) else None
        return Fill(
            id=event.execution_id,
            order_id=event.order_id,
            symbol=event.symbol,
            side=event.side,
            quantity=float(event.quantity),
            price=price,
            commission=float(event.commission),
            slippage=worse if reference else 0.0,
            is_maker=filled is not None and filled.is_maker,
            venue=filled.venue if filled is not None else "",
            timestamp=(filled.broker_ns if filled is not None else 0) or self.now,
            corrects="" if isinstance(event, OrderFilled) else event.previous_id,
        )

    def to_state(self) -> DeskState:
        return DeskState(
            self.run,
            self.submitted,
            self.refused,
            self.ledger.to_state(),
            self.orders.to_state(),
            self.history.to_state(),
            self.timers.to_state(),
            self.account.to_state(),
            (str(self.regime.regime), self.regime.confidence, self.regime.timestamp),
            tuple(self.instruments[s] for s in sorted(self.instruments)),
        )

    def restore(self, state: DeskState) -> None:
        """The budget is today's: where it differs from the state's, the book's cash moves by the difference."""
        self.run, self.submitted, self.refused = state.run, state.submitted, state.refused
        self.ledger = Ledger.from_state(state.ledger, {self.settings.id: self.settings.budget})
        self.book = self.ledger.book(self.settings.id)
        self.orders = OwnOrders.from_state(state.orders)
        self.history.restore(state.history)
        self.timers.restore(state.timers)
        self.account.restore(state.account)
        name, confidence, timestamp = state.regime
        self.regime = RegimeState(regime_named(name), confidence, timestamp)
        self.instruments = {i.symbol: i for i in state.instruments}
        self.said = []
