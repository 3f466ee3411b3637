"""One bound of requests an account, divided between those who use it, by a rule all of them know.

The bound is the adapter's (`Capabilities.max_messages_per_second`) or the lower one of `live.broker_config.msgs_per_s_max`. The reconciler
has `reconcile_msgs_per_s` of it, by default a tenth, at least one and never more than a third; where market data comes over the broker's own connection the gateway
has as much; the router has the rest, and keeps a part of it for cancels. Nobody asks anybody: each keeps to its share by itself, so that
the sum holds with any of them dead, and each share is a function of the configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contract import Capabilities


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests a second, 0: no bound. cancels: of the router's, those for cancels alone; orders: new orders and replaces."""

    router: int = 0
    cancels: int = 0
    orders: int = 0
    reconciler: int = 0
    gateway: int = 0


def budget(able: Capabilities, options: Mapping[str, Any], cancel_reserve_per_s: int, *, broker_feed: bool = False) -> Budget:
    """The shares of an account. options: its `live.broker_config`. broker_feed: market data uses the same account."""
    bounds = [bound for bound in (options.get("msgs_per_s_max") or 0, able.max_messages_per_second) if bound]
    if not bounds:
        return Budget(orders=able.max_orders_per_second)
    total = min(bounds)
    reconciler = max(1, min(options.get("reconcile_msgs_per_s") or total // 10, total // 3))
    gateway = reconciler if broker_feed else 0
    router = max(1, total - reconciler - gateway)
    return Budget(router, min(cancel_reserve_per_s, router // 2), able.max_orders_per_second, reconciler, gateway)
