"""What the auditor holds beside orders and ledger. Plain data, encoded as its own snapshot."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.domain.cause_age import AgeState
from shared.domain.exact import ZERO
from shared.domain.ledger import LedgerState
from shared.domain.order_fold import OrderRecord
from shared.events import (
    AccountReported,
    Alert,
    Break,
    CashFlow,
    CurrencyRate,
    EquityMarked,
    HealthReported,
    InstrumentLocked,
    LimitBreached,
    LimitOverridden,
    OrderDenied,
    OrderFilled,
    StrategyRevised,
    TradingStateChanged,
)

from .counted import Counted
from .denials import DenialKind


class Denied(msgspec.Struct, array_like=True, frozen=True):
    at_ns: int
    denial: OrderDenied


class Raised(msgspec.Struct, array_like=True, frozen=True):
    at_ns: int
    alert: Alert


class Met(msgspec.Struct, array_like=True, frozen=True):
    at_ns: int
    breach: LimitBreached


class Fill(msgspec.Struct, array_like=True, frozen=True):
    at_ns: int
    fill: OrderFilled


class Lease(msgspec.Struct, array_like=True, frozen=True):
    holder: str
    epoch: int
    held: bool
    since_ns: int


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A broker session or a feed. since_ns: when it came up or went; last_up_ns: when it last came up; tried_ns: when that was last tried, well or not.
    attempts: failed ones since it was last up; given_up: nobody tries any more."""

    up: bool
    text: str
    since_ns: int
    last_up_ns: int
    tried_ns: int = 0
    attempts: int = 0
    given_up: bool = False


class StrategyLife(msgspec.Struct, array_like=True, frozen=True):
    """state: running | stopped | failed | blocked | paused."""

    run: int
    name: str
    state: str
    text: str
    since_ns: int


class Reconciled(msgspec.Struct):
    """The newest reading's outcome. clean_ns: newest clean one. wanted: commands that ask for a reading nobody has asked the broker for yet;
    asked: those of the newest reading; answered: newest commands a reading was made for, its outcome known."""

    at_ns: int = 0
    clean_ns: int = 0
    clean: bool = False
    pending: int = 0
    breaks: tuple[Break, ...] = ()
    failure: str = ""
    wanted: list[str] = msgspec.field(default_factory=list)
    asked: list[str] = msgspec.field(default_factory=list)
    answered: list[str] = msgspec.field(default_factory=list)


class Seen(msgspec.Struct):
    """For the invariants, of orders that are kept. executions: ids, by broker order. counted: the account a second way. raised: what was alarmed.
    late: orders written ahead after their deadline, as by a router that was away; they may not reach the broker. slow: by source, ns at which it
    was told that its alerts come late."""

    by_broker: dict[str, str] = msgspec.field(default_factory=dict)
    executions: dict[str, dict[str, bool]] = msgspec.field(default_factory=dict)
    deadlines: dict[str, int] = msgspec.field(default_factory=dict)
    counted: Counted = msgspec.field(default_factory=Counted)
    raised: dict[str, bool] = msgspec.field(default_factory=dict)
    late: dict[str, bool] = msgspec.field(default_factory=dict)
    slow: dict[str, int] = msgspec.field(default_factory=dict)


class Claim(msgspec.Struct, frozen=True):
    """What became of a claim: quantity moved at price, or why it was refused."""

    at_ns: int
    command: str
    symbol: str = ""
    strategy: str = ""
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    refused: str = ""


class Flow(msgspec.Struct, frozen=True):
    at_ns: int
    flow: CashFlow


class Picture(msgspec.Struct):
    """now_ns: log time of the newest event. trading: by scope and key; marks: newest price; health: by service. revised: what
    commands made of strategies, by id; revisions: the newest answers to such commands, refusals too. rates: the newest, by currency."""

    log_id: str = ""
    now_ns: int = 0
    market_ns: int = 0
    regime: str = "constant"
    marks: dict[str, float] = msgspec.field(default_factory=dict)
    trading: dict[str, TradingStateChanged] = msgspec.field(default_factory=dict)
    locks: dict[str, InstrumentLocked] = msgspec.field(default_factory=dict)
    health: dict[str, HealthReported] = msgspec.field(default_factory=dict)
    health_ns: dict[str, int] = msgspec.field(default_factory=dict)
    leases: dict[str, Lease] = msgspec.field(default_factory=dict)
    lines: dict[str, Line] = msgspec.field(default_factory=dict)
    strategies: dict[str, StrategyLife] = msgspec.field(default_factory=dict)
    reconciled: Reconciled = msgspec.field(default_factory=Reconciled)
    equity: EquityMarked | None = None
    totals: AccountReported | None = None
    fills: list[Fill] = msgspec.field(default_factory=list)
    denials: list[Denied] = msgspec.field(default_factory=list)
    alerts: list[Raised] = msgspec.field(default_factory=list)
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    overrides: dict[str, LimitOverridden] = msgspec.field(default_factory=dict)
    denied: dict[str, DenialKind] = msgspec.field(default_factory=dict)
    met: list[Met] = msgspec.field(default_factory=list)
    claims: list[Claim] = msgspec.field(default_factory=list)
    flows: list[Flow] = msgspec.field(default_factory=list)
    revised: dict[str, StrategyRevised] = msgspec.field(default_factory=dict)
    revisions: list[StrategyRevised] = msgspec.field(default_factory=list)
    rates: dict[str, CurrencyRate] = msgspec.field(default_factory=dict)


class AuditorState(msgspec.Struct):
    """The snapshot's layout."""

    version: int
    picture: Picture
    seen: Seen
    ledger: LedgerState
    orders: dict[str, OrderRecord]
    denied: list[str] = msgspec.field(default_factory=list)
    ages: AgeState = msgspec.field(default_factory=AgeState)
