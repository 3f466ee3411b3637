"""The router's knobs. Times are ns of log time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .routing import Routing

SOURCE: Final = "order_router"
TOPICS: Final = ("t.", "c.")

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """dry_run: decide everything, send nothing. idempotent_submit: the venue answers a repeated submission with the first one's outcome, so
    a successor may repeat it. request_timeout_ns: how long one request may take before its outcome is unknown; settle_ns: how long an
    accepted request may take to show in the broker's look-ups. not_found_min: definite not-founds that prove absence.
    queries_per_reading_max: look-ups of orders a reading did not show. orders_per_s: the broker's bound of new orders and replaces;
    messages_per_s: the router's share of its bound of messages, of which cancels_per_s are for cancels alone; 0: none. routing: how
    orders are worked, None: as approved. strategy_failure_cancels: a strategy that failed or blocked has its working orders cancelled.
    native_oco: the broker keeps one-cancels-other groups itself; replaces: it changes working orders. kept_orders_max: orders that ended are
    kept for kept_ns_max, or until there are more than this, but for kept_ns_min at least; see `retirement`."""

    dry_run: bool = False
    idempotent_submit: bool = False
    request_timeout_ns: int = 10 * _SECOND
    settle_ns: int = 5 * _SECOND
    backoff_first_ns: int = _SECOND // 2
    backoff_max_ns: int = 8 * _SECOND
    not_found_min: int = 2
    queries_per_reading_max: int = 5
    orders_per_s: int = 0
    messages_per_s: int = 0
    cancels_per_s: int = 0
    routing: Routing | None = None
    halt_cancels_open: bool = True
    strategy_failure_cancels: bool = True
    native_oco: bool = False
    replaces: bool = True
    kept_orders_max: int = 20_000
    kept_ns_min: int = 4 * _DAY
    kept_ns_max: int = 30 * _DAY

    @property
    def throttled(self) -> bool:
        return bool(self.orders_per_s or self.messages_per_s)

    @property
    def shared_per_s(self) -> int:
        """Messages that are not for cancels alone."""
        return self.messages_per_s - self.cancels_per_s

    @property
    def answer_ns(self) -> int:
        """After this long without an answer a request counts as lost."""
        return self.request_timeout_ns + self.settle_ns

    def backoff_ns(self, attempt: int) -> int:
        """Pause after the attempt-th try, doubling from backoff_first_ns up to backoff_max_ns."""
        return min(self.backoff_first_ns << min(max(attempt - 1, 0), 32), self.backoff_max_ns)
