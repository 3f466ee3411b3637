"""A real bus and a real risk engine, and peers that come, differ and go: what risk says of it on the log."""

from __future__ import annotations

import pytest

from shared.bus.port import Registration, Role
from shared.bus.zmq_client import ZmqBus
from shared.events import Event, Reason, ReconcileCompleted, ServiceAnnounced, TradingState, TradingStateChanged
from tests.support.drill import drilled
from tests.support.faulty import WIDE, Faulty

CLEAN = ReconcileCompleted(1, clean=True, breaks=(), pending=0, report=0)


class Peer:
    """One actor's connection, kept by `poll`. n: its outside facts so far."""

    def __init__(self, stack: Faulty, source: str, role: Role, rank: int) -> None:
        self.bus, self.source, self.n = ZmqBus(stack.places.bus), source, 0
        self.connection = self.bus.connect(Registration(source, role, "test", ("c.",), rank, "test"), 60.0)

    def say(self, event: Event, below: str = "session") -> None:
        self.n += 1
        self.connection.append_outside(f"{self.source}.{below}", self.connection.welcome.epoch, self.n, event)
        while self.connection.unacked():
            self.connection.poll(0.05)

    def go(self, *, dead: bool = False) -> None:
        self.connection.close(release=not dead)
        self.bus.close()


def comes_to(stack: Faulty, state: TradingState, reason: Reason, *peers: Peer) -> TradingStateChanged:
    def there() -> bool:
        e = stack.story.read().trading()
        return e is not None and (e.state, e.reason) == (state, reason)

    def keep() -> None:
        for peer in peers:
            peer.connection.poll(0.0)

    stack.until(there, f"{state} because of {reason.name}", meanwhile=keep)
    found = stack.story.read().trading()
    assert found is not None
    return found


@pytest.mark.timeout(600)
def test_who_differs_disarms_and_a_reconciler_that_dies_reduces() -> None:
    with drilled(1, live__risk={**WIDE, "heartbeat_ms": 200}, bus__lease_ms=5_000) as stack:  # longer than this process may stand still
        stack.services = ("bus", "risk_engine")
        stack.start()
        stack.until(stack.ready, "bus and risk are ready")
        reconciler = Peer(stack, "reconciler", Role.RECONCILER, 102)
        reconciler.say(CLEAN)
        comes_to(stack, TradingState.ACTIVE, Reason.RECONCILED, reconciler)

        router = Peer(stack, "order_router", Role.ROUTER, 101)
        router.say(ServiceAnnounced("order_router", "f" * 32, "f" * 32, "f" * 32), "health")
        told = comes_to(stack, TradingState.DISARMED, Reason.BUILD_MISMATCH, reconciler, router).text
        assert "order_router: code ffffffff, risk_engine's" in told
        assert "bus settings ffffffff" in told
        router.go()
        # its farewell and the next word go over two lines: the word may be there first
        stack.until(lambda: not stack.story.read().holder("order_router"), "nobody differs any more")
        reconciler.say(CLEAN)
        comes_to(stack, TradingState.ACTIVE, Reason.RECONCILED, reconciler)

        reconciler.go(dead=True)
        comes_to(stack, TradingState.REDUCING, Reason.RECONCILER_MISSING)
        back = Peer(stack, "reconciler", Role.RECONCILER, 102)
        back.say(CLEAN)
        comes_to(stack, TradingState.ACTIVE, Reason.RECONCILED, back)
        back.go()
