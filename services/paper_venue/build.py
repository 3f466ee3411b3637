"""From the configuration to the venue's settings. A backtest passes `shared.config.effective` of its file, whose `paper` section then holds the
flat keys; `execution.session` and `execution.policy` are the venue's in both."""

from __future__ import annotations

from typing import Any, Final

from shared.config import Config
from shared.config.execution import SessionConfig
from shared.venue import VenueSettings
from shared.venue.settings import (
    AccountKind,
    BarMode,
    CommissionModel,
    CommissionSettings,
    DriftAction,
    RestPolicy,
    SessionWindow,
    SlippageModel,
    SlippageSettings,
    StopTrigger,
)

CLOSE_GRACE_NS: Final = 5_000_000_000  # how late a bar of the session may be under the wall clock
MS: Final = 1_000_000
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def venue_settings(config: Config) -> VenueSettings:
    """Raises ValueError naming what the venue does not model."""
    p, session, policy = config.paper, config.execution.session, config.execution.policy
    if p.slippage_model == "regime_bps":
        raise ValueError("paper.slippage_model: regime_bps is not modelled by the paper venue; use fixed_bps, spread or volume_impact")
    return VenueSettings(
        account=p.account,
        currency=p.currency,
        initial_cash=p.initial_cash,
        balances=dict(p.balances),
        account_kind=AccountKind(p.account_kind),
        margin_multiplier=p.margin_multiplier,
        settlement_days=p.settlement_days,
        short_allowed=p.short_allowed,
        bar_mode=BarMode(p.bar_mode),
        stop_trigger=StopTrigger(p.stop_trigger),
        displayed_size=p.partial_fills,
        volume_share_max=p.volume_share_max,
        limit_needs_through=p.limit_needs_through,
        latency_ns=p.latency_ms * MS,
        close_grace_ns=CLOSE_GRACE_NS if config.bus.clock == "wall" else 0,
        session=_window(session) if session.enabled else None,
        defined_only=True,
        halted_symbols=_halted(config) if session.enabled else (),
        rest_policy=RestPolicy(policy.fill),
        drift_action=DriftAction(policy.price_drift_action),
        deviation_bps_max=policy.max_deviation_bps,
        slippage=SlippageSettings(model=SlippageModel(p.slippage_model), **_given(p.slippage_params, SlippageSettings)),
        commission=CommissionSettings(model=CommissionModel(p.commission_model), **_given(p.commission_params, CommissionSettings)),
    )


def _window(session: SessionConfig) -> SessionWindow:
    return SessionWindow(
        start=session.start_hhmm,
        end=session.end_hhmm,
        weekdays=tuple(sorted(_DAYS.index(day) for day in session.weekdays)),
        closed_dates=tuple(sorted(day.isoformat() for day in session.closed_dates)),
        open_auction_minutes=session.open_auction_minutes,
        close_auction_minutes=session.close_auction_minutes,
    )


def _halted(config: Config) -> tuple[str, ...]:
    """`halt` stops every symbol."""
    session = config.execution.session
    return tuple(sorted({*session.halted_symbols, *(config.backtest_symbols if session.halt else ())}))


def _given(params: Any, kind: type) -> dict[str, Any]:
    """Parameters the model has and the file gives."""
    known = set(kind.__struct_fields__)  # type: ignore[attr-defined]  # of every msgspec structure
    return {key: value for key, value in params.model_dump(exclude_none=True).items() if key in known}
