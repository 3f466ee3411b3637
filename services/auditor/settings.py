"""The auditor's knobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from shared.config import Config

SOURCE: Final = "auditor"
TOPICS: Final = ("m.", "t.", "c.")


@dataclass(frozen=True, slots=True)
class AuditorSettings:
    """fills_kept, notes_kept: how much of what is past the queries show; the log keeps all of it.
    conservation_tolerance: money and units by which books and executions may differ without an alarm. budgets: cash a strategy's book opens with.
    alert_latency_ms_max: from an event to the alert it causes."""

    fills_kept: int = 1_000
    notes_kept: int = 200
    conservation_tolerance: Decimal = Decimal(0)
    budgets: Mapping[str, Decimal] = field(default_factory=dict)
    alert_latency_ms_max: int = 5_000


def auditor_settings(config: Config) -> AuditorSettings:
    """From the configuration."""
    assert config.live is not None
    risk = config.live.risk
    return AuditorSettings(
        conservation_tolerance=risk.conservation_tolerance,
        budgets=config.budgets(config.paper.initial_cash),
        alert_latency_ms_max=risk.alert_latency_ms_max,
    )
