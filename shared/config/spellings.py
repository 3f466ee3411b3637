"""Two spellings of one setting: each row moves what is written under the first path to the second, where the models have it.

Rows for sections come first, so that what they bring is seen by the rows for single keys. Where both spellings are written they must
agree: two different values for one limit are refused, never ranked.
"""

from __future__ import annotations

from typing import Final

from .limits import Limits
from .problems import Problem
from .tree import Loc, Node, dotted

_L: Final = ("live", "risk", "limits")

CONTROLS: Final = (
    ("order_notional_max", "max_notional"),
    ("max_order_value", "max_notional"),
    ("position_max", "max_position"),
    ("drawdown_max", "max_drawdown"),
    ("day_loss_max", "daily_loss_limit"),
    ("msgs_per_s_max", "max_orders_per_second"),
)
"""Our name of a control and RegimeFlow's name of the same limit."""


def _risk_rows(section: Loc) -> list[tuple[Loc, Loc]]:
    """A limit may stand in the section itself (RegimeFlow's flat `risk_params`), or under the name the control has in docs/risk."""
    limits = (*section, "limits")
    return [
        *(((*section, name), (*limits, name)) for name in Limits.model_fields),
        *(((*place, control), (*limits, name)) for place in (section, limits) for control, name in CONTROLS),
    ]


SPELLINGS: Final[tuple[tuple[Loc, Loc], ...]] = (
    (("risk_params",), ("risk",)),
    (("execution_params",), ("execution",)),
    (("engine", "initial_capital"), ("initial_capital",)),
    (("engine", "currency"), ("currency",)),
    (("execution", "model"), ("execution_model",)),
    (("execution", "type"), ("execution_model",)),
    (("execution", "slippage", "type"), ("slippage_model",)),
    (("execution", "slippage"), ("slippage_params",)),
    (("execution", "commission", "type"), ("commission_model",)),
    (("execution", "commission"), ("commission_params",)),
    (("data", "type"), ("data_source",)),
    (("strategy", "type"), ("strategy", "name")),
    (("live", "max_order_value"), (*_L, "max_notional")),
    (("live", "max_orders_per_second"), (*_L, "max_orders_per_second")),
    (("live", "max_orders_per_minute"), (*_L, "max_orders_per_minute")),
    (("live", "daily_loss_limit"), (*_L, "daily_loss_limit")),
    (("live", "daily_loss_limit_pct"), (*_L, "daily_loss_limit_pct")),
    (("live", "duplicate_order_window_ms"), ("live", "risk", "duplicate_order_window_ms")),
    (("live", "arm"), ("live", "risk", "arm")),
    (("live", "deadman_after_s"), ("live", "deadman", "after_s")),
    (("live", "risk", "deadman_after_s"), ("live", "deadman", "after_s")),
    (("live", "risk", "deadman_broker_session"), ("live", "deadman", "broker_session")),
    (("live", "risk", "deadman_ib"), ("live", "deadman", "ib")),
    (("live", "risk", "restart_max_per_min"), ("live", "restart_max_per_min")),
    (("live", "risk", "queue_append_max"), ("bus", "queue_append_max")),
    *_risk_rows(("live", "risk")),
    *_risk_rows(("risk",)),
)

SECONDS: Final[tuple[tuple[Loc, Loc], ...]] = ((("live", "risk", "reconcile_interval_s"), ("live", "order_reconcile_interval_ms")),)
"""Rows whose first spelling is in seconds and whose second is in milliseconds."""


def settle(root: Node, file: str) -> list[Problem]:
    """Move every second spelling to its place. Returns the pairs that disagree."""
    problems: list[Problem] = []
    for written, place in SPELLINGS:
        if (node := root.take(written)) is not None:
            _merge(root, place, node, file, problems)
    for written, place in SECONDS:
        if (node := root.take(written)) is not None:
            if isinstance(node.value, int) and not isinstance(node.value, bool):
                node.value *= 1_000
            _merge(root, place, node, file, problems)
    for section in (("engine",), ("execution",)):
        if (empty := root.get(section)) is not None and empty.value == {}:
            root.take(section)
    _share_risk(root)
    _lift_warmup(root)
    return problems


def _merge(root: Node, place: Loc, node: Node, file: str, problems: list[Problem]) -> None:
    there = root.get(place)
    if there is None:
        root.put(place, node)
    elif isinstance(there.value, dict) and isinstance(node.value, dict):
        for key, child in node.value.items():
            _merge(root, (*place, key), child, file, problems)
    elif there.data() != node.data():
        problems.append(
            Problem(file, node.line, dotted(node.path), f"is one setting with {dotted(there.path)} (line {there.line}) and says otherwise")
        )


def _share_risk(root: Node) -> None:
    """Top-level `risk` (`risk_params`) is in force live too, where `live` has none of its own."""
    live, risk = root.get(("live",)), root.get(("risk",))
    if risk is not None and live is not None and isinstance(live.value, dict) and live.child("risk") is None:
        root.put(("live", "risk"), risk.copy())


def _lift_warmup(root: Node) -> None:
    """`params.warmup_bars` is the strategy's warm-up too, as in RegimeFlow."""
    short = root.get(("strategy",))
    listed = root.get(("live", "strategies"))
    for entry in [short, *(listed.value if listed is not None and isinstance(listed.value, list) else [])]:
        bars = entry.get(("params", "warmup_bars")) if entry is not None else None
        if entry is not None and bars is not None and entry.get(("warmup_bars",)) is None:
            entry.put(("warmup_bars",), bars.copy())
