"""The synthetic market: everything follows from the seed, any row is found again, and its data obey the rules real data obey."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import islice, pairwise

import msgspec
import pytest

from services.gateway.feeds import open_source
from services.gateway.feeds.path import PricePath, Regime
from services.gateway.feeds.port import FeedError
from services.gateway.feeds.replay import Row, rows
from services.gateway.feeds.synthetic import SyntheticSource
from services.gateway.settings import FeedKind, FeedSettings, SyntheticSettings
from shared.events import Bar, FeedStateChanged, FeedStatus, InstrumentDefined, Quote, Trade, encode_body

Make = Callable[..., SyntheticSource]


@pytest.fixture
def market(instrument: Callable[..., InstrumentDefined]) -> Make:
    def make(*symbols: str, tick: str = "0.01", lot: str = "1", **settings: object) -> SyntheticSource:
        made = msgspec.convert({"minutes": 30, **settings}, SyntheticSettings)
        return SyntheticSource(made, [instrument(s, made.calendar, tick, lot) for s in symbols or ("AAA", "BBB")])

    return make


def read(source: SyntheticSource, after: int = 0) -> list[Row]:
    return list(rows(source, after))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_market(market: Make) -> None:
    first, second, other = (b"".join(encode_body(row.event) for row in read(market(seed=seed))) for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_any_row_is_found_again_by_number(market: Make) -> None:
    source = market()
    whole = read(source)
    assert [row.number for row in whole] == list(range(1, len(whole) + 1))
    for after in (0, 1, 2, 25, 26, 27, 28, 400, len(whole) - 2, len(whole) - 1, len(whole), len(whole) + 5):
        assert read(market(), after) == whole[after:]


def test_rows_are_in_time_and_at_equal_times_quotes_prints_bars_then_symbols(market: Make) -> None:
    rank = {Quote: 0, Trade: 1, Bar: 2}
    data = read(market())[1:-1]
    keys = [(row.time, rank[type(row.event)], row.event.symbol) for row in data]
    assert keys == sorted(keys)


def test_it_begins_with_up_and_ends_with_ended(market: Make) -> None:
    whole = read(market())
    assert whole[0].event == FeedStateChanged("synthetic", FeedStatus.UP)
    assert whole[-1].event == FeedStateChanged("synthetic", FeedStatus.ENDED, f"{len(whole) - 2} rows")
    assert len(whole) - 2 == 30 * 2 * (6 + 6 + 1)


@pytest.mark.parametrize(("tick", "lot"), [("0.01", "1"), ("0.25", "1"), ("0.0001", "0.001"), ("5", "100")])
def test_prices_are_on_the_tick_sizes_on_the_lot_and_quotes_are_two_sided(market: Make, tick: str, lot: str) -> None:
    for row in read(market(tick=tick, lot=lot)):
        event = row.event
        if isinstance(event, Quote):
            prices, sizes = [event.bid, event.ask], [event.bid_size, event.ask_size]
            assert 0.0 < event.bid < event.ask
        elif isinstance(event, Bar):
            prices, sizes = [event.open, event.high, event.low, event.close], [event.volume]
            assert event.low <= min(event.open, event.close) <= max(event.open, event.close) <= event.high
        elif isinstance(event, Trade):
            prices, sizes = [event.price], [event.size]
        else:
            continue
        assert all(Decimal(repr(price)) % Decimal(tick) == 0 for price in prices), event
        assert all(size > 0 and Decimal(repr(size)) % Decimal(lot) == 0 for size in sizes), event


def test_history_runs_on_into_the_market_without_a_seam(market: Make) -> None:
    source = market("AAA")
    live = [row.event for row in read(source) if isinstance(row.event, Bar)]
    begin = live[0].timestamp
    past = source.history(["AAA"], 50, begin)
    assert [bar.end for bar in past] == [begin - m * 60_000_000_000 for m in range(49, -1, -1)]
    assert abs(past[-1].close / live[0].open - 1.0) < 0.01
    halfway = source.history(["AAA"], 12, live[4].end)
    assert list(halfway[-5:]) == live[:5]
    assert list(halfway[:7]) == list(past[-7:])
    assert list(source.history(["AAA"], 3, begin - 10 * 60_000_000_000)) == list(past[-13:-10])


def test_it_trades_in_the_regular_hours_of_its_calendar_busiest_at_the_ends(market: Make, ns: Callable[[str], int]) -> None:
    source = market("AAA", calendar="XNYS", start="2024-07-02T00:00:00Z", minutes=390 + 210 + 1, trades_per_minute=20, quotes_per_minute=1)
    bars = [row.event for row in read(source) if isinstance(row.event, Bar)]
    assert bars[0].timestamp == ns("2024-07-02T13:30:00")
    assert bars[389].end == ns("2024-07-02T20:00:00")
    assert bars[390 + 209].end == ns("2024-07-03T17:00:00")  # the day before Independence Day closes early
    assert bars[600].timestamp == ns("2024-07-05T13:30:00")
    edges = sum(bar.volume for bar in bars[:30] + bars[360:390])
    assert edges > 1.5 * sum(bar.volume for bar in bars[165:225])


def test_all_three_regimes_come_up_and_differ_in_volatility() -> None:
    steps = list(islice(PricePath(7, [100.0, 50.0], [1.0, 1.0]).forward(), 20_000))
    moves = {regime: [abs(s.closes[0] / s.opens[0] - 1.0) for s in steps if s.regime is regime] for regime in Regime}
    means = {regime: sum(found) / len(found) for regime, found in moves.items()}
    assert means[Regime.BULL] < means[Regime.BEAR] < means[Regime.VOLATILE]
    assert all(a.closes == b.opens for a, b in pairwise(steps))


def test_only_what_is_asked_for_is_emitted(market: Make) -> None:
    assert not any(isinstance(row.event, Bar) for row in read(market(bars=False)))


def test_a_calendar_that_runs_out_ends_the_market(market: Make) -> None:
    source = market(calendar="XNYS", start="2035-12-31T20:50:00Z", minutes=0)
    assert read(source)[-1].event.status is FeedStatus.ENDED


def test_settings_that_make_no_market_are_refused(market: Make) -> None:
    with pytest.raises(FeedError, match="start 'soon' is no ISO 8601 time"):
        market(start="soon")
    with pytest.raises(FeedError, match="no symbols"):
        SyntheticSource(SyntheticSettings(), [])
    for key, value in (("seed", -1), ("quotes_per_minute", 0), ("prices", {"AAA": -5.0}), ("calendar", "MARS")):
        with pytest.raises(msgspec.ValidationError, match="MARS" if key == "calendar" else key):
            msgspec.convert({key: value}, SyntheticSettings)


def test_the_settings_choose_the_source(instrument: Callable[..., InstrumentDefined]) -> None:
    assert open_source(FeedSettings(), [instrument("AAA")]).name == "synthetic"
    with pytest.raises(FeedError, match="no such file"):
        open_source(FeedSettings(kind=FeedKind.FILES), [instrument("AAA")])
