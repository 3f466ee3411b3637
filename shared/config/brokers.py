"""`live.broker_config`: one model a broker, RegimeFlow's keys; credentials are never printed.

An adapter of a third party (entry point `regimeflow.brokers`) checks its own settings; here they pass as they are.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, SecretStr, model_validator

from .base import Count, Currency, Exact, LooseText, Port, Seconds, Section, Symbol, Url
from .redaction import is_secret_name


class BrokerSettings(Section):
    """What every broker has."""

    msgs_per_s_max: Annotated[Count, Field(ge=2)] | None = Field(
        default=None, description="Requests a second of the whole account, below the broker's own bound. Default: the adapter's."
    )
    reconcile_msgs_per_s: Count | None = Field(
        default=None, description="Of these, those the reconciler's readings may use. Default: a tenth. At least one, at most a third."
    )


class PaperSettings(BrokerSettings):
    """The embedded paper broker; its account is the section `paper`."""

    timeout_seconds: Seconds = Field(default=5, description="Request timeout.")


class AlpacaSettings(BrokerSettings):
    """Alpaca."""

    api_key: SecretStr | None = Field(default=None, description="Key id; else `ALPACA_API_KEY`.")
    secret_key: SecretStr | None = Field(default=None, description="Secret; else `ALPACA_API_SECRET`.")
    base_url: Url | None = Field(
        default=None, description="Trading REST root; its host's `/stream` is the trade stream. Else `ALPACA_PAPER_BASE_URL` when paper."
    )
    data_url: Url | None = Field(default=None, description="Data REST root.")
    stream_url: Url | None = Field(default=None, description="Market data stream with version and feed; else `ALPACA_STREAM_URL`.")
    enable_streaming: bool = Field(default=True, description="Stream market data and trade updates.")
    paper: bool | None = Field(default=None, description="As `live.paper`, which it must equal.")
    timeout_seconds: Seconds = Field(default=10, description="Request timeout.")
    feed: Literal["iex", "sip", "test"] = Field(default="iex", description="Market data feed.")


class IbContract(Section):
    """How a symbol is found at Interactive Brokers."""

    symbol_override: str | None = Field(default=None, description="Symbol at the broker.")
    security_type: str | None = Field(default=None, description="STK, CASH, FUT, OPT, ...; six-letter FX symbols are CASH by themselves.")
    exchange: str | None = Field(default=None, description="Exchange, such as SMART; IDEALPRO for FX.")
    currency: Currency | None = Field(default=None, description="Currency of the contract.")
    primary_exchange: str | None = Field(default=None, description="Primary exchange.")
    local_symbol: LooseText | None = Field(default=None, description="Local symbol.")
    trading_class: str | None = Field(default=None, description="Trading class.")
    last_trade_date_or_contract_month: LooseText | None = Field(default=None, description="YYYYMMDD or YYYYMM.")
    right: Literal["C", "P", "CALL", "PUT"] | None = Field(default=None, description="Option right.")
    multiplier: LooseText | None = Field(default=None, description="Contract multiplier.")
    strike: Exact | None = Field(default=None, description="Strike.")
    con_id: Annotated[int, Field(ge=0)] | None = Field(default=None, description="Contract id.")
    include_expired: bool = Field(default=False, description="Find expired contracts too.")


class IbSettings(BrokerSettings):
    """Interactive Brokers."""

    host: str | None = Field(default=None, description="TWS or Gateway host; else `IB_HOST`.")
    port: Port | None = Field(default=None, description="Its API port; else `IB_PORT`.")
    client_id: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(default=None, description="Client id; else `IB_CLIENT_ID`.")
    timeout_seconds: Seconds = Field(default=10, description="Request timeout.")
    defaults: IbContract = Field(default=IbContract(), description="What every contract has.")
    contracts: dict[Symbol, IbContract] = Field(default={}, description="What a symbol has beyond it.")


def _veil(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: SecretStr(v) if isinstance(v, str) and is_secret_name(k) else _veil(v) for k, v in value.items()}


class OtherSettings(BrokerSettings):
    """Settings of another adapter, passed on as they are, credentials veiled."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _veil_credentials(cls, value: Any) -> Any:
        return _veil(value)


SETTINGS: Final[dict[str, type[BrokerSettings]]] = {"paper": PaperSettings, "alpaca": AlpacaSettings, "ib": IbSettings}

CREDENTIALS: Final[dict[str, dict[str, str]]] = {
    "alpaca": {"api_key": "ALPACA_API_KEY", "secret_key": "ALPACA_API_SECRET"},
    "ib": {"host": "IB_HOST", "port": "IB_PORT", "client_id": "IB_CLIENT_ID"},
}
"""What a broker cannot do without, and the variable that gives it where the file does not."""

ENVIRONMENT: Final[dict[str, dict[str, str]]] = {
    "alpaca": {**CREDENTIALS["alpaca"], "base_url": "ALPACA_PAPER_BASE_URL", "stream_url": "ALPACA_STREAM_URL"},
    "ib": CREDENTIALS["ib"],
}
"""Every key the environment fills when the file leaves it out."""


def settings_model(broker: object) -> type[BrokerSettings]:
    """The model of a broker's settings."""
    return SETTINGS.get(broker, OtherSettings) if isinstance(broker, str) else OtherSettings
