"""Money of several currencies as the auditor sees it: counted a second way in each, shown with what it is worth and how old that is."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from services.auditor.audit_log import AuditFiles
from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from services.control.tables import render
from shared.domain.exact import ZERO
from shared.events import (
    AccountOpened,
    AccountReported,
    Alert,
    BalanceRow,
    Bar,
    CashFlow,
    CorporateAction,
    CurrencyRate,
    Envelope,
    Event,
    FillCorrected,
    HoldingAssigned,
    InstrumentDefined,
    OrderAccepted,
    OrderFilled,
    OrderSending,
    OrderSide,
    StrategyRevised,
    UnsettledRow,
)
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, approved, client, kinds, log_started, terms

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY = 86_400 * SECOND


def world(**settings: Any) -> World:
    balances = (BalanceRow("EUR", D(500)), BalanceRow("GBP", D(20)))
    return World(AuditorCore(AuditorSettings(budgets={"ma": D(1000)}, **settings)), "auditor").given(
        log_started(),
        InstrumentDefined("SAP", "equity", "EUR", D("0.01"), D(1), D(5), "24x7"),
        CurrencyRate("EUR", D("1.10"), T0),
        AccountOpened(ACCOUNT, "USD", D(100_000), D(100_000), (), (), (), (), balances),
    )


def sent(n: int = 1) -> list[Event]:
    t = terms(100, symbol="SAP")
    name = f"ma:1:{n}"
    return [approved(n, t=t, deadline=1000), OrderSending(name, "ma", client(n), t, T0 + 10**12), OrderAccepted(name, "ma", f"B{n}", T0)]


def filled(
    quantity: int, n: int = 1, side: OrderSide = BUY, price: str = "100", fee: str = "2", currency: str = "EUR", eid: str = "E1", total: int = 0
) -> OrderFilled:
    q = D(quantity)
    return OrderFilled(f"ma:1:{n}", "ma", "SAP", side, q, D(price), D(fee), currency, eid, f"B{n}", D(total or quantity), ZERO, T0)


def alarms(w: World, event: Event) -> list[str]:
    return [a.key for a in w.when(event) if isinstance(a, Alert)]


def test_i6_holds_in_every_currency_whatever_rates_do() -> None:
    w = world()
    corrected = FillCorrected("ma:1:1", "ma", "SAP", BUY, "a2", "a", D(50), D("99.99"), D(1), D(60), D(100), D(2), "", "EUR")
    story = [
        *sent(1),
        filled(60, eid="a"),
        CurrencyRate("EUR", D("1.2345"), T0 + SECOND),
        corrected,
        CashFlow("dividend", "EUR", D("3.33"), "d1", "SAP", D(50)),
        CashFlow("deposit", "GBP", D(7), "d2"),
        CashFlow("interest", "USD", D("-0.5"), "i1"),
        CorporateAction("split", "SAP", D(3), "", "s1", D(2), D(1), D(60), D(150)),
        HoldingAssigned("SAP", "ma", D(-5), D(100)),
        *sent(2),
        filled(90, 2, SELL, fee="1.5", currency="USD", eid="b"),
        CorporateAction("symbol_change", "SAP", D(1), "SAP2", "c1"),
        CorporateAction("expiry", "SAP2", D(1), "", "e1", price=D(70)),
        StrategyRevised("c", "removed", "ma", 1, "", D(0), ""),
        *sent(3),
        filled(1, 3, eid="d"),
    ]

    assert kinds([e for event in story for e in w.when(event)]) == []
    assert w.core._seen.counted.money.keys() == {"", "EUR", "GBP"}


@pytest.mark.parametrize(("currency", "missing"), [("EUR", "0.01"), ("GBP", "0.01"), ("GBP", "20")], ids=["EUR", "GBP", "all of GBP"])
def test_i6_money_of_another_currency_that_went_missing_is_found_at_the_next_fill(currency: str, missing: str) -> None:
    w = world().given(*sent(), filled(10))
    w.core._ledger.books[""].balances[currency].quantity -= D(missing)

    assert alarms(w, filled(10, eid="E2", total=20)) == [f"invariant:I6:cash:{currency}"]


def test_i6_money_booked_in_the_wrong_currency_is_found() -> None:
    w = world().given(*sent(), filled(10))
    book = w.core._ledger.books["ma"]
    book.cash -= 1
    book.balances["EUR"].quantity += 1

    assert alarms(w, filled(10, eid="E2", total=20)) == ["invariant:I6:cash", "invariant:I6:cash:EUR"]


def test_i6_counts_an_instrument_of_an_older_journal_whose_multiplier_contains_its_rate_in_the_accounts_currency() -> None:
    w = world().given(InstrumentDefined("SAP", "equity", "EUR", D("0.01"), D(1), D("5.5"), "24x7", fx_rate=D("1.1")), *sent(), filled(10))

    assert alarms(w, filled(10, eid="E2", total=20)) == []
    assert w.core._seen.counted.money["EUR"] == 500 - 2 * 2


def test_a_snapshot_keeps_what_was_counted() -> None:
    w = world().given(*sent(), filled(10), CurrencyRate("EUR", D("1.2"), T0 + 1))
    fresh = AuditorCore(AuditorSettings(budgets={"ma": D(1000)}))
    fresh.restore(w.core.snapshot())

    assert fresh.snapshot() == w.core.snapshot()
    assert fresh.view("positions") == w.core.view("positions")


def test_positions_show_prices_in_their_currency_and_worth_in_the_accounts() -> None:
    w = world().given(*sent(), filled(10), Bar("SAP", T0, T0, 1.0, 1.0, 1.0, 110.0, 1.0), CurrencyRate("EUR", D("1.2"), T0))

    answer = w.core.view("positions")

    row = answer["positions"][0]
    assert (row["average_price"], row["mark"], row["currency"]) == ("100", 110.0, "EUR")
    assert D(row["value"]) == 10 * 110 * 5 * D("1.2")
    assert D(row["unrealised"]) == D(row["value"]) - 10 * 100 * 5 * D("1.1")
    books = {b["owner"]: b for b in answer["books"]}
    assert [(b["currency"], b["amount"], b["rate"]) for b in books["ma"]["balances"]] == [("EUR", "-5002", "1.2")]
    assert D(books["ma"]["exchange"]) == D(-5002) * D("0.1")
    assert "EUR -5002" in render("positions", answer)


def test_status_shows_each_balance_with_its_rate_its_worth_and_the_rates_age() -> None:
    w = world().given(*sent(), filled(10), CurrencyRate("EUR", D("1.2"), T0))
    w.when(AccountReported(ACCOUNT, "USD", D(1), D(1), D(1), (UnsettledRow("XETR", "2024-01-16", D(30), "EUR"),), (BalanceRow("EUR", D(100)),)), 90)

    status = w.core.view("status")

    rows = {row["currency"]: row for row in status["balances"]}
    assert (rows["EUR"]["amount"], D(rows["EUR"]["worth"]), rows["EUR"]["rate_age_s"]) == ("-4502", D(-4502) * D("1.2"), 90)
    assert (rows["EUR"]["settled"], status["settled_cash"]) == ("70", "1"), "what settles in one currency is nothing of another"
    assert (rows["GBP"]["rate"], rows["GBP"]["worth"]) == (None, "20")
    assert "currencies.GBP" in rows["GBP"]["what_to_do"]
    assert not rows["EUR"]["what_to_do"]
    shown = render("status", status)
    assert "rate age s" in shown
    assert "currencies.GBP" in shown


def test_a_fixed_rate_has_no_age() -> None:
    w = world().given(CurrencyRate("GBP", D("1.3")))

    row = next(row for row in w.core.view("status")["balances"] if row["currency"] == "GBP")

    assert (row["rate"], row["rate_age_s"]) == ("1.3", None)


def test_an_account_of_one_currency_is_shown_as_ever() -> None:
    w = World(AuditorCore(), "auditor").given(log_started(), AccountOpened(ACCOUNT, "USD", D(10), D(10), (), (), ()))

    for name in ("status", "positions"):
        assert w.core.view(name)["balances"] == []
        assert "balances" not in render(name, w.core.view(name))
        assert "exchange" not in render(name, w.core.view(name))


def test_the_audit_log_has_fixed_rates_and_the_first_of_a_day_also_after_a_restart(tmp_path: Path) -> None:
    w = World(AuditorCore(), "auditor")
    rates = [CurrencyRate("EUR", D("1.1"), T0 + n * DAY // 4) for n in range(8)]
    told = [CurrencyRate("GBP", D("1.3")), rates[0], CurrencyRate("GBP", D("1.3")), *rates[1:], CurrencyRate("CHF", D(1), T0 + 9 * DAY)]
    for half in (told[:5], told[5:]):
        fresh = AuditorCore()
        if w.log:
            fresh.restore(w.core.snapshot())
        w.core = fresh
        files = AuditFiles(tmp_path, "csv", fresh.net, fresh.rated)
        for event in half:
            files.observe(Envelope(w.seq + 1, T0, event.topic, "gateway", 1, w.seq + 1, 0, 0, event))
            w.when(event)
        files.close()

    lines = [line.split(",")[2:4] for line in (tmp_path / "audit.log").read_text().splitlines()]
    days = {(T0 + n * DAY // 4) // DAY for n in range(8)}
    assert [about for about, _ in lines] == ["GBP 1.3", "EUR 1.1", "GBP 1.3", *["EUR 1.1"] * (len(days) - 1), "CHF 1"]
