"""An account's day through the real processes: two strategies on one symbol, money in and out, a dividend, a sale by hand, claims, a split with a
fraction; everything is killed and started again. At the end the ledger, the status and the venue's own ledger say the same."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.brokers.paper import PaperAccount, PaperOperator
from shared.config import load
from shared.events import AccountOpened, CashFlow, CorporateAction, LimitBreached, OrderFilled, OrderSide, ReconcileCompleted
from shared.runtime.places import Places
from tests.support.stack import Stack, config_of

HOLDERS = {"one": 25, "two": 8}

pytestmark = pytest.mark.timeout(900)


def entry(strategy: str, quantity: int) -> dict[str, object]:
    params = {"symbol": "GLOBEX", "quantity": quantity}
    return {"id": strategy, "name": "buy_and_hold", "params": params, "symbols": ["GLOBEX"], "budget": 20_000}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    entries = [entry(strategy, quantity) for strategy, quantity in HOLDERS.items()]
    config = config_of("paper.yaml", tmp_path, live__strategies=entries, live__order_reconcile_interval_ms=1_000)
    running = Stack(config, tmp_path)
    yield running.start()
    running.stop()


def books(stack: Stack) -> dict[str, Decimal]:
    """Units of GLOBEX by owner, nothing while nobody answers."""
    rows = stack.view("positions").get("positions", ())
    return {book["owner"]: Decimal(book["quantity"]) for row in rows if row["symbol"] == "GLOBEX" for book in row["books"]}


def reconciled_after(stack: Stack, seq: int) -> bool:
    """A clean reading that was asked for and answered after a place in the log."""
    return sum(e.event.clean for e in stack.events(ReconcileCompleted) if e.seq > seq) >= 2


def head(stack: Stack) -> int:
    return max((e.seq for e in stack.events()), default=0)


def test_a_day_of_an_account_ends_in_agreement(stack: Stack) -> None:
    endpoint = Places.of(load(stack.config, offline=True).config).endpoint("venue")
    stack.wait(lambda: sum(e.event.quantity for e in stack.events(OrderFilled)) == 33, "both hold", stack.revive)
    counter = PaperOperator(endpoint, timeout_s=30.0)
    counter.cash_flow("deposit", Decimal("5000.25"), "wire-1")
    counter.cash_flow("withdrawal", Decimal(-30_000), "wire-2")
    counter.cash_flow("dividend", Decimal("16.50"), "div-1", symbol="GLOBEX")
    counter.external_trade("app-1", "GLOBEX", OrderSide.SELL, Decimal(10), Decimal("40.5"))
    stack.wait(lambda: books(stack) == {"one": 25, "two": 8, "unassigned": -10}, "the sale by hand is unassigned", stack.revive)

    assert stack.command("claim", "--symbol", "GLOBEX", "--strategy", "one", "--quantity", "11", "--reason", "e2e")[0] == 1  # 10 are short
    assert stack.command("claim", "--symbol", "GLOBEX", "--strategy", "one", "--quantity", "-30", "--reason", "e2e")[0] == 1
    done, said = stack.command("claim", "--symbol", "GLOBEX", "--strategy", "one", "--quantity", "10", "--reason", "it was one's")
    assert (done, said.startswith("claim: -10 GLOBEX for one at 40.5")) == (0, True), said
    counter.split("GLOBEX", Decimal(3), Decimal(2), "split-1")  # 23 become 34 and a half
    counter.close()
    stack.wait(lambda: books(stack) == {"one": 22, "two": 12}, "the split is in the books", stack.revive)

    at = head(stack)
    for name in list(stack.processes):
        stack.kill(name)
    stack.start()
    stack.wait(lambda: reconciled_after(stack, at), "a clean reading after the restart", stack.revive)
    stack.wait(lambda: books(stack) == {"one": 22, "two": 12}, "the books are back", stack.revive)

    account = PaperAccount(endpoint, timeout_s=30.0)
    account.connect(30.0)
    theirs = account.whole_state("")
    account.close()
    seen: dict[str, Any] = {}

    def answered() -> bool:
        """Of everything at once, from a reading that could be made."""
        seen.update({name: stack.view(name) for name in ("status", "positions")})
        return seen["status"].get("reconciliation", {}).get("clean", False) and "books" in seen["positions"]

    stack.wait(answered, "the auditor's answers", stack.revive)
    status = seen["status"]
    assert {row.symbol: row.quantity for row in theirs.positions} == {"GLOBEX": 34}
    assert Decimal(status["cash"]) == theirs.totals.cash
    assert sum(Decimal(book["cash"]) for book in seen["positions"]["books"]) == theirs.totals.cash
    assert (status["locks"], status["unknown_orders"]) == ([], [])
    assert [f["reference"] for f in status["cash_flows"]] == ["div-1", "wire-2", "wire-1"]
    assert len(list(stack.events(AccountOpened))) == 1
    assert len(list(stack.events(CashFlow))) == 3
    assert [e.event.cash > 0 for e in stack.events(CorporateAction)] == [True]
    assert not [e for e in stack.events(LimitBreached) if "loss" in e.event.key or "drawdown" in e.event.key], "a withdrawal is no loss"
