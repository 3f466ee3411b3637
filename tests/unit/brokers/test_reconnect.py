"""When a lost session is tried again: pauses within bounds, counted from the last good connection, given up, and asked for again."""

from __future__ import annotations

import math
import random

import pytest

from shared.brokers.reconnect import Reconnect, Reconnecting
from shared.events import Envelope, Event, HaltRequested, ResumeRequested, Scope


class Line:
    """A session's way back at a clock of its own."""

    def __init__(self, drawn: float = 1.0, **policy: object) -> None:
        self.now = 100.0
        self.way = Reconnecting(Reconnect(**{"initial_ms": 500, "max_ms": 10_000, **policy}), lambda: self.now, lambda: drawn)  # type: ignore[arg-type]

    def pauses(self, attempts: int) -> list[float]:
        """Of so many failed attempts, each made when it is due."""
        found = []
        for _ in range(attempts):
            self.way.failed()
            found.append(self.way.wait_s())
            self.now += found[-1]
        return found


def asked(event: Event) -> Envelope:
    return Envelope(1, 0, event.topic, "control.op", 1, 1, 0, 1, event)


def test_pauses_double_from_initial_to_max() -> None:
    assert Line().pauses(7) == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_jitter_takes_at_most_the_lower_half_and_never_leaves_the_bounds() -> None:
    assert Line(drawn=0.0).pauses(7) == [0.5, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    rng = random.Random(7)
    for _ in range(2_000):
        initial = rng.randint(1, 5_000)
        policy = Reconnect(initial_ms=initial, max_ms=initial + rng.randint(0, 100_000))
        n, drawn = rng.randint(1, 10_000), rng.random()
        assert policy.initial_ms <= policy.pause_ms(n, drawn) <= policy.max_ms


def test_a_loss_pauses_once_at_initial_and_a_good_connection_counts_anew() -> None:
    line = Line()
    line.way.good()
    line.way.lost()
    assert (line.way.attempts, line.way.wait_s()) == (0, 0.5)
    assert line.pauses(2) == [1.0, 2.0]

    line.way.good()
    assert (line.way.up, line.way.attempts) == (True, 0)
    line.way.lost()
    assert line.way.wait_s() == 0.5


@pytest.mark.parametrize("reached", [True, False])
def test_after_so_many_attempts_it_is_given_up_and_nothing_is_due(reached: bool) -> None:
    line = Line(attempts_max=3)
    if reached:
        line.way.good()
        line.way.lost()
    line.pauses(2)
    assert not line.way.given_up
    line.way.failed()
    assert (line.way.given_up, line.way.wait_s()) == (True, math.inf)
    assert line.way.told("gone") == "given up after 3 attempts: gone; `regimeflow resume --reason TEXT`, or a restart of the service, tries again"


def test_without_a_bound_it_is_never_given_up() -> None:
    line = Line()
    assert set(line.pauses(200)[6:]) == {10.0}
    assert not line.way.given_up


def test_switched_off_a_lost_session_stays_lost_and_one_never_reached_is_still_tried() -> None:
    line = Line(enabled=False)
    assert line.pauses(2) == [0.5, 1.0]
    line.way.good()
    line.way.lost()
    assert line.way.given_up
    assert line.way.told("cut").startswith("given up, as `live.reconnect` says: cut; ")


def test_a_global_resume_tries_again_at_once_and_counts_anew() -> None:
    line = Line(attempts_max=2)
    line.pauses(1)
    line.way.failed()
    for other in (HaltRequested("c", "op", "why", Scope.GLOBAL, ""), ResumeRequested("c", "op", "why", Scope.SYMBOL, "X")):
        line.way.observed(asked(other))
        assert line.way.wait_s() == math.inf
    line.way.observed(asked(ResumeRequested("c", "op", "why", Scope.GLOBAL, "")))
    assert (line.way.wait_s(), line.way.given_up, line.way.attempts) == (0.0, False, 0)
    line.way.failed()
    assert (line.way.wait_s(), line.way.told("no")) == (0.5, "attempt 1 failed: no; the next in 0.5 s")


def test_a_resume_of_before_the_loss_asks_for_nothing() -> None:
    line = Line(enabled=False)
    line.way.good()
    line.way.observed(asked(ResumeRequested("c", "op", "why", Scope.GLOBAL, "")))
    line.way.lost()
    assert (line.way.given_up, line.way.wait_s()) == (True, math.inf)


def test_telling_of_it_leaves_a_command_that_asks_meanwhile_to_the_next_attempt() -> None:
    line = Line(attempts_max=2)
    line.way.failed()
    line.way.observed(asked(ResumeRequested("c", "op", "why", Scope.GLOBAL, "")))
    assert (line.way.told("no"), line.way.attempts) == ("attempt 1 failed: no; the next in 0.5 s", 1)
    assert (line.way.wait_s(), line.way.attempts) == (0.0, 0)


def test_on_demand_it_keeps_the_pace_and_is_never_given_up() -> None:
    policy = Reconnect(enabled=False, initial_ms=20, max_ms=40, attempts_max=1).on_demand()
    assert not policy.gives_up(99, reached=True)
    assert policy.pause_ms(9, 1.0) == 40
