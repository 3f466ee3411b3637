"""`metrics`: drift against a baseline, and the Prometheus endpoint."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from .base import Count, FilePath, Port, Section

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,126}$")]


class PostgresConfig(Section):
    """The database sink."""

    connection_string: SecretStr | None = Field(default=None, description="Connection string.")
    table: Identifier = Field(default="live_performance", description="Table.")
    pool_size: Count = Field(default=1, description="Connections.")


class LiveMetrics(Section):
    """Live performance and its drift."""

    enable: bool = Field(default=False, description="Write them.")
    baseline_report: FilePath | None = Field(default=None, description="Backtest report to compare with.")
    output_dir: FilePath | None = Field(
        default=None, description="Directory of `live_drift.csv` and `live_performance.json`. Default: `live.log_dir`."
    )
    sinks: tuple[Literal["file", "postgres"], ...] = Field(default=("file",), strict=False, description="Where they go.")
    postgres: PostgresConfig = Field(default=PostgresConfig(), description="The database sink.")


class PrometheusConfig(Section):
    """The metrics endpoint."""

    enabled: bool = Field(default=False, description="Serve it.")
    host: str = Field(default="127.0.0.1", description="Address.")
    port: Port = Field(default=9_464, description="Port.")
    path: Annotated[str, Field(pattern=r"^/")] = Field(default="/metrics", description="Path.")


class MetricsConfig(Section):
    """Metrics."""

    live: LiveMetrics = Field(default=LiveMetrics(), description="Live performance and its drift.")
    prometheus: PrometheusConfig = Field(default=PrometheusConfig(), description="The metrics endpoint.")
