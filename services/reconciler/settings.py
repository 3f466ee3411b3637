"""The reconciler's knobs. Times are ns of log time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.brokers.reconnect import Reconnect

SOURCE: Final = "reconciler"
TOPICS: Final = ("t.", "c.")

_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ReconcilerSettings:
    """interval_ns: between readings (0: only at start, on demand, after a reconnect and to re-check). grace_ns: how long a difference may
    last before it is a break. retry_ns: pause after a failed reading; answer_ns: an unanswered one counts as failed. unknown_age_ns: an
    order unknown for longer locks its instrument. cash_exact: cash must agree to the last digit (the paper venue); elsewhere the broker's
    cash moves by things no event tells yet. allow_external_orders: working orders of others on the account are no break, unless they bear
    another log's client ids. lock_on_external: a trade that was not ours locks its instrument until an operator resumes it. router_away_ns:
    after so long without a router, orders that may work are cancelled directly and trading halts; 0: never. reconnect: how readings go on
    once the session is lost, None: every retry_ns."""

    interval_ns: int = 30 * _SECOND
    grace_ns: int = 5 * _SECOND
    retry_ns: int = 5 * _SECOND
    answer_ns: int = 60 * _SECOND
    unknown_age_ns: int = 30 * _SECOND
    position_tolerance: Decimal = Decimal(0)
    cash_exact: bool = False
    allow_external_orders: bool = False
    lock_on_external: bool = False
    router_away_ns: int = 0
    reconnect: Reconnect | None = None
