"""A venue that was away when it was told what instruments are hears it again."""

from __future__ import annotations

from decimal import Decimal as D

from services.gateway.standing import AGAIN_S, Standing
from shared.events import CurrencyRate, InstrumentDefined, Trade

SAP = InstrumentDefined("SAP", "equity", "EUR", D("0.01"), D(1), D(1), "24x7")
PRINT = Trade("SAP", 1, 100.0, 1.0)


def test_definitions_and_newest_rates_are_told_again_after_a_while_before_the_next_datum() -> None:
    standing, first, second = Standing(), CurrencyRate("EUR", D("1.1")), CurrencyRate("EUR", D("1.2"))
    said = [standing.told(event, 100.0) for event in (SAP, first, second, PRINT)]

    assert [each[-1] for each in said] == [SAP, first, second, PRINT]
    assert said[-1] == (PRINT,)
    assert standing.told(PRINT, 100.0 + AGAIN_S) == (SAP, second, PRINT)
    assert standing.told(PRINT, 100.1 + AGAIN_S) == (PRINT,)
