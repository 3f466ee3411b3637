"""The dead man's switch with real processes: a router that is frozen, a bus that is killed. The venue's own ledger is the witness."""

from __future__ import annotations

import os
import signal

import pytest

from shared.events import HaltRequested, OrdersCanceledDirectly
from shared.runtime.process import EXIT_FENCED
from tests.support.drill import again, drilled, is_halted, laddered, working
from tests.support.faulty import WIDE, Faulty
from tests.support.truth import Ledger

ORDERS = 10
NEAR = {
    "live__deadman__after_s": 2,
    "live__risk": {**WIDE, "collar_bps": None, "heartbeat_ms": 200},
    "bus__lease_ms": 1_500,
}


def direct(stack: Faulty, cause: str) -> list[OrdersCanceledDirectly]:
    return [e.event for e in stack.events(OrdersCanceledDirectly) if e.event.cause == cause]


def ever_placed(stack: Faulty) -> int:
    return len(Ledger.read(stack.places.ledger).rows)


def nothing_is_sent_again(stack: Faulty, placed: int) -> None:
    """The router is back and has caught up; halted, the ladder's wishes come to nothing."""
    stack.until(stack.ready, "every service is ready", meanwhile=stack.revive)
    is_halted(stack)
    seen = stack.story.read().counts["OrderDenied"]
    stack.until(lambda: stack.story.read().counts["OrderDenied"] > seen + 20, "the ladder is denied", meanwhile=stack.revive)
    assert (ever_placed(stack), working(stack)) == (placed, 0)


@pytest.mark.skipif("FAULTS_PASSES" not in os.environ, reason="make faults")
@pytest.mark.timeout(900)
def test_a_frozen_router_and_a_dead_bus_each_cost_the_working_orders_once() -> None:
    with drilled(ORDERS, **NEAR) as stack:
        stack.start()
        laddered(stack, ORDERS)
        router = stack.processes["order_router"]
        router.send_signal(signal.SIGSTOP)
        stack.until(lambda: bool(direct(stack, "router")), "the switch falls")
        placed = ever_placed(stack)
        assert working(stack) == 0
        router.send_signal(signal.SIGCONT)
        stack.until(lambda: router.poll() == EXIT_FENCED, "the woken router finds itself fenced")
        nothing_is_sent_again(stack, placed)
        (by_router,) = direct(stack, "router")
        assert (by_router.asked, by_router.open_count, by_router.failed) == (by_router.found, 0, "")

        again(stack, ORDERS)
        stack.kill("bus")
        stack.until(lambda: working(stack) == 0, "the switch falls without a bus")
        placed = ever_placed(stack)
        stack.start("bus")
        stack.until(lambda: bool(direct(stack, "bus")), "what was done is in the log once the bus is back", meanwhile=stack.revive)
        nothing_is_sent_again(stack, placed)
        assert len(direct(stack, "bus")) == len(direct(stack, "router")) == 1
        halts = [e.event for e in stack.events(HaltRequested)]
        assert [h.operator for h in halts] == ["reconciler", "reconciler"]
        assert ["router" in h.reason for h in halts] == [True, False]
