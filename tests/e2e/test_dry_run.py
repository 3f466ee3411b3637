"""`live.dry_run: true` as its user runs it: everything works but the submission, each order is a `DryRunOrder` line, the venue sees none."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from shared.events import OrderAbandoned, OrderApproved, OrderFilled, OrderSending, ReconcileCompleted
from tests.e2e.test_live import ENV
from tests.support.stack import ROOT, WAIT_S, Stack, config_of
from tests.support.truth import Ledger


@pytest.mark.timeout(900)
def test_a_dry_run_does_everything_but_send(tmp_path: Path) -> None:
    feed = {"gateway__feed__minutes": 15, "gateway__feed__speed": 0, "bus__clock": "feed"}
    config = config_of("paper.yaml", tmp_path, live__dry_run=True, **feed)
    command = [sys.executable, "-m", "services.control.main", "live", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    stack = Stack(config, tmp_path)
    approved = {e.event.order_id for e in stack.events(OrderApproved)}
    abandoned = {e.event.order_id: e.event.text for e in stack.events(OrderAbandoned)}
    assert approved
    assert abandoned == dict.fromkeys(approved, "dry run: not sent")
    assert not list(stack.events(OrderSending, OrderFilled))
    assert any(e.event.clean for e in stack.events(ReconcileCompleted))  # the broker was read all the same

    rows = list(csv.reader((tmp_path / "logs" / "audit.log").read_text().splitlines()))
    assert {row[3] for row in rows if row[1] == "DryRunOrder"} == {f"order_id={order_id}" for order_id in approved}
    assert "dry run" in done.stdout
    ledger = tmp_path / "paper_ledger.db"
    assert ledger.is_file()
    assert Ledger.read(ledger).numbers == []  # the venue has nothing to report of anybody
