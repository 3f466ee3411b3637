"""Trading calendars against the package they were generated from, and against days we know by heart."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import exchange_calendars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.calendar import Calendar, OutsideCalendar
from shared.domain.calendars import UnknownCalendar, names
from shared.events import SessionPhase

GENERATOR = Path(__file__).parents[2] / "tools" / "generate_calendars.py"
YEARS = st.integers(min_value=631_152_000, max_value=2_051_222_400).map(lambda s: s * 1_000_000_000)  # 1990 to 2034


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(("ours", "theirs"), [("XNYS", "XNYS"), ("XNAS", "XNYS"), ("CMES", "CMES"), ("24x7", "24/7")])
def test_every_session_of_1990_to_2027_opens_and_closes_as_in_exchange_calendars(ours: str, theirs: str) -> None:
    calendar = Calendar.named(ours)
    schedule = exchange_calendars.get_calendar(theirs, start="1990-01-01", end="2027-12-31").schedule
    expected = {f"{day:%Y-%m-%d}": (opens, closes) for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)}
    days = [
        datetime.fromordinal(o).date().isoformat()
        for o in range(datetime(1990, 1, 1, tzinfo=UTC).toordinal(), datetime(2028, 1, 1, tzinfo=UTC).toordinal())
    ]
    for day in days:
        session = calendar.session(day)
        if day not in expected:
            assert session is None, day
        else:
            assert session is not None, day
            assert (session.open_ns, session.close_ns) == tuple(moment.as_unit("ns").value for moment in expected[day]), day


def test_the_tables_are_what_the_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("generate_calendars", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    for table in generator.tables():
        made, stored = generator.text(table), (generator.FOLDER / f"{table.name}.json").read_bytes()
        if f'"{table.generated_with}"'.encode() not in stored:
            pytest.skip(f"{table.name}.json was made by another version of exchange_calendars; every session is compared above")
        assert made == stored, f"{table.name}.json was edited by hand or is old: run tests/tools/generate_calendars.py"


def test_a_day_of_us_equities_has_four_phases_and_the_night_belongs_to_the_next_date() -> None:
    calendar = Calendar.named("XNYS")
    changes = []
    moment = ns("2013-10-04T00:30:00+00:00")  # Thursday 20:30 New York: Thursday's post-market is over
    assert calendar.phase_at(moment) is SessionPhase.CLOSED
    assert calendar.trading_date(moment) == "2013-10-04"
    for _ in range(5):
        change = calendar.next_change(moment)
        changes.append(change)
        moment = change.ns
    assert changes == [
        (ns("2013-10-04T08:00:00+00:00"), SessionPhase.PRE, "2013-10-04"),
        (ns("2013-10-04T13:30:00+00:00"), SessionPhase.OPEN, "2013-10-04"),
        (ns("2013-10-04T20:00:00+00:00"), SessionPhase.POST, "2013-10-04"),
        (ns("2013-10-05T00:00:00+00:00"), SessionPhase.CLOSED, "2013-10-07"),
        (ns("2013-10-07T08:00:00+00:00"), SessionPhase.PRE, "2013-10-07"),
    ]


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-03-08", "14:30", "21:00"),  # the Friday before the US clocks change
        ("2024-03-11", "13:30", "20:00"),  # the Monday after; Europe changes three weeks later
        ("2024-11-01", "13:30", "20:00"),
        ("2024-11-04", "14:30", "21:00"),
        ("2024-11-29", "14:30", "18:00"),  # the day after Thanksgiving closes early
        ("2006-04-03", "13:30", "20:00"),  # until 2006 the clocks changed on the first Sunday of April
        ("2006-03-31", "14:30", "21:00"),
    ],
)
def test_daylight_saving_and_early_closes(day: str, opens: str, closes: str) -> None:
    session = Calendar.named("XNYS").session(day)
    assert session is not None
    assert (session.open_ns, session.close_ns) == (ns(f"{day}T{opens}:00+00:00"), ns(f"{day}T{closes}:00+00:00"))


@pytest.mark.parametrize("day", ["2001-09-11", "2012-10-29", "2024-03-29", "2025-01-09", "2022-06-20", "2026-07-03", "2024-01-06"])
def test_days_without_a_session(day: str) -> None:
    assert Calendar.named("XNYS").session(day) is None
    assert Calendar.named("XNYS").usual_session(day).date == day


def test_post_market_lasts_four_hours_after_an_early_close_too() -> None:
    calendar = Calendar.named("XNYS")
    assert calendar.phase_at(ns("2024-11-29T21:59:59+00:00")) is SessionPhase.POST
    assert calendar.phase_at(ns("2024-11-29T22:00:00+00:00")) is SessionPhase.CLOSED


def test_the_foreign_exchange_week_runs_from_sunday_to_friday_evening_in_new_york() -> None:
    calendar = Calendar.named("24x5")
    opens = ns("2024-03-10T21:00:00+00:00")  # 17:00 New York, hours after the clocks changed
    assert calendar.phase_at(opens - 1) is SessionPhase.CLOSED
    assert calendar.phase_at(opens) is SessionPhase.OPEN
    assert calendar.trading_date(opens) == "2024-03-11"
    assert calendar.next_change(opens) == (ns("2024-03-11T21:00:00+00:00"), SessionPhase.OPEN, "2024-03-12")
    assert calendar.next_change(ns("2024-03-15T12:00:00+00:00")) == (ns("2024-03-15T21:00:00+00:00"), SessionPhase.CLOSED, "2024-03-18")


def test_around_the_clock_only_the_date_changes() -> None:
    calendar = Calendar.named("24x7")
    assert calendar.next_change(ns("2024-12-31T23:59:59+00:00")) == (ns("2025-01-01T00:00:00+00:00"), SessionPhase.OPEN, "2025-01-01")
    assert calendar.phase_at(0) is SessionPhase.OPEN


@settings(max_examples=150, derandomize=True, deadline=None)
@given(name=st.sampled_from(names()), moment=YEARS)
def test_phases_hold_until_the_next_change_and_dates_never_go_back(name: str, moment: int) -> None:
    calendar = Calendar.named(name)
    change = calendar.next_change(moment)
    assert change.ns > moment
    last = change.ns - 1
    assert (calendar.phase_at(last), calendar.trading_date(last)) == (calendar.phase_at(moment), calendar.trading_date(moment))
    assert (calendar.phase_at(change.ns), calendar.trading_date(change.ns)) == (change.phase, change.date)
    assert (change.phase, change.date) != (calendar.phase_at(moment), calendar.trading_date(moment))
    assert change.date >= calendar.trading_date(moment)


def test_an_answer_does_not_depend_on_what_was_asked_before() -> None:
    fresh, used = Calendar.named("XNYS"), Calendar.named("CMES")
    moments = [ns("2013-10-04T14:00:00+00:00") + step * 7_919 * 1_000_000_000 for step in range(500)]
    forward = [(fresh.phase_at(m), used.next_change(m)) for m in moments]
    backward = [(fresh.phase_at(m), used.next_change(m)) for m in reversed(moments)]
    assert forward == backward[::-1]


def test_what_the_table_does_not_know_is_refused_in_one_line() -> None:
    with pytest.raises(UnknownCalendar, match=r"unknown calendar 'XLON'; known: .*XNYS"):
        Calendar.named("XLON")
    with pytest.raises(OutsideCalendar, match="XNYS knows 1970-01-01 to 2035-12-31, not 2036-01-02"):
        Calendar.named("XNYS").session("2036-01-02")
