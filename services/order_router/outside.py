"""What happens to the account without an order: money in and out, dividends, corporate actions. Booked once a reference, in the broker's order.

What is told before the account is opened, executions of others among it, waits for the opening, whose reading decides: what that reading
reflects is in the opening cash and holdings, what came after it is booked then, in the order it was told.
"""

from __future__ import annotations

from shared.domain.exact import text
from shared.domain.order_ids import is_external
from shared.events import (
    AccountOpened,
    ActionRow,
    BrokerActionReported,
    BrokerCashReported,
    BrokerExecutionReported,
    CashFlow,
    CashRow,
    CorporateAction,
    Severity,
)

from . import bookings
from .orders import Draft, Orders
from .state import Early


def cash(draft: Draft, e: BrokerCashReported) -> None:
    """Money that moved without a trade."""
    standing = draft.standing
    if e.cash.reference not in standing.cash_booked and not standing.before_opening(e.cash.broker_ns, e.report):
        _flow(draft, e.cash)


def action_reported(draft: Draft, e: BrokerActionReported) -> None:
    action(draft, e.action, e.report)


def action(draft: Draft, row: ActionRow, report: int = 0) -> None:
    """A corporate action, by whichever channel it is told."""
    standing = draft.standing
    if row.reference in standing.actions_booked or standing.before_opening(row.broker_ns, report):
        return
    draft.emit(
        CorporateAction(row.kind, row.symbol, row.ratio, row.new_symbol, row.reference, row.per, row.lot, row.price, row.cash),
    )
    draft.alert(Severity.WARNING, f"corporate_action:{row.reference}", _words(row))


def opened(draft: Draft, _e: AccountOpened) -> None:
    """Folded before it is decided: what is left of the early facts came after the opening's reading."""
    for early in tuple(draft.standing.early.values()):
        if early.cash is not None:
            _flow(draft, early.cash)
        elif early.action is not None:
            action(draft, early.action, early.report)
        elif early.execution is not None:
            bookings.execution(draft, early.execution, early.report)


def _flow(draft: Draft, row: CashRow) -> None:
    draft.emit(CashFlow(row.kind, row.currency, row.amount, row.reference, row.symbol, row.units))


def _words(row: ActionRow) -> str:
    if row.kind == "split":
        what = f"split {text(row.ratio)} for {text(row.per)}: holdings and average prices follow, bars seen so far are in old prices"
    elif row.kind == "symbol_change":
        what = f"is now {row.new_symbol}: holdings follow. List it in live.symbols and live.strategies[].symbols to trade it"
    else:
        what = f"expired, settled at {text(row.price)}"
    return f"{row.symbol} {what}; its working orders were cancelled by the broker where it does so"


# How they are folded.


def fold_cash_reported(orders: Orders, e: BrokerCashReported, _now: int, _epoch: int) -> None:
    _await_opening(orders, f"cash:{e.cash.reference}", Early(e.report, cash=e.cash))


def fold_action_reported(orders: Orders, e: BrokerActionReported, _now: int, _epoch: int) -> None:
    _await_opening(orders, f"action:{e.action.reference}", Early(e.report, action=e.action))


def fold_execution_reported(orders: Orders, e: BrokerExecutionReported) -> None:
    """Of the router's own stream: what the reconciler tells one by one is of the reading that opens the account, or of a later one."""
    row = e.execution
    order = orders.find(row.client_order_id, row.broker_order_id)
    if not orders.standing.opened and e.session == "router" and (order is None or is_external(order.record.order_id)):
        _await_opening(orders, f"execution:{row.execution_id}", Early(e.report, execution=row))


def execution_booked(orders: Orders, execution_id: str) -> None:
    if orders.standing.early:
        orders.change_standing().early.pop(f"execution:{execution_id}", None)


def fold_cash_booked(orders: Orders, e: CashFlow, _now: int, _epoch: int) -> None:
    standing = orders.change_standing()
    standing.cash_booked[e.reference] = True
    standing.early.pop(f"cash:{e.reference}", None)


def fold_action_booked(orders: Orders, e: CorporateAction, _now: int, _epoch: int) -> None:
    standing = orders.change_standing()
    standing.actions_booked[e.reference] = True
    standing.early.pop(f"action:{e.reference}", None)


def _await_opening(orders: Orders, name: str, early: Early) -> None:
    if not orders.standing.opened:
        orders.change_standing().early.setdefault(name, early)
