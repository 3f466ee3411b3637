"""`live`: the live session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SerializeAsAny

from .base import CountOrZero, FilePath, Millis, MillisOrZero, Seconds, Section, Symbols
from .brokers import BrokerSettings, PaperSettings
from .execution import AccountConfig, RoutingConfig
from .instruments import Calendar
from .risk import RiskConfig
from .strategies import StrategyConfig

if TYPE_CHECKING:
    from .root import Config


class ReconnectConfig(Section):
    """How a lost broker session (the router's, the reconciler's, that of a broker's data) comes back, under the wall clock. While the router's is
    down, and until a reading after it is back agrees, trading only reduces."""

    enabled: bool = Field(default=True, description="Reconnect by itself. `false`: a session that is lost is given up at once.")
    initial_ms: Millis = Field(default=500, description="First wait; its bound doubles each time, the wait is drawn from the bound's upper half.")
    max_ms: Millis = Field(default=10_000, description="Longest wait.")
    max_attempts: CountOrZero = Field(
        default=0,
        description="Failed attempts in a row after which it is given up, until `regimeflow resume` or a restart of its service; 0: never.",
    )


class HeartbeatConfig(Section):
    """What data that is stale by `gateway.quote_age_ms_max` does beyond `live.risk.quote_age_ms_max`, which denies by itself. The services' own heartbeat
    is `live.risk.heartbeat_ms`."""

    enabled: bool = Field(default=True, description="Act on stale data, while its market is open.")
    interval_ms: Millis = Field(default=10_000, description="Age of stale data at which working orders are cancelled.")
    disable_trading_on_timeout: bool = Field(default=True, description="No orders in a symbol while its data is stale; it comes back with the data.")
    cancel_orders_on_timeout: bool = Field(
        default=True, description="Cancel its working orders at that age, under the wall clock; stops against a holding stay."
    )


class ReconciliationConfig(Section):
    """What a reconciliation that finds a difference does."""

    disable_trading_on_error: bool = Field(
        default=True, description="A break, or three failed readings in a row, leave reducing only until a clean one; under the wall clock."
    )


class DeadmanConfig(Section):
    """Cancel on disconnect: the reconciler's own session cancels working orders when router or bus stay away."""

    after_s: Seconds = Field(default=15, description="Time away; longer than `live.risk.heartbeat_ms` x `missed_max`.")
    broker_session: bool = Field(default=True, description="Keep that session and its control endpoint ready.")
    cancel_protective: bool = Field(default=False, description="It cancels stops that can only reduce a holding too; an operator's halt always does.")
    ib: Literal["global_cancel", "alert"] = Field(
        default="global_cancel", description="Where only the placing client may cancel (IB) and it cannot be taken over."
    )


class AuditConfig(Section):
    """The audit log."""

    format: Literal["csv", "jsonl"] = Field(default="csv", description="Format of `<log_dir>/audit.log`.")


class LiveExecution(Section):
    """RegimeFlow's second place for routing."""

    routing: RoutingConfig = Field(default=RoutingConfig(), description="As `live.routing`, before which it goes.")


class LiveConfig(Section):
    """The live session."""

    broker: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")] = Field(description="`paper`, `alpaca`, `ib`, or an installed adapter's name.")
    broker_asset_class: Literal["equity", "crypto"] = Field(default="equity", description="Asset class at the broker.")
    broker_config: SerializeAsAny[BrokerSettings] = Field(default=PaperSettings(), description="The broker's own settings.")
    symbols: Annotated[Symbols, Field(min_length=1)] = Field(description="What may be traded and is watched.")
    paper: bool = Field(default=True, description="Paper account. Real money is `false`, written out.")
    dry_run: bool = Field(default=False, description="Everything but sending: orders are logged as `DryRunOrder`.")
    strategies: Annotated[tuple[StrategyConfig, ...], Field(strict=False)] = Field(default=(), description="What trades.")
    calendar: Calendar | None = Field(default=None, description="Exchange calendar or `24x7`. Default: that of the asset class.")
    topology: Literal["processes", "single"] = Field(default="processes", description="One process a service, or all in one.")
    allow_single: bool = Field(default=False, description="Allow `topology: single` with a real broker.")
    state_dir: FilePath = Field(default=Path("var/live"), description="Journal, snapshots, sockets, paper account.")
    log_dir: FilePath = Field(default=Path("logs"), description="Audit log, service logs, metrics.")
    stop_policy: Literal["leave", "cancel"] = Field(default="cancel", description="Working orders at a clean stop.")
    restart_max_per_min: CountOrZero = Field(default=5, description="Restarts of a service within a minute; one more keeps it down and halts.")
    lag_ms_max: MillisOrZero = Field(default=5_000, description="A strategy farther behind the log is paused; 0: never.")
    reconnect: ReconnectConfig = Field(default=ReconnectConfig(), description="How a lost connection comes back.")
    heartbeat: HeartbeatConfig = Field(default=HeartbeatConfig(), description="What stale market data does.")
    reconciliation: ReconciliationConfig = Field(default=ReconciliationConfig(), description="What a difference does.")
    order_reconcile_interval_ms: Millis = Field(default=10_000, description="Time between readings of orders and executions.")
    position_reconcile_interval_ms: Millis = Field(default=30_000, description="Time between readings of positions and cash.")
    account_refresh_interval_ms: Millis = Field(default=30_000, description="Time between readings of the account's totals.")
    deadman: DeadmanConfig = Field(default=DeadmanConfig(), description="Cancel on disconnect.")
    risk: RiskConfig = Field(default=RiskConfig(), description="Risk.")
    account: AccountConfig | None = Field(default=None, description="Margin profile; goes before the top-level `account`.")
    audit: AuditConfig = Field(default=AuditConfig(), description="The audit log.")
    replay_journal_path: FilePath | None = Field(default=None, description="Write events as `regimeflow.replay.v1` here too.")
    routing: RoutingConfig = Field(default=RoutingConfig(), description="Smart order routing.")
    execution: LiveExecution | None = Field(default=None, description="RegimeFlow's second place for routing.")


def routing_of(config: Config) -> RoutingConfig:
    """The routing in force: `live.execution.routing`, `live.routing`, `execution.routing`, whichever is written first in this order."""
    live = config.live
    if live is not None and live.execution is not None:
        return live.execution.routing
    if live is not None and "routing" in live.model_fields_set:
        return live.routing
    return config.execution.routing
