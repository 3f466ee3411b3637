"""The venue's own ledger against our journal: what the broker did, read from its file, and what we say of it, read from ours.

Neither the venue's service nor any of ours is asked: the ledger's reports are replayed here, and so are the journal's bookings.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec

from shared.bus.verify import verify
from shared.domain.order_ids import parse_client_id
from shared.events import ExecutionRow, OrderRow, OrderSide, OrderStatus
from shared.venue import Report
from tests.support.story import Story, Tale

OVER = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.REPLACED}
REQUEST_NS = 10_000_000_000  # a request in a queue may be acted on this long after its permit: what its client waits for it


@dataclass
class Ledger:
    """rows: every order row in order, by client order id; executions: by id, repeats of a report left out."""

    rows: dict[str, list[tuple[int, OrderRow]]] = field(default_factory=lambda: defaultdict(list))
    executions: dict[str, ExecutionRow] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    cash: Decimal = Decimal(0)
    numbers: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        ledger, decode = cls(), msgspec.msgpack.Decoder(Report).decode
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        for n, body in db.execute("SELECT n, body FROM reports ORDER BY n"):
            report = decode(body)
            ledger.numbers.append(n)
            if report.order is not None:
                ledger.rows[report.order.client_order_id].append((report.ns, report.order))
            if report.execution is not None:
                ledger._execution(report.execution)
            if report.cash is not None:
                ledger.cash += report.cash.amount
        db.close()
        return ledger

    def _execution(self, row: ExecutionRow) -> None:
        known = self.executions.setdefault(row.execution_id, row)
        if known != row:
            self.differing.append(row.execution_id)

    def filled(self, client_ids: list[str]) -> Decimal:
        return sum((x.quantity for x in self.executions.values() if x.client_order_id in client_ids), Decimal(0))

    def positions(self) -> dict[str, Decimal]:
        held: Counter[str] = Counter()
        for x in self.executions.values():
            held[x.symbol] += x.quantity if x.side is OrderSide.BUY else -x.quantity  # type: ignore[assignment]
        return {symbol: Decimal(quantity) for symbol, quantity in held.items() if quantity}

    def cash_after(self, initial: Decimal) -> Decimal:
        moved = (x.quantity * x.price * (-1 if x.side is OrderSide.BUY else 1) - x.commission for x in self.executions.values())
        return initial + self.cash + sum(moved, Decimal(0))


def disagreements(journal: Path, ledger_path: Path, initial_cash: Decimal) -> list[str]:
    """Every broken promise, in words; none is what must come out. Both files at rest, every order at its end."""
    story, ledger = Story(journal).read(), Ledger.read(ledger_path)
    found = [f"I1 journal: {finding}" for finding in verify(journal).findings]
    found += [f"I1 names: {text}" for text in _names(journal)]
    found += [f"alarm: {text}" for text in story.faults]
    found += _ledger_itself(ledger)
    found += [text for tale in story.tales.values() for text in _tale(tale)]
    found += _orders_at_the_venue(story, ledger)
    found += _books(story, ledger, initial_cash)
    return found


def _names(journal: Path) -> list[str]:
    """Every (source, run) is dense from 1: nothing lost, nothing twice."""
    db = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    rows = db.execute("SELECT source, run, count(*), count(DISTINCT n), min(n), max(n) FROM events GROUP BY source, run").fetchall()
    db.close()
    return [
        f"{source} run {run}: {count} events, n {low} to {high}"
        for source, run, count, kinds, low, high in rows
        if not count == kinds == high - low + 1 or low != 1
    ]


def _ledger_itself(ledger: Ledger) -> list[str]:
    found = [f"I5 venue: execution {name} was reported with different content" for name in ledger.differing]
    if ledger.numbers != list(range(1, len(ledger.numbers) + 1)):
        found.append("venue: its report numbers are not dense")
    for client_id, rows in ledger.rows.items():
        brokers = {row.broker_order_id for _, row in rows if row.broker_order_id}
        if len(brokers) > 1:
            found.append(f"I3 {client_id} is {len(brokers)} orders at the venue: {sorted(brokers)}")
        if rows[-1][1].status not in OVER:
            found.append(f"I13 {client_id} still works at the venue: {rows[-1][1].status}")
    return found


def _tale(tale: Tale) -> list[str]:
    found = []
    if tale.intents != 1 and not tale.order_id.startswith("risk:"):
        found.append(f"I3 {tale.order_id}: {tale.intents} intents")
    if len(tale.decisions) != 1:
        found.append(f"{tale.order_id}: decided {tale.decisions}")
    names = [event.client_order_id for _, event in tale.sendings]
    if len(names) != len(set(names)):
        found.append(f"I3 {tale.order_id}: written ahead twice: {names}")
    if tale.open:
        found.append(f"I12 {tale.order_id} is still open: {tale.filled} of {tale.quantity}, unknown: {tale.unknown}")
    if tale.filled > tale.quantity:
        found.append(f"I5 {tale.order_id}: {tale.filled} filled of {tale.quantity}")
    return found


def _orders_at_the_venue(story: Story, ledger: Ledger) -> list[str]:
    found = []
    chains: dict[str, list[str]] = defaultdict(list)
    for client_id, rows in ledger.rows.items():
        parsed = parse_client_id(client_id)
        if parsed is None or not story.log_id.startswith(parsed.log_prefix) or parsed.order_id not in story.tales:
            found.append(f"I4 {client_id} at the venue is of no order in the journal")
            continue
        chains[parsed.order_id].append(client_id)
        found += _permitted(story, story.tales[parsed.order_id], client_id, *rows[0])
    for tale in story.tales.values():
        there = ledger.filled(chains[tale.order_id])
        if there != tale.filled:
            found.append(f"I5 {tale.order_id}: {there} filled at the venue, {tale.filled} booked")
        if tale.ending == "OrderAbandoned" and chains[tale.order_id]:
            found.append(f"R3 {tale.order_id} was abandoned for good and is at the venue")
    return found


def _permitted(story: Story, tale: Tale, client_id: str, at_ns: int, row: OrderRow) -> list[str]:
    """I4: written ahead once, after an approval of the same terms, in time and in its halt epoch; and acted on in time."""
    sent = [(e, event) for e, event in tale.sendings if event.client_order_id == client_id]
    if len(sent) != 1:
        return [f"I4 {client_id}: {len(sent)} write-aheads"]
    envelope, sending = sent[0]
    allowed = [a for e, a in tale.approvals if e.seq < envelope.seq and a.terms == sending.terms and a.deadline_ns == sending.deadline_ns]
    if not allowed:
        return [f"I4 {client_id}: no earlier approval of its terms"]
    found = []
    if row.terms != sending.terms:
        found.append(f"I4 {client_id}: the venue has {row.terms}, written ahead were {sending.terms}")
    if envelope.ts_ns > sending.deadline_ns or at_ns > sending.deadline_ns + REQUEST_NS:
        found.append(f"I4 {client_id}: sent at {envelope.ts_ns}, taken at {at_ns}, its deadline was {sending.deadline_ns}")
    if story.halt_epoch_at(envelope.seq) > allowed[-1].halt_epoch:
        found.append(f"I8 {client_id}: sent under an older halt epoch")
    return found


def _books(story: Story, ledger: Ledger, initial_cash: Decimal) -> list[str]:
    """I5, I6, I13: the same executions, once each; the same holdings and cash."""
    fills = [f for tale in story.tales.values() for f in tale.fills]
    booked = Counter(f.execution_id for f in fills)
    found = [f"I5 execution {name} is booked {count} times" for name, count in booked.items() if count > 1]
    found += [f"I13 execution {name} of the venue is not booked" for name in ledger.executions.keys() - booked.keys()]
    found += [f"I13 execution {name} is booked and not the venue's" for name in booked.keys() - ledger.executions.keys()]
    for f in fills:
        x = ledger.executions.get(f.execution_id)
        if x is not None and (x.symbol, x.side, x.quantity, x.price, x.commission) != (f.symbol, f.side, f.quantity, f.price, f.commission):
            found.append(f"I6 execution {f.execution_id}: booked {f}, the venue has {x}")
    held: dict[str, Decimal] = defaultdict(Decimal)
    cash = initial_cash
    for f in fills:
        signed = f.quantity if f.side is OrderSide.BUY else -f.quantity
        held[f.symbol] += signed
        cash -= signed * f.price + f.commission
    ours = {symbol: quantity for symbol, quantity in held.items() if quantity}
    if ours != ledger.positions():
        found.append(f"I13 positions: ours {ours}, the venue's {ledger.positions()}")
    if cash != ledger.cash_after(initial_cash):
        found.append(f"I13 cash: ours {cash}, the venue's {ledger.cash_after(initial_cash)}")
    return found
