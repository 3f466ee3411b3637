"""Requests: uniqueness of ids, refusals, cancels, replaces, the account's limits, OCO groups, outside acts."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest

from shared.events import AccountRow, DayEnded, InstrumentDefined, OrderSide, OrderType, SessionChanged, SessionPhase, TimeInForce, UnsettledRow
from shared.venue import VenueSettings
from shared.venue.state import dump, load
from shared.venue.terms import ACCEPTED
from tests.unit.venue.world import S, World, at, bar, quote, terms


def ready(**settings):
    world = World(**settings)
    world.feed(bar(0, 100, 100, 100, 100))
    return world


def test_the_same_id_and_terms_are_answered_again_and_change_nothing():
    world = ready()
    first = world.submit(terms("buy", "limit", limit=99), 60, "a")
    again = world.core.submit("a", terms("buy", "limit", limit=99), at(61))
    assert (again.order, again.code, list(again.reports)) == (first.order, "", [])
    world.feed(bar(60, 100, 100, 98, 98))
    assert world.core.submit("a", terms("buy", "limit", limit=99), at(200)).order.status == "filled"
    assert len(world.fills()) == 1


def test_the_same_id_with_other_terms_is_refused_for_ever():
    world = ready()
    world.submit(terms("buy", "limit", limit=99), 60, "a")
    for _ in range(2):
        other = world.core.submit("a", terms("buy", "limit", limit=98), at(61))
        assert (other.code, other.order, list(other.reports)) == ("duplicate", None, [])
        world.keep(world.core.cancel("a", at(62)).reports)


def test_a_rejected_order_keeps_its_id_and_its_answer():
    world = ready()
    first = world.submit(terms("buy", "limit", limit=99.001), 60, "a")
    assert (first.code, first.order.status, len(first.reports)) == ("off_tick", "rejected", 1)
    again = world.core.submit("a", terms("buy", "limit", limit=99.001), at(61))
    assert (again.code, again.order, list(again.reports)) == ("off_tick", first.order, [])


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (terms("buy", "market", 0), "bad_quantity"),
        (terms("buy", "market", -1), "bad_quantity"),
        (terms("buy", "market", "NaN"), "bad_quantity"),
        (terms("buy", "market", "1E+40"), "bad_quantity"),
        (terms("buy", "market", "1.5"), "off_lot"),
        (terms("buy", "limit"), "bad_price"),
        (terms("buy", "market", limit=100), "bad_price"),
        (terms("buy", "limit", limit=0), "bad_price"),
        (terms("buy", "limit", limit="Infinity"), "bad_price"),
        (terms("buy", "limit", limit="100.005"), "off_tick"),
        (terms("sell", "stop"), "bad_price"),
        (terms("sell", "stop_limit", stop=99), "bad_price"),
        (terms("sell", "trailing_stop"), "bad_price"),
        (terms("sell", "trailing_stop", trail=1, percent=1), "bad_price"),
        (terms("sell", "trailing_stop", percent=100), "bad_price"),
        (terms("buy", "market", trail=1), "bad_price"),
        (terms("buy", "limit", limit=99, tif="gtd"), "bad_expiry"),
        (terms("buy", "limit", limit=99, tif="gtd", expire=60), "bad_expiry"),
        (terms("buy", "limit", limit=99, expire=600), "bad_expiry"),
        (terms("sell", "stop", stop=99, tif="ioc"), "unsupported_time_in_force"),
        (terms("buy", "market_on_open", tif="gtc"), "unsupported_time_in_force"),
    ],
)
def test_bad_terms_are_rejected_with_a_stable_code(order, code):
    assert ready().submit(order, 60).code == code


@pytest.mark.parametrize("kind", list(OrderType))
@pytest.mark.parametrize("tif", list(TimeInForce))
def test_every_type_and_time_in_force_is_decided(kind, tif):
    order = terms(
        "buy",
        kind.value,
        limit=90 if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
        stop=110 if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
        trail=5 if kind is OrderType.TRAILING_STOP else None,
        tif=tif.value,
        expire=600 if tif is TimeInForce.GTD else 0,
    )
    world = ready()
    taken = tif in ACCEPTED[kind]
    assert world.submit(order, 60).code == ("" if taken else "unsupported_time_in_force")
    world.feed(bar(60, 100, 101, 99, 100))
    immediate = tif in {TimeInForce.IOC, TimeInForce.FOK}
    takes_price = kind in {OrderType.MARKET, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE}
    assert world.status() == ("rejected" if not taken else "filled" if takes_price else "cancelled" if immediate else "new")


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_an_impossible_id_is_refused_and_leaves_no_trace(name):
    world = ready()
    verdict = world.core.submit(name, terms("buy", "market"), at(60))
    assert (verdict.code, verdict.order, list(verdict.reports)) == ("bad_client_order_id", None, [])


def test_cancel():
    world = ready()
    world.submit(terms("buy", "limit", limit=99), 60, "a")
    verdict = world.core.cancel("a", at(61))
    assert (verdict.code, verdict.order.status) == ("", "cancelled")
    assert world.core.cancel("a", at(62)).code == "order_done"
    assert world.core.cancel("nobody", at(62)).code == "unknown_order"
    world.seen.extend(verdict.reports)
    world.feed(bar(60, 99, 99, 98, 98))
    assert world.fills() == []


def test_replace_carries_the_fills_over():
    world = World(displayed_size=True)
    world.feed(quote(0, 99, 100, ask_size=40))
    world.submit(terms("buy", "limit", limit=100), 1, "a")
    verdict = world.core.replace("b", "a", terms("buy", "limit", 150, limit=101), at(2))
    world.keep(verdict.reports)
    old, new = world.core.order("a"), world.core.order("b")
    assert (old.status, old.replaced_by, old.filled) == ("replaced", "b", 40)
    assert (new.status, new.replaces, new.filled, new.terms.quantity) == ("partially_filled", "a", 40, 150)
    assert new.broker_order_id != old.broker_order_id
    world.feed(quote(3, 100, 101, ask_size=500))
    assert world.fills() == [(40, 100.0), (110, 101.0)]
    executions = [r.execution for r in world.seen if r.execution]
    assert [e.cumulative for e in executions] == [40, 150]
    assert world.core.order("b").status == "filled"


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (terms("buy", "limit", 100, limit=98), ""),
        (terms("sell", "limit", 100, limit=98), "bad_replace"),
        (terms("buy", "market", 100), "bad_replace"),
        (terms("buy", "limit", 100, limit="98.001"), "off_tick"),
        (terms("buy", "limit", 10_000_000, limit=98), "insufficient_buying_power"),
    ],
)
def test_a_refused_replace_leaves_the_old_order(new, code):
    world = ready()
    world.submit(terms("buy", "limit", limit=99), 60, "a")
    verdict = world.core.replace("b", "a", new, at(61))
    assert verdict.code == code
    assert (world.status("a"), world.status("b")) == (("replaced", "new") if not code else ("new", "rejected"))
    assert world.core.replace("b", "a", new, at(62)).code == code, "said again: the same answer"


def test_a_replace_under_way_loses_against_a_fill():
    world = ready(latency_ns=10 * S)
    world.submit(terms("buy", "limit", limit=99), 50, "a")
    verdict = world.core.replace("b", "a", terms("buy", "limit", limit=98), at(75))
    world.keep(verdict.reports)
    assert (world.status("a"), verdict.order.status) == ("pending_replace", "pending_new")
    assert world.core.cancel("a", at(76)).code == "pending_replace"
    world.feed(bar(60, 100, 103, 98.5, 102))  # the low, at 80, comes before the replace, at 85
    assert (world.status("a"), world.status("b")) == ("filled", "rejected")
    assert world.core.order("b").code == "order_done"


def test_a_replace_that_arrives_takes_the_place():
    world = ready(latency_ns=10 * S)
    world.submit(terms("buy", "limit", limit=99), 50, "a")
    world.keep(world.core.replace("b", "a", terms("buy", "limit", limit=97), at(60)).reports)
    world.feed(bar(60, 100, 103, 98, 102))  # the low of 98 at 80 would have filled the old one
    assert (world.status("a"), world.status("b"), world.fills()) == ("replaced", "new", [])


def test_buying_power_of_a_margin_account():
    world = ready(initial_cash=10_000)  # multiplier 2
    assert world.core.account().buying_power == 20_000
    assert world.submit(terms("buy", "limit", 150, limit=100), 60).code == ""
    assert world.core.account().buying_power == 5_000
    assert world.submit(terms("buy", "limit", 51, limit=100), 60).code == "insufficient_buying_power"
    assert world.submit(terms("sell", "limit", 150, limit=100), 60).code == "", "long and short exclude each other"
    assert world.submit(terms("buy", "market", 50), 60).code == ""
    assert world.submit(terms("buy", "market", 1), 60).code == "insufficient_buying_power"


def test_reducing_is_never_refused_for_lack_of_money():
    world = ready(initial_cash=10_000)
    world.submit(terms("buy", "market", 200), 60)
    world.feed(bar(60, 100, 100, 100, 100), bar(120, 60, 60, 60, 60))  # equity 2,000, exposure 12,000
    assert world.core.account().buying_power == 0
    assert world.submit(terms("buy", "market", 1), 180).code == "insufficient_buying_power"
    assert world.submit(terms("sell", "market", 200), 180).code == ""
    world.feed(bar(180, 60, 60, 60, 60))
    assert world.core.positions() == ()
    assert world.core.account().cash == 2_000


def test_a_cash_account_neither_borrows_nor_shorts():
    world = ready(initial_cash=10_000, account_kind="cash")
    assert world.submit(terms("buy", "limit", 101, limit=100), 60).code == "insufficient_buying_power"
    assert world.submit(terms("sell", "market", 1), 60).code == "short_not_allowed"
    world.submit(terms("buy", "market", 50), 60)
    world.feed(bar(60, 100, 100, 100, 100))
    assert world.submit(terms("sell", "limit", 30, limit=110), 120).code == ""
    assert world.submit(terms("sell", "limit", 30, limit=120), 120).code == "short_not_allowed", "20 are not on sale yet"
    assert world.submit(terms("sell", "limit", 20, limit=120), 120, group="g").code == ""
    assert world.submit(terms("sell", "stop", 20, stop=90), 120, group="g").code == "", "a group sells once"


def cash_account(days: int = 1) -> World:
    """100 of X on an exchange's calendar, bought with everything there is and sold again, on a Tuesday after the close."""
    world = ready(initial_cash=10_000, account_kind="cash", settlement_days=days)
    world.core.on_instrument(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XNYS"))
    world.submit(terms("buy", "market", 100), 60)
    world.feed(bar(60, 100, 100, 100, 100))
    world.submit(terms("sell", "market", 100), 120)
    world.feed(bar(120, 100, 100, 100, 100))
    assert world.core.positions() == ()
    return world


def test_a_cash_account_spends_the_proceeds_of_a_sale_once_their_date_begins():
    world = cash_account()
    row = world.core.account()
    assert (row.cash, row.buying_power, row.unsettled) == (10_000, 0, (UnsettledRow("XNYS", "2023-11-15", D(10_000)),))
    assert world.submit(terms("buy", "limit", 1, limit=100), 180).code == "insufficient_buying_power"
    world.keep(world.core.on_day_end(DayEnded("XNYS", "2023-11-14"), at(200)))
    assert world.core.account().buying_power == 0
    again = load(world.core.settings, dump(world.core), (), world.core.market.newest("X"))
    for core in (world.core, again):
        core.on_session(SessionChanged("XNYS", SessionPhase.CLOSED, "2023-11-15", 0, 0), at(300))
        assert (core.account().buying_power, core.account().unsettled) == (10_000, ())
    assert cash_account(0).core.account() == AccountRow("USD", D(10_000), D(10_000), D(10_000), None)


def test_short_sales_need_a_lender():
    world = ready()
    world.core.on_instrument(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XT", shortable=False))
    assert world.submit(terms("sell", "market", 1), 60).code == "short_not_allowed"
    assert ready(short_allowed=False).submit(terms("sell", "market", 1), 60).code == "short_not_allowed"


def test_an_order_for_a_symbol_without_any_price_is_rejected():
    assert World().submit(terms("buy", "market"), 60).code == "no_reference_price"
    assert World().submit(terms("buy", "limit", limit=5), 60).code == ""


def test_position_cash_and_equity_add_up_through_a_flip():
    world = ready(commission={"model": "fixed", "amount": 1})
    world.submit(terms("buy", "market", 100), 60)
    world.feed(bar(60, 100, 100, 100, 100))
    world.submit(terms("sell", "market", 40), 120)
    world.feed(bar(120, 110, 110, 110, 110))
    (position,) = world.core.positions()
    assert (position.quantity, position.average_price) == (60, 100)
    world.submit(terms("sell", "market", 100), 180)
    world.feed(bar(180, 120, 120, 120, 120))
    (position,) = world.core.positions()
    assert (position.quantity, position.average_price) == (-40, 120)
    account = world.core.account()
    assert account.cash == 1_000_000 - 100 * 100 + 40 * 110 + 100 * 120 - 3
    assert account.equity == account.cash - 40 * 120


def test_a_multiplier_counts_in_money():
    world = World()
    world.core.on_instrument(InstrumentDefined("X", "future", "USD", D("0.25"), D(1), D(50), "XT"))
    world.feed(bar(0, 4000, 4000, 4000, 4000))
    world.submit(terms("buy", "market", 2), 60)
    world.feed(bar(60, 4000, 4010, 4000, 4010))
    account = world.core.account()
    assert (account.cash, account.equity) == (1_000_000 - 400_000, 1_001_000)


def test_a_partly_filled_group_member_spares_its_sibling_that_much():
    world = World(displayed_size=True)
    world.feed(quote(0, 100, 100.1))
    world.submit(terms("sell", "limit", limit=101), 1, "target", group="g")
    world.submit(terms("sell", "stop", stop=99), 1, "stop", group="g")
    world.feed(quote(2, 101, 101.1, bid_size=30), quote(3, 98, 98.1, bid_size=500))
    assert world.fills() == [(30, 101.0), (70, 98.0)]
    assert (world.status("target"), world.status("stop")) == ("cancelled", "cancelled")
    assert world.core.positions()[0].quantity == -100


def test_outside_acts_are_reported_like_any_other():
    world = ready()
    verdict = world.core.trade_outside("manual-1", "X", OrderSide.BUY, D(10), D("99.5"), at(60))
    world.keep(verdict.reports)
    assert (world.fills(), verdict.order.status) == ([(10, 99.5)], "filled")
    world.keep(world.core.cash_flow("withdrawal", D(-500), "ref", at(61)).reports)
    assert world.seen[-1].cash.amount == -500
    assert world.core.account().cash == 1_000_000 - 995 - 500


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"latency_ns": -1}, "latency_ns"),
        ({"volume_share_max": 0}, "volume_share_max"),
        ({"margin_multiplier": 0}, "margin_multiplier"),
        ({"slippage": {"bps": -1}}, "bps"),
        ({"commission": {"rate": -1}}, "rate"),
        ({"bar_mode": "sideways"}, "bar_mode"),
        ({"no_such_key": 1}, "no_such_key"),
        ({"account": ""}, "account"),
    ],
)
def test_impossible_settings_are_refused_by_name(bad, word):
    with pytest.raises(msgspec.ValidationError, match=word):
        msgspec.convert(bad, VenueSettings)
