"""How control facts change the router's state: the log's name, leases, the account's opening, trading states, halts, failed strategies."""

from __future__ import annotations

from shared.events import (
    AccountOpened,
    HaltRequested,
    LeaseGranted,
    LogStarted,
    Scope,
    StrategyBlocked,
    StrategyFailed,
    TradingState,
    TradingStateChanged,
)

from .orders import Orders
from .settings import SOURCE
from .state import RouterOrder


def scope_key(scope: Scope, key: str) -> str:
    return f"{scope}:{key}"


def scopes_of(order: RouterOrder) -> tuple[str, str, str]:
    """Every scope a halt can reach this order by."""
    record = order.record
    return (
        scope_key(Scope.GLOBAL, ""),
        scope_key(Scope.STRATEGY, record.strategy),
        scope_key(Scope.SYMBOL, record.terms.symbol),
    )


def log_started(orders: Orders, e: LogStarted, _now: int, _epoch: int) -> None:
    orders.change_standing().log_id = e.log_id


def lease_granted(orders: Orders, e: LeaseGranted, _now: int, _epoch: int) -> None:
    if e.name == SOURCE:
        standing = orders.change_standing()
        standing.epoch = max(standing.epoch, e.lease_epoch)


def account_opened(orders: Orders, _e: AccountOpened, _now: int, _epoch: int) -> None:
    if not orders.standing.opened:
        standing = orders.change_standing()
        standing.opened = True
        standing.opened_as_of = standing.reading_as_of
        standing.opened_report = standing.reading_report
        standing.early = {name: e for name, e in standing.early.items() if not standing.before_opening(e.broker_ns, e.report)}


def trading_state(orders: Orders, e: TradingStateChanged, _now: int, _epoch: int) -> None:
    standing, key = orders.change_standing(), scope_key(e.scope, e.key)
    standing.halt_epoch = max(standing.halt_epoch, e.halt_epoch)
    if e.state is TradingState.HALTED:
        standing.halted[key] = True
        standing.halts[key] = e.halt_epoch
        _want_scope_gone(orders, key, e.halt_epoch)
    else:
        standing.halted.pop(key, None)
        if key in standing.halts:
            standing.halts[key] = min(standing.halts[key], e.halt_epoch)


def halt_requested(orders: Orders, e: HaltRequested, _now: int, _epoch: int) -> None:
    """Works with risk dead: what was approved before this command is not sent after it. A scope already halted keeps its epoch, so that a
    flatten approved since then still passes."""
    standing, key = orders.change_standing(), scope_key(e.scope, e.key)
    if key not in standing.halted:
        standing.halts[key] = standing.halt_epoch + 1
    _want_scope_gone(orders, key, standing.halt_epoch + 1)


def strategy_stopped(orders: Orders, e: StrategyFailed | StrategyBlocked, _now: int, _epoch: int) -> None:
    if not orders.settings.strategy_failure_cancels:
        return
    for order in orders.open():
        if order.record.strategy == e.strategy and order.out:
            want_gone(orders, order, latched=True)


def want_gone(orders: Orders, order: RouterOrder, *, latched: bool) -> None:
    """Somebody wants the order cancelled; latched: a refusal does not end the wish. A new wish does not wait out an old one's pause."""
    cancel = order.cancel
    if not cancel.wanted:
        cancel.again_at = 0
    cancel.wanted = True
    cancel.latched = cancel.latched or latched
    orders.touched(order)
    for name in order.children:
        child = orders.get(name)
        if child is not None and not child.record.done:
            want_gone(orders, child, latched=latched)


def _want_scope_gone(orders: Orders, key: str, below_epoch: int) -> None:
    """Orders approved in an earlier halt epoch than below_epoch; an order approved since the halt (a flatten) is meant to live. What a group
    holds back, what waits for room and a part nobody sent yet go whatever the policy for working orders: they may not be sent any more."""
    cancels = orders.settings.halt_cancels_open
    for order in orders.open():
        goes = cancels if order.sent or order.children else bool(order.group or order.held or order.unsent)
        if order.halt_epoch < below_epoch and goes and key in scopes_of(order):
            want_gone(orders, order, latched=True)
