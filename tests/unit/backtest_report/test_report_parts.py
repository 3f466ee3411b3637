"""The parts of a report: thinning, axes, formats, times, markup, terminal."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from services.backtest.report import axes, formats, histogram, print_summary
from services.backtest.report.markup import escape, tag
from services.backtest.report.moments import Clock, iso, iso_column
from services.backtest.report.thinning import keep
from shared.metrics.summary import summary
from tests.support import run_records


@settings(derandomize=True, max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 120))
def test_thinning_keeps_ends_and_extremes_within_its_limit(values: list[float], points_max: int) -> None:
    column = np.array(values)
    kept = keep([column], points_max)
    assert len(kept) <= points_max
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    assert (np.diff(kept) > 0).all()
    if points_max >= 4:
        assert column[kept].min() == column.min()
        assert column[kept].max() == column.max()


def test_thinning_survives_columns_without_numbers() -> None:
    assert len(keep([np.full(1000, np.nan), np.arange(1000.0)], 50)) <= 50
    assert len(keep([np.zeros(0)], 50)) == 0


@pytest.mark.parametrize(
    ("low", "high", "zero"), [(0, 0, True), (0, 0, False), (-0.2, 0, True), (5, 5, False), (-1e9, 1e12, False), (1e-9, 2e-9, True)]
)
def test_an_axis_has_ticks_inside_its_bounds(low: float, high: float, zero: bool) -> None:
    bottom, top = axes.bounds(low, high, zero=zero)
    assert bottom <= low <= high <= top
    ticks = axes.value_ticks(bottom, top, str)
    assert 2 <= len(ticks) <= 12
    assert all(-1e-9 <= t.at <= 1 + 1e-9 for t in ticks)


@pytest.mark.parametrize(("days", "label"), [(2500, "2019"), (300, "Apr 2018"), (9, "3 Jan")])
def test_time_labels_name_the_unit_that_begins(days: int, label: str) -> None:
    clock = Clock.of(["XNYS"])
    wall = np.array([clock.wall_ms(t) for t in run_records.daily_times(days)])
    ticks = axes.time_ticks(np.arange(days, dtype=float), wall, days)
    assert label in [t.text for t in ticks]
    assert len(ticks) <= axes.TIME_TICKS_MAX


def test_times_of_the_exchange_survive_daylight_saving() -> None:
    clock = Clock.of(["XNYS", "XNAS"])
    friday, monday = run_records.minute_times(6)[0], run_records.minute_times(6)[-390]
    assert [clock.moment(t)[-5:] for t in (friday, monday)] == ["09:31", "09:31"]
    assert Clock.of(["XNYS", "24x7"]).zone.key == "UTC"
    assert iso_column(np.array([friday + 1_999])) == [iso(friday + 1_999)] == ["2024-03-04T14:31:00.000001Z"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (formats.money(-1234.5, "USD"), "\N{MINUS SIGN}1,234.50 USD"),
        (formats.gain(0.001, "JPY"), "0 JPY"),
        (formats.number(-0.001), "0.00"),
        (formats.percent(float("nan")), "-"),
        (formats.change(0.0123), "+1.23 %"),
        (formats.exact(run_records.Decimal("1500.00")), "1,500"),
        (formats.exact(run_records.Decimal("1E+3")), "1,000"),
        (formats.price(0.1234567), "0.123457"),
        (formats.span(93_600_000_000_000), "1 d 2 h"),
        (formats.short(1_250_000.0), "1.25M"),
    ],
)
def test_figures_read_as_people_write_them(text: str, said: str) -> None:
    assert text == said


@pytest.mark.parametrize("results", [[0.0], [-5.0], [7.0], [-3.0, -2.0, 0.0, 9.5], [1e-12, 1e12]])
def test_every_trade_is_in_the_histogram_once(results: list[float]) -> None:
    bins = histogram._bins(results)
    assert sum(n for _, _, n in bins) == len(results)
    assert sum(n for _, b, n in bins if b <= 0) == sum(r < 0 for r in results)


def test_markup_from_data_is_inert() -> None:
    assert tag("p", "<script>", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;">&lt;script&gt;</p>'
    assert escape(tag("i", 1)) == "<i>1</i>"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("make", [run_records.usual, run_records.empty, run_records.ruined])
def test_the_terminal_says_the_result(make: object, terminal: bool) -> None:
    record = make()
    out = io.StringIO()
    print_summary(record, summary(record), Console(file=out, force_terminal=terminal, width=120))
    text = out.getvalue()
    assert formats.money(record.final_equity, "USD").replace(formats.MINUS, "-") in text
    assert text.replace("\x1b", "").isascii()
    assert "s0" in text
    assert ("\x1b[" in text) is terminal
    assert terminal or "not compared with a benchmark" in text  # a dash says why where nothing can be pointed at


def test_names_with_brackets_do_not_style_the_terminal() -> None:
    record = run_records.replace(run_records.flat(), name="[red]x[/red]")
    for terminal in (True, False):
        out = io.StringIO()
        print_summary(record, summary(record), Console(file=out, force_terminal=terminal, width=120))
        assert "[red]x[/red]" in out.getvalue()
