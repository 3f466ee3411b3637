"""The contract's values and the registry: brokers by name, third parties by entry point, capabilities as JSON."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import msgspec
import pytest

from shared import brokers
from shared.brokers import Capabilities, UnknownBroker, broker, names, registry
from shared.brokers.paper import CAPABILITIES
from shared.events import OrderType, TimeInForce


class Other:
    name = "other"


OTHER = Other()


def test_ours_are_found_by_name():
    paper = broker("paper")
    assert paper.name == "paper"
    assert paper.capabilities({}) == CAPABILITIES
    assert paper.market_data({}) is None


def test_third_parties_register_under_the_entry_point_group(monkeypatch):
    points = (EntryPoint("other", f"{__name__}:OTHER", registry.GROUP), EntryPoint("paper", "nowhere:NOTHING", registry.GROUP))
    monkeypatch.setattr(registry, "_third_party", lambda: points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: OTHER)
    assert "other" in names()
    assert broker("other") is OTHER
    assert broker("paper").name == "paper", "ours win"


def test_an_unknown_broker_is_refused_with_those_there_are():
    with pytest.raises(UnknownBroker, match="paper"):
        broker("nobody")


def test_capabilities_say_what_is_taken_and_survive_json():
    assert CAPABILITIES.takes(OrderType.LIMIT, TimeInForce.FOK)
    assert not CAPABILITIES.takes(OrderType.STOP, TimeInForce.IOC)
    assert msgspec.json.decode(CAPABILITIES.to_json(), type=Capabilities) == CAPABILITIES
    assert not Capabilities("x", ("equity",), {}).takes(OrderType.MARKET, TimeInForce.DAY)


def test_the_door_names_everything_it_opens():
    assert all(hasattr(brokers, name) for name in brokers.__all__)
