"""A desk with an instrument of another currency, and what is said to it and by it."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from shared.events import (
    AccountOpened,
    CurrencyRate,
    Event,
    InstrumentDefined,
    OrderDenied,
    Reason,
)
from tests.support.risk_desk import CLEAN, RiskDesk


def abroad(rate: str = "1.10", **limits: Any) -> RiskDesk:
    """X is priced in EUR, at 100; Y in the account's dollars."""
    desk = RiskDesk(ready=False, **limits)
    desk.tell(InstrumentDefined("X", "equity", "EUR", D("0.01"), D(1), D(1), "24x7"))
    desk.tell(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), ()))
    desk.tell(CLEAN)
    if rate:
        desk.tell(CurrencyRate("EUR", D(rate)))
    desk.quote("X", 100.0, 100.0)
    desk.quote("Y", 50.0, 50.0)
    return desk


def rate(desk: RiskDesk, value: str, timestamp: int = 0) -> list[Event]:
    return desk.tell(CurrencyRate("EUR", D(value), timestamp))


def denial(answer: Event) -> tuple[Reason, str, str, str]:
    assert isinstance(answer, OrderDenied), answer
    return answer.reason, answer.key, answer.limit, answer.value
