"""The kill path against a real paper venue, over its real socket: durable first, then cancelled, then told; with nobody else alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.reconciler.killpath import KillPath, KillPathSettings
from services.reconciler.outbox import Outbox
from services.reconciler.sweep import BrokerLine, Sweep, Wanted, driven
from shared.events import Alert, Event, HaltRequested, OrdersCanceledDirectly, OrderSide, OrderTerms, OrderType, Scope, TimeInForce
from shared.runtime.killpath import SOCKET, HaltOrder, KillPathAway, KillPathClient, is_served
from shared.runtime.logs import logger
from tests.unit.order_router.venue import Venue, running_venue
from tests.unit.order_router.world import T0

GLOBAL = HaltOrder("c1", "jo@desk", "drill", Scope.GLOBAL, "")


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with running_venue(tmp_path, initial_cash=Decimal(1_000_000)) as venue:
        yield venue


class Bench:
    """A kill path in a directory, its places, and what it left in its outbox."""

    def __init__(self, directory: Path, venue: Venue, bus_after_s: float = 0.0) -> None:
        self.places: Any = SimpleNamespace(sockets=directory, endpoint=lambda name: f"ipc://{directory}/{name}")
        self.path = directory / "outbox.jsonl"
        settings = KillPathSettings(self.places.endpoint(SOCKET), bus_after_s)
        self.killpath = KillPath(settings, BrokerLine(venue.execution, venue.account), Outbox(self.path), logger("test"))
        self.killpath.start()

    def halt(self, order: HaltOrder) -> Any:
        client = KillPathClient(self.places)
        try:
            return client.halt(order)
        finally:
            client.close()

    def told(self) -> list[Event]:
        outbox = Outbox(self.path)
        outbox.opened(SimpleNamespace(welcome=SimpleNamespace(log_id="x"), last_outside=lambda _s, _r: 0))  # type: ignore[arg-type]
        return [e.event for e in outbox.take()]


@pytest.fixture
def bench(tmp_path: Path, venue: Venue) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: float) -> Bench:
        made.append(Bench(tmp_path, venue, **settings))
        return made[0]

    yield make
    for one in made:
        one.killpath.close()


def place(venue: Venue, *orders: tuple[str, OrderSide, OrderType, int, str]) -> None:
    operator = venue.operator()
    for client_id, side, kind, quantity, price in orders:
        limit, stop = (Decimal(price), None) if kind is OrderType.LIMIT else (None, Decimal(price))
        terms = OrderTerms("AAPL", side, kind, Decimal(quantity), limit, stop, tif=TimeInForce.GTC)
        assert operator.external_order(client_id, terms, T0) is not None
    operator.close()


def limits(*names: str) -> list[tuple[str, OrderSide, OrderType, int, str]]:
    return [(name, OrderSide.BUY, OrderType.LIMIT, 1, "5") for name in names]


def at_work(venue: Venue) -> list[str]:
    session = venue.execution()
    session.connect(5.0)
    names = sorted(row.client_order_id for row in session.open_orders())
    session.close()
    return names


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_halt_nobody_journaled_is_latched_first_and_leaves_nothing(bench: Callable[..., Bench], venue: Venue) -> None:
    venue.quote(10, 10.1)
    place(venue, *limits("abcdef-ma-1-1", "abcdef-ma-1-2", "by-hand"))
    b = bench()
    until(lambda: is_served(b.places))

    swept = b.halt(GLOBAL)

    assert (swept.found, swept.asked, swept.open_count, swept.failed) == (3, 3, 0, "")
    assert at_work(venue) == []
    halt, direct, alert = b.told()
    assert halt == HaltRequested("c1", "jo@desk", "drill", Scope.GLOBAL, "")
    assert isinstance(direct, OrdersCanceledDirectly)
    assert (direct.command, direct.cause, direct.found, direct.open_count) == ("c1", "operator", 3, 0)
    assert isinstance(alert, Alert)


@pytest.mark.parametrize(
    ("scope", "key", "left"), [(Scope.STRATEGY, "ma", ["abcdef-other-1-1", "by-hand"]), (Scope.SYMBOL, "AAPL", []), (Scope.SYMBOL, "MSFT", None)]
)
def test_a_scope_is_kept(bench: Callable[..., Bench], venue: Venue, scope: Scope, key: str, left: list[str] | None) -> None:
    venue.quote(10, 10.1)
    names = ["abcdef-ma-1-1", "abcdef-other-1-1", "by-hand"]
    place(venue, *limits(*names))
    b = bench()
    until(lambda: is_served(b.places))
    b.halt(HaltOrder("c1", "jo", "why", scope, key))
    assert at_work(venue) == (names if left is None else left)


def test_a_journaled_halt_lets_the_router_go_first_and_tells_only_what_it_did_itself(bench: Callable[..., Bench], venue: Venue) -> None:
    venue.quote(10, 10.1)
    b = bench()
    until(lambda: is_served(b.places))
    journaled = HaltOrder("c1", "jo", "why", Scope.GLOBAL, "", journaled=True)
    assert b.halt(journaled).found == 0
    assert b.told() == []

    place(venue, *limits("abcdef-ma-1-1"))
    assert b.halt(journaled).asked == 1  # no router moved
    assert [type(e) for e in b.told()] == [OrdersCanceledDirectly, Alert]


def test_a_bus_that_stays_away_cancels_ours_once_and_leaves_protective_stops(bench: Callable[..., Bench], venue: Venue) -> None:
    venue.quote(10, 10.1)
    operator = venue.operator()
    operator.external_trade("bought", "AAPL", OrderSide.BUY, Decimal(5), Decimal(10), T0)
    operator.close()
    sell, stop = OrderSide.SELL, OrderType.STOP
    place(venue, *limits("abcdef-ma-1-1", "by-hand"), ("abcdef-ma-1-2", sell, stop, 5, "8"), ("abcdef-ma-1-3", sell, stop, 4, "8"))

    b = bench(bus_after_s=0.2)
    until(lambda: "abcdef-ma-1-1" not in at_work(venue))
    time.sleep(1.0)  # several times as long: it must not fall again

    assert at_work(venue) == ["abcdef-ma-1-2", "by-hand"]  # the second stop would have turned the holding over
    halt, direct, _ = b.told()
    assert isinstance(halt, HaltRequested)
    assert (halt.operator, halt.reason) == ("reconciler", "dead man's switch: the bus was away for 0.2 s")
    assert isinstance(direct, OrdersCanceledDirectly)
    assert (direct.cause, direct.asked, direct.kept) == ("bus", 2, ("abcdef-ma-1-2",))


def test_a_broker_that_cannot_be_read_is_said_and_is_never_an_empty_answer(tmp_path: Path) -> None:
    nowhere = Venue(f"ipc://{tmp_path}/nobody")
    swept = driven(Sweep(BrokerLine(nowhere.execution, nowhere.account), Wanted(), patience_s=0.1).steps(time.monotonic))
    assert "account" in swept.failed
    assert swept.found == 0


def test_a_venue_that_is_back_in_time_is_swept(tmp_path: Path) -> None:
    line = BrokerLine(Venue(f"ipc://{tmp_path}/venue").execution, Venue(f"ipc://{tmp_path}/venue").account)
    done: list[Any] = []
    sweeping = threading.Thread(target=lambda: done.append(driven(Sweep(line, Wanted()).steps(time.monotonic))))
    with running_venue(tmp_path, initial_cash=Decimal(1_000_000)) as venue:
        venue.quote(10, 10.1)
        place(venue, *limits("abcdef-ma-1-1"))
    sweeping.start()
    with running_venue(tmp_path) as venue:
        sweeping.join(30)
        assert (done[0].found, done[0].open_count, done[0].failed) == (1, 0, "")
        assert at_work(venue) == []


def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    places: Any = SimpleNamespace(sockets=tmp_path, endpoint=lambda name: f"ipc://{tmp_path}/{name}")
    assert not is_served(places)
    with pytest.raises(KillPathAway):
        KillPathClient(places)
