"""The auditor's answers for people: a head of facts, then tables, then what to do. Unknown keys are left to `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .output import cell, columns

Row = Mapping[str, Any]

_FACTS: Final[dict[str, tuple[str, ...]]] = {
    "status": (
        "now",
        "trading_state",
        "equity",
        "currency",
        "cash",
        "settled_cash",
        "daily_pnl",
        "drawdown",
        "buying_power",
        "open_orders",
        "positions",
        "current_regime",
        "log_id",
    ),
    "orders": ("now",),
    "positions": ("now", "currency", "settled_cash"),
    "fills": ("now",),
    "health": ("last_update", "connected", "trading_enabled", "last_market_data", "cpu_usage_pct", "memory_mb", "event_loop_latency_ms"),
}
_TABLES: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "status": (
        ("trading", ("scope", "key", "state", "reason", "text")),
        ("strategies", ("strategy", "name", "run", "state", "changed", "in_force_from", "text")),
        ("services_missing", ("service", "holder", "reported")),
        ("lines_down", ("name", "since", "attempts", "last_attempt", "given_up", "text")),
        ("overrides", ("scope", "scope_key", "key", "value", "before", "expires", "text")),
        ("locks", ("symbol", "reason", "text")),
        ("unknown_orders", ("order_id", "symbol", "client_order_id", "since", "age_s", "text")),
        ("denials_last_hour", ("last", "strategy", "reason", "key", "limit", "value", "count")),
        ("limits_met", ("time", "level", "reason", "key", "limit", "value")),
        ("alerts", ("time", "severity", "key", "text")),
        ("balances", ("currency", "amount", "settled", "rate", "worth", "rate_age_s")),
        ("unsettled", ("amount", "currency", "settles", "calendar")),
        ("cash_flows", ("time", "kind", "amount", "currency", "symbol", "reference")),
    ),
    "orders": (
        ("orders", ("order_id", "symbol", "side", "type", "quantity", "filled", "limit_price", "stop_price", "tif", "status", "opened", "text")),
    ),
    "positions": (
        ("positions", ("symbol", "quantity", "average_price", "mark", "currency", "value", "unrealised", "books")),
        ("books", ("owner", "cash", "balances", "realised", "exchange", "fees")),
        ("balances", ("currency", "amount", "settled", "rate", "worth", "rate_age_s")),
        ("unsettled", ("amount", "currency", "settles", "calendar")),
        ("claims", ("time", "symbol", "strategy", "quantity", "price", "refused")),
    ),
    "fills": (("fills", ("time", "order_id", "symbol", "side", "quantity", "price", "commission", "currency", "leaves", "execution_id")),),
    "health": (
        ("services", ("service", "state", "epoch", "cursor", "lag", "queue", "reported")),
        ("lines", ("name", "up", "since", "attempts", "last_attempt", "given_up", "text")),
    ),
}
_ALWAYS: Final = frozenset({"orders", "positions", "fills", "services"})  # an empty one says so; other tables are left out


def render(name: str, answer: Mapping[str, Any]) -> str:
    """The answer to query `name` as text."""
    facts = [(key.replace("_", " "), cell(answer[key])) for key in _FACTS[name] if answer.get(key) is not None]
    width = max((len(key) for key, _ in facts), default=0)
    parts = ["\n".join(f"{key:<{width}}  {value}" for key, value in facts)]
    if "reconciliation" in answer:
        parts[0] += "\n" + _reconciliation(answer["reconciliation"], width)
    for key, headers in _TABLES[name]:
        rows: Sequence[Row] = [row for row in answer.get(key, ()) if not _is_command(row)]
        if rows:
            parts.append(f"{key.replace('_', ' ')}\n{_table(headers, rows)}")
        elif key in _ALWAYS:
            parts.append(f"no {key}")
    return "\n\n".join(parts + _what_to_do(answer))


def _is_command(row: Row) -> bool:
    """The name an operator command held for its moment is no service."""
    return str(row.get("service", "")).startswith("control.")


def _table(headers: Sequence[str], rows: Sequence[Row]) -> str:
    """Columns that are empty in every row are left out."""
    shown = [h for h in headers if any(cell(row.get(h)) for row in rows)]
    return columns([h.replace("_", " ") for h in shown], [[cell(_nested(row.get(h))) for h in shown] for row in rows])


def _nested(value: Any) -> Any:
    """`cross 10, unassigned 5` and `EUR -1000` in place of rows in a row."""
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return [f"{item['owner']} {item['quantity']}" if "owner" in item else f"{item['currency']} {item['amount']}" for item in value]
    return value


def _reconciliation(r: Mapping[str, Any], width: int) -> str:
    if r.get("failure"):
        said = f"failed: {r['failure']}"
    elif r.get("clean"):
        said = f"clean, {r['last']}"
    else:
        breaks = "; ".join(f"{b['kind']} {b['subject']}: ours {b['ours']}, theirs {b['theirs']}" for b in r.get("breaks", ()))
        said = breaks or ("not yet" if not r.get("last") else f"{r.get('pending', 0)} pending, {r['last']}")
    return f"{'reconciliation':<{width}}  {said}"


def _what_to_do(answer: Mapping[str, Any]) -> list[str]:
    """Each piece of advice once, in the order it came."""
    found: dict[str, None] = {}
    for value in answer.values():
        for row in value if isinstance(value, list) else value.get("breaks", ()) if isinstance(value, Mapping) else ():
            if isinstance(row, Mapping) and row.get("what_to_do") and not _is_command(row):
                found[row["what_to_do"]] = None
    return ["what to do\n" + "\n".join(f"- {text}" for text in found)] if found else []
