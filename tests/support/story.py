"""What the journal says of every order, read straight from the file and folded a second way: none of the services' code decides here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from shared.bus.journal_errors import JournalError
from shared.bus.journal_reader import JournalReader
from shared.bus.record import envelope_of
from shared.events import (
    Alert,
    BrokerExecutionReported,
    ClockTicked,
    DeterminismFault,
    Envelope,
    FillMismatch,
    HealthReported,
    LeaseEnded,
    LeaseGranted,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderSending,
    OrderUnknown,
    ReconcileCompleted,
    ReplaceApproved,
    ReplaceSending,
    Scope,
    Severity,
    TradingState,
    TradingStateChanged,
)

ENDED = (OrderCanceled, OrderExpired, OrderRejected, OrderAbandoned, OrderDenied)
EXPECTED = ("break:", "unknown_age:", "reconnect:")  # alarms that a service which stays away must raise
NOISE = frozenset({ClockTicked.TAG, HealthReported.TAG})


@dataclass
class Tale:
    """One order. sendings, replacings: (envelope, event) by the client order id they name."""

    order_id: str
    intents: int = 0
    decisions: list[str] = field(default_factory=list)
    approvals: list[tuple[Envelope, OrderApproved | ReplaceApproved]] = field(default_factory=list)
    sendings: list[tuple[Envelope, OrderSending | ReplaceSending]] = field(default_factory=list)
    quantity: Decimal = Decimal(0)
    fills: list[OrderFilled] = field(default_factory=list)
    ending: str = ""
    accepted: bool = False
    unknown: bool = False

    @property
    def filled(self) -> Decimal:
        return sum((f.quantity for f in self.fills), Decimal(0))

    @property
    def in_doubt(self) -> bool:
        """Whether the broker's word on it is still missing."""
        return not self.ending and not self.accepted and not self.fills

    @property
    def open(self) -> bool:
        return not self.ending and (not self.quantity or self.filled < self.quantity)


class Story:
    """Follows the journal by `read`; may be asked at any moment."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._reader: JournalReader | None = None
        self._after = 0
        self.tales: dict[str, Tale] = {}
        self.reconciled: list[tuple[int, ReconcileCompleted]] = []
        self.states: list[tuple[int, TradingStateChanged]] = []
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()
        self.leases: list[tuple[int, LeaseGranted | LeaseEnded]] = []
        self.log_id = ""
        self.last_order_seq = 0
        self._told: set[str] = set()

    def read(self) -> Story:
        """Fold what is new."""
        reader = self._open()
        while reader is not None:
            rows, upto = reader.page(self._after, ("t.", "c."), 1_000)
            for row in rows:
                if row.tag not in NOISE:
                    self._fold(envelope_of(row))
            if upto <= self._after:
                break
            self._after = upto
        return self

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _open(self) -> JournalReader | None:
        """None while the bus is just making the journal."""
        if self._reader is None:
            try:
                self._reader = JournalReader(self._journal)
            except JournalError:
                return None
            self.log_id = self._reader.log_id
        return self._reader

    @property
    def head(self) -> int:
        return self._after

    def open(self) -> list[str]:
        """Orders that may still do something."""
        return [t.order_id for t in self.tales.values() if t.open]

    def in_doubt(self) -> set[str]:
        """Orders whose fate at the broker is not known."""
        return {t.order_id for t in self.tales.values() if t.in_doubt}

    def holder(self, name: str) -> str:
        """Who holds a lease, empty when nobody does."""
        newest = next((e for _, e in reversed(self.leases) if e.name == name), None)
        return newest.holder if isinstance(newest, LeaseGranted) else ""

    def clean_since(self, seq: int) -> ReconcileCompleted | None:
        """The newest reading after a place in the log, if it was clean."""
        newest = self.reconciled[-1] if self.reconciled else None
        return newest[1] if newest is not None and newest[0] > seq and newest[1].clean and not newest[1].pending else None

    def trading(self) -> TradingStateChanged | None:
        """The newest global state."""
        return next((e for _, e in reversed(self.states) if e.scope is Scope.GLOBAL), None)

    def halt_epoch_at(self, seq: int) -> int:
        return max((e.halt_epoch for at, e in self.states if at < seq and e.state is TradingState.HALTED), default=0)

    def _fold(self, e: Envelope) -> None:
        event = e.event
        self.counts[type(event).__name__] += 1
        match event:
            case OrderEvent():
                self.last_order_seq = e.seq
                self._order(self.tales.setdefault(event.order_id, Tale(event.order_id)), e, event)
            case ReconcileCompleted():
                self.reconciled.append((e.seq, event))
            case TradingStateChanged():
                self.states.append((e.seq, event))
            case BrokerExecutionReported():
                name = event.execution.execution_id
                self.counts["reported again"] += event.session == "router" and name in self._told
                self._told.add(name)
            case LeaseGranted() | LeaseEnded():
                self.leases.append((e.seq, event))
            case DeterminismFault():
                self.faults.append(f"seq {e.seq}: {event}")
            case Alert(severity=Severity.CRITICAL) if not event.key.startswith(EXPECTED):
                self.faults.append(f"seq {e.seq}: {event.key}: {event.text}")
            case _:
                pass

    def _order(self, tale: Tale, e: Envelope, event: OrderEvent) -> None:
        match event:
            case OrderIntent():
                tale.intents += 1
                tale.quantity = event.terms.quantity
            case OrderApproved():
                tale.decisions.append("approved")
                tale.approvals.append((e, event))
            case ReplaceApproved():
                tale.approvals.append((e, event))
            case OrderSending() | ReplaceSending():
                tale.sendings.append((e, event))
            case OrderReplaced():
                tale.quantity = event.terms.quantity
            case OrderAccepted():
                tale.accepted = True
            case OrderFilled():
                self.counts["filled before accepted"] += not tale.accepted
                tale.fills.append(event)
            case OrderUnknown():
                tale.unknown = True
            case FillMismatch():
                self.faults.append(f"seq {e.seq}: {event}")
            case _ if isinstance(event, ENDED):
                tale.ending = type(event).__name__
                if isinstance(event, OrderDenied):
                    tale.decisions.append("denied")
            case _:
                pass
