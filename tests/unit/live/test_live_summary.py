"""The summary counts a session from its journal: every order once, by how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from services.live.summary import Summary, render, summarise
from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.record import record_of
from shared.events import (
    Alert,
    Envelope,
    EquityMarked,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    OrderUnknown,
    Reason,
    Severity,
)

MS = 1_000_000
TERMS = OrderTerms("ACME", OrderSide.BUY, OrderType.MARKET, Decimal(10))
ZERO = Decimal(0)


def journal_of(path: Path, events: Sequence[Event]) -> Path:
    """Each event one millisecond after the one before."""
    journal = Journal.open(path, Durability.PROCESS)
    rows = [record_of(Envelope(seq, seq * MS, e.topic, "risk_engine", 1, seq, 0, 1, e)) for seq, e in enumerate(events, 1)]
    journal.append(rows)
    journal.close()
    return path


def filled(order: str, quantity: int, leaves: int, *, late: bool = False) -> OrderFilled:
    q = Decimal(quantity)
    return OrderFilled(
        order, "s", "ACME", OrderSide.BUY, q, Decimal(100), Decimal("0.5"), "USD", f"{order}{leaves}", "b", q, Decimal(leaves), 0, late=late
    )


def equity(value: str, drawdown: float = 0.0) -> EquityMarked:
    return EquityMarked(Decimal(value), ZERO, ZERO, ZERO, drawdown, ZERO, ZERO)


def road(order: str, *ends: Event) -> list[Event]:
    return [OrderIntent(order, "s", TERMS), OrderSending(order, "s", f"c{order}", TERMS, 0), *ends]


def test_each_order_is_counted_once_by_how_it_ended(tmp_path: Path) -> None:
    before: list[Event] = [equity("90000"), *road("old", filled("old", 10, 0))]
    session = [
        equity("100000"),
        *road("a", OrderAccepted("a", "s", "b", 0), filled("a", 4, 6), filled("a", 6, 0)),
        *road("b", OrderAccepted("b", "s", "b", 0), filled("b", 4, 6), OrderCanceled("b", "s", Decimal(4)), filled("b", 1, 5, late=True)),
        OrderIntent("c", "s", TERMS),
        OrderDenied("c", "s", Reason.THROTTLED, "k", "1", "2"),
        *road("d", OrderRejected("d", "s", "x", "no")),
        *road("e", OrderUnknown("e", "s", "cut")),
        *road("f", OrderAccepted("f", "s", "b", 0), filled("f", 4, 6)),
        OrderSending("risk:1:1", "risk", "c", TERMS, 0),
        Alert(Severity.INFO, "k", ""),
        Alert(Severity.WARNING, "k", ""),
        equity("99000.5", 0.02),
    ]
    s = summarise(journal_of(tmp_path / "journal.db", [*before, *session]), len(before), {"ACME": "EUR"})

    assert s.outcomes == {"filled": 1, "cancelled": 1, "denied": 1, "rejected": 1, "unknown": 1, "working": 2}
    assert s.denials == {"THROTTLED": 1}
    assert (s.fills, s.traded, s.fees) == (5, {"EUR": Decimal(1900)}, {"USD": Decimal("2.5")})
    assert render(s, wall_clock=False)[2] == "fills        5, 1900 EUR traded, 2.5 USD in fees"
    assert (s.equity_first, s.equity_last, s.drawdown) == (Decimal(100_000), Decimal("99000.5"), 0.02)
    assert (s.alerts, s.events) == (1, len(session))
    assert set(s.decided) == set(s.acknowledged) == {MS}


def test_the_summary_reads_as_lines_and_leaves_out_times_of_data() -> None:
    s = Summary(fills=0, equity_first=Decimal(100), equity_last=Decimal(90), drawdown=0.1, decided=[MS, 2 * MS], events=5)
    assert render(s, wall_clock=True) == [
        "orders       none",
        "fills        0",
        "equity       100 -> 90 (-10), worst drawdown 10.00%",
        "latency      intent to sending: p50 2.00, p99 2.00 ms",
        "events       5",
    ]
    assert not [line for line in render(s, wall_clock=False) if "latency" in line]
