"""The fleet over real processes: restarts within a budget, what is not tried again, and ends that leave nobody behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil

from services.live.fleet import SlotState
from services.live.log_tail import is_loud
from tests.unit.live.conftest import Crew, until

MakeCrew = Callable[..., Crew]


def test_a_killed_service_is_restarted_and_its_predecessors_word_does_not_count(crew: MakeCrew) -> None:
    c = crew({"bus": "steady"})
    c.ready("bus")
    first = c.pid("bus")

    os.kill(first, signal.SIGKILL)
    c.until(lambda: c.pid("bus") != first)

    assert c.texts("bus") == ["was killed by SIGKILL; restart now", "restarted"]
    assert not psutil.pid_exists(first)  # reaped before its place was taken
    c.until(lambda: c.fleet.ready("bus"))
    said = c.fleet.health("bus")
    assert said is not None
    assert said["pid"] == c.pid("bus")
    assert c.fleet.slots["bus"].restarts == 1


def test_a_spent_budget_keeps_a_service_down(crew: MakeCrew) -> None:
    c = crew({"bus": "exits:4"}, restart_max_per_min=2)
    c.start("bus")

    c.until(lambda: c.state("bus") is SlotState.DOWN)

    assert c.fleet.slots["bus"].restarts == 2
    assert c.changes[-1].down
    assert c.changes[-1].text == "found an invariant broken (status 4); 2 restarts within a minute are used up. It stays down"
    assert c.fleet.down() == ["bus"]


def test_a_refused_configuration_is_not_tried_again_and_says_why(crew: MakeCrew) -> None:
    c = crew({"bus": "steady", "gateway": "refuses:2"})
    c.ready("bus")
    c.start("gateway")
    c.until(lambda: c.state("gateway") is SlotState.DOWN)

    change = c.changes[-1]
    assert (change.down, change.refused, c.fleet.slots["gateway"].restarts) == (True, True, 0)
    assert "cannot begin" in change.text


def test_a_journal_that_was_never_usable_is_not_tried_again(crew: MakeCrew) -> None:
    c = crew({"bus": "refuses:6"})
    c.start("bus")
    c.until(lambda: c.state("bus") is SlotState.DOWN)
    assert c.changes[-1].refused


def test_a_second_fencing_within_a_minute_is_not_tried_again(crew: MakeCrew) -> None:
    c = crew({"bus": "steady", "risk_engine": "exits:3"})
    c.ready("bus")
    c.start("risk_engine")

    c.until(lambda: c.state("risk_engine") is SlotState.DOWN)

    assert c.fleet.slots["risk_engine"].restarts == 1
    assert "another session may be on this log" in c.changes[-1].text
    assert not c.changes[-1].refused


def test_who_lost_the_bus_waits_for_it_and_that_costs_nothing(crew: MakeCrew) -> None:
    c = crew({"bus": "steady", "gateway": "lost_bus_once"}, restart_max_per_min=0)
    c.start("gateway")
    c.until(lambda: bool(c.texts("gateway")))
    assert c.watch().state("gateway") is SlotState.WAITING
    assert c.texts("gateway") == ["lost the bus (status 5); it is started again when the bus is back"]

    c.ready("bus")

    c.until(lambda: c.fleet.ready("gateway"))


def test_nobody_is_restarted_once_stopping_has_begun(crew: MakeCrew) -> None:
    c = crew({"bus": "steady", "gateway": "steady"})
    c.ready("bus", "gateway")

    c.fleet.ask_to_stop(["gateway"])
    c.until(lambda: not c.fleet.running(["gateway"]))
    os.kill(c.pid("bus"), signal.SIGKILL)
    c.until(lambda: not c.fleet.running())

    assert c.texts("gateway") == ["stopped"]
    assert c.texts("bus") == ["was killed by SIGKILL"]
    assert c.fleet.down() == []


def test_a_deaf_service_is_killed(crew: MakeCrew) -> None:
    c = crew({"bus": "deaf"})
    c.ready("bus")
    c.fleet.ask_to_stop(["bus"])
    assert c.watch().fleet.running() == ["bus"]

    assert c.fleet.kill(["bus"]) == ["bus"]

    c.until(lambda: not c.fleet.running())


def test_what_a_dead_service_had_started_dies_with_it(crew: MakeCrew) -> None:
    c = crew({"bus": "parent"})
    c.ready("bus")
    child = psutil.Process(int((c.fleet.health_dir / "bus.child").read_text()))

    os.kill(c.pid("bus"), signal.SIGKILL)
    c.until(lambda: len(c.texts("bus")) == 2)

    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_output_goes_to_a_log_a_service_and_warnings_are_told_apart(crew: MakeCrew) -> None:
    c = crew({"bus": "steady", "gateway": "refuses:2"})
    c.ready("bus")
    c.start("gateway")
    seen: list[tuple[str, str]] = []

    def read() -> bool:
        seen.extend(c.fleet.log_lines())
        return len(seen) == 3

    c.until(read)
    assert ("bus", 'level=info service=bus event="began"') in seen
    assert [service for service, line in seen if is_loud(line)] == ["gateway"]
    assert (c.fleet.logs / "gateway.log").read_text().count("\n") == 2
