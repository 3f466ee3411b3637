"""What each key of the configuration means for live against backtest: the list behind `parity`.

A rule stands for its key and all below it; the longest that fits decides. Every key has one (a test keeps the list whole). A backtest's flat
keys are compared where `effective` puts them, so they stand here as MAPPED.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Keys = tuple[str, ...]


class Verdict(StrEnum):
    """FAIL: the same market gives other orders or fills. WARN: it may, by what a backtest cannot know."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    FAIL = "fail"


class Treatment(StrEnum):
    """Why a key is not compared as it stands. MAPPED: in the section `effective` gives it; ROW: a row of its own says it; APART: it changes
    how the engine runs, never what is traded."""

    MAPPED = "mapped"
    ROW = "row"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Rule:
    """verdict: where two values differ. why: what the difference does."""

    key: Keys
    topic: str
    verdict: Verdict | Treatment
    why: str


def _all(prefix: str, names: str, topic: str, verdict: Verdict | Treatment, why: str) -> tuple[Rule, ...]:
    """One rule for several keys of a section."""
    section = tuple(prefix.split(".")) if prefix else ()
    return tuple(Rule((*section, *name.split(".")), topic, verdict, why) for name in names.split())


_MAPPED, _ROW, _APART = Treatment.MAPPED, Treatment.ROW, Treatment.APART
_FAIL, _WARN = Verdict.FAIL, Verdict.WARN

RULES: Final[tuple[Rule, ...]] = (
    *_all("", "strategy", "strategy", _ROW, "by strategy"),
    *_all("live", "strategies", "strategy", _ROW, "by strategy"),
    *_all("live", "symbols", "symbols", _ROW, "as sets, then by order"),
    *_all("live", "calendar", "instruments", _ROW, "by instrument"),
    *_all("", "instruments", "instruments", _ROW, "by instrument"),
    *_all("", "currencies", "instruments", _FAIL, "money of another currency is worth another amount, at another time"),
    *_all("live", "broker_asset_class", "instruments", _FAIL, "instruments that are not listed have the tick, lot and calendar of their asset class"),
    *_all("live", "broker", "fills", _ROW, "who fills"),
    *_all("live", "dry_run", "fills", _FAIL, "a dry run sends no order"),
    *_all("live", "risk", "risk", _FAIL, "an order that passes here is denied there, or trading stops at another point"),
    *_all(
        "live.risk",
        "arm command_age_ms_max deadline_ms mark_interval_ms cancel_reserve_per_s halt_scope unknown_age_s_max reconcile_grace_ms external_policy",
        "risk",
        _WARN,
        "live it decides when trading is possible or an order comes too late; a backtest hardly meets it",
    ),
    *_all("live.risk", "heartbeat_ms missed_max clock_offset_ms_max alert_latency_ms_max", "risk", _APART, "health of the processes"),
    *_all("live", "lag_ms_max heartbeat reconciliation", "safeguards", _WARN, "a live safeguard that can stop trading where the backtest went on"),
    *_all("live", "account", "account", _ROW, "with the margin of the account"),
    *_all("account", "margin", "account", _FAIL, "another margin allows other positions"),
    *_all("live", "routing", "fills", _FAIL, "orders go out in another shape"),
    *_all("live", "execution", "fills", _ROW, "the older place of live.routing"),
    *_all(
        "live",
        "broker_config paper topology allow_single state_dir log_dir stop_policy restart_max_per_min reconnect order_reconcile_interval_ms "
        "position_reconcile_interval_ms account_refresh_interval_ms deadman audit replay_journal_path",
        "engine",
        _APART,
        "where and how the engine runs",
    ),
    *_all("paper", "initial_cash", "account", _FAIL, "sizes, budgets and limits in fractions of equity follow from the cash"),
    *_all("paper", "currency", "account", _FAIL, "amounts are in another currency"),
    *_all("paper", "balances", "account", _FAIL, "the account starts with other money, which its equity contains"),
    *_all("paper", "account_kind settlement_days margin_multiplier short_allowed", "account", _FAIL, "the account allows other positions"),
    *_all("paper", "account", "engine", _APART, "a name"),
    *_all("paper", "slippage_model slippage_params", "costs", _FAIL, "fills are at other prices"),
    *_all("paper", "commission_model commission_params", "costs", _FAIL, "fills cost other fees"),
    *_all(
        "paper",
        "bar_mode stop_trigger partial_fills volume_share_max limit_needs_through latency_ms",
        "fills",
        _FAIL,
        "the same order fills at another time, price or size",
    ),
    *_all("execution", "session policy", "fills", _FAIL, "the paper venue trades at other hours, or treats an order it cannot fill otherwise"),
    *_all("execution", "latency simulation.bar_mode routing account.margin", "fills", _MAPPED, "paper, live.routing, account.margin"),
    *_all(
        "execution",
        "simulation account transaction_cost market_impact queue",
        "fills",
        _FAIL,
        "fills and fees are modelled otherwise",
    ),
    *_all("", "execution_model", "fills", _FAIL, "fills are modelled otherwise"),
    *_all("", "regime_detector regime_params regime", "strategy", _FAIL, "the strategy is told of other regimes"),
    *_all("gateway", "bars", "data", _ROW, "bar type and what bars are made of"),
    *_all("gateway", "quote_age_ms_max bar_age_ms_max", "data", _WARN, "data counts as stale at another age"),
    *_all("gateway", "day_end_delay_ms", "data", _WARN, "on_end_of_day comes at another time"),
    *_all(
        "gateway.feed",
        "kind bar_type bar_timestamp hours quotes_pattern trades_pattern bands_pattern file_pattern data_directory path bars seed calendar prices quotes_per_minute "
        "trades_per_minute spread_ticks on_error",
        "data",
        _ROW,
        "what of the market is seen",
    ),
    *_all("gateway.feed", "has_header start end minutes speed idle_ms_max retime", "data", _APART, "which stretch is read, and how fast"),
    *_all("bus", "clock", "time", _ROW, "whose time it is"),
    *_all("bus", "durability transport endpoint directory keys_directory tick_ms lease_ms queue_append_max", "engine", _APART, "the log"),
    *_all("", "journal metrics", "engine", _APART, "what is kept and shown"),
    *_all(
        "",
        "data_source data symbols start_date end_date bar_type initial_capital currency slippage_model slippage_params commission_model "
        "commission_params risk strategy_params",
        "backtest",
        _MAPPED,
        "gateway.feed, live.symbols, paper, live.risk",
    ),
)

_BY_KEY: Final = {rule.key: rule for rule in RULES}


def rule_of(key: Keys) -> Rule | None:
    """The rule of a key: the longest that it begins with."""
    return next((found for n in range(len(key), 0, -1) if (found := _BY_KEY.get(key[:n])) is not None), None)
