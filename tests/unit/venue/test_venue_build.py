"""From a configuration file to the venue's settings: a backtest's flat keys, the paper section, and what one of them says to the other."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from services.paper_venue.build import venue_settings
from shared.config import Config
from shared.config.effective import effective
from shared.venue import BarMode, CommissionModel, DriftAction, RestPolicy, SessionWindow, SlippageModel

DATA = {"data_directory": "data", "file_pattern": "{symbol}.csv"}
FLAT = {"symbols": ["SPY"], "data": DATA}


def backtest(**keys):
    return venue_settings(effective(Config.model_validate({**FLAT, **keys})))


def test_flat_keys_of_a_backtest_are_the_venue_s():
    found = backtest(
        initial_capital=250_000,
        slippage_model="fixed_bps",
        slippage_params={"bps": 5},
        commission_model="per_share",
        commission_params={"rate": 0.005, "minimum": 1},
        execution={"simulation": {"bar_mode": "close_only"}, "latency": {"ms": 40}},
    )
    assert (found.initial_cash, found.bar_mode, found.latency_ns) == (D(250_000), BarMode.CLOSE_ONLY, 40_000_000)
    assert (found.slippage.model, found.slippage.bps) == (SlippageModel.FIXED_BPS, D(5))
    assert (found.commission.model, found.commission.rate, found.commission.minimum) == (CommissionModel.PER_SHARE, D("0.005"), D(1))
    assert (found.session, found.halted_symbols, found.rest_policy, found.deviation_bps_max) == (None, (), RestPolicy.RETURN, None)


def test_a_session_is_in_force_when_it_is_enabled():
    session = {
        "start_hhmm": "10:00",
        "end_hhmm": "15:30",
        "open_auction_minutes": 5,
        "close_auction_minutes": 10,
        "weekdays": ["wed", "mon"],
        "closed_dates": ["2024-07-05"],
        "halted_symbols": ["IBM"],
    }
    found = backtest(execution={"session": {"enabled": True, **session}})
    assert found.session == SessionWindow(
        start="10:00", end="15:30", weekdays=(0, 2), closed_dates=("2024-07-05",), open_auction_minutes=5, close_auction_minutes=10
    )
    assert found.halted_symbols == ("IBM",)
    assert backtest(execution={"session": {"enabled": True, "halt": True}}).halted_symbols == ("SPY",)
    off = backtest(execution={"session": {"enabled": False, "halt": True, **session}})
    assert (off.session, off.halted_symbols) == (None, ())


@pytest.mark.parametrize(
    ("word", "policy"), [("preserve", RestPolicy.RETURN), ("return", RestPolicy.RETURN), ("ioc", RestPolicy.IOC), ("fok", RestPolicy.FOK)]
)
def test_policies_in_regimeflow_s_words(word, policy):
    found = backtest(execution={"policy": {"fill": word, "max_deviation_bps": 25.0, "price_drift_action": "requote"}})
    assert (found.rest_policy, found.deviation_bps_max, found.drift_action) == (policy, D(25), DriftAction.REQUOTE)


def test_what_the_venue_does_not_model_is_refused_by_name():
    with pytest.raises(ValueError, match=r"slippage_model: regime_bps is not modelled"):
        backtest(slippage_model="regime_bps", slippage_params={"default_bps": 5})
