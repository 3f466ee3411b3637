"""What an audit line is, and how values are written in one: numbers in full, metadata as text in a fixed order."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from shared.events import OrderTerms

TYPES: Final = (
    "OrderSubmitted",
    "OrderAcknowledged",
    "OrderFilled",
    "OrderCancelled",
    "OrderRejected",
    "DryRunOrder",
    "PositionOpened",
    "PositionClosed",
    "RegimeChange",
    "RiskLimitBreached",
    "SystemStart",
    "SystemStop",
    "Error",
    "OrderHeld",
    "OrderRouted",
    "OrderDenied",
    "OrderUnknown",
    "OrderReplaced",
    "TradingState",
    "Reconciliation",
    "Reconnect",
    "DataGap",
    "OperatorCommand",
    "CashFlow",
    "CorporateAction",
    "HoldingAssigned",
    "CurrencyRate",
)

Metadata = tuple[tuple[str, str], ...]


class Line(NamedTuple):
    """One audit line before it is sealed. seq: of the event in the journal."""

    seq: int
    ts_ns: int
    type: str
    details: str
    metadata: Metadata = ()


Entry = tuple[str, str, Metadata]


def number(value: Decimal | float | None) -> str:
    """In full: never an exponent, never cut; empty for None."""
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def meta(**items: object) -> Metadata:
    """Numbers in full, None left out, in the given order."""
    return tuple((k, number(v) if isinstance(v, Decimal | float) else str(v)) for k, v in items.items() if v is not None)


def terms(t: OrderTerms) -> str:
    price = "".join(f" {name} {number(value)}" for name, value in (("limit", t.limit_price), ("stop", t.stop_price)) if value is not None)
    return f"{t.side} {number(t.quantity)} {t.symbol} {t.type}{price} {t.tif}"


def moved(symbol: str, before: Decimal, after: Decimal, price: Decimal) -> list[Entry]:
    """What a trade did to the account's holding: through zero it closes one and opens another."""
    entries: list[Entry] = []
    if before and (not after or (before > 0) != (after > 0)):
        entries.append(("PositionClosed", f"{symbol} {number(before)} closed @ {number(price)}", meta(symbol=symbol, quantity=before, price=price)))
    if after and (not before or (before > 0) != (after > 0)):
        entries.append(("PositionOpened", f"{symbol} {number(after)} opened @ {number(price)}", meta(symbol=symbol, quantity=after, price=price)))
    return entries
