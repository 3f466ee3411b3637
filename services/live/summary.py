"""What a session came to, counted from the journal: exact, also when the auditor is gone.

Orders by how they ended, denials by reason, fills, money, latencies. Times between events are the log's: under the feed clock they are the
data's and say nothing about speed, so they are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from shared.bus.journal_reader import JournalReader
from shared.bus.record import envelope_of
from shared.domain.exact import ZERO, add, multiply
from shared.events import (
    AccountOpened,
    Alert,
    Envelope,
    EquityMarked,
    Event,
    OrderAbandoned,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderSending,
    OrderUnknown,
    Severity,
)

PAGE_ROWS: Final = 5_000
_ENDS: Final[dict[type[Event], str]] = {
    OrderDenied: "denied",
    OrderRejected: "rejected",
    OrderCanceled: "cancelled",
    OrderExpired: "expired",
    OrderAbandoned: "abandoned",
}


@dataclass(slots=True)
class Summary:
    """outcomes: orders by how they ended, `working` and `unknown` for those that have not. traded, fees: price x quantity and commissions, by
    currency. equity: in the account's currency, None where none was marked. decided, acknowledged: ns from intent to sending, from sending to the broker's word."""

    outcomes: Counter[str] = field(default_factory=Counter)
    denials: Counter[str] = field(default_factory=Counter)
    fills: int = 0
    traded: dict[str, Decimal] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    equity_first: Decimal | None = None
    equity_last: Decimal | None = None
    drawdown: float = 0.0
    alerts: int = 0
    events: int = 0
    decided: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)


def summarise(journal: Path, after: int, currencies: Mapping[str, str]) -> Summary:
    """Fold the order path of a session: everything after seq `after`. currencies: of prices, by symbol; of one that is not named they are in the
    currency of its commissions. Raises JournalError."""
    fold = _Fold(currencies)
    reader = JournalReader(journal)
    try:
        head = reader.head()
        seq = after
        while seq < head:
            records, seq = reader.page(seq, ("t.", "c."), PAGE_ROWS, head)
            for record in records:
                fold.take(envelope_of(record))
    finally:
        reader.close()
    fold.summary.events = max(head - after, 0)
    return fold.close()


class _Fold:
    def __init__(self, currencies: Mapping[str, str]) -> None:
        self.summary = Summary()
        self._currencies = currencies
        self._state: dict[str, str] = {}
        self._intended: dict[str, int] = {}
        self._sent: dict[str, int] = {}

    def take(self, e: Envelope) -> None:
        event, s = e.event, self.summary
        if (end := _ENDS.get(type(event))) is not None:
            self._state[_order(event)] = end
        match event:
            case OrderIntent():
                self._intended[event.order_id] = e.ts_ns
                self._state[event.order_id] = "working"
            case OrderDenied():
                s.denials[event.reason.name] += 1
            case OrderSending():
                self._sent[event.order_id] = e.ts_ns
                self._state.setdefault(event.order_id, "working")  # of risk's own orders there is no intent
                if (begun := self._intended.pop(event.order_id, None)) is not None:
                    s.decided.append(e.ts_ns - begun)
            case OrderAccepted():
                if (sent := self._sent.pop(event.order_id, None)) is not None:
                    s.acknowledged.append(e.ts_ns - sent)
                self._state[event.order_id] = "working"
            case OrderUnknown():
                self._state[event.order_id] = "unknown"
            case OrderFilled():
                s.fills += 1
                _add(s.traded, self._currencies.get(event.symbol, event.currency), multiply(event.quantity, event.price))
                _add(s.fees, event.currency, event.commission)
                if not event.leaves:
                    self._state[event.order_id] = "filled"
                elif not event.late:  # a late one is of an order that has ended otherwise
                    self._state[event.order_id] = "working"
            case EquityMarked():
                s.equity_first = event.equity if s.equity_first is None else s.equity_first
                s.equity_last = event.equity
                s.drawdown = max(s.drawdown, event.drawdown)
            case AccountOpened():
                s.equity_first = event.equity if s.equity_first is None else s.equity_first
            case Alert(severity=severity) if severity is not Severity.INFO:
                s.alerts += 1

    def close(self) -> Summary:
        self.summary.outcomes.update(self._state.values())
        return self.summary


def _order(event: Any) -> str:
    return str(event.order_id)


def render(s: Summary, *, wall_clock: bool) -> list[str]:
    """The summary as lines."""
    lines = [f"orders       {_counts(s.outcomes) or 'none'}"]
    if s.denials:
        lines.append(f"denials      {_counts(s.denials)}")
    lines.append(f"fills        {s.fills}" + (f", {_money(s.traded)} traded, {_money(s.fees)} in fees" if s.fills else ""))
    if s.equity_first is not None and s.equity_last is not None:
        lines.append(f"equity       {s.equity_first:f} -> {s.equity_last:f} ({s.equity_last - s.equity_first:+f}), worst drawdown {s.drawdown:.2%}")
    if wall_clock:
        for name, values in (("intent to sending", s.decided), ("sending to accepted", s.acknowledged)):
            if values:
                lines.append(f"latency      {name}: p50 {_ms(values, 0.5)}, p99 {_ms(values, 0.99)} ms")
    lines.append(f"events       {s.events}" + (f", {s.alerts} alerts" if s.alerts else ""))
    return lines


def _add(amounts: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    amounts[currency] = add(amounts.get(currency, ZERO), amount)


def _money(amounts: Mapping[str, Decimal]) -> str:
    return " and ".join(f"{amounts[currency]:f} {currency}".rstrip() for currency in sorted(amounts))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


def _ms(values: list[int], share: float) -> str:
    ordered = sorted(values)
    return f"{ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1e6:.2f}"
