"""How an order is worked: RegimeFlow's routing cases on our grid, and that no part is ever more, or worse, than what was approved."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.order_router.routing import Routing, Venue, over, parts, venue_of
from shared.domain.order_ids import CLIENT_ID_CHARS_MAX, client_order_id, parse_client_id
from shared.events import Market, OrderSide, OrderTerms, OrderType, RoutedChild, TimeInForce

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIT, MID = Venue("lit", 0.6), Venue("mid", 0.4)


def market(bid: float = 100.0, ask: float = 100.05, *, worst: object = "105", style: str = "", lot: object = 1, last: float = 100.05) -> Market:
    return Market(bid, ask, last, D(str(worst)), D("0.01"), D(str(lot)), style)


def order(side: OrderSide = BUY, quantity: object = 10, tif: TimeInForce = TimeInForce.DAY) -> OrderTerms:
    return OrderTerms("AAPL", side, OrderType.MARKET, D(str(quantity)), tif=tif)


def limit_of(routing: Routing, terms: OrderTerms, m: Market) -> Decimal | None:
    """The limit of the one part, None where the order goes as it is."""
    children = parts(routing, "ma:1:1", terms, m)
    assert len(children) <= 1
    return children[0].terms.limit_price if children else None


TIGHT = Routing(max_spread_bps=D(10))
OFFSETS = Routing(max_spread_bps=D(10), passive_offset_bps=D(2), aggressive_offset_bps=D(3))


@pytest.mark.parametrize(
    ("routing", "side", "m", "price"),
    [
        (TIGHT, BUY, market(), "100.00"),  # joins the bid
        (TIGHT, SELL, market(worst="95"), "100.05"),
        (TIGHT, BUY, market(100.0, 100.2), None),  # too wide: goes as it is
        (TIGHT, BUY, market(100.0, 100.1001), None),
        (TIGHT, BUY, market(0.0, 0.0), None),  # no quote
        (Routing(), BUY, market(), None),  # no spread is named
        (OFFSETS, BUY, market(), "99.98"),  # 2 bps behind the bid
        (OFFSETS, SELL, market(worst="95"), "100.08"),  # 100.07001 towards patience
        (OFFSETS, BUY, market(100.0, 101.0, style="passive"), "99.98"),  # named: whatever the spread
        (OFFSETS, BUY, market(style="aggressive"), "100.09"),  # 3 bps beyond the ask, rounded away from us
        (OFFSETS, SELL, market(style="aggressive", worst="95"), "99.97"),
        (OFFSETS, BUY, market(style="aggressive", worst="100.063"), "100.06"),  # never beyond what was approved
        (OFFSETS, SELL, market(style="aggressive", worst="99.985"), "99.99"),
        (OFFSETS, BUY, market(0.0, 0.0, style="passive", last=99.5), "99.50"),  # bars only: the last price
    ],
)
def test_the_limit_a_market_order_goes_with(routing: Routing, side: OrderSide, m: Market, price: str | None) -> None:
    assert limit_of(routing, order(side), m) == (None if price is None else D(price))


def test_an_order_for_now_is_not_made_patient() -> None:
    assert limit_of(TIGHT, order(tif=TimeInForce.IOC), market()) is None
    assert limit_of(TIGHT, order(tif=TimeInForce.IOC), market(style="aggressive")) == D("100.05")


@pytest.mark.parametrize(
    ("venues", "quantity", "least", "lot", "shares"),
    [
        ((LIT, MID), 10, 1, 1, [("lit", "6"), ("mid", "4")]),
        ((LIT, MID), 7, 1, 1, [("lit", "4"), ("mid", "3")]),  # whole lots; the last has the rest
        ((LIT, MID), 10, 5, 1, []),  # 4 is too small a part: it goes whole
        ((LIT, MID, Venue("dark", 0.0)), 10, 1, 1, [("lit", "6"), ("mid", "4")]),
        ((LIT, MID, Venue("c"), Venue("d"), Venue("e")), 100, 1, 1, [("lit", "20"), ("mid", "13"), ("c", "33"), ("d", "34")]),  # four at most
        ((LIT, MID), "0.5", "0.01", "0.01", [("lit", "0.3"), ("mid", "0.2")]),
        ((LIT,), 10, 1, 1, []),
    ],
)
def test_the_parts_of_a_split_order(venues: tuple[Venue, ...], quantity: object, least: object, lot: object, shares: list[tuple[str, str]]) -> None:
    routing = Routing(venues=venues, max_children=4, min_child_qty=D(str(least)))

    children = parts(routing, "ma:1:1", order(quantity=quantity), market(lot=lot))

    assert [(c.venue, c.terms.quantity) for c in children] == [(name, D(share)) for name, share in shares]
    assert [c.order_id for c in children] == [f"ma:1:1/{k}" for k in range(1, len(shares) + 1)]


@pytest.mark.parametrize(
    "terms",
    [
        OrderTerms("AAPL", BUY, OrderType.STOP, D(10), stop_price=D(101)),
        OrderTerms("AAPL", BUY, OrderType.TRAILING_STOP, D(10), trail_percent=D(1)),
        OrderTerms("AAPL", BUY, OrderType.MARKET_ON_CLOSE, D(10)),
        OrderTerms("AAPL", BUY, OrderType.LIMIT, D(10), D(100), tif=TimeInForce.FOK),
    ],
    ids=lambda t: t.type,
)
def test_what_would_lose_its_meaning_goes_as_it_is(terms: OrderTerms) -> None:
    assert parts(Routing(max_spread_bps=D(10), venues=(LIT, MID), max_children=2), "ma:1:1", terms, market()) == ()


@pytest.mark.parametrize(
    ("routing", "venue"), [(Routing(), ""), (Routing(default_venue="x"), "x"), (Routing(default_venue="x", venues=(MID, LIT)), "lit")]
)
def test_where_a_whole_order_goes(routing: Routing, venue: str) -> None:
    assert venue_of(routing) == venue


_money = st.decimals("0.01", "1000", places=2)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.builds(
        Routing,
        max_spread_bps=st.none() | st.decimals(0, 500, places=1),
        passive_offset_bps=st.decimals(0, 500, places=1),
        aggressive_offset_bps=st.decimals(0, 500, places=1),
        venues=st.lists(st.builds(Venue, st.sampled_from("abc"), st.floats(0, 5)), max_size=5).map(tuple),
        max_children=st.integers(1, 6),
        min_child_qty=st.integers(0, 20).map(Decimal),
    ),
    st.sampled_from(OrderSide),
    st.integers(1, 500),
    _money,
    st.decimals(0, 5, places=2),
    st.decimals(0, "0.2", places=4),
    st.sampled_from(["", "passive", "aggressive"]),
    st.none() | _money,
)
def test_the_parts_are_the_whole_and_none_is_worse_than_approved(
    routing: Routing, side: OrderSide, quantity: int, bid: Decimal, spread: Decimal, collar: Decimal, style: str, limit: Decimal | None
) -> None:
    near = bid + spread if side is BUY else bid
    worst = near * (1 + collar) if side is BUY else near * (1 - collar)
    m = Market(float(bid), float(bid + spread), float(near), worst, D("0.01"), D(1), style)
    terms = OrderTerms("AAPL", side, OrderType.MARKET if limit is None else OrderType.LIMIT, D(quantity), limit)

    children = parts(routing, "ma:1:1", terms, m)

    assert not over(terms, m, children)
    if children:
        assert sum(c.terms.quantity for c in children) == terms.quantity
    for child in children:
        price = child.terms.limit_price
        assert child.terms.quantity > 0
        assert (child.terms.symbol, child.terms.side, child.terms.tif) == (terms.symbol, terms.side, terms.tif)
        if limit is not None:
            assert price == limit
        elif price is not None:
            assert price % D("0.01") == 0
            assert price <= worst if side is BUY else price >= worst


@pytest.mark.parametrize(
    "change",
    [{"quantity": D(11)}, {"side": SELL}, {"symbol": "MSFT"}, {"limit_price": D(106)}, {"tif": TimeInForce.GTC}],
    ids=str,
)
def test_a_part_that_is_more_or_worse_is_seen(change: dict[str, object]) -> None:
    good: dict[str, object] = {"symbol": "AAPL", "side": BUY, "type": OrderType.LIMIT, "quantity": D(10), "limit_price": D(105)}
    routed = OrderTerms(**{**good, **change})  # type: ignore[arg-type]

    assert over(order(), market(), [RoutedChild("ma:1:1/1", routed)])
    assert not over(order(), market(), [RoutedChild("ma:1:1/1", OrderTerms(**good))])  # type: ignore[arg-type]


def test_the_brokers_name_of_a_part_reads_back() -> None:
    name = client_order_id("abcdef0123", "a_strategy_name1:12:3456/4", 7)

    assert name == "abcdef-a_strategy_name1-12-3456_4.7"
    assert len(name) <= CLIENT_ID_CHARS_MAX
    parsed = parse_client_id(name)
    assert parsed is not None
    assert (parsed.order_id, parsed.replace_no, parsed.strategy) == ("a_strategy_name1:12:3456/4", 7, "a_strategy_name1")
