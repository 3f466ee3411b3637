"""`regimeflow service risk_engine`: wires the core to the bus; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.service import Setting, run_service

from .build import risk_settings
from .core import RiskCore

SOURCE = "risk_engine"
TOPICS = ("m.", "t.", "c.")


def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
    settings = risk_settings(setting.config)
    return [
        ActorDriver(bus, setting.registration(SOURCE, Role.RISK, TOPICS, repr(settings)), RiskCore(settings), snapshot_every=setting.snapshot_every)
    ]


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`."""
    return run_service(SOURCE, loaded, instance, drivers)
