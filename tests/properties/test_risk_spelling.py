"""A limit is what it says however it is written: integer, float, text or Decimal, in the file or changed while running."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import LimitChanged, Scope
from tests.support.risk_desk import RiskDesk, reason

KEYS = {"order_qty_max": "limits.order_qty_max", "order_notional_max": "limits.max_notional", "position_max": "limits.max_position"}
ORDERS = st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=12)


def decisions(desk: RiskDesk, orders: list[tuple[bool, int]]) -> list[object]:
    return [reason(desk.buy(quantity, 99) if buys else desk.sell(quantity, 101)) for buys, quantity in orders]


def spellings(number: Decimal) -> list[object]:
    whole: list[object] = [int(number)] if number == int(number) else []
    return [*whole, float(number), str(number), f"{number:.4f}", number]


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from(sorted(KEYS)), quarters=st.integers(1, 40_000), orders=ORDERS)
def test_every_spelling_of_a_limit_decides_alike(key: str, quarters: int, orders: list[tuple[bool, int]]) -> None:
    number = Decimal(quarters) / 4
    expected = decisions(RiskDesk(**{key: number}), orders)
    for value in spellings(number):
        assert decisions(RiskDesk(**{key: value}), orders) == expected
        text = str(value) if isinstance(value, Decimal) else json.dumps(value)
        for scope, of in ((Scope.GLOBAL, ""), (Scope.STRATEGY, "a"), (Scope.SYMBOL, "X")):
            desk = RiskDesk()
            desk.tell(LimitChanged("c1", "ann", "drill", KEYS[key], text, 0, scope, of))
            assert decisions(desk, orders) == expected
