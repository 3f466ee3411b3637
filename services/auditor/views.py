"""The answers to status, orders, positions, fills and health: plain values ready for JSON, money in full as text, times UTC.

Whatever blocks trading - a denial, a lock, an unknown order, a break, a stopped strategy - says what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from shared.domain.exact import ZERO, add, subtract
from shared.domain.ledger import UNASSIGNED, Ledger
from shared.domain.order_fold import OrderFold, OrderRecord
from shared.events import LimitOverridden, OrderStatus, Scope, TradingState

from . import advice, denials, money, strategies
from .money import text as _text
from .state import Claim, Denied, Flow, Line, Met, Picture, Raised
from .times import iso

SECOND: Final = 1_000_000_000
SHOWN: Final = 20  # newest of a kind in `status`; the log has all


class Facts(NamedTuple):
    """What the views are made from."""

    picture: Picture
    orders: OrderFold
    ledger: Ledger


def status(f: Facts) -> dict[str, Any]:
    """The whole in one look: may it trade, what is open, what needs a person."""
    p = f.picture
    state = _trading_state(p)
    open_orders = list(f.orders.open())
    return {
        "now": iso(p.now_ns),
        "log_id": p.log_id,
        "trading_state": state,
        "trading_enabled": state == TradingState.ACTIVE,
        "trading": [_scope(p, key) for key in sorted(p.trading)],
        "equity": _text(p.equity.equity) if p.equity is not None else None,
        "currency": f.ledger.currency or None,
        "cash": _text(f.ledger.cash),
        "balances": money.balances(p, f.ledger),
        "daily_pnl": _text(p.equity.day_pnl) if p.equity is not None else None,
        "drawdown": p.equity.drawdown if p.equity is not None else None,
        "buying_power": _text(p.totals.buying_power) if p.totals is not None else None,
        **money.settled(p.totals),
        "current_regime": p.regime,
        "open_orders": len(open_orders),
        "positions": len(f.ledger.positions()),
        "strategies": strategies.rows(p),
        "strategy_changes": strategies.revisions(p, SHOWN),
        "services_missing": [row for name in sorted(p.leases) if (row := _service(p, name))["state"] == "gone" and _is_service(p, name)],
        "lines_down": [_line(name, line) for name, line in sorted(p.lines.items()) if not line.up],
        "reconciliation": _reconciliation(p),
        "overrides": [_override(p.overrides[name]) for name in sorted(p.overrides)],
        "locks": [
            {"symbol": k, "reason": lock.reason.name, "text": lock.text, "what_to_do": advice.for_reason(lock.reason, Scope.SYMBOL, k)}
            for k, lock in sorted(p.locks.items())
        ],
        "unknown_orders": [_unknown(r, p.now_ns) for r in open_orders if r.status is OrderStatus.UNKNOWN],
        "denials": [_denial(n) for n in reversed(p.denials[-SHOWN:])],
        "denials_last_hour": denials.rows(p.denied, p.now_ns),
        "limits_met": [_met(n) for n in reversed(p.met[-SHOWN:])],
        "alerts": [_alert(n) for n in reversed(p.alerts[-SHOWN:])],
        "cash_flows": [_flow(n) for n in reversed(p.flows[-SHOWN:])],
        "counts": dict(sorted(p.counts.items())),
    }


def orders(f: Facts) -> dict[str, Any]:
    """Orders not done, oldest first."""
    return {"now": iso(f.picture.now_ns), "orders": [_order(r) for r in sorted(f.orders.open(), key=lambda r: (r.opened_ns, r.order_id))]}


def positions(f: Facts) -> dict[str, Any]:
    """Account holdings, and whose they are. mark, average_price: in the instrument's currency; value, unrealised: in the account's."""
    p, ledger, rows = f.picture, f.ledger, []
    for symbol, quantity in ledger.positions().items():
        held = {owner: book.positions[symbol] for owner, book in sorted(ledger.books.items()) if book.quantity(symbol)}
        cost, value, mark = ZERO, ZERO, p.marks.get(symbol)
        for position in held.values():
            cost, value = add(cost, position.cost), add(value, position.value(mark))
        rows.append(
            {
                "symbol": symbol,
                "quantity": _text(quantity),
                "average_price": _text(money.average_price(ledger, symbol, held)),
                "mark": mark,
                "currency": ledger.unit(symbol).currency or ledger.currency or None,
                "value": _text(value),
                "unrealised": _text(subtract(value, cost)),
                "books": [{"owner": owner or "unassigned", "quantity": _text(position.quantity)} for owner, position in held.items()],
            }
        )
    return {
        "now": iso(p.now_ns),
        "currency": ledger.currency or None,
        **money.settled(p.totals),
        "balances": money.balances(p, ledger),
        "positions": rows,
        "books": [
            money.book_row(owner, b, ledger)
            for owner, b in sorted(ledger.books.items())
            if owner != UNASSIGNED or b.cash or b.positions or b.balances
        ],
        "claims": [_claim(n) for n in reversed(p.claims[-20:])],
    }


def fills(f: Facts) -> dict[str, Any]:
    """The newest executions, newest first."""
    rows = [
        {
            "time": iso(n.fill.broker_ns or n.at_ns),
            "execution_id": n.fill.execution_id,
            "order_id": n.fill.order_id,
            "strategy": n.fill.strategy,
            "symbol": n.fill.symbol,
            "side": str(n.fill.side),
            "quantity": _text(n.fill.quantity),
            "price": _text(n.fill.price),
            "commission": _text(n.fill.commission),
            "currency": n.fill.currency,
            "leaves": _text(n.fill.leaves),
            "is_maker": n.fill.is_maker,
            "venue": n.fill.venue,
            "late": n.fill.late,
        }
        for n in reversed(f.picture.fills)
    ]
    return {"now": iso(f.picture.now_ns), "fills": rows}


def health(f: Facts) -> dict[str, Any]:
    """RegimeFlow's health keys for the stack as a whole (the worst service), then each service, lease and line."""
    p = f.picture
    reports = list(p.health.values())
    brokers = [line for name, line in p.lines.items() if name.startswith("broker.")]
    return {
        "cpu_usage_pct": max((h.cpu_pct for h in reports), default=0.0),
        "memory_mb": sum(h.memory_mb for h in reports),
        "event_loop_latency_ms": max((h.loop_ms for h in reports), default=0.0),
        "last_sample": iso(max(p.health_ns.values(), default=0)),
        "last_market_data": iso(p.market_ns),
        "last_reconnect_attempt": iso(max((line.tried_ns for line in brokers), default=0)),
        "last_reconnect_success": iso(max((line.last_up_ns for line in brokers), default=0)),
        "connected": bool(brokers) and all(line.up for line in brokers),
        "trading_enabled": _trading_state(p) == TradingState.ACTIVE,
        "current_regime": p.regime,
        "open_orders": f.orders.open_count(),
        "equity": _text(p.equity.equity) if p.equity is not None else None,
        "daily_pnl": _text(p.equity.day_pnl) if p.equity is not None else None,
        "last_update": iso(p.now_ns),
        "services": [_service(p, name) for name in sorted(p.health.keys() | p.leases.keys()) if _is_service(p, name)],
        "lines": [_line(name, line) for name, line in sorted(p.lines.items())],
    }


def _is_service(p: Picture, name: str) -> bool:
    """A command holds a name for its moment; a strategy that was removed is missed by nobody."""
    return not name.startswith("control.") and not (name.startswith("strategy.") and strategies.removed(p, name.partition(".")[2]))


def _service(p: Picture, name: str) -> dict[str, Any]:
    report, lease = p.health.get(name), p.leases.get(name)
    held = lease is None or lease.held
    return {
        "service": name,
        "state": "gone" if not held else str(report.state) if report is not None else "held",
        "epoch": lease.epoch if lease is not None else None,
        "holder": lease.holder if lease is not None else None,
        "cursor": report.cursor if report is not None else None,
        "lag": report.lag if report is not None else None,
        "queue": report.queue if report is not None else None,
        "reported": iso(p.health_ns.get(name, 0)),
        "what_to_do": "" if held else f"nobody holds it: start `regimeflow service {_SERVICES.get(name.split('.', maxsplit=1)[0], name)}`",
    }


def _line(name: str, line: Line) -> dict[str, Any]:
    return {
        "name": name,
        "up": line.up,
        "text": line.text,
        "since": iso(line.since_ns),
        "last_up": iso(line.last_up_ns),
        "attempts": line.attempts,
        "last_attempt": iso(line.tried_ns),
        "given_up": line.given_up,
        "what_to_do": "" if line.up else advice.for_line(name, given_up=line.given_up),
    }


def _trading_state(p: Picture) -> str:
    known = p.trading.get(f"{Scope.GLOBAL}:")
    return str(known.state if known is not None else TradingState.DISARMED)


def _scope(p: Picture, key: str) -> dict[str, Any]:
    t = p.trading[key]
    what = "" if t.state is TradingState.ACTIVE else advice.for_reason(t.reason, t.scope, t.key)
    if what and t.scope is Scope.STRATEGY:
        what = strategies.what_to_do(p, t.key, t.reason, what)
    return {"scope": str(t.scope), "key": t.key, "state": str(t.state), "reason": t.reason.name, "text": t.text, "what_to_do": what}


def _reconciliation(p: Picture) -> dict[str, Any]:
    r = p.reconciled
    return {
        "clean": r.clean,
        "last": iso(r.at_ns),
        "last_clean": iso(r.clean_ns),
        "pending": r.pending,
        "failure": r.failure,
        "commands": list(r.answered),
        "breaks": [
            {"kind": b.kind, "subject": b.subject, "ours": b.ours, "theirs": b.theirs, "what_to_do": advice.for_break(b.kind)} for b in r.breaks
        ],
    }


def _order(r: OrderRecord) -> dict[str, Any]:
    t = r.terms
    return {
        "order_id": r.order_id,
        "strategy": r.strategy,
        "symbol": t.symbol,
        "side": str(t.side),
        "type": str(t.type),
        "tif": str(t.tif),
        "quantity": _text(t.quantity),
        "filled": _text(r.filled),
        "leaves": _text(r.leaves),
        "limit_price": _text(t.limit_price),
        "stop_price": _text(t.stop_price),
        "status": str(r.status),
        "client_order_id": r.client_order_id,
        "broker_order_id": r.broker_order_id,
        "opened": iso(r.opened_ns),
        "changed": iso(r.changed_ns),
        "text": r.text,
        "what_to_do": advice.for_unknown(r.order_id) if r.status is OrderStatus.UNKNOWN else "",
    }


def _override(o: LimitOverridden) -> dict[str, Any]:
    scope = f" --{o.scope} {o.scope_key}" if o.scope_key else ""
    return {
        "scope": str(o.scope),
        "scope_key": o.scope_key,
        "key": o.key,
        "value": o.new,
        "before": o.old,
        "expires": iso(o.expires_at) if o.expires_at else None,
        "command": o.command,
        "text": o.text,
        "what_to_do": f"`regimeflow limit clear {o.key}{scope} --reason TEXT` gives back the configuration's value",
    }


def _denial(n: Denied) -> dict[str, Any]:
    d = n.denial
    return {
        "time": iso(n.at_ns),
        "order_id": d.order_id,
        "strategy": d.strategy,
        "reason": d.reason.name,
        "code": int(d.reason),
        "key": d.key,
        "limit": d.limit,
        "value": d.value,
        "what_to_do": advice.for_denial(d.reason, d.key, d.strategy),
    }


def _met(n: Met) -> dict[str, Any]:
    b = n.breach
    what = advice.for_reason(b.reason) if b.hard else "nothing is denied yet: the soft part of the limit is used up"
    return {
        "time": iso(n.at_ns),
        "reason": b.reason.name,
        "key": b.key,
        "limit": b.limit,
        "value": b.value,
        "level": "hard" if b.hard else "soft",
        "what_to_do": what,
    }


def _unknown(r: OrderRecord, now: int) -> dict[str, Any]:
    return {
        "order_id": r.order_id,
        "symbol": r.terms.symbol,
        "client_order_id": r.client_order_id,
        "since": iso(r.changed_ns),
        "age_s": (now - r.changed_ns) // SECOND,
        "text": r.text,
        "what_to_do": advice.for_unknown(r.order_id),
    }


def _alert(n: Raised) -> dict[str, Any]:
    a = n.alert
    return {"time": iso(n.at_ns), "severity": str(a.severity), "key": a.key, "text": a.text}


def _flow(n: Flow) -> dict[str, Any]:
    f = n.flow
    return {"time": iso(n.at_ns), "kind": f.kind, "amount": _text(f.amount), "currency": f.currency, "symbol": f.symbol, "reference": f.reference}


def _claim(n: Claim) -> dict[str, Any]:
    """quantity and price empty where it was refused."""
    moved = {} if n.refused else {"quantity": _text(n.quantity), "price": _text(n.price)}
    return {"time": iso(n.at_ns), "command": n.command, "symbol": n.symbol, "strategy": n.strategy, **moved, "refused": n.refused}


_SERVICES: Final = {"strategy": "strategy_runner"}


VIEWS: Final[dict[str, Callable[[Facts], dict[str, Any]]]] = {
    "status": status,
    "orders": orders,
    "positions": positions,
    "fills": fills,
    "health": health,
}
NAMES: Final = tuple(VIEWS)
