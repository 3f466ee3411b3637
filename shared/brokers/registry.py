"""Brokers by name: ours, and those of third parties under the entry-point group `regimeflow.brokers`.

A broker is an object with the attributes of `Broker`. It is imported when it is asked for, so that one broker's SDK never loads with
another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, cast

from .contract import AccountSession, Capabilities, ExecutionSession, MarketDataSession

GROUP: Final = "regimeflow.brokers"
BUILT_IN: Final[Mapping[str, str]] = {"paper": "shared.brokers.paper:BROKER"}


class UnknownBroker(ValueError):
    """No broker of that name is installed."""


class Broker(Protocol):
    """A broker as the services see it. settings: its `live.broker_config`, as a mapping; sessions are made unconnected."""

    name: str

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        """Known without a connection."""

    def execution(self, settings: Mapping[str, Any]) -> ExecutionSession: ...

    def account(self, settings: Mapping[str, Any]) -> AccountSession: ...

    def market_data(self, settings: Mapping[str, Any]) -> MarketDataSession | None:
        """None: the broker brings no market data of its own."""


def names() -> tuple[str, ...]:
    """Every broker that can be asked for."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in _third_party())}))


def broker(name: str) -> Broker:
    """The broker of a name; ours win over third parties'. Raises UnknownBroker, ImportError when its SDK is missing."""
    place = BUILT_IN.get(name)
    if place is not None:
        module, attribute = place.split(":")
        return cast("Broker", getattr(import_module(module), attribute))
    for point in _third_party():
        if point.name == name:
            return cast("Broker", point.load())
    raise UnknownBroker(f"no broker {name!r}; installed: {', '.join(names())}")


def _third_party() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))
