"""An account's life at random: fills of two strategies on the same symbols, trades by hand, claims, money in and out, dividends, splits with
fractions, renames, expiries, and readings newer than the stream. At every step the account is the sum of its books; whenever everything is
told it is the venue's own ledger to the last digit, currency by currency, and a reading is clean. Rates move at any time and every process is
restarted at any time."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared.events import ActionRow, Alert, CashFlow, CorporateAction, CurrencyRate, Event, HoldingAssigned, OrderFilled, OrderSide
from shared.venue import protocol as p
from tests.support.account_world import STRATEGIES, SYMBOLS, AccountWorld

SEEDS = 40
STEPS = 45
MULTIPLIERS = (("1", "1", "1"), ("50", "1", "25"))
CURRENCIES = (("USD", "USD", "USD"), ("USD", "EUR", "EUR"), ("EUR", "USD", "JPY"))
RATIOS = ((4, 1), (3, 2), (1, 3), (1, 10), (7, 5))


ACTS = ("order", "order", "order", "rest", "hand", "claim", "claim", "flow", "dividend", "action", "deliver", "deliver", "read", "quote")


def one_step(w: AccountWorld, r: Random, name: str) -> None:
    w.step(r.choice((0.001, 1.0)))
    symbol, side, price = r.choice(SYMBOLS), r.choice(list(OrderSide)), Decimal(r.randint(500, 20_000)) / 100
    currency = r.choice(("USD", "EUR", "JPY"))
    act = r.choice((*ACTS, "rate", "restart") if w.foreign else ACTS)
    match act:
        case "order":
            w.order(r.choice(STRATEGIES), symbol, side, r.randint(1, 90))
        case "rest":
            w.order(r.choice(STRATEGIES), symbol, OrderSide.BUY, r.randint(1, 90), limit="0.01")
        case "hand":
            w.act("external_trade", p.ExternalTrade(name, symbol, side, Decimal(r.randint(1, 60)), price, w.now))
        case "claim":
            w.claim(r.choice(STRATEGIES), symbol, r.choice(("", "3", "-2", "17", "-9")))
        case "flow":
            kind, sign = r.choice((("deposit", 1), ("withdrawal", -1), ("interest", 1), ("fee", -1)))
            w.act("cash_flow", p.CashFlowRequest(kind, sign * price, name, w.now, "", currency if w.foreign else ""))
        case "dividend":
            w.act("cash_flow", p.CashFlowRequest("dividend", price, name, w.now, symbol))
        case "action":
            kind = r.choice(("split", "split", "split", "symbol_change", "expiry"))
            ratio, per = r.choice(RATIOS) if kind == "split" else (1, 1)
            new = r.choice([s for s in SYMBOLS if s != symbol]) if kind == "symbol_change" else ""
            row = ActionRow(kind, symbol, name, 0, Decimal(ratio), Decimal(per), new, price=price if kind == "expiry" else Decimal(0))
            w.act("corporate_action", p.ActionRequest(row, w.now))
        case "deliver":
            w.deliver(r.randint(1, 6))
        case "read":
            w.read()
        case "quote":
            w.quote(symbol, float(price))
        case "rate":
            w.rate(r.choice(("EUR", "JPY")), f"{r.uniform(0.3, 3.0):.7f}")
        case "restart":
            w.restart(r.choice(sorted(w.cores)))


@pytest.mark.parametrize("policy", ["unassigned", "reduce_holder"])
def test_the_account_is_the_sum_of_its_books_and_the_venues_own_ledger(policy: str) -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        r = Random(seed)
        try:
            balances = r.choice(({}, {"EUR": Decimal("5000.01"), "JPY": Decimal(70)}))
            w = AccountWorld(
                external_policy=policy, multipliers=r.choice(MULTIPLIERS), currencies=CURRENCIES[seed % len(CURRENCIES)], balances=balances
            )
            if w.foreign and r.random() < 0.8:  # else nobody told one when the first trades are booked
                w.rate("EUR", "1.0845")
            for symbol in SYMBOLS:
                w.quote(symbol, 100.0)
            assert w.settle().clean
            for n in range(STEPS):
                one_step(w, r, f"n{n}")
                w.assert_sums()
                if r.random() < 0.1:
                    outcome = w.settle()
                    assert outcome.clean, outcome
                    w.assert_whole()
            outcome = w.settle()
            assert outcome.clean, outcome
            w.assert_whole()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {policy}: {error}") from error
        happened.update(_words(e) for e in w.log)
        happened.update(["owed"] * any(amount < 0 for amount in w.ledger().balances().values()))
    by_hand = {"by hand"} if policy == "reduce_holder" else set()
    assert {
        "paid for a fraction",
        "symbol_change",
        "expiry",
        "dividend",
        "withdrawal",
        "claimed",
        "claim refused",
        "external",
        "a",
        "b",
        "rate",
        "EUR",
        "JPY",
        "owed",
    } | by_hand <= set(happened)


def test_what_waits_to_settle_is_what_waits_at_the_venue() -> None:
    """Sales told on the date they settle or later, splits and dividends between them, an account found with sales that have not settled."""
    happened: Counter[str] = Counter()
    for seed in range(SEEDS // 2):
        r = Random(seed)

        def before(w: AccountWorld, r: Random = r) -> None:
            for n, symbol in enumerate(SYMBOLS):
                for side in OrderSide:
                    outside = p.ExternalTrade(f"old{n}{side}", symbol, side, Decimal(r.randint(20, 40)), Decimal(50), w.now)
                    w.act("external_trade", outside)

        try:
            w = AccountWorld(
                cash="20000", settling=True, before=before, currencies=CURRENCIES[seed % len(CURRENCIES)], balances={"EUR": Decimal(9_000)}
            )
            for symbol in SYMBOLS:
                w.quote(symbol, 100.0)
            assert w.settle().clean
            for n in range(STEPS):
                if r.random() < 0.15:
                    happened["told after its day"] += bool(w.undelivered) and any(_waiting(w)[1].values())
                    w.next_day()
                else:
                    one_step(w, r, f"n{n}")
                if r.random() < 0.15:
                    w.settle()
                    ours, theirs = _waiting(w)
                    assert ours == theirs
                    happened.update([f"{currency or 'USD'} waits" for currency in ours] or ["settled"])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        happened.update(_words(e) for e in w.log)
    assert {
        "told after its day",
        "USD waits",
        "EUR waits",
        "settled",
        "rate",
        "paid for a fraction",
        "dividend",
        "external",
        "a",
        "b",
    } <= set(+happened), happened


def _waiting(w: AccountWorld) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What does not settle yet, by currency (empty: the account's), by risk and by the venue, and with it what may be spent."""
    risk: Any = w.cores["risk_engine"]
    row, settlement = w.venue.core.account(), risk._desk.settlement
    assert row.unsettled is not None
    theirs: Counter[str] = Counter()
    for part in row.unsettled:
        theirs[part.currency] += part.amount  # type: ignore[assignment]  # Decimals
    ours = {currency: settlement.unsettled_in(currency) for currency in ("", "EUR", "JPY")}
    return {c: a for c, a in ours.items() if a}, {c: a for c, a in theirs.items() if a}  # type: ignore[misc]  # as above


def _words(e: Event) -> str:
    """What a run must have met somewhere, or it proves nothing."""
    match e:
        case CorporateAction():
            return "paid for a fraction" if e.cash else e.kind
        case CashFlow():
            return e.kind if e.currency == "USD" else e.currency
        case CurrencyRate():
            return "rate"
        case HoldingAssigned():
            return "claimed" if e.command else "by hand"
        case OrderFilled():
            return e.strategy
        case Alert():
            return "claim refused" if e.key.startswith("claim:") else ""
    return ""
