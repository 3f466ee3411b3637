"""A venue that was away when it was told what instruments are hears it again."""

from __future__ import annotations

from decimal import Decimal as D

from services.gateway.standing import AGAIN_S, Standing
from shared.events import CurrencyRate, InstrumentDefined, SessionChanged, SessionPhase, Trade

SAP = InstrumentDefined("SAP", "equity", "EUR", D("0.01"), D(1), D(1), "24x7")
PRINT = Trade("SAP", 1, 100.0, 1.0)


def phase(name: SessionPhase) -> SessionChanged:
    return SessionChanged("XETR", name, "2024-03-04", 1, 2)


def test_definitions_and_newest_rates_and_phases_are_told_again_after_a_while_before_the_next_datum() -> None:
    standing, first, second = Standing(), CurrencyRate("EUR", D("1.1")), CurrencyRate("EUR", D("1.2"))
    events = (SAP, first, phase(SessionPhase.PRE), second, phase(SessionPhase.OPEN), PRINT)
    said = [standing.told(event, 100.0) for event in events]

    assert [each[-1] for each in said] == list(events)
    assert said[-1] == (PRINT,)
    assert standing.told(PRINT, 100.0 + AGAIN_S) == (SAP, second, phase(SessionPhase.OPEN), PRINT)
    assert standing.told(PRINT, 100.1 + AGAIN_S) == (PRINT,)
