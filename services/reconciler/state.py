"""What the reconciler holds besides the folded orders and the ledger: executions booked, readings asked for, differences under watch."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.domain.ledger import LedgerState
from shared.domain.order_fold import OrderRecord
from shared.events import AccountRow, ExecutionRow, Reason

from .deadman import RouterWatch
from .lost_line import OwnLine


class Booked(msgspec.Struct, array_like=True, frozen=True):
    """One execution the router booked. cumulative: the broker's, of that broker order, 0 when not told; void: corrected into another."""

    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    void: bool = False


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What evidence said of an execution not booked yet: the broker's cumulative and the number of the report (0: not numbered)."""

    cumulative: Decimal
    report: int


class Recent(msgspec.Struct, array_like=True, frozen=True):
    """A booking that a reading on its way may not show yet. quantity, money (by currency, empty for the account's): what it changed, signed;
    report: of its evidence."""

    order_id: str
    symbol: str
    quantity: Decimal
    money: dict[str, Decimal]
    report: int
    booked_ns: int


class Readings(msgspec.Struct):
    """queries: asked so far; in_flight: number of the one not answered (0: none); asked_ns: when; again: trigger of one wanted as soon as
    it is; next_at: ns of the next by the clock (0: none); cursor: where executions go on."""

    queries: int = 0
    in_flight: int = 0
    asked_ns: int = 0
    again: str = ""
    next_at: int = 0
    cursor: str = ""


class Watch(msgspec.Struct):
    """since: difference to ns of its first sight; breaks: those that outlived the grace. locks: symbol to cause to reason.
    unknown_since: order to ns."""

    since: dict[str, int] = msgspec.field(default_factory=dict)
    breaks: dict[str, bool] = msgspec.field(default_factory=dict)
    locks: dict[str, dict[str, Reason]] = msgspec.field(default_factory=dict)
    unknown_since: dict[str, int] = msgspec.field(default_factory=dict)


class Books(msgspec.Struct):
    """executions: by broker order and execution id. awaited: executions readings showed that are not booked. order_reports: newest numbered
    report about an order, while readings may be older. opened_as_of: what was executed up to then is in the opening holdings. actions: references
    of corporate actions that are booked. rivals: other logs that traded here, with a name of what they did. retired_ns: log time by which every
    order that is kept no more had ended."""

    executions: dict[str, dict[str, Booked]] = msgspec.field(default_factory=dict)
    told: dict[str, Told] = msgspec.field(default_factory=dict)
    recent: dict[str, Recent] = msgspec.field(default_factory=dict)
    awaited: dict[str, ExecutionRow] = msgspec.field(default_factory=dict)
    order_reports: dict[str, int] = msgspec.field(default_factory=dict)
    log_id: str = ""
    opened: bool = False
    opened_as_of: int = 0
    reading_as_of: int = 0
    totals: AccountRow | None = None
    actions: dict[str, bool] = msgspec.field(default_factory=dict)
    rivals: dict[str, str] = msgspec.field(default_factory=dict)
    retired_ns: int = 0


class ReconcilerState(msgspec.Struct):
    """The snapshot's layout."""

    version: int
    readings: Readings
    watch: Watch
    books: Books
    ledger: LedgerState
    orders: dict[str, OrderRecord]
    router: RouterWatch = msgspec.field(default_factory=RouterWatch)
    denied: list[str] = msgspec.field(default_factory=list)
    line: OwnLine = msgspec.field(default_factory=OwnLine)
