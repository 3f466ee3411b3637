"""One suite for every implementation of the bus port: order, names, leases, roles, snapshots."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.bus.port import (
    Cursor,
    Fenced,
    LeaseHeld,
    Refused,
    Role,
    Snapshot,
)
from shared.events import (
    Alert,
    Bar,
    BrokerConnectionChanged,
    ClockTicked,
    Event,
    HaltRequested,
    Scope,
)

from .buses import CAUSE, SHORT_TTL_MS, WAIT_S, Seen, alert, bar


def test_a_follower_sees_every_event_of_its_topics_in_order_once(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    auditor = w.connect("auditor", Role.AUDITOR, ("m.SPY.", "c."))
    auditor.follow(Cursor())
    for k in range(1, 301):
        gateway.append_outside("gateway.feed", 1, k, bar(k))
    seen = Seen(auditor, gateway).until(lambda s: len(s.of(Bar)) >= 300)
    assert [e.event.timestamp for e in seen.of(Bar)] == [60 * k for k in range(1, 301)]
    seqs = [e.seq for e in seen.envelopes]
    assert seqs == sorted(set(seqs))


def test_a_topic_is_a_prefix_with_its_dot(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    auditor = w.connect("auditor", Role.AUDITOR, ("m.F.", "c."))
    auditor.follow(Cursor())
    for n, symbol in enumerate(("FB", "F", "FB", "F"), 1):
        gateway.append_outside("gateway.feed", 1, n, Bar(symbol, n, n, 1.0, 1.0, 1.0, 1.0, 1.0))
    seen = Seen(auditor, gateway).until(lambda s: len(s.of(Bar)) >= 2)
    assert [e.event.symbol for e in seen.of(Bar)] == ["F", "F"]


def test_joining_late_gets_the_whole_lane_from_the_cursor(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    for k in range(1, 2_501):
        gateway.append_outside("gateway.feed", 1, k, bar(k))
        if gateway.full:
            Seen(gateway).until(lambda s: not s.connection.full)
    Seen(gateway).until(lambda s: s.connection.unacked() == 0)
    first = w.connect("auditor", Role.AUDITOR, ("m.", "c."))
    first.follow(Cursor())
    seen = Seen(first, gateway).until(lambda s: len(s.of(Bar)) >= 2_500)
    assert [e.n for e in seen.of(Bar)] == list(range(1, 2_501))
    middle = first.cursor()
    first.close()
    gateway.append_outside("gateway.feed", 1, 2_501, bar(2_501))
    second = w.connect("auditor", Role.AUDITOR, ("m.", "c."))
    second.follow(middle)
    assert [e.n for e in Seen(second, gateway).until(lambda s: bool(s.of(Bar))).of(Bar)] == [2_501]


def test_what_came_before_a_follower_named_its_place_is_not_given_twice(world: Any) -> None:
    """As an actor that starts asks for much before it knows from where it follows, and hears the lane meanwhile."""
    w = world()
    gateway, auditor = w.connect("gateway", Role.GATEWAY), w.connect("auditor", Role.AUDITOR, ("m.", "c."))
    auditor.follow(Cursor())
    gateway.append_outside("gateway.feed", 1, 1, bar(1))
    Seen(auditor, gateway).until(lambda s: bool(s.of(Bar)))
    place = auditor.cursor()
    gateway.append_outside("gateway.feed", 1, 2, bar(2))
    Seen(gateway).until(lambda s: s.connection.unacked() == 0)
    for _ in range(100):
        auditor.last_outside("gateway.feed", 1)
        if auditor.cursor() != place:
            break

    auditor.follow(place)
    gateway.append_outside("gateway.feed", 1, 3, bar(3))

    seen = Seen(auditor, gateway).until(lambda s: any(e.n == 3 for e in s.of(Bar)))
    assert [e.n for e in seen.of(Bar)] == [2, 3]


def test_a_cursor_of_another_log_is_refused(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    with pytest.raises(Refused) as refused:
        auditor.follow(Cursor(1, b"x" * 16))
        Seen(auditor).until(lambda s: bool(s.notices))
    assert refused.value.code == "cursor"


def test_a_name_is_journaled_once_whatever_is_repeated(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    for _ in range(3):
        auditor.append(CAUSE, [alert("a"), alert("b")], 1)
    auditor.append(CAUSE, [alert("c")], 3)
    seen = Seen(auditor).until(lambda s: s.acked >= 3 and len(s.of(Alert)) >= 3)
    assert [(e.n, e.event.key) for e in seen.of(Alert)] == [(1, "a"), (2, "b"), (3, "c")]


def test_the_same_name_with_other_content_is_a_determinism_fault(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    auditor.append(CAUSE, [alert("a")], 1)
    Seen(auditor).until(lambda s: s.acked >= 1)
    with pytest.raises(Refused) as refused:
        auditor.append(CAUSE, [alert("other")], 1)
        Seen(auditor).until(lambda _: False)
    assert refused.value.code == "determinism"


def test_outputs_and_run_numbers_survive_the_actor(world: Any) -> None:
    w = world()
    first = w.connect("auditor", Role.AUDITOR)
    first.follow(Cursor())
    first.append(CAUSE, [alert("a"), alert("b")], 1)
    Seen(first).until(lambda s: s.acked >= 2)
    first.close()
    same = w.connect("auditor", Role.AUDITOR)
    assert (same.welcome.run, same.welcome.last_n, same.welcome.epoch) == (1, 2, 2)
    same.close()
    changed = w.connect("auditor", Role.AUDITOR, fingerprint="other")
    assert (changed.welcome.run, changed.welcome.last_n) == (2, 0)


def test_own_outputs_can_be_read_back_by_cause(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    ticks = Seen(auditor).until(lambda s: len(s.of(ClockTicked)) >= 2).of(ClockTicked)
    auditor.append(ticks[0], [alert("a")], 1)
    auditor.append(ticks[1], [alert("b"), alert("c")], 2)
    Seen(auditor).until(lambda s: s.acked >= 3)
    assert [(e.cause, e.event.key) for e in auditor.outputs_since(ticks[0].seq)] == [(ticks[1].seq, "b"), (ticks[1].seq, "c")]


def test_a_second_holder_is_refused_and_gets_the_name_after_the_first_is_silent(world: Any) -> None:
    w = world(ttl_ms=SHORT_TTL_MS)
    first = w.connect("risk_engine", Role.RISK, holder="one")
    watcher = w.connect("auditor", Role.AUDITOR)
    with pytest.raises(LeaseHeld, match="one"):
        w.connect("risk_engine", Role.RISK, holder="two")
    second = w.successor([watcher], "risk_engine", Role.RISK, holder="two")
    assert second.welcome.epoch == first.welcome.epoch + 1


def test_a_frozen_holder_that_wakes_is_fenced(world: Any) -> None:
    w = world(ttl_ms=SHORT_TTL_MS)
    frozen = w.connect("risk_engine", Role.RISK, holder="one")
    watcher = w.connect("auditor", Role.AUDITOR)
    taker = w.successor([watcher], "risk_engine", Role.RISK, holder="two")
    with pytest.raises(Fenced):
        frozen.append(CAUSE, [alert("late")], 1)
        Seen(frozen, taker).until(lambda _: False)
    taker.append(CAUSE, [alert("mine")], 1)
    Seen(taker).until(lambda s: s.acked >= 1)


def test_the_same_slot_takes_over_at_once(world: Any) -> None:
    w = world()
    w.connect("risk_engine", Role.RISK, holder="slot")
    assert w.connect("risk_engine", Role.RISK, holder="slot").welcome.epoch == 2


@pytest.mark.parametrize(
    ("source", "role", "event"),
    [
        ("strategy.a", Role.STRATEGY, HaltRequested("c1", "me", "why", Scope.GLOBAL, "")),
        ("auditor", Role.AUDITOR, BrokerConnectionChanged("acc", "router", True)),
        ("gateway", Role.GATEWAY, HaltRequested("c1", "me", "why", Scope.GLOBAL, "")),
    ],
)
def test_a_role_appends_only_what_its_row_says(world: Any, source: str, role: Role, event: Event) -> None:
    connection = world().connect(source, role)
    with pytest.raises(Refused) as refused:
        connection.append(CAUSE, [event], 1)
        Seen(connection).until(lambda _: False)
    assert refused.value.code == "role"


def test_a_role_cannot_take_anothers_name(world: Any) -> None:
    with pytest.raises(Refused) as refused:
        world().connect("risk_engine", Role.STRATEGY)
    assert refused.value.code == "role"


def test_snapshots_come_back_newest_first(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    Seen(auditor).until(lambda s: len(s.envelopes) >= 2)
    cursors = []
    for i in range(2):
        Seen(auditor).until(lambda s: bool(s.of(ClockTicked)))
        cursors.append(auditor.cursor())
        auditor.save_snapshot(Snapshot(cursors[-1], 1, i, bytes([i]) * 300_000))
    end = time.monotonic() + WAIT_S
    while len(list(auditor.snapshots())) < 2:
        assert time.monotonic() < end
    found = list(auditor.snapshots())
    assert [s.cursor for s in found] == cursors[::-1]
    assert [s.state for s in found] == [b"\x01" * 300_000, b"\x00" * 300_000]
    auditor.close()
    again = w.connect("auditor", Role.AUDITOR)
    again.follow(found[0].cursor)
    Seen(again).until(lambda s: len(s.of(ClockTicked)) >= 1)


def test_wall_time_never_decreases(world: Any) -> None:
    auditor = world().connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    times = [e.ts_ns for e in Seen(auditor).until(lambda s: len(s.of(ClockTicked)) >= 5).envelopes]
    assert times == sorted(times)
    assert abs(times[-1] - time.time_ns()) < 3_600 * 10**9
