"""The halt drill: from the operator's command to no working order at the venue, with services killed for real. The venue's own ledger is the
witness. `make test` drills the worst case with a few orders; `make drill` every case with 200 (ORDERS=n), and prints the times.
"""

from __future__ import annotations

import os

import pytest

from shared.events import HaltRequested, OrdersCanceledDirectly
from tests.support.drill import again, drilled, halt, is_halted, laddered, working
from tests.support.faulty import Faulty

ORDERS = int(os.environ.get("DRILL_ORDERS", "0"))
SLICE = 20
ALL_DEAD = ("bus", "risk_engine", "order_router")
DEAD: tuple[tuple[str, ...], ...] = ((), ("risk_engine",), ("order_router",), ("bus",), ALL_DEAD) if ORDERS else (ALL_DEAD,)


@pytest.mark.timeout(900)
def test_a_halt_leaves_no_working_order_whoever_is_dead() -> None:
    orders = ORDERS or SLICE
    table = [f"{'dead':<30} {'way':<12} {'orders':>6} {'by reconciler':>14} {'command s':>10} {'to none, s':>11}"]
    with drilled(orders) as stack:
        stack.start()
        laddered(stack, orders)
        for nth, dead in enumerate(DEAD):
            if nth:
                again(stack, orders)
            for service in dead:
                stack.kill(service)
            there = working(stack)

            done = halt(stack, f"drill {nth}: {', '.join(dead) or 'nobody'} dead")

            way, broker = done.answer["way"], done.answer["broker"]
            assert way == ("reconciler" if "bus" in dead else "bus"), done.answer
            assert broker is not None, done.answer
            assert (broker["open"], broker["failed"]) == (0, None)
            if {"bus", "order_router"} & set(dead):
                assert broker["canceled_by_reconciler"] == broker["found"] == there, "nobody else was there to cancel"
            took = f"{done.answer['took_s']:>10.2f} {done.took_s:>11.2f}"
            table.append(f"{', '.join(dead) or 'nobody':<30} {way:<12} {there:>6} {broker['canceled_by_reconciler']:>14} {took}")
            for service in dead:
                stack.start(service)
            stack.until(lambda: bool(_halts(stack, nth)), "the halt is in the log once the bus is back")  # noqa: B023 - called at once
            is_halted(stack)
            assert len(_halts(stack, nth)) == 1, "a halt is journaled once, whichever way it came"
            assert working(stack) == 0
        by_reconciler = sum(bool({"bus", "order_router"} & set(dead)) for dead in DEAD)
        stack.until(lambda: len(_direct(stack)) >= by_reconciler, "what the reconciler did is in the log")
        assert [e.cause for e in _direct(stack)] == ["operator"] * by_reconciler
    print("\n" + "\n".join(table))


def _direct(stack: Faulty) -> list[OrdersCanceledDirectly]:
    return [e.event for e in stack.events(OrdersCanceledDirectly)]


def _halts(stack: Faulty, nth: int) -> list[HaltRequested]:
    return [e.event for e in stack.events(HaltRequested) if e.event.reason.startswith(f"drill {nth}:")]
