"""However a limit is written it is one limit; what is no limit is refused."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk_engine.bands import HaltPolicy
from services.risk_engine.settings import RiskSettings

AMOUNTS = [f.name for f in msgspec.structs.fields(RiskSettings) if "Decimal" in str(f.type) and not f.name.endswith("_limits")]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.sampled_from(AMOUNTS), st.integers(1, 10_000_000))
def test_integer_float_and_text_are_one_limit(key: str, value: int) -> None:
    """One settings value, so one decision: nothing of how it was written is left."""
    forms = [value, float(value), str(value), f"{value}.0", D(value)]
    made = [RiskSettings.of({key: form}) for form in forms]
    assert all(other == made[0] for other in made)
    assert all(type(getattr(other, key)) is D for other in made)


@pytest.mark.parametrize("form", [1, 1.0, "1", "1.00", D(1)])
def test_so_are_limits_inside_tables(form: object) -> None:
    made = RiskSettings.of(
        {
            "sector_limits": {"tech": form},
            "correlation": {"max_pair_exposure_pct": form, "max_corr": "0.5", "window": "3"},
            "stops": {"stop_loss_pct": form, "atr_window": "3"},
            "halt_policy": "leave",
        }
    )
    assert (made.sector_limits["tech"], made.stops.stop_loss_pct, made.halt_policy) == (1, 1, HaltPolicy.LEAVE)
    assert made.correlation is not None
    assert (made.correlation.max_pair_exposure_pct, made.correlation.max_corr, made.correlation.window) == (1, 0.5, 3)


@pytest.mark.parametrize(
    "tree",
    [
        {"sector_limits": {"tech": 0}},
        {"sector_limits": {"tech": "NaN"}},
        {"industry_limits": {"chips": -1}},
        {"correlation": {"window": 1}},
        {"correlation": {"max_corr": 0}},
        {"correlation": {"max_corr": 1.5}},
        {"correlation": {"max_pair_exposure_pct": "Infinity"}},
        {"stops": {"stop_loss_pct": 0}},
        {"stops": {"trailing_stop_pct": "NaN"}},
        {"stops": {"atr_window": -1}},
        {"stops": {"pct": 1}},
        {"halt_policy": "wait"},
        {"collar_window_ms": -1},
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RiskSettings.of(tree)
