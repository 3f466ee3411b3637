"""Risk and account family (tags 300-349), on `t.a.` unless said: trading state, marks, limits, locks, reconciliation, cash."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from .base import TOPIC_ACCOUNT, TOPIC_STRATEGIES, Event, Value
from .broker import BalanceRow, UnsettledRow
from .enums import Reason, Scope, TradingState


class AccountEvent(Event, frozen=True):
    @property
    def topic(self) -> str:
        return TOPIC_ACCOUNT


class TradingStateChanged(AccountEvent, frozen=True):
    """The trading state of a scope. key: strategy or symbol, empty for global. halt_epoch grows with every halt: what was approved under
    an older one is not sent."""

    TAG: ClassVar[int] = 300
    scope: Scope
    key: str
    state: TradingState
    reason: Reason
    text: str
    halt_epoch: int


class EquityMarked(AccountEvent, frozen=True):
    """Account value at the marks risk holds: cash + positions at their marks; day_pnl since the day's base, drawdown as a fraction of
    the peak."""

    TAG: ClassVar[int] = 301
    equity: Decimal
    cash: Decimal
    day_pnl: Decimal
    peak: Decimal
    drawdown: float
    gross: Decimal
    net: Decimal


class LimitBreached(AccountEvent, frozen=True):
    """A limit was met after the fact (exposure, loss) or a soft level reached; hard: a trading state follows, or the exit of a stop
    (key: `<stop>.<strategy>.<symbol>`)."""

    TAG: ClassVar[int] = 302
    reason: Reason
    key: str
    limit: str
    value: str
    hard: bool


class InstrumentLocked(AccountEvent, frozen=True):
    """No new risk in a symbol until unlocked: unexplained break, fill mismatch, unknown order past its age."""

    TAG: ClassVar[int] = 303
    symbol: str
    reason: Reason
    text: str


class InstrumentUnlocked(AccountEvent, frozen=True):
    TAG: ClassVar[int] = 304
    symbol: str
    text: str


class ReconcileRequested(AccountEvent, frozen=True):
    """The reconciler's core asks its session for a whole reading. query: dense from 1 a run; cursor: executions after it."""

    TAG: ClassVar[int] = 310
    query: int
    cursor: str
    trigger: str


class Break(Value, frozen=True):
    """One difference with the broker. kind: order_missing | order_external | execution_missing | execution_differs | overfill | position |
    cash; subject: order, execution or symbol."""

    kind: str
    subject: str
    ours: str
    theirs: str


class ReconcileCompleted(AccountEvent, frozen=True):
    """The outcome of one reading. clean: orders, executions, positions and cash agree; pending: differences inside their grace."""

    TAG: ClassVar[int] = 311
    query: int
    clean: bool
    breaks: tuple[Break, ...]
    pending: int
    report: int


class ReconcileFailed(AccountEvent, frozen=True):
    """The reading could not be made; what we hold stays as it is and grows older."""

    TAG: ClassVar[int] = 312
    query: int
    text: str


class AccountOpened(AccountEvent, frozen=True):
    """The account as first found: cash, balances of other currencies, and holdings, the latter unassigned until claimed. unsettled: what of the
    cash may not be spent yet. Once per account and log."""

    TAG: ClassVar[int] = 313
    VERSION: ClassVar[int] = 2
    account: str
    currency: str
    cash: Decimal
    equity: Decimal
    symbols: tuple[str, ...]
    quantities: tuple[Decimal, ...]
    average_prices: tuple[Decimal, ...]
    unsettled: tuple[UnsettledRow, ...] = ()
    balances: tuple[BalanceRow, ...] = ()


class CashFlow(AccountEvent, frozen=True):
    """Money that is not trading P&L: deposit, withdrawal, dividend, interest, fee. amount signed, in `currency`. symbol, units: what a dividend
    was paid on; each strategy that holds some of it gets the amount x its units / `units`, the rest is unassigned."""

    TAG: ClassVar[int] = 314
    VERSION: ClassVar[int] = 2
    kind: str
    currency: str
    amount: Decimal
    reference: str
    symbol: str = ""
    units: Decimal = Decimal(0)


class CorporateAction(AccountEvent, frozen=True):
    """Split, symbol change, expiry. ratio: new units for `per` old ones (split). lot: books keep whole lots (0: as they come), what is past them
    is paid at `price` a new unit, and `cash` is what the broker paid the account, signed. new_symbol: symbol change. expiry: settled at `price`."""

    TAG: ClassVar[int] = 315
    VERSION: ClassVar[int] = 2
    kind: str
    symbol: str
    ratio: Decimal
    new_symbol: str
    reference: str
    per: Decimal = Decimal(1)
    lot: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)


class HoldingAssigned(AccountEvent, frozen=True):
    """Unassigned holdings moved into (or out of, signed) a strategy's book. command: the claim that asked for it; empty: a fill that nobody's
    order made closed the strategy's holding."""

    TAG: ClassVar[int] = 316
    VERSION: ClassVar[int] = 2
    symbol: str
    strategy: str
    quantity: Decimal
    price: Decimal
    command: str = ""


class AccountReported(AccountEvent, frozen=True):
    """Broker totals as of the newest clean reading; what buying power is judged by where its rule is not known. unsettled, balances: as `AccountRow`."""

    TAG: ClassVar[int] = 317
    VERSION: ClassVar[int] = 2
    account: str
    currency: str
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    unsettled: tuple[UnsettledRow, ...] | None = None
    balances: tuple[BalanceRow, ...] = ()


class OrdersCanceledDirectly(AccountEvent, frozen=True):
    """The reconciler's own session cancelled working orders, past router and log. command: of the halt it belongs to; cause: operator | bus |
    router, who asked or who was away. found: orders that worked when it looked first; asked: cancels it requested; kept: client ids of
    protective stops it left, open: of what still worked at its last look (the first hundred of each), open_count: all of these; failed: why
    that look failed, else empty. at_ns: wall clock."""

    TAG: ClassVar[int] = 340
    command: str
    cause: str
    found: int
    asked: int
    kept: tuple[str, ...]
    open: tuple[str, ...]
    open_count: int
    failed: str
    at_ns: int


class RegimeChanged(AccountEvent, frozen=True):
    """The market regime a detector named; until one exists the detector is `constant`."""

    TAG: ClassVar[int] = 330
    regime: str
    previous: str
    confidence: float


class LimitOverridden(AccountEvent, frozen=True):
    """Risk's answer to a `LimitChanged`, in force from that command's sequence number. outcome: set | cleared | expired | refused; old, new:
    JSON; text: who and why, or why it is refused."""

    TAG: ClassVar[int] = 345
    command: str
    outcome: str
    scope: Scope
    scope_key: str
    key: str
    old: str
    new: str
    expires_at: int
    text: str


class StrategyRevised(Event, frozen=True):
    """On `c.s.`: risk's answer to a `StrategyChanged`. outcome: added | set | removed | refused. since: the sequence number it is in force from, of the
    command or, where nobody was there to answer it, of the run that did. definition: JSON of the strategy's entry, whole where a command
    added it, else only the parameters that stand over the file's; empty once removed. budget: cash its book opens with (added). text: who
    and why, or why it is refused. runs: newest run of its earlier life; exits: run and number of the newest order of risk's own by then (added): what
    orders up to these trade is nobody's."""

    TAG: ClassVar[int] = 346
    VERSION: ClassVar[int] = 2
    command: str
    outcome: str
    strategy: str
    since: int
    definition: str
    budget: Decimal
    text: str
    runs: int = 0
    exits: tuple[int, int] = (0, 0)

    @property
    def topic(self) -> str:
        return TOPIC_STRATEGIES
