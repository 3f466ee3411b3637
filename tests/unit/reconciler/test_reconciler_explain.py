"""The average price rule for a recovered position change (RISK_AND_FAULTS.md section 6, scenario 17)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.reconciler.explain import explain_position, legs, recovered_price


def price(current: str, at: str, target: str, target_at: str) -> Decimal | None:
    return recovered_price(Decimal(current), Decimal(at), Decimal(target), Decimal(target_at))


@pytest.mark.parametrize(
    ("current", "at", "target", "target_at", "expected"),
    [
        ("100", "1.20", "200", "1.22", "1.24"),
        ("-100", "1.30", "-200", "1.28", "1.26"),
        ("0", "0", "75", "1.10", "1.10"),
        ("100", "1.20", "-50", "1.31", "1.31"),  # a flip opens at the target's average
        ("100", "1.20", "100", "1.25", None),  # nothing changed
        ("100", "5", "110", "1", None),  # negative: no trade explains it
    ],
)
def test_scenario_17_recovered_price(current: str, at: str, target: str, target_at: str, expected: str | None) -> None:
    assert price(current, at, target, target_at) == (None if expected is None else Decimal(expected))


def test_a_flip_breaks_into_a_close_and_an_open_with_distinct_lasting_ids() -> None:
    made = legs("AAPL", Decimal(100), Decimal(-50))

    assert made == (("AAPL:close:100", Decimal(-100)), ("AAPL:open:-50", Decimal(-50)))
    assert made == legs("AAPL", Decimal(100), Decimal(-50))


def test_the_line_for_a_person() -> None:
    text = explain_position("AAPL", Decimal(100), Decimal("1.20"), Decimal(200), Decimal("1.22"))

    assert text == "buy 100 [AAPL:change:100:200] at 1.24"
