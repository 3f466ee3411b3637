"""What runs for one configuration, in which order, and how each service is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.config import Config

from .child import Command

BUS: Final = "bus"
VENUE: Final = "paper_venue"
AUDITOR: Final = "auditor"
STRATEGIES: Final = "strategy_runner"
SINGLE: Final = "single"  # all of them but the venue, in one process


@dataclass(frozen=True, slots=True)
class Stage:
    """Services started together. wait: the next stage starts when these are ready."""

    services: tuple[str, ...]
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """stages: in order of start, stopped in reverse. bus, auditor, strategies: which service does that work."""

    stages: tuple[Stage, ...]
    bus: str = BUS
    auditor: str = AUDITOR
    strategies: str = STRATEGIES

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(service for stage in self.stages for service in stage.services)


def plan_for(config: Config, *, single: bool) -> Plan:
    """The log and the venue before all; the auditor before what it watches, so that it is also stopped after it; risk and router before
    anybody asks them for an order."""
    venue = (VENUE,) if config.live is not None and config.live.broker == "paper" else ()
    if single:
        return Plan((*((Stage(venue, wait=False),) if venue else ()), Stage((SINGLE,))), SINGLE, SINGLE, SINGLE)
    return Plan(
        (
            Stage((BUS, *venue)),
            Stage((AUDITOR,), wait=False),
            Stage(("gateway", "risk_engine", "order_router", "reconciler")),
            Stage((STRATEGIES,)),
        )
    )


def service_command(config_path: Path) -> Callable[[str], Command]:
    """`python -m services.control.main service NAME --config PATH`, with a fixed hash seed; the same slot gives the same lease holder, so a
    restarted service has its leases back at once."""

    def command(service: str) -> Command:
        argv = (sys.executable, "-m", "services.control.main", "service", service, "--config", str(config_path))
        return Command(argv, {**os.environ, "PYTHONHASHSEED": "0", "REGIMEFLOW_INSTANCE": service})

    return command
