"""Journal and audit commands over real files: integrity with its exit statuses, export in three formats, backup and restore."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from services.auditor.audit_log import FORMATS
from services.auditor.chain import ChainedWriter
from services.auditor.lines import audit_lines
from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.record import record_of
from shared.events import Envelope, Event, OrderIntent, OrderSide, OrderTerms, OrderType, Quote, SystemStarted, SystemStopped
from tests.unit.bus.journal_builders import tamper
from tests.unit.control.conftest import Run

TERMS = OrderTerms("ACME", OrderSide.BUY, OrderType.LIMIT, Decimal("0.1"), limit_price=Decimal("1E+2"))
EVENTS: tuple[Event, ...] = (SystemStarted("1", "h"), Quote("ACME", 7, 0.1, 0.3, 1.0, 2.0), OrderIntent("cross:1:1", "cross", TERMS))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    writer = Journal.open(path, Durability.PROCESS)
    for seq, e in enumerate(EVENTS, 1):
        writer.append([record_of(Envelope(seq, 1_704_204_600_123_456_789, e.topic, "x", 1, seq, 0, 0, e))])
    writer.close()
    return path


def test_verify_tells_clean_tampered_and_unreadable_apart(run: Run, journal: Path, tmp_path: Path) -> None:
    clean = run("journal", "verify", "--journal", journal)
    assert clean.status == 0
    assert "clean" in clean.out
    assert "3 events in 3 batches" in clean.out

    tamper(journal, "UPDATE events SET source = 'y' WHERE seq = 2")
    bad = run("journal", "verify", "--journal", journal)
    assert bad.status == 1
    assert "seq 2" in bad.err
    assert not bad.out
    said = json.loads(run("journal", "verify", "--journal", journal, "--json").out)
    assert (said["clean"], said["readable"]) == (False, True)
    assert 2 in [f["seq"] for f in said["findings"]]

    assert run("journal", "verify", "--journal", tmp_path / "nowhere.db").status == 2


def test_export_writes_the_same_rows_in_every_format(run: Run, journal: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("jsonl", "csv", "parquet"):
        done = run("journal", "export", "--journal", journal, "--format", name, "--out", tmp_path / f"x.{name}")
        assert (done.status, done.err) == (0, f"{tmp_path / f'x.{name}'}: 3 events\n")

    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    with (tmp_path / "x.csv").open() as file:
        from_csv = [{**row, "data": json.loads(row["data"])} for row in csv.DictReader(file)]
    from_parquet = [{**row, "data": json.loads(row["data"])} for row in parquet.read_table(tmp_path / "x.parquet").to_pylist()]

    assert from_parquet == rows
    assert from_csv == [{key: value if key == "data" else str(value) for key, value in row.items()} for row in rows]
    assert [row["type"] for row in rows] == ["SystemStarted", "Quote", "OrderIntent"]
    assert rows[1]["data"] == {"symbol": "ACME", "timestamp": 7, "bid": 0.1, "ask": 0.3, "bid_size": 1.0, "ask_size": 2.0}
    terms = rows[2]["data"]["terms"]
    assert (terms["quantity"], terms["limit_price"], terms["side"]) == ("0.1", "100", "buy")
    assert (rows[0]["time"], rows[0]["ts_ns"]) == ("2024-01-02T14:10:00.123456+00:00", 1_704_204_600_123_456_789)


def test_export_takes_a_part(run: Run, journal: Path) -> None:
    done = run("journal", "export", "--journal", journal, "--type", "Quote", "--type", "OrderIntent", "--until", "2")
    assert [json.loads(line)["seq"] for line in done.out.splitlines()] == [2]
    assert [json.loads(line)["seq"] for line in run("journal", "export", "--journal", journal, "--from", "3").out.splitlines()] == [3]


def test_export_does_not_write_over_a_file(run: Run, journal: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine")
    done = run("journal", "export", "--journal", journal, "--format", "csv", "--out", tmp_path / "x.csv")
    assert (done.status, done.err) == (2, f"regimeflow: {tmp_path / 'x.csv'} exists\n")


def test_parquet_without_its_package_names_the_extra(run: Run, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("journal", "export", "--journal", journal, "--format", "parquet", "--out", tmp_path / "x.parquet")
    assert (done.status, done.err) == (2, "regimeflow: parquet needs pyarrow: pip install 'regimeflow-live[parquet]'\n")


def test_a_backup_restores_what_was_lost(run: Run, journal: Path, tmp_path: Path) -> None:
    config = tmp_path / "live.yaml"
    config.write_text(
        f"live: {{broker: paper, symbols: [ACME], state_dir: {tmp_path / 'state'}}}\njournal: {{path: {journal}}}\nbus: {{directory: /tmp}}\n"
    )
    done = run("journal", "backup", tmp_path / "copy", "--config", config)
    assert done.status == 0
    assert "up to seq 3, verified" in done.out
    assert run("journal", "backup", tmp_path / "copy", "--config", config).status == 2  # a backup is a new directory

    for file in journal.parent.glob("journal*"):
        file.unlink()
    refused = run("journal", "restore", tmp_path / "copy", "--config", config)
    assert refused.status == 2
    assert refused.err.count("\n") == 1
    assert "loss accepted" in refused.err
    restored = run("journal", "restore", tmp_path / "copy", "--config", config, "--accept-loss", "--json")
    assert json.loads(restored.out)["head_seq"] == 3
    assert run("journal", "verify", "--config", config).status == 0


@pytest.mark.parametrize("layout", ["csv", "jsonl"])
def test_audit_verify_tells_clean_tampered_and_unreadable_apart(run: Run, tmp_path: Path, layout: str) -> None:
    path = tmp_path / "audit.log"
    writer = ChainedWriter(path, FORMATS[layout]())
    for seq, event in enumerate((SystemStarted("1", "h"), SystemStopped("done")), 1):
        for line in audit_lines(Envelope(seq, 1, event.topic, "x", 1, seq, 0, 0, event)):
            writer.write(line)
    writer.close()
    clean = run("audit", "verify", "--file", path)
    assert (clean.status, clean.out) == (0, f"{path}: clean; 2 lines up to seq 2\n")

    shutil.copy(path, tmp_path / "changed.log")
    (tmp_path / "changed.log").write_text(path.read_text().replace("version 1", "version 2"))
    changed = run("audit", "verify", "--file", tmp_path / "changed.log")
    assert changed.status == 1
    assert "line 1" in changed.err
    assert not json.loads(run("audit", "verify", "--file", tmp_path / "changed.log", "--json").out)["clean"]

    assert run("audit", "verify", "--file", tmp_path / "nowhere.log").status == 2
