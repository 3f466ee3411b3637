"""Commission to the cent and slippage to the tick, worked out by hand from the published schedules."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.events import OrderSide
from shared.venue import CommissionModel, CommissionSettings, SlippageModel, SlippageSettings
from shared.venue.costs import Executed, commission_of
from shared.venue.slippage import slipped
from tests.unit.venue.world import World, bar, quote, terms

NO_DECREED = {"sec_rate": D(0), "taf_rate": D(0), "cat_rate": D(0)}


def cost(model, side, quantity, price, *, taken=None, month=0, **settings):
    quantity, price = D(str(quantity)), D(str(price))
    done = Executed(side == "sell", quantity, quantity * price, quantity if taken is None else D(taken), D(month))
    return commission_of(CommissionSettings(model=CommissionModel(model), **settings), done)


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [  # IB's own examples for fixed pricing, commission alone
        (100, "25", "1.00"),
        (1_000, "25", "5.00"),
        (1_000, "0.25", "2.50"),  # at most 1 % of 250
        (10, "0.20", "0.02"),  # the maximum is below the minimum: the maximum counts
    ],
)
def test_ib_fixed_examples(quantity, price, fee):
    assert cost("ib_fixed", "buy", quantity, price, **NO_DECREED) == D(fee)


def test_ib_fixed_with_decreed_fees_on_a_sale():
    # 5.00 + SEC 25,000 x 0.0000278 = 0.695 + TAF 1,000 x 0.000166 = 0.166 + CAT 1,000 x 0.000072 = 0.072 -> 5.933
    assert cost("ib_fixed", "sell", 1_000, "25") == D("5.93")
    assert cost("ib_fixed", "buy", 1_000, "25") == D("5.07")


def test_ib_tiered_takes_the_published_comparison():
    """Sell 200,000 at 5, removing liquidity: commission 700, exchange 600, clearing 40, FINRA 0.39, NYSE 0.12."""
    assert cost("ib_tiered", "sell", 200_000, "5", **NO_DECREED) == D("1340.51")


def test_ib_tiered_charges_each_share_in_its_tier():
    # 30,000,000: 300,000 x 0.0035 + 2,700,000 x 0.0020 + 17,000,000 x 0.0015 + 10,000,000 x 0.0010 = 41,950
    # exchange 90,000, clearing 6,000, pass-through 41,950 x 0.000735 = 30.83325
    assert cost("ib_tiered", "sell", 30_000_000, "5", **NO_DECREED) == D("137980.83")
    # the same made by adding liquidity: rebate 63,000
    assert cost("ib_tiered", "sell", 30_000_000, "5", taken=0, **NO_DECREED) == D("-15019.17")


def test_ib_tiered_goes_on_in_the_month_and_keeps_its_minimum():
    # 200,000 were traded before: 100,000 x 0.0035 + 100,000 x 0.0020 = 550, exchange 600, clearing 40, pass-through 0.40425
    assert cost("ib_tiered", "buy", 200_000, "5", month=200_000, **NO_DECREED) == D("1190.40")
    # 10 at 25: minimum 0.35, exchange 0.03, clearing 0.002, pass-through 0.00025725
    assert cost("ib_tiered", "buy", 10, "25", **NO_DECREED) == D("0.38")


def test_alpaca_rounds_each_fee_up():
    # sell 100 at 50: SEC 5,000 x 0.0000278 = 0.139 -> 0.14; TAF 0.0166 -> 0.02; CAT 0.0046 -> 0.01
    assert cost("alpaca", "sell", 100, "50") == D("0.17")
    assert cost("alpaca", "buy", 100, "50") == D("0.01")
    # 100,000 shares sold: TAF 16.60, at most 8.30; SEC 1,000,000 x 0.0000278 = 27.80; CAT 4.60
    assert cost("alpaca", "sell", 100_000, "10") == D("40.70")
    assert cost("alpaca", "sell", 100, "50", sec_rate=D(0), cat_rate=D(0)) == D("0.02")
    # the rates of 2026: no SEC fee; TAF 100,000 x 0.000195 = 19.50, at most 9.79; CAT 4.60
    assert cost("alpaca", "sell", 100_000, "10", sec_rate=D(0), taf_rate=D("0.000195"), taf_maximum=D("9.79")) == D("14.39")


def test_plain_models():
    assert cost("none", "sell", 100, "50") == 0
    assert cost("fixed", "sell", 100, "50", amount=D("1.25")) == D("1.25")
    assert cost("per_share", "buy", 150, "50", rate=D("0.01")) == D("1.50")
    assert cost("per_share", "buy", 50, "50", rate=D("0.01"), minimum=D(1)) == D("1.00")
    assert cost("per_share", "buy", 1000, "0.10", rate=D("0.01"), maximum_fraction=D("0.005")) == D("0.50")


def test_partial_fills_cost_what_the_whole_order_costs():
    """Three fills of an order under IB's minimum: 1.00 with the first, nothing until 0.005 a share exceeds it."""
    settings = {"model": "ib_fixed", "sec_rate": 0, "taf_rate": 0, "cat_rate": 0}
    world = World(displayed_size=True, commission=settings)
    world.feed(quote(0, 99, 100, ask_size=100))
    world.submit(terms("buy", "market", 400), 1)
    for second in (2, 3, 4):
        world.feed(quote(second, 99, 100, ask_size=100))
    assert world.fees() == [D("1.00"), D("0.00"), D("0.50"), D("0.50")]
    assert world.core.account().cash == D(1_000_000) - D(40_000) - D("2.00")


def test_a_fixed_commission_is_charged_once_an_order():
    world = World(displayed_size=True, commission={"model": "fixed", "amount": 3})
    world.feed(quote(0, 99, 100, ask_size=60))
    world.submit(terms("buy", "market"), 1)
    world.feed(quote(2, 99, 100, ask_size=60))
    assert world.fees() == [D("3.00"), D("0.00")]


TICK = D("0.01")


@pytest.mark.parametrize(
    ("side", "settings", "quoted", "price"),
    [
        ("buy", {}, False, "100.00"),
        ("buy", {"model": "fixed_bps", "bps": D(5)}, False, "100.05"),
        ("sell", {"model": "fixed_bps", "bps": D(5)}, True, "99.95"),
        ("buy", {"model": "fixed_bps", "bps": D("0.1")}, False, "100.01"),  # a tenth of a tick is a whole one against the taker
        ("buy", {"model": "spread", "spread_bps": D(10)}, False, "100.05"),  # half of it
        ("buy", {"model": "spread", "spread_bps": D(10)}, True, "100.00"),  # a quote has it already
        ("buy", {"model": "volume_impact", "impact_bps": D(40)}, False, "100.20"),  # 100 of 400: half of 40
        ("sell", {"model": "volume_impact", "impact_bps": D(4000)}, False, "99.00"),  # at most 100
    ],
)
def test_slippage(side, settings, quoted, price):
    if "model" in settings:
        settings = {**settings, "model": SlippageModel(settings["model"])}
    found = slipped(SlippageSettings(**settings), OrderSide(side), D("100.00"), D(100), 400.0, TICK, quoted=quoted)
    assert found == D(price)


def test_impact_without_a_volume_is_the_maximum_and_a_price_stays_above_zero():
    impact = SlippageSettings(model=SlippageModel.VOLUME_IMPACT, impact_bps=D(10), impact_bps_max=D(20))
    assert slipped(impact, OrderSide.BUY, D("100.00"), D(1), 0.0, TICK, quoted=False) == D("100.20")
    wild = SlippageSettings(model=SlippageModel.FIXED_BPS, bps=D(20_000))
    assert slipped(wild, OrderSide.SELL, D("1.00"), D(1), 1.0, TICK, quoted=False) == TICK


def test_slippage_moves_takers_never_makers_limits_or_auctions():
    slip = {"model": "fixed_bps", "bps": 100}
    world = World(slippage=slip)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market"), 60, "market")
    world.submit(terms("buy", "limit", limit=99.5), 60, "maker")
    world.submit(terms("buy", "limit", limit=100.4), 60, "capped")
    world.submit(terms("sell", "stop", stop=99), 60, "stop")
    world.submit(terms("buy", "market_on_open"), 60, "auction")
    world.feed(bar(60, 100, 100, 98, 98))
    filled = {name: world.fills(name) for name in ("market", "maker", "capped", "stop", "auction")}
    assert filled == {
        "market": [(100, 101.0)],
        "maker": [(100, 99.5)],
        "capped": [(100, 100.4)],
        "stop": [(100, 98.01)],
        "auction": [(100, 100.0)],
    }


@pytest.mark.parametrize(
    ("commission", "bought", "sold"),
    [  # buy 300 at 20.01 (6,003.00) and sell them at 19.87 (5,961.00), both as taker
        ({"model": "none"}, "0.00", "0.00"),
        ({"model": "fixed", "amount": "1.25"}, "1.25", "1.25"),
        ({"model": "per_share", "rate": "0.004", "minimum": 1}, "1.20", "1.20"),
        ({"model": "per_share", "rate": "0.004", "minimum": 2}, "2.00", "2.00"),
        ({"model": "per_share", "rate": "0.004", "maximum_fraction": "0.0001"}, "0.60", "0.60"),  # 0.6003 and 0.5961
        # 1.50 + CAT 0.0216; and SEC 0.1657158 + TAF 0.0498
        ({"model": "ib_fixed"}, "1.52", "1.74"),
        # 1.05 + exchange 0.90 + clearing 0.06 + pass-through 0.00077175 + CAT 0.0216; and SEC 0.1657158 + TAF 0.0498
        ({"model": "ib_tiered"}, "2.03", "2.25"),
        # CAT 0.0138 -> 0.02; and SEC 0.1657158 -> 0.17, TAF 0.0498 -> 0.05
        ({"model": "alpaca"}, "0.02", "0.24"),
    ],
)
def test_a_round_trip_to_the_cent(commission, bought, sold):
    world = World(commission=commission)
    world.feed(quote(0, 20.00, 20.01))
    world.submit(terms("buy", "market", 300), 1)
    world.feed(quote(2, 19.87, 19.88))
    world.submit(terms("sell", "market", 300), 3)
    assert world.fees() == [D(bought), D(sold)]
    assert world.core.account().cash == D(1_000_000) - D("6003.00") + D("5961.00") - D(bought) - D(sold)
