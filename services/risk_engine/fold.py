"""Folding: what each event of the log changes at the desk. Decides nothing; holds in recovery as in life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.exact import ZERO, add, magnitude, multiply, subtract
from shared.domain.instrument import signed
from shared.domain.order_group import EXITS
from shared.events import (
    AccountOpened,
    AccountReported,
    Alert,
    Bar,
    BrokerConnectionChanged,
    BusStarted,
    CancelApproved,
    CancelIntent,
    CashFlow,
    CorporateAction,
    DataGap,
    DayEnded,
    Envelope,
    EquityMarked,
    Event,
    ExitsReduced,
    ExternalOrderSeen,
    FillCorrected,
    FlattenRequested,
    FreshnessChanged,
    HoldingAssigned,
    InstrumentHalted,
    InstrumentLocked,
    InstrumentUnlocked,
    LeaseEnded,
    LeaseGranted,
    LimitBreached,
    LogStarted,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderTerms,
    OrderUnknown,
    PriceBandsChanged,
    Reason,
    ReconcileCompleted,
    ReconcileFailed,
    ReplaceApproved,
    ReplaceIntent,
    ReplaceRejected,
    ReplaceSending,
    ResumeRequested,
    RunStarted,
    Scope,
    ServiceAnnounced,
    SessionChanged,
    StrategyPaused,
    TradingState,
    TradingStateChanged,
)

from .arguments import event_only, timed
from .commands import SOURCE
from .desk import Desk
from .duplicates import OrderId
from .flatten import OWNER
from .open_order import OpenOrder
from .prices import MILLISECOND
from .proposal import value_price
from .remembering import remembering

_INTENTS: Final = (OrderIntent, ReplaceIntent, CancelIntent)
_NO_DECISION: Final = (Reason.NOT_AUTHORISED, Reason.DUPLICATE_ID, Reason.DUPLICATE_MISMATCH)  # denials that decide no order id


class Fold:
    """on: by event type, what an envelope of it changes."""

    def __init__(self, desk: Desk) -> None:
        d = self._desk = desk
        self.on: dict[type[Event], Callable[[Envelope], None]] = {
            kind: d.protective.folding(self._price(store)) for kind, store in d.prices.store.items()
        }
        self.on[Bar] = d.protective.folding(remembering(self._price(d.prices.store[Bar]), d))
        facts: dict[type[Event], Callable[[Any], None]] = {
            SessionChanged: d.gates.session,
            BrokerConnectionChanged: d.gates.connected,
            PriceBandsChanged: d.bands.changed,
            InstrumentLocked: d.gates.lock,
            InstrumentUnlocked: d.gates.unlock,
            DataGap: d.gates.gap,
            FreshnessChanged: d.gates.freshness,
            StrategyPaused: d.states.pause,
            ReconcileCompleted: self._reconciled,
            ReconcileFailed: d.presence.reading_failed,
            ResumeRequested: d.states.resumed,
            TradingStateChanged: self._state,
            LimitBreached: self._breached,
            FlattenRequested: d.flattening.begin,
            EquityMarked: d.marking.marked,
            DayEnded: self._day_ended,
            BusStarted: self._started,
            LogStarted: self._log_started,
            AccountReported: self._reported,
        }
        self.on.update({kind: event_only(fold) for kind, fold in facts.items()})
        with_time: dict[type[Event], Callable[[Any, int], None]] = {
            OrderApproved: self._approved,
            OrderDenied: self._denied,
            CancelApproved: self._cancel_approved,
            ReplaceApproved: self._replace_approved,
            OrderFilled: self._filled,
            OrderRejected: self._rejected,
            FillCorrected: self._corrected,
            AccountOpened: self._opened,
            CashFlow: self._cash_flow,
            HoldingAssigned: self._assigned,
            CorporateAction: self._corporate_action,
            RunStarted: self._run,
            Alert: self._alerted,
            LeaseGranted: d.presence.granted,
            LeaseEnded: d.presence.ended,
            ServiceAnnounced: d.presence.announce,
            InstrumentHalted: self._halted,
        }
        self.on.update({kind: timed(fold) for kind, fold in with_time.items()})
        self.on.update({OrderIntent: self._intent, ReplaceIntent: self._intent, CancelIntent: self._intent})
        for kind in (
            OrderAccepted,
            OrderUnknown,
            OrderCanceled,
            OrderExpired,
            OrderAbandoned,
            OrderReplaced,
            OrderRouted,
            ReplaceRejected,
            ExternalOrderSeen,
            OrderSending,
            ReplaceSending,
            ExitsReduced,
        ):
            self.on[kind] = timed(self._order)
        self.on.update(d.unanswered.noting(self.on))

    # market

    def _price(self, store: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
        """One closure a data type: this is the hot path."""
        d, active, gaps = self._desk, self._desk.watches.active, self._desk.gates.gaps
        watches, marking = d.watches, d.marking

        def fold(e: Envelope) -> None:
            store(e)
            symbol = e.event.symbol  # type: ignore[attr-defined]  # market data has one
            if symbol in active and watches.moved(symbol):
                marking.moved(e.ts_ns)
            if gaps:
                d.gates.close_gap(symbol, d.prices.newest_ns(symbol))

        return fold

    def _halted(self, e: InstrumentHalted, now: int) -> None:
        self._desk.bands.halted(e, now, self._desk.gates)
        self._desk.gates.halt(e)

    def _day_ended(self, e: DayEnded) -> None:
        d = self._desk
        d.marking.end_day(e)
        d.volumes.end_day(e, d.gates)
        d.bands.end_day(e, d.gates)

    # orders

    def _intent(self, e: Envelope) -> None:
        """Asked; the decision, where somebody is there to make one, is folded next. What will not be answered again is not noted."""
        d, intent = self._desk, e.event
        if not isinstance(intent, _INTENTS) or e.source != f"strategy.{intent.strategy}":
            return
        if isinstance(intent, OrderIntent):
            order_id = OrderId.parse(intent.order_id)
            if order_id is not None and not d.duplicates.seen(order_id):
                d.unanswered.ask(intent)
                if intent.group_size:
                    d.legs.wait(intent, e)
        elif isinstance(intent, ReplaceIntent):
            order = d.reservations.orders.get(intent.order_id)
            if order is None or intent.replace_no > order.replace_no:
                d.unanswered.ask(intent)
        elif intent.order_id.startswith(f"{intent.strategy}:"):
            d.unanswered.ask(intent)

    def _cancel_approved(self, e: CancelApproved, now: int) -> None:
        self._desk.throttles.spend_cancel(e.strategy, now)

    def _approved(self, e: OrderApproved, now: int) -> None:
        d, terms = self._desk, e.terms
        d.legs.answered(e.order_id)
        unit = multiply(value_price(terms, e.reference, d.settings.collar_bps), d.ledger.unit(terms.symbol).contract)
        exits = bool(e.group_size) and e.group_role in EXITS
        opening = ZERO if exits else d.opening(terms.symbol, terms.side, terms.quantity)
        group, role = (e.group, e.group_role) if e.group_size else ("", "")
        until, epoch = e.deadline_ns, e.halt_epoch
        order = OpenOrder(e.order_id, e.strategy, terms, unit, opening, terms, group=group, role=role, deadline_ns=until, halt_epoch=epoch)
        d.reservations.reserve(order)
        own = e.order_id.startswith(f"{OWNER}:")
        d.throttles.spend(OWNER if own else e.strategy, now)
        if own:
            d.flattening.approved(e.order_id)
            d.protective.approved(e.strategy, terms.symbol, e.order_id)
        else:
            d.duplicates.decide(_parsed(e.order_id))
            if not exits:
                d.duplicates.approved(e.strategy, terms, now)
                self._walked(terms, e.reference, now)
        d.reorder(terms.symbol)

    def _walked(self, terms: OrderTerms, reference: float, now: int) -> None:
        s = self._desk.settings
        if s.collar_window_bps is not None:
            self._desk.walks.approved(terms, reference, now, s.collar_window_ms * MILLISECOND)

    def _denied(self, e: OrderDenied, _: int) -> None:
        self._desk.legs.answered(e.order_id)
        if e.reason not in _NO_DECISION:
            self._desk.duplicates.decide(_parsed(e.order_id))

    def _replace_approved(self, e: ReplaceApproved, now: int) -> None:
        self._desk.throttles.spend(e.strategy, now)
        reference = self._desk.prices.reference(e.terms.symbol, e.terms.side)
        self._walked(e.terms, reference.price if reference is not None else 0.0, now)
        self._order(e, now)

    def _order(self, e: OrderEvent, now: int) -> None:
        d = self._desk
        if (failed := d.flattening.failed(e, now, d.states.halt_epoch)) is not None:
            d.unanswered.ask(failed)
            d.flattening.stop(d.reservations.orders[e.order_id].symbol)
        symbol = d.reservations.fold(e)
        if symbol:
            d.reorder(symbol)
            d.flattening.settle(symbol)

    def _filled(self, e: OrderFilled, now: int) -> None:
        if self._desk.settings.account_kind is None:
            self._spend(e)
        self._desk.repeats.fold(e, now)
        self._booked(e, now)

    def _spend(self, e: OrderFilled) -> None:
        """What it opened is gone from the broker's figure; what it closed is free when the broker says so."""
        d = self._desk
        held, change = d.ledger.net(e.symbol), signed(e.side, e.quantity)
        opened = max(ZERO, subtract(e.quantity, magnitude(held))) if held and (held > 0) != (change > 0) else e.quantity
        paid = multiply(multiply(opened, e.price), d.ledger.multiplier(e.symbol))
        d.power.spent = add(add(d.power.spent, paid), d.ledger.worth(e.commission, e.currency))

    def _rejected(self, e: OrderRejected, now: int) -> None:
        self._desk.repeats.fold(e, now)
        self._order(e, now)

    def _corrected(self, e: FillCorrected, now: int) -> None:
        self._booked(e, now)

    def _booked(self, e: OrderFilled | FillCorrected, now: int) -> None:
        d = self._desk
        d.ledger.apply(e)
        d.reservations.fold(e)
        d.protective.rebooked(e.symbol, now)
        self._rebooked(e.symbol)
        d.marking.moved(now)
        d.flattening.settle(e.symbol)

    # account

    def _opened(self, e: AccountOpened, now: int) -> None:
        d = self._desk
        d.ledger.apply(e)
        d.rebuild()
        d.watches.begin()
        d.marking.moved(now)

    def _reported(self, e: AccountReported) -> None:
        self._desk.power.reported, self._desk.power.spent = e.buying_power, ZERO

    def _cash_flow(self, e: CashFlow, now: int) -> None:
        d = self._desk
        shares = d.ledger.shares_of(e)
        d.ledger.apply(e)
        d.watches.account.fund(d.ledger.worth(e.amount, e.currency))
        for strategy, watch in d.watches.strategies.items():
            watch.fund(d.ledger.worth(shares.get(strategy, ZERO), e.currency))
        d.marking.moved(now)

    def _assigned(self, e: HoldingAssigned, now: int) -> None:
        """A claim is no profit or loss of the strategy: its base moves along. A fill that closed its holding is one."""
        d = self._desk
        watch = d.watches.strategies.get(e.strategy) if e.command else None
        before = watch.value.equity() if watch is not None else ZERO
        d.ledger.apply(e)
        d.protective.rebooked(e.symbol, now)
        d.track(e.symbol)
        if watch is not None:
            watch.fund(subtract(watch.value.equity(), before))
        d.watches.settle()
        d.marking.moved(now)

    def _corporate_action(self, e: CorporateAction, now: int) -> None:
        d, ratio = self._desk, float(e.ratio) / float(e.per)
        d.ledger.apply(e)
        if e.kind == "split":
            d.prices.rescale(e.symbol, ratio)
        elif e.kind == "symbol_change":
            d.prices.rename(e.symbol, e.new_symbol)
            self._rebooked(e.new_symbol)
        for part in (d.protective, d.closes, d.volumes, d.bands):
            part.acted(e, ratio)
        for symbol in (e.symbol, e.new_symbol):
            d.protective.rebooked(symbol, now)
        self._rebooked(e.symbol)
        d.marking.moved(now)

    def _rebooked(self, symbol: str) -> None:
        self._desk.track(symbol)
        self._desk.watches.settle()

    # states

    def _reconciled(self, e: ReconcileCompleted) -> None:
        self._desk.states.completed(e)
        self._desk.presence.reading_made()

    def _alerted(self, e: Alert, now: int) -> None:
        self._desk.gates.alerted(e)
        self._desk.protective.alerted(e, now)

    def _log_started(self, e: LogStarted) -> None:
        self._desk.ages.log_started(e.clock)
        self._desk.presence.log_started(e)

    def _started(self, _: BusStarted) -> None:
        self._desk.states.started(self._desk.settings.arm, self._desk.settings.arm_requires_reconcile)

    def _run(self, e: RunStarted, now: int) -> None:
        d = self._desk
        if e.name != SOURCE:
            d.revisions.began(e)
            return
        d.states.started(d.settings.arm, d.settings.arm_requires_reconcile)
        d.flattening.started(e.name_run)
        d.protective.begin(now)
        if d.watches.account.state.base is not None:
            d.watches.begin()

    def _state(self, e: TradingStateChanged) -> None:
        d = self._desk
        d.states.changed(e)
        if e.reason is Reason.OPERATOR and e.state in (TradingState.ACTIVE, TradingState.DISARMED):
            if e.scope is Scope.STRATEGY:
                d.repeats.clear(e.key)
            watch = d.watches.account if e.scope is Scope.GLOBAL else d.watches.strategies.get(e.key)
            if watch is not None and e.scope is not Scope.SYMBOL:
                watch.clear()

    def _breached(self, e: LimitBreached) -> None:
        for watch in self._desk.watches.all():
            watch.meet(e)
        self._desk.protective.breached(e)


def _parsed(order_id: str) -> OrderId:
    parsed = OrderId.parse(order_id)
    assert parsed is not None, f"{order_id} was approved or denied by content and is no order id"
    return parsed
