"""Broker lines and feeds as people see them: when they went, what was tried, when it was last good, what to do."""

from __future__ import annotations

import pytest

from services.auditor.core import AuditorCore
from services.auditor.line import Entry
from services.auditor.lines_system import SYSTEM_LINES
from services.auditor.settings import AuditorSettings
from services.auditor.times import iso
from services.control.tables import render
from shared.domain.exact import ZERO
from shared.events import BrokerConnectionChanged, Event, FeedStateChanged, FeedStatus, Reason, Scope, TradingState, TradingStateChanged
from tests.unit.order_router.world import ACCOUNT, SECOND, World, log_started, opened


def line(connected: bool, attempts: int = 0, *, given_up: bool = False, session: str = "router") -> BrokerConnectionChanged:
    return BrokerConnectionChanged(ACCOUNT, session, connected, "gone" if not connected else "", attempts=attempts, given_up=given_up)


def world(*events: Event) -> World:
    """A second passes before each."""
    w = World(AuditorCore(AuditorSettings()), "auditor").given(log_started(), opened())
    for event in events:
        w.when(event, 1.0)
    return w


def test_attempts_and_successes_are_what_was_tried_not_what_was_lost() -> None:
    w = world(line(True))
    up = iso(w.now)
    assert (h := w.core.view("health"))["last_reconnect_attempt"] == h["last_reconnect_success"] == up
    w.when(line(False), 1.0)
    lost = iso(w.now)
    assert w.core.view("health")["last_reconnect_attempt"] == up, "to lose it is no attempt"
    w.when(line(False, 1), 1.0)
    w.when(line(False, 2), 1.0)

    h = w.core.view("health")
    assert (h["connected"], h["last_reconnect_attempt"], h["last_reconnect_success"]) == (False, iso(w.now), up)
    (row,) = h["lines"]
    assert (row["since"], row["attempts"], row["last_up"], row["given_up"]) == (lost, 2, up, False)
    w.when(line(True), 1.0)
    assert w.core.view("health")["last_reconnect_success"] == iso(w.now)
    assert w.core.view("status")["lines_down"] == []


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (line(False, 3, given_up=True), "broker.router"),
        (line(False, 3, given_up=True, session="reconciler"), "broker.reconciler"),
        (FeedStateChanged("wire", FeedStatus.DOWN, "given up", 3, given_up=True), "feed.wire"),
    ],
    ids=str,
)
def test_a_line_given_up_is_named_with_what_to_do_about_it(event: Event, name: str) -> None:
    w = world(event, TradingStateChanged(Scope.GLOBAL, "", TradingState.REDUCING, Reason.BROKER_DISCONNECTED, "the line is down", 0))
    (row,) = w.core.view("status")["lines_down"]
    assert (row["name"], row["attempts"], row["given_up"]) == (name, 3, True)
    text = render("status", w.core.view("status"))
    assert f"{name} is not tried again by itself" in text
    assert "`regimeflow resume --reason TEXT`" in text
    assert name in render("health", w.core.view("health"))


def test_one_that_is_still_tried_says_so() -> None:
    assert "is tried again by itself" in render("status", world(line(False, 1)).core.view("status"))


def test_the_audit_log_has_a_line_of_every_attempt() -> None:
    lines: list[Entry] = [
        entry for e in (line(False), line(False, 2), line(False, 3, given_up=True), line(True)) for entry in SYSTEM_LINES[type(e)](e, ZERO)
    ]
    assert [kind for kind, _, _ in lines] == ["Reconnect"] * 4
    assert [dict(extra).get("attempts") for _, _, extra in lines] == [None, "2", "3", None]
    assert [dict(extra).get("given_up") for _, _, extra in lines] == [None, None, "true", None]


def test_since_is_not_moved_by_what_does_not_change_it() -> None:
    w = world(line(False), line(False, 1), line(False, 2))
    (row,) = w.core.view("health")["lines"]
    assert row["since"] == iso(w.now - 2 * SECOND)
