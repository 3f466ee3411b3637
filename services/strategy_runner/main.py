"""`regimeflow service strategy_runner`: a worker that claims strategies by lease and runs them; decides nothing.

Several workers may run: each claims what is free, and takes over what another left. A strategy whose callback blocks is reported by the
watchdog on a socket of its own, and the worker ends before its leases move; the successor goes on without that callback.
"""

from __future__ import annotations

from shared.bus.port import Bus
from shared.bus.zmq_client import ZmqBus
from shared.config import Loaded
from shared.runtime.service import Setting, run_service

from .worker import SERVICE, Worker


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`, or 7: a callback blocked."""
    asides: list[ZmqBus] = []

    def crew(setting: Setting, bus: Bus) -> Worker:
        asides.append(ZmqBus(setting.places.bus))
        return Worker(setting, bus, asides[0])

    try:
        return run_service(SERVICE, loaded, instance, crew=crew)
    finally:
        for aside in asides:
            aside.close()
