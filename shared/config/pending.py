"""Keys that are accepted and checked, but whose feature is not in force yet. Whoever finishes a feature deletes its lines.

`config check` names them; `regimeflow live` prints them at start. A row without a value speaks for every value of its key except one that
says the feature is off (`false`, an empty section).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .problems import Note
from .tree import Loc, Node, dotted


@dataclass(frozen=True, slots=True)
class Pending:
    """feature: what is missing. path: key prefix, `*` for any one name or index. values: only these mean the feature; None: any."""

    feature: str
    path: Loc
    values: tuple[object, ...] | None = None


_RISK: Final = (("live", "risk"), ("risk",))
_VENUES: Final = {
    "costs": ("maker_rebate_bps", "taker_fee_bps", "price_adjustment_bps"),
    "latency": ("latency_ms",),
    "queues": ("queue_enabled", "queue_progress_fraction", "queue_default_visible_qty", "queue_depth_mode"),
}

PENDING: Final[tuple[Pending, ...]] = (
    Pending("the Alpaca adapter", ("live", "broker"), ("alpaca",)),
    Pending("the Interactive Brokers adapter", ("live", "broker"), ("ib",)),
    Pending("an adapter for Binance", ("live", "broker"), ("binance",)),
    *(Pending("slippage by regime", (*place, "slippage_model"), ("regime_bps",)) for place in ((), ("paper",))),
    Pending("bus over TCP with CURVE", ("bus", "transport"), ("tcp",)),
    Pending("drift metrics", ("metrics", "live")),
    Pending("postgres sinks", ("metrics", "live", "postgres")),
    Pending("the Prometheus endpoint", ("metrics", "prometheus")),
    Pending("the replay journal", ("live", "replay_journal_path")),
    Pending("the dead man's switch at Interactive Brokers", ("live", "deadman", "ib")),
    Pending("pausing a strategy that lags", ("live", "lag_ms_max")),
    Pending("account totals between reconciliations", ("live", "account_refresh_interval_ms")),
    Pending("a bound of its own for one actor's appends", ("bus", "queue_append_max")),
    *(
        Pending(feature, (*routing, *key), values)
        for routing in (("live", "routing"), ("live", "execution", "routing"), ("execution", "routing"))
        for feature, key, values in (
            ("telling an order's fills late (each is booked as it happens)", ("split", "parent_aggregation"), ("none", "final")),
            *((f"{what} of one venue", ("venues", "*", name), None) for what, names in _VENUES.items() for name in names),
        )
    ),
    Pending("margin profiles", ("account", "margin")),
    Pending("margin profiles", ("live", "account", "margin")),
    Pending("a regime detector other than `constant`", ("regime",)),
    Pending("a regime detector other than `constant`", ("regime_detector",)),
    Pending("a regime detector other than `constant`", ("regime_params",)),
    Pending("made ticks", ("execution", "simulation", "tick_mode")),
    Pending("made ticks", ("execution", "simulation", "synthetic_tick_profile")),
    Pending("simulated accounts", ("execution", "account")),
    Pending("a second cost model", ("execution", "transaction_cost")),
    Pending("market impact", ("execution", "market_impact")),
    Pending("queue positions", ("execution", "queue")),
    *(
        Pending(feature, (*risk, *key))
        for risk in _RISK
        for feature, key in (
            ("a regime detector (until one journals RegimeChanged the regime is `constant`; these hold from then on)", ("limits_by_regime",)),
            ("a regime detector (until one journals RegimeChanged the regime is `constant`; these hold from then on)", ("regime_overlays",)),
        )
    ),
)


def not_in_force(root: Node, rows: tuple[Pending, ...] = PENDING) -> list[Note]:
    """What the tree asks for and does not get yet, in order of lines."""
    notes = {
        Note(node.line, dotted(node.path), f"accepted, not yet in force: {row.feature}")
        for row in rows
        for node in _matching(root, row.path)
        if (node.value in row.values if row.values is not None else _asks(node))
    }
    return sorted(notes, key=lambda note: (note.line, note.path))


def _matching(root: Node, path: Loc) -> list[Node]:
    found = [root]
    for part in path:
        found = [child for node in found for name in _names(node, part) if (child := node.get((name,))) is not None]
    return found


def _names(node: Node, part: str | int) -> Iterable[str | int]:
    if part != "*":
        return (part,)
    return list(node.value) if isinstance(node.value, dict) else range(len(node.value) if isinstance(node.value, list) else 0)


def _asks(node: Node) -> bool:
    """Whether a node asks for its feature: not when it is null, false, empty, or says `enable: false`."""
    if isinstance(node.value, dict):
        switch = node.get(("enable",)) or node.get(("enabled",))
        return bool(node.value) and (switch is None or switch.value is not False)
    return node.value not in (None, False, "constant") and node.value != []  # `constant`: the regime detector there is
