"""The audit files: formats word for word, a chain that shows any change, a writer that goes on exactly where it stopped."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from services.auditor.audit_log import AuditFiles, CsvFormat, JsonlFormat, verify
from services.auditor.chain import ChainBroken, ChainedWriter
from services.auditor.line import TYPES
from services.auditor.lines import audit_lines
from services.auditor.lines_orders import ORDER_LINES
from services.auditor.reconciliation_journal import TsvFormat
from shared.domain.exact import ZERO
from shared.events import (
    Alert,
    Break,
    Envelope,
    Event,
    HaltRequested,
    OrderAbandoned,
    OrderFilled,
    OrderSending,
    OrderSide,
    OrderUnknown,
    ReconcileCompleted,
    Scope,
    Severity,
    SystemStarted,
)
from tests.unit.order_router.world import T0, client, opened, terms


def envelope(event: Event, seq: int = 7) -> Envelope:
    return Envelope(seq, T0 + 123_456_789, event.topic, "order_router", 1, seq, 0, 1, event)


def fill(quantity: str, side: OrderSide = OrderSide.BUY) -> OrderFilled:
    return OrderFilled(
        "ma:1:1", "ma", "AAPL", side, Decimal(quantity), Decimal("187.123456789"), Decimal(0), "USD", "E1", "B1", Decimal(quantity), ZERO, T0
    )


STORY = [
    envelope(SystemStarted("0.1.0", "ab12"), 1),
    envelope(opened(), 2),
    envelope(OrderSending("ma:1:1", "ma", client(), terms("0.000000001"), T0), 3),
    envelope(fill("100"), 5),
    envelope(OrderUnknown("ma:1:2", "ma", 'said "no", then\nnothing'), 6),
    envelope(HaltRequested("c1", "jo", "too fast, too far", Scope.GLOBAL, ""), 8),
    envelope(ReconcileCompleted(3, clean=False, breaks=(Break("position", "AAPL", "100", "90"),), pending=0, report=0), 9),
    envelope(Alert(Severity.CRITICAL, "k", "tab\there"), 12),
]


def written(directory: Path, audit_format: str = "csv", story: list[Envelope] | None = None) -> AuditFiles:
    files = AuditFiles(directory, audit_format, lambda _symbol: ZERO, lambda _currency: None)
    for e in STORY if story is None else story:
        files.observe(e)
    return files


def test_csv_is_timestamp_type_details_and_pairs(tmp_path: Path) -> None:
    written(tmp_path).close()

    rows = list(csv.reader((tmp_path / "audit.log").read_text().splitlines()))

    assert rows[0][:3] == ["2023-11-14T22:13:20.123456Z", "SystemStart", "version 0.1.0"]
    assert rows[0][3:6] == ["version=0.1.0", "config_hash=ab12", "seq=1"]
    assert all(row[1] in TYPES and row[-1].startswith("hash=") and row[-2].startswith("seq=") for row in rows)
    assert all("=" in pair for row in rows for pair in row[3:])
    unknown = next(row for row in rows if row[1] == "OrderUnknown")
    assert unknown[2] == 'said "no", then\\nnothing'


def test_jsonl_has_regimeflows_five_keys(tmp_path: Path) -> None:
    written(tmp_path, "jsonl").close()

    records = [orjson.loads(line) for line in (tmp_path / "audit.log").read_bytes().splitlines()]

    assert all(list(r) == ["timestamp_us", "timestamp", "type", "details", "metadata"] for r in records)
    assert records[0]["timestamp_us"] == (T0 + 123_456_789) // 1000
    submitted = next(r for r in records if r["type"] == "OrderSubmitted")
    assert submitted["metadata"]["quantity"] == "0.000000001"
    assert (submitted["metadata"]["seq"], len(submitted["metadata"]["hash"])) == ("3", 32)


def test_numbers_are_written_in_full() -> None:
    line = audit_lines(envelope(fill("0.000000001")))[0]

    assert line.details == "buy 0.000000001 AAPL @ 187.123456789"


@pytest.mark.parametrize(
    ("net", "side", "types"),
    [
        ("0", OrderSide.BUY, ["OrderFilled", "PositionOpened"]),
        ("50", OrderSide.BUY, ["OrderFilled"]),
        ("100", OrderSide.SELL, ["OrderFilled", "PositionClosed"]),
        ("60", OrderSide.SELL, ["OrderFilled", "PositionClosed", "PositionOpened"]),
        ("-100", OrderSide.BUY, ["OrderFilled", "PositionClosed"]),
    ],
)
def test_positions_open_and_close_with_the_accounts_holding(net: str, side: OrderSide, types: list[str]) -> None:
    assert [line.type for line in audit_lines(envelope(fill("100", side)), Decimal(net))] == types


@pytest.mark.parametrize(("text", "kind"), [("dry run: not sent", "DryRunOrder"), ("past its deadline", "Error")])
def test_a_dry_run_is_its_own_type(text: str, kind: str) -> None:
    assert audit_lines(envelope(OrderAbandoned("ma:1:1", "ma", text)))[0].type == kind


def test_an_operator_is_named_with_the_reason() -> None:
    line = audit_lines(STORY[5])[0]

    assert (line.type, line.details) == ("OperatorCommand", "HaltRequested: too fast, too far")
    assert ("operator", "jo") in line.metadata


def test_every_line_maker_stands_in_the_table_once() -> None:
    assert OrderSending in ORDER_LINES
    assert len(set(TYPES)) == len(TYPES)


@pytest.mark.parametrize("audit_format", ["csv", "jsonl"])
def test_what_was_written_verifies(tmp_path: Path, audit_format: str) -> None:
    written(tmp_path, audit_format).close()

    for name in ("audit.log", "reconciliation_journal.tsv"):
        found = verify(tmp_path / name)
        assert (found.problem, found.exit_status) == ("", 0)
        assert found.lines > 0
    assert verify(tmp_path / "audit.log").last_seq == 12


@pytest.mark.parametrize("audit_format", ["csv", "jsonl"])
def test_any_changed_byte_is_found(tmp_path: Path, audit_format: str) -> None:
    written(tmp_path, audit_format).close()
    path = tmp_path / "audit.log"
    original = path.read_bytes()
    for i in range(0, len(original), 7):
        path.write_bytes(original[:i] + bytes([original[i] ^ 1]) + original[i + 1 :])
        assert verify(path).exit_status == 1, i


@pytest.mark.parametrize("name", ["audit.log", "reconciliation_journal.tsv"])
def test_a_removed_or_moved_line_is_found(tmp_path: Path, name: str) -> None:
    written(tmp_path).close()
    path = tmp_path / name
    lines = path.read_bytes().splitlines(keepends=True)
    for i in range(len(lines) - 1):
        path.write_bytes(b"".join(lines[:i] + lines[i + 1 :]))
        assert verify(path).exit_status == 1
    path.write_bytes(b"".join([*lines[:1], lines[2], lines[1], *lines[3:]]))
    assert verify(path).exit_status == 1


def test_what_cannot_be_read_is_told_apart(tmp_path: Path) -> None:
    assert verify(tmp_path / "nothing").exit_status == 2
    assert verify(tmp_path).exit_status == 2


def test_an_empty_log_is_clean(tmp_path: Path) -> None:
    written(tmp_path, story=[]).close()

    assert verify(tmp_path / "audit.log").exit_status == 0


@pytest.mark.parametrize("audit_format", ["csv", "jsonl"])
@pytest.mark.parametrize("cut", range(9))
def test_a_writer_stopped_anywhere_and_given_everything_again_writes_the_same_file(tmp_path: Path, audit_format: str, cut: int) -> None:
    written(tmp_path / "straight", audit_format).close()
    written(tmp_path / "stopped", audit_format, STORY[:cut]).close()
    written(tmp_path / "stopped", audit_format).close()

    for name in ("audit.log", "reconciliation_journal.tsv"):
        assert (tmp_path / "straight" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_a_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path: Path) -> None:
    written(tmp_path / "whole").close()
    whole = (tmp_path / "whole" / "audit.log").read_bytes()
    directory = tmp_path / "torn"
    directory.mkdir()
    for size in range(0, len(whole), 11):
        (directory / "audit.log").write_bytes(whole[:size])
        written(directory).close()
        assert (directory / "audit.log").read_bytes() == whole, size


def test_a_changed_tail_is_not_written_on(tmp_path: Path) -> None:
    written(tmp_path).close()
    path = tmp_path / "audit.log"
    path.write_bytes(path.read_bytes().replace(b"too fast", b"too slow"))

    with pytest.raises(ChainBroken):
        ChainedWriter(path, CsvFormat())


def test_another_format_is_not_written_into(tmp_path: Path) -> None:
    written(tmp_path, "csv").close()

    with pytest.raises(ChainBroken):
        ChainedWriter(tmp_path / "audit.log", JsonlFormat())


def test_the_reconciliation_journal_has_its_seven_columns(tmp_path: Path) -> None:
    written(tmp_path).close()

    lines = (tmp_path / "reconciliation_journal.tsv").read_text().splitlines()

    assert lines[0].split("\t") == ["timestamp", "source", "internal_id", "broker_order_id", "symbol", "status", "note"]
    assert all(line.count("\t") == 6 for line in lines)
    broken = next(line.split("\t") for line in lines if "\tposition\t" in line)
    assert broken[4] == "AAPL"
    assert broken[6].startswith("ours 100 theirs 90 seq=9 hash=")
    assert TsvFormat().header == lines[0]
