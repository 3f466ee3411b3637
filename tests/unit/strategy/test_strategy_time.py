"""Timestamps, intervals and recurring timers."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.strategy import Timestamp
from shared.strategy.timers import Timers
from shared.strategy.times import interval_ns

SECOND = 1_000_000_000


def test_a_timestamp_is_its_ns_and_answers_to_regimeflows_names():
    at = Timestamp(1_704_164_645_000_006_789)
    assert at == 1_704_164_645_000_006_789
    assert at.value == 1_704_164_645_000_006
    assert at.to_datetime() == datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert at.to_string("%Y-%m-%d") == "2024-01-02"
    assert Timestamp.from_datetime(at.to_datetime()) == 1_704_164_645_000_006_000


@pytest.mark.parametrize(
    ("interval", "ns"),
    [
        (30, 30 * SECOND),
        (0.5, SECOND // 2),
        ("250ms", SECOND // 4),
        ("5m", 300 * SECOND),
        ("1.5h", 5400 * SECOND),
        (timedelta(days=1), 86400 * SECOND),
    ],
)
def test_intervals_as_people_write_them(interval, ns):
    assert interval_ns(interval) == ns


@pytest.mark.parametrize("interval", [0, -1, float("nan"), "5 minutes", "", "0s", 1e-9, timedelta(0)])
def test_intervals_that_cannot_be_are_refused(interval):
    with pytest.raises(ValueError, match="interval"):
        interval_ns(interval)


@pytest.mark.parametrize("interval", [None, True, [5]])
def test_intervals_of_another_kind_are_refused(interval):
    with pytest.raises(TypeError, match="interval"):
        interval_ns(interval)


def _due(timers: Timers, now: int) -> list[str]:
    taken = []
    while (timer_id := timers.take_due(now)) is not None:
        taken.append(timer_id)
    return taken


def test_timers_fire_in_the_order_they_are_due_and_come_again():
    timers = Timers()
    timers.schedule("slow", 0, 10)
    timers.schedule("fast", 0, 4)
    assert timers.next_due == 4
    assert _due(timers, 3) == []
    assert _due(timers, 4) == ["fast"]
    assert _due(timers, 10) == ["fast", "slow"]
    assert timers.next_due == 12


def test_beats_missed_are_not_made_up_and_the_phase_stays():
    timers = Timers()
    timers.schedule("t", 0, 10)
    assert _due(timers, 57) == ["t"]
    assert timers.next_due == 60


def test_equal_times_fire_as_scheduled_and_cancelling_ends_one():
    timers = Timers()
    timers.schedule("b", 0, 10)
    timers.schedule("a", 0, 10)
    assert _due(timers, 10) == ["b", "a"]
    assert timers.cancel("b")
    assert not timers.cancel("b")
    assert _due(timers, 20) == ["a"]
    timers.clear()
    assert timers.next_due == 0
