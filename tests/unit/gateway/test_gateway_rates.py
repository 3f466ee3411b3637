"""Rates of currencies as events: fixed ones at the start of each run, moving ones from the data of their pair, each only when it says something new."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from services.gateway.settings import BarSettings, BarsFrom, GatewaySettings, RateSettings
from shared.events import (
    Bar,
    CurrencyRate,
    Envelope,
    Event,
    FeedStateChanged,
    FeedStatus,
    FreshnessChanged,
    InstrumentDefined,
    Quote,
    RunStarted,
    Trade,
)
from shared.venue.prices import reasonable

from .conftest import Log, instrument, ns

DAY = "2024-03-04T"
EUR = RateSettings(currency="EUR", pair="EURUSD")
JPY = RateSettings(currency="JPY", pair="USDJPY", inverse=True)


def at(time: str) -> int:
    return ns(DAY + time)


def begun(*rates: RateSettings, **settings: Any) -> Log:
    symbols = [instrument(symbol, "24x7") for symbol in ("SAP", "EURUSD", "USDJPY")]
    log = Log(GatewaySettings(instruments=tuple(symbols), rates=rates, **settings))
    log.say(RunStarted("gateway", 1, "f"), at("10:00:00"))
    for symbol in ("SAP", "EURUSD", "USDJPY"):  # fresh from here, of both kinds
        log.say(Bar(symbol, at("09:59:00"), at("10:00:00"), 0.0, 0.0, 0.0, 0.0, 1.0), at("10:00:00"))
        log.say(Quote(symbol, at("10:00:00"), 0.0, 0.0, 0.0, 0.0), at("10:00:00"))
    return log


def bar(log: Log, end: str, close: float, symbol: str = "EURUSD") -> list[Event]:
    return log.say(Bar(symbol, at(end) - 60 * 10**9, at(end), close, close, close, close, 1.0), at(end))


def quote(log: Log, time: str, bid: float, ask: float, symbol: str = "EURUSD") -> list[Event]:
    return log.say(Quote(symbol, at(time), bid, ask, 1.0, 1.0), at(time))


def test_fixed_rates_are_told_after_the_instruments_at_the_start_of_every_run() -> None:
    log = Log(GatewaySettings(instruments=(instrument("SAP", "24x7"),), rates=(RateSettings(currency="EUR", rate=D("1.10")),)))
    for run in (1, 2):
        told = log.say(RunStarted("gateway", run, "f"), at("10:00:00"))
        assert [type(e) for e in told[:2]] == [InstrumentDefined, CurrencyRate]
        assert told[1] == CurrencyRate("EUR", D("1.10"), 0)


def test_every_bar_of_the_pair_tells_its_close_and_no_other_symbol_tells_anything() -> None:
    log = begun(EUR)
    assert bar(log, "10:01:00", 1.0845) == [CurrencyRate("EUR", D("1.0845"), at("10:01:00"))]
    assert bar(log, "10:02:00", 1.085) == [CurrencyRate("EUR", D("1.085"), at("10:02:00"))]
    assert bar(log, "10:02:00", 55.0, "SAP") == bar(log, "10:02:00", 150.0, "USDJPY") == []


def test_a_rate_that_stays_is_told_again_a_minute_later_so_that_it_does_not_age() -> None:
    log = begun(EUR)
    bar(log, "10:01:00", 1.0845)
    assert bar(log, "10:01:30", 1.0845) == []
    assert bar(log, "10:02:00", 1.0845) == [CurrencyRate("EUR", D("1.0845"), at("10:02:00"))]


def test_quotes_tell_their_exact_middle_at_most_once_a_minute() -> None:
    log = begun(EUR)
    assert quote(log, "10:00:10", 1.0845, 1.0846) == [CurrencyRate("EUR", D("1.08455"), at("10:00:10"))]
    assert quote(log, "10:01:09", 1.09, 1.09) == []
    assert quote(log, "10:01:10", 1.1, 1.2) == [CurrencyRate("EUR", D("1.15"), at("10:01:10"))]


@pytest.mark.parametrize(("price", "rate"), [(150.0, "0.006666666667"), (160.0, "0.00625"), (25000.0, "0.00004"), (0.3, "3.333333333333")])
def test_the_other_way_round_has_twelve_places_which_a_venue_takes(price: float, rate: str) -> None:
    assert bar(begun(JPY), "10:01:00", price, "USDJPY") == [CurrencyRate("JPY", D(rate), at("10:01:00"))]
    assert reasonable(D(rate))


def test_a_rate_of_more_places_than_a_venue_takes_is_rounded_and_one_of_nothing_but_places_is_none() -> None:
    log = begun(EUR)
    (told,) = bar(log, "10:01:00", 0.12345678901234)
    assert told.rate == D("0.123456789012")
    assert bar(log, "10:02:00", 1e-14) == []


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), 1e13, 1e300, 5e-324])
def test_what_is_no_price_tells_no_rate(price: float) -> None:
    log = begun(EUR, JPY)
    assert bar(log, "10:01:00", price) == bar(log, "10:01:00", price, "USDJPY") == []
    assert quote(log, "10:01:01", min(price, 1.0), max(price, 1.0)) == []


@pytest.mark.parametrize("price", [1e12, 1e-12])
def test_the_largest_and_smallest_price_tells_a_rate_a_venue_takes_both_ways_round(price: float) -> None:
    log = begun(EUR, JPY)
    told = bar(log, "10:01:00", price) + bar(log, "10:01:00", price, "USDJPY")
    assert [e.rate for e in told] == [D(str(price)), 1 / D(str(price))]
    assert all(reasonable(e.rate) for e in told)


def test_an_older_datum_tells_nothing() -> None:
    log = begun(EUR)
    bar(log, "10:05:00", 1.1)
    assert log.say(Bar("EURUSD", at("10:02:00"), at("10:03:00"), 1.0, 1.0, 1.0, 1.0, 1.0), at("10:07:00")) == []


def test_a_pair_that_comes_back_is_fresh_first_and_then_a_rate() -> None:
    log = Log(GatewaySettings(instruments=(instrument("EURUSD", "24x7"),), rates=(EUR,)))
    log.say(RunStarted("gateway", 1, "f"), at("10:00:00"))
    assert [type(e) for e in bar(log, "10:01:00", 1.1)] == [FreshnessChanged, CurrencyRate]


@pytest.mark.parametrize("source", [BarsFrom.TRADES, BarsFrom.QUOTES])
def test_bars_built_here_tell_rates_as_others_do(source: BarsFrom) -> None:
    log = begun(EUR, bars=BarSettings(source=source))
    if source is BarsFrom.TRADES:
        log.say(Trade("EURUSD", at("10:01:30"), 1.25, 1.0), at("10:01:30"))
    else:
        quote(log, "10:01:30", 1.25, 1.25)
    told = [e for e in log.tick(DAY + "10:02:31") if isinstance(e, Bar | CurrencyRate)]
    expected = [Bar] if source is BarsFrom.QUOTES else [Bar, CurrencyRate]  # the quote told it, less than a minute before
    assert [type(e) for e in told][: len(expected)] == expected
    if source is BarsFrom.TRADES:
        assert told[1] == CurrencyRate("EUR", D("1.25"), at("10:02:00"))


def test_a_bar_that_ends_as_the_feed_goes_down_tells_its_rate() -> None:
    log = begun(EUR, bars=BarSettings())
    log.say(Trade("EURUSD", at("10:01:30"), 1.25, 1.0), at("10:01:30"))
    told = log.say(FeedStateChanged("wire", FeedStatus.DOWN), at("10:02:31"))
    assert [e for e in told if isinstance(e, CurrencyRate)] == [CurrencyRate("EUR", D("1.25"), at("10:02:00"))]


def test_a_pair_in_place_of_a_fixed_rate_speaks_with_its_first_datum() -> None:
    fixed = begun(RateSettings(currency="EUR", rate=D("1.5")))
    log = begun(EUR)
    log.core.restore(fixed.core.snapshot())
    assert quote(log, "10:00:01", 1.25, 1.25) == [CurrencyRate("EUR", D("1.25"), at("10:00:01"))]


def test_a_late_quote_tells_nothing_where_the_bar_it_completes_told_of_later() -> None:
    log = begun(EUR, bars=BarSettings(source=BarsFrom.QUOTES))
    quote(log, "10:01:30", 1.25, 1.25)
    told = log.say(Quote("EURUSD", at("10:01:59"), 1.5, 1.5, 1.0, 1.0), at("10:02:31"))
    assert [e for e in told if isinstance(e, CurrencyRate)] == [CurrencyRate("EUR", D("1.25"), at("10:02:00"))]


def test_a_restored_core_tells_what_the_other_would_have() -> None:
    log = begun(EUR, JPY)
    bar(log, "10:01:00", 1.1)
    quote(log, "10:01:30", 150.0, 150.0, "USDJPY")
    again = log.restarted()
    for tell in (
        lambda log: bar(log, "10:01:40", 1.1),
        lambda log: quote(log, "10:02:00", 151.0, 151.0, "USDJPY"),
        lambda log: bar(log, "10:02:00", 1.1),
        lambda log: quote(log, "10:02:30", 151.0, 151.0, "USDJPY"),
    ):
        assert tell(log) == tell(again)
    assert log.core.snapshot() == again.core.snapshot()


def test_a_pair_that_no_symbol_feeds_is_refused() -> None:
    with pytest.raises(ValueError, match="the rate of EUR comes from EURUSD, which no instrument defines"):
        GatewaySettings(instruments=(instrument("SAP"),), rates=(EUR,))


def test_handlers_looked_up_once_say_the_same() -> None:
    log = begun(EUR)
    decide, _ = log.core.handlers(Quote)
    for minute, price in enumerate((1.1, 1.2, 1.2)):
        event = Quote("EURUSD", at(f"10:0{minute}:30"), price, price, 1.0, 1.0)
        e = Envelope(log.seq + 1, event.timestamp, event.topic, "gateway.feed", 1, log.seq + 1, 0, 0, event)
        assert list(decide(e)) == log.say(event, event.timestamp) == [CurrencyRate("EUR", D(str(price)), event.timestamp)]
