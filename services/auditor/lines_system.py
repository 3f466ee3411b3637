"""Audit lines of the account, trading states, connections, strategies and operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from shared.domain.exact import ZERO
from shared.events import (
    AccountOpened,
    Alert,
    BrokerConnectionChanged,
    CashFlow,
    Command,
    CorporateAction,
    CurrencyRate,
    DataGap,
    DeterminismFault,
    Event,
    HoldingAssigned,
    InstrumentLocked,
    InstrumentUnlocked,
    LimitBreached,
    LimitOverridden,
    OrdersCanceledDirectly,
    OrdersRetired,
    ReconcileCompleted,
    ReconcileFailed,
    RegimeChanged,
    Severity,
    StrategyBlocked,
    StrategyFailed,
    StrategyRevised,
    SystemStarted,
    SystemStopped,
    TradingStateChanged,
)

from .line import Entry, meta, moved, number


def _opened(e: AccountOpened, _net: Decimal) -> Sequence[Entry]:
    balances = {row.currency: row.amount for row in e.balances}
    head: Entry = (
        "Reconciliation",
        f"account {e.account} opened",
        meta(account=e.account, currency=e.currency, cash=e.cash, **balances, equity=e.equity),
    )
    held = zip(e.symbols, e.quantities, e.average_prices, strict=True)
    return [head, *(draft for symbol, quantity, price in held for draft in moved(symbol, ZERO, quantity, price))]


def _flowed(e: CashFlow, _net: Decimal) -> Sequence[Entry]:
    extra = meta(kind=e.kind, amount=e.amount, currency=e.currency, symbol=e.symbol or None, reference=e.reference)
    return [("CashFlow", f"{e.kind} {number(e.amount)} {e.currency}", extra)]


def _rated(e: CurrencyRate, _net: Decimal) -> Sequence[Entry]:
    kind = "fixed" if not e.timestamp else None
    return [("CurrencyRate", f"{e.currency} {number(e.rate)}", meta(currency=e.currency, rate=e.rate, kind=kind))]


def _acted(e: CorporateAction, net: Decimal) -> Sequence[Entry]:
    """net: units held before it."""
    split = {"ratio": e.ratio, "per": e.per, "cash": e.cash} if e.kind == "split" else {}
    extra = meta(kind=e.kind, symbol=e.symbol, held=net, **split, new_symbol=e.new_symbol or None, price=e.price or None, reference=e.reference)
    return [("CorporateAction", f"{e.kind} of {e.symbol}", extra)]


def _assigned(e: HoldingAssigned, _net: Decimal) -> Sequence[Entry]:
    extra = meta(symbol=e.symbol, strategy=e.strategy, quantity=e.quantity, price=e.price, command=e.command or None)
    return [("HoldingAssigned", f"{number(e.quantity)} {e.symbol} to {e.strategy} @ {number(e.price)}", extra)]


def _trading(e: TradingStateChanged, _net: Decimal) -> Sequence[Entry]:
    extra = meta(scope=e.scope, key=e.key or None, state=e.state, reason=e.reason.name, halt_epoch=e.halt_epoch)
    return [("TradingState", e.text or f"{e.scope} {e.key} {e.state}".replace("  ", " "), extra)]


def _locked(e: InstrumentLocked, _net: Decimal) -> Sequence[Entry]:
    return [("TradingState", f"{e.symbol} locked: {e.text}", meta(symbol=e.symbol, reason=e.reason.name))]


def _unlocked(e: InstrumentUnlocked, _net: Decimal) -> Sequence[Entry]:
    return [("TradingState", f"{e.symbol} unlocked: {e.text}", meta(symbol=e.symbol))]


def _breached(e: LimitBreached, _net: Decimal) -> Sequence[Entry]:
    extra = meta(reason=e.reason.name, key=e.key, limit=e.limit, value=e.value, hard="true" if e.hard else "false")
    return [("RiskLimitBreached", f"{e.key} {e.value} against {e.limit}", extra)]


def _reconciled(e: ReconcileCompleted, _net: Decimal) -> Sequence[Entry]:
    outcome = "clean" if e.clean else f"{len(e.breaks)} breaks, {e.pending} pending"
    extra = meta(query=e.query, clean="true" if e.clean else "false", breaks=len(e.breaks), pending=e.pending, report=e.report or None)
    return [("Reconciliation", outcome, extra)]


def _reconcile_failed(e: ReconcileFailed, _net: Decimal) -> Sequence[Entry]:
    return [("Reconciliation", f"failed: {e.text}", meta(query=e.query))]


def _canceled_directly(e: OrdersCanceledDirectly, _net: Decimal) -> Sequence[Entry]:
    extra = meta(command=e.command, cause=e.cause, found=e.found, asked=e.asked, kept=len(e.kept), open=e.open_count, at_ns=e.at_ns)
    return [("Reconciliation", f"cancelled directly: {e.asked} of {e.found}, {e.open_count} still open {e.failed}".rstrip(), extra)]


def _retired(e: OrdersRetired, _net: Decimal) -> Sequence[Entry]:
    text = f"{len(e.order_ids)} orders that ended long ago are kept no more, {e.order_ids[0]} to {e.order_ids[-1]}"
    return [("Reconciliation", text, meta(orders=len(e.order_ids), as_of_ns=e.as_of_ns))]


def _connection(e: BrokerConnectionChanged, _net: Decimal) -> Sequence[Entry]:
    word = "up" if e.connected else "down"
    given_up = "true" if e.given_up else None
    extra = meta(account=e.account, session=e.session, connected=word, attempts=e.attempts or None, given_up=given_up)
    return [("Reconnect", f"{e.session} {word}: {e.text}".removesuffix(": "), extra)]


def _gap(e: DataGap, _net: Decimal) -> Sequence[Entry]:
    return [("DataGap", e.reason, meta(symbol=e.symbol, start_ns=e.start, end_ns=e.end))]


def _regime(e: RegimeChanged, _net: Decimal) -> Sequence[Entry]:
    return [("RegimeChange", f"{e.previous} to {e.regime}", meta(regime=e.regime, previous=e.previous, confidence=e.confidence))]


def _system_started(e: SystemStarted, _net: Decimal) -> Sequence[Entry]:
    return [("SystemStart", f"version {e.version}", meta(version=e.version, config_hash=e.config_hash))]


def _system_stopped(e: SystemStopped, _net: Decimal) -> Sequence[Entry]:
    return [("SystemStop", e.reason, ())]


def _alert(e: Alert, _net: Decimal) -> Sequence[Entry]:
    return [("Error", e.text, meta(key=e.key, severity=e.severity))] if e.severity is not Severity.INFO else []


def _strategy_failed(e: StrategyFailed, _net: Decimal) -> Sequence[Entry]:
    return [("Error", f"strategy {e.strategy} failed in {e.callback}: {e.text}", meta(strategy=e.strategy, run=e.strategy_run))]


def _strategy_blocked(e: StrategyBlocked, _net: Decimal) -> Sequence[Entry]:
    extra = meta(strategy=e.strategy, run=e.strategy_run, blocked_ms=e.blocked_ms)
    return [("Error", f"strategy {e.strategy} blocked in {e.callback}", extra)]


def _fault(e: DeterminismFault, _net: Decimal) -> Sequence[Entry]:
    return [("Error", f"{e.name} said something else the second time", meta(name=e.name, run=e.name_run, n=e.name_n, first=e.seq_first))]


def _overridden(e: LimitOverridden, _net: Decimal) -> Sequence[Entry]:
    extra = meta(
        command=e.command,
        outcome=e.outcome,
        scope=e.scope,
        scope_key=e.scope_key or None,
        key=e.key,
        old=e.old,
        new=e.new,
        expires_ns=e.expires_at or None,
    )
    return [("OperatorCommand", f"limit {e.key} {e.outcome}: {e.text}", extra)]


def _revised(e: StrategyRevised, _net: Decimal) -> Sequence[Entry]:
    extra = meta(command=e.command, outcome=e.outcome, strategy=e.strategy, since=e.since, budget=e.budget or None, definition=e.definition or None)
    return [("OperatorCommand", f"strategy {e.strategy} {e.outcome}: {e.text}", extra)]


def command_line(e: Command, _net: Decimal) -> Sequence[Entry]:
    own = {name: value for name in e.__struct_fields__ if name not in {"command", "operator", "reason"} and (value := getattr(e, name)) != ""}
    extra = (*meta(command=e.command, operator=e.operator), *meta(**own))
    return [("OperatorCommand", f"{type(e).__name__}: {e.reason}", extra)]


SYSTEM_LINES: Final[dict[type[Event], Callable[[Any, Decimal], Sequence[Entry]]]] = {
    AccountOpened: _opened,
    CashFlow: _flowed,
    CorporateAction: _acted,
    CurrencyRate: _rated,
    HoldingAssigned: _assigned,
    TradingStateChanged: _trading,
    InstrumentLocked: _locked,
    InstrumentUnlocked: _unlocked,
    LimitBreached: _breached,
    LimitOverridden: _overridden,
    StrategyRevised: _revised,
    ReconcileCompleted: _reconciled,
    ReconcileFailed: _reconcile_failed,
    OrdersCanceledDirectly: _canceled_directly,
    OrdersRetired: _retired,
    BrokerConnectionChanged: _connection,
    DataGap: _gap,
    RegimeChanged: _regime,
    SystemStarted: _system_started,
    SystemStopped: _system_stopped,
    Alert: _alert,
    StrategyFailed: _strategy_failed,
    StrategyBlocked: _strategy_blocked,
    DeterminismFault: _fault,
}
