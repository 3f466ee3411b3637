"""`reconciliation_journal.tsv`: timestamp, source, internal_id, broker_order_id, symbol, status, note. What reconciling found and booked.

A note ends with the journal's seq and the running hash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from shared.events import (
    AccountOpened,
    Envelope,
    Event,
    ExternalOrderSeen,
    FillCorrected,
    FillMismatch,
    InstrumentLocked,
    InstrumentUnlocked,
    OrderAbandoned,
    OrderFilled,
    OrderUnknown,
    ReconcileCompleted,
    ReconcileFailed,
)

from .chain import Opened
from .line import number
from .times import iso


class Row(NamedTuple):
    """One row before it is sealed."""

    seq: int
    ts_ns: int
    source: str
    internal_id: str
    broker_order_id: str
    symbol: str
    status: str
    note: str


Cells = tuple[str, str, str, str, str]


def journal_rows(e: Envelope) -> list[Row]:
    """The rows of one event, none for most; source is its author."""
    make = _ROWS.get(type(e.event))
    return [Row(e.seq, e.ts_ns, e.source, *cells) for cells in make(e.event)] if make is not None else []


class TsvFormat:
    """Tabs and ends of line inside a cell are written as blanks."""

    header: str = "timestamp\tsource\tinternal_id\tbroker_order_id\tsymbol\tstatus\tnote"

    def body(self, row: Row) -> str:
        cells = (iso(row.ts_ns), row.source, row.internal_id, row.broker_order_id, row.symbol, row.status, f"{row.note} seq={row.seq}".lstrip())
        return "\t".join(" ".join(cell.split()) for cell in cells)

    def seal(self, body: str, digest: str) -> str:
        return f"{body} hash={digest}"

    def open(self, line: str) -> Opened:
        body, found, digest = line.rpartition(" hash=")
        seq = body.rpartition("seq=")[2]
        if not found or not seq.isdigit() or body.count("\t") != self.header.count("\t"):
            raise ValueError("no row of a reconciliation journal")
        return Opened(body, int(seq), digest)


def _completed(e: ReconcileCompleted) -> list[Cells]:
    """A row a break; one of its own for a reading without."""
    if not e.breaks:
        return [(f"query {e.query}", "", "", "clean" if e.clean else "pending", f"{e.pending} pending" if e.pending else "")]
    return [_break(b.kind, b.subject, b.ours, b.theirs) for b in e.breaks]


def _break(kind: str, subject: str, ours: str, theirs: str) -> Cells:
    note = f"ours {ours or 'none'} theirs {theirs or 'none'}"
    if kind == "position":
        return ("", "", subject, kind, note)
    if kind == "order_external":
        return ("", subject, "", kind, note)
    return (subject, "", "", kind, note)


def _failed(e: ReconcileFailed) -> list[Cells]:
    return [(f"query {e.query}", "", "", "failed", e.text)]


def _opened(e: AccountOpened) -> list[Cells]:
    held = zip(e.symbols, e.quantities, e.average_prices, strict=True)
    head: Cells = (e.account, "", "", "account_opened", f"cash {number(e.cash)} {e.currency}")
    return [head, *(("", "", symbol, "holding_found", f"{number(quantity)} @ {number(price)}") for symbol, quantity, price in held)]


def _filled(e: OrderFilled) -> list[Cells]:
    """Only what came late: the rest is in the audit log."""
    return [(e.order_id, e.broker_order_id, e.symbol, "late_fill", f"{number(e.quantity)} @ {number(e.price)}")] if e.late else []


def _corrected(e: FillCorrected) -> list[Cells]:
    note = f"{e.previous_id} to {e.execution_id}: {number(e.quantity)} @ {number(e.price)}"
    return [(e.order_id, "", e.symbol, "fill_corrected", note)]


def _external(e: ExternalOrderSeen) -> list[Cells]:
    return [(e.order_id, e.broker_order_id, e.terms.symbol, "order_adopted", f"{e.terms.side} {number(e.terms.quantity)} of {e.strategy}")]


_ROWS: Final[dict[type[Event], Callable[[Any], list[Cells]]]] = {
    ReconcileCompleted: _completed,
    ReconcileFailed: _failed,
    AccountOpened: _opened,
    OrderFilled: _filled,
    FillCorrected: _corrected,
    ExternalOrderSeen: _external,
    FillMismatch: lambda e: [(e.order_id, "", "", "fill_mismatch", f"booked {e.booked} reported {e.reported}")],
    OrderUnknown: lambda e: [(e.order_id, "", "", "unknown", e.text)],
    OrderAbandoned: lambda e: [(e.order_id, "", "", "abandoned", e.text)],
    InstrumentLocked: lambda e: [("", "", e.symbol, "locked", e.text)],
    InstrumentUnlocked: lambda e: [("", "", e.symbol, "unlocked", e.text)],
}
