"""Money by currency for the views: what is held or owed in each, what a unit of it is worth, and how old that rate is.

What it is worth is what the books make of it. A rate's age is that of the datum it comes from, which is told once a minute where the rate does not
move; a fixed rate has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shared.domain.exact import ONE, ZERO, add, multiply, share, subtract
from shared.domain.ledger import Book, Ledger, Position
from shared.events import AccountReported, CurrencyRate

from . import advice
from .state import Picture

SECOND: Final = 1_000_000_000


def text(value: Decimal | None) -> str | None:
    """In full, never in exponent form."""
    return None if value is None else format(value, "f")


def balances(p: Picture, ledger: Ledger) -> list[dict[str, Any]]:
    """The account's, by currency. settled: what of the broker's newest totals may be spent, where it says."""
    rows = []
    for currency, amount in ledger.balances().items():
        worth = _worth(ledger, amount, currency)
        rows.append(
            {
                "currency": currency,
                "amount": text(amount),
                "settled": text(_settled(p.totals, currency)),
                **worth,
                "rate_age_s": _age_s(p.rates.get(currency), p.now_ns),
                "what_to_do": advice.for_rate(currency) if worth["rate"] is None else "",
            }
        )
    return rows


def book_row(owner: str, book: Book, ledger: Ledger) -> dict[str, Any]:
    """cash: of the account's currency alone. exchange: what its balances earned or lost by their rates; None where it never had one."""
    held = {currency: b.quantity for currency, b in sorted(book.balances.items()) if b.quantity}
    return {
        "owner": owner or "unassigned",
        "cash": text(book.cash),
        "balances": [{"currency": currency, "amount": text(amount), **_worth(ledger, amount, currency)} for currency, amount in held.items()],
        "realised": text(book.realised),
        "exchange": text(book.exchange()) if book.balances else None,
        "fees": text(book.fees),
    }


def settled(totals: AccountReported | None) -> dict[str, Any]:
    """What of the broker's newest totals may be spent, and when the rest may; nothing where it does not say."""
    if totals is None or totals.unsettled is None:
        return {"settled_cash": None, "unsettled": []}
    rows = sorted(totals.unsettled, key=lambda row: (row.date, row.calendar, row.currency))
    return {
        "settled_cash": text(_settled(totals, "")),
        "unsettled": [
            {"amount": text(row.amount), "currency": row.currency or totals.currency, "settles": row.date, "calendar": row.calendar} for row in rows
        ],
    }


def average_price(ledger: Ledger, symbol: str, held: Mapping[str, Position]) -> Decimal:
    """Of the account's whole holding, in the instrument's currency, rounded to 18 decimals. held: by book, together not flat."""
    unit, quantity, cost = ledger.unit(symbol), ZERO, ZERO
    for position in held.values():
        quantity = add(quantity, position.quantity)
        cost = add(cost, position.abroad.cost if position.abroad is not None else position.cost)
    return share(cost, ONE, multiply(quantity, unit.contract))


def _worth(ledger: Ledger, amount: Decimal, currency: str) -> dict[str, Any]:
    return {"rate": text(ledger.rate(currency)), "worth": text(ledger.worth(amount, currency))}


def _age_s(rate: CurrencyRate | None, now: int) -> int | None:
    return max(now - rate.timestamp, 0) // SECOND if rate is not None and rate.timestamp else None


def _settled(totals: AccountReported | None, currency: str) -> Decimal | None:
    """currency: empty for the account's own."""
    if totals is None or totals.unsettled is None:
        return None
    amount = {row.currency: row.amount for row in totals.balances}.get(currency, ZERO) if currency else totals.cash
    for row in totals.unsettled:
        if row.currency == currency:
            amount = subtract(amount, row.amount)
    return amount
