"""Permission, form and time of an order; duplicates and rate."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk_engine.throttle import Bucket
from shared.brokers.contract import Capabilities
from shared.events import (
    Alert,
    Bar,
    BrokerConnectionChanged,
    CancelApproved,
    CancelIntent,
    DataGap,
    FreshnessChanged,
    InstrumentDefined,
    InstrumentHalted,
    OrderApproved,
    OrderDenied,
    OrderIntent,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    SessionChanged,
    SessionPhase,
    TimeInForce,
)
from tests.support.risk_desk import BUY, MS, SELL, RiskDesk, reason

MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP


def answer(desk: RiskDesk, terms: OrderTerms, **extra: object) -> OrderApproved | OrderDenied:
    found = desk.intend(terms, **extra)[0]  # type: ignore[arg-type]
    assert isinstance(found, OrderApproved | OrderDenied)
    return found


class TestAuthorisation:
    def test_a_strategy_speaks_only_for_itself(self) -> None:
        desk = RiskDesk()
        terms = OrderTerms("X", BUY, MARKET, D(1))
        denied, alert = desk.tell(OrderIntent("a:1:1", "a", terms), "strategy.b")
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.key, denied.value) == (Reason.NOT_AUTHORISED, "source", "strategy.b")
        assert isinstance(alert, Alert)
        assert reason(desk.buy(1)) is None  # the stolen id is still its owner's

    def test_a_strategy_trades_its_symbols(self) -> None:
        desk = RiskDesk(strategies=[{"id": "a", "symbols": ["Y"]}])
        denied, alert = desk.intend(OrderTerms("X", BUY, MARKET, D(1)))
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.limit, denied.value) == (Reason.NOT_AUTHORISED, "Y", "X")
        assert isinstance(alert, Alert)

    def test_a_strategy_nobody_configured(self) -> None:
        assert reason(RiskDesk().buy(1, strategy="zz")) is Reason.NOT_AUTHORISED

    @pytest.mark.parametrize("order_id", ["", "a", "a:1", "b:1:1", "a:0:1", "a:1:0", "a:01:1", "a:1:1:1", "a:-1:1", "a:1:x", "a:1:²"])
    def test_an_order_id_of_another_form(self, order_id: str) -> None:
        desk = RiskDesk()
        denied = desk.tell(OrderIntent(order_id, "a", OrderTerms("X", BUY, MARKET, D(1))), "strategy.a")[0]
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.key) == (Reason.NOT_AUTHORISED, "order_id")

    def test_a_stranger_cancels_nothing(self) -> None:
        desk = RiskDesk()
        desk.buy(1, 90)
        for source, strategy in (("strategy.b", "a"), ("strategy.b", "b")):
            [alert] = desk.tell(CancelIntent("a:1:1", strategy), source)
            assert isinstance(alert, Alert)


class TestValidity:
    @pytest.mark.parametrize(
        ("terms", "code"),
        [
            (OrderTerms("Q", BUY, MARKET, D(1)), Reason.NOT_AUTHORISED),
            (OrderTerms("X", BUY, MARKET, D(0)), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D(-1)), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("NaN")), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("sNaN")), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("Infinity")), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("1E+999")), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("1E-999")), Reason.BAD_QUANTITY),
            (OrderTerms("X", BUY, MARKET, D("0.5")), Reason.OFF_LOT),
            (OrderTerms("X", BUY, LIMIT, D(1), D("100.001")), Reason.OFF_TICK),
            (OrderTerms("X", BUY, LIMIT, D(1)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, MARKET, D(1), D(100)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, LIMIT, D(1), D(0)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, LIMIT, D(1), D("NaN")), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, LIMIT, D(1), D(100), D(99)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, STOP, D(1)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, OrderType.TRAILING_STOP, D(1)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, OrderType.TRAILING_STOP, D(1), trail_price=D(1), trail_percent=D(1)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, OrderType.TRAILING_STOP, D(1), trail_percent=D(100)), Reason.BAD_PRICE),
            (OrderTerms("X", BUY, MARKET, D(1), tif=TimeInForce.GTD), Reason.BAD_EXPIRY),
            (OrderTerms("X", BUY, MARKET, D(1), tif=TimeInForce.GTD, expire_at=1), Reason.BAD_EXPIRY),
            (OrderTerms("X", BUY, MARKET, D(1), expire_at=1 << 61), Reason.BAD_EXPIRY),
        ],
    )
    def test_what_is_no_order_is_denied_with_its_reason(self, terms: OrderTerms, code: Reason) -> None:
        assert answer(RiskDesk(), terms).reason is code  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "terms",
        [
            OrderTerms("X", BUY, STOP, D(1), stop_price=D("105.5")),
            OrderTerms("X", BUY, OrderType.STOP_LIMIT, D(1), D(106), D(105)),
            OrderTerms("X", BUY, OrderType.TRAILING_STOP, D(1), trail_percent=D("1.5")),
            OrderTerms("X", BUY, LIMIT, D("1.00"), D("100.10"), tif=TimeInForce.GTD, expire_at=1 << 61),
        ],
    )
    def test_what_is_one_passes(self, terms: OrderTerms) -> None:
        assert isinstance(answer(RiskDesk(), terms), OrderApproved)

    def test_types_and_times_in_force_may_be_forbidden(self) -> None:
        desk = RiskDesk(order_types_allowed=["limit"], tifs_allowed=["day"])
        assert reason(desk.buy(1)) is Reason.UNSUPPORTED_TYPE
        assert answer(desk, OrderTerms("X", BUY, LIMIT, D(1), D(100), tif=TimeInForce.GTC)).reason is Reason.UNSUPPORTED_TIF  # type: ignore[union-attr]

    def test_what_the_broker_does_not_take_is_denied_before_it_is_sent(self) -> None:
        """Trailing stops are no router's to imitate: where the broker lacks the type, risk says so. It is known from the broker's session."""
        trailing = OrderTerms("X", SELL, OrderType.TRAILING_STOP, D(1), trail_percent=D("1.5"))
        desk = RiskDesk()
        assert isinstance(answer(desk, trailing), OrderApproved)

        able = Capabilities("tiny", ("equity",), {LIMIT: (TimeInForce.DAY,), STOP: (TimeInForce.DAY, TimeInForce.GTC)})
        desk.tell(BrokerConnectionChanged("acc", "router", connected=True, capabilities=able.to_json()))
        desk.tell(BrokerConnectionChanged("acc", "router", connected=False, text="gone"))
        desk.core = desk.restarted()

        denied = answer(desk, trailing)
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.key, denied.limit, denied.value) == (Reason.UNSUPPORTED_TYPE, "broker", "limit stop", "trailing_stop")
        assert answer(desk, OrderTerms("X", BUY, LIMIT, D(1), D(100), tif=TimeInForce.GTC)).reason is Reason.UNSUPPORTED_TIF  # type: ignore[union-attr]
        assert isinstance(answer(desk, OrderTerms("X", BUY, LIMIT, D(1), D(100))), OrderApproved)

    def test_an_instrument_nobody_defined(self) -> None:
        desk = RiskDesk(strategies=[{"id": "a", "symbols": ["Q"]}])
        assert reason(desk.buy(1, symbol="Q")) is Reason.UNKNOWN_INSTRUMENT

    @settings(max_examples=200, derandomize=True, deadline=None)
    @given(
        st.decimals(allow_nan=True, allow_infinity=True),
        st.none() | st.decimals(allow_nan=True, allow_infinity=True),
        st.sampled_from(OrderType),
        st.sampled_from(OrderSide),
    )
    def test_no_number_raises(self, quantity: D, price: D | None, kind: OrderType, side: OrderSide) -> None:
        found = answer(DEFAULTS, OrderTerms("X", side, kind, quantity, price))
        if isinstance(found, OrderApproved):
            assert quantity > 0
            assert quantity % 1 == 0


DEFAULTS = RiskDesk(defaults=True)


class TestTime:
    def test_a_command_held_up_is_expired(self) -> None:
        desk = RiskDesk(clock="wall", command_age_ms_max=2000)
        cause = desk.seq
        desk.wait(5000)
        denied = desk.order(BUY, 1, cause=cause)
        assert denied == OrderDenied("a:1:1", "a", Reason.EXPIRED, "command_age_ms_max", "2000", "5000")

    @pytest.mark.parametrize(("ms", "late"), [(1900, False), (2000, False), (2300, True), (60_000, True)])
    def test_however_busy_the_log_is(self, ms: int, late: bool) -> None:
        desk = RiskDesk(clock="wall", command_age_ms_max=2000)
        cause = desk.seq
        for _ in range(ms // 10):
            desk.wait(10).quote("X", 99.0, 101.0)
        assert reason(desk.order(BUY, 1, cause=cause)) is (Reason.EXPIRED if late else None)

    def test_a_restart_remembers_how_old_things_are(self) -> None:
        desk = RiskDesk(clock="wall", command_age_ms_max=2000)
        cause = desk.seq
        desk.core = desk.restarted()
        desk.wait(5000)
        assert reason(desk.order(BUY, 1, cause=cause)) is Reason.EXPIRED

    def test_under_the_feed_clock_nothing_is_old(self) -> None:
        desk = RiskDesk(command_age_ms_max=2000)
        cause = desk.seq
        desk.wait(1e9).quote("X", 99.0, 101.0)
        assert reason(desk.order(BUY, 1, cause=cause)) is None

    @pytest.mark.parametrize(("ms", "stale"), [(4999, False), (5000, False), (5001, True)])
    def test_a_frozen_feed_closes_at_its_millisecond(self, ms: int, stale: bool) -> None:
        desk = RiskDesk(quote_age_ms_max=5000).wait(ms)
        denied = desk.buy(1)
        assert reason(denied) is (Reason.STALE_DATA if stale else None)
        desk.quote("X", 99.0, 101.0)
        assert reason(desk.buy(1)) is None

    def test_a_delayed_feed_is_stale_however_lively(self) -> None:
        desk = RiskDesk(quote_age_ms_max=5000)
        desk.wait(20_000)
        desk.tell(Bar("X", desk.now - 70_000 * MS, desk.now - 10_000 * MS, 1.0, 1.0, 1.0, 100.0, 1.0))
        assert reason(desk.buy(1)) is Reason.STALE_DATA

    def test_a_gap_blocks_until_data_after_it(self) -> None:
        desk = RiskDesk()
        desk.tell(DataGap("X", desk.now, desk.now + 1000 * MS, "reconnect"))
        assert reason(desk.buy(1)) is Reason.DATA_GAP
        desk.wait(1000).quote("X", 99.0, 101.0)
        assert reason(desk.buy(1)) is Reason.DATA_GAP
        desk.wait(1).quote("X", 99.0, 101.0)
        assert reason(desk.buy(1)) is None

    def test_the_gateways_word_on_freshness(self) -> None:
        desk = RiskDesk()
        desk.tell(FreshnessChanged("X", fresh=False, last=0))
        assert reason(desk.buy(1)) is Reason.STALE_DATA
        desk.tell(FreshnessChanged("X", fresh=True, last=desk.now))
        assert reason(desk.buy(1)) is None

    def test_a_halted_instrument(self) -> None:
        desk = RiskDesk()
        desk.tell(InstrumentHalted("X", halted=True, reason="LULD"))
        assert reason(desk.buy(1)) is Reason.INSTRUMENT_HALTED
        assert reason(desk.buy(1, symbol="Y")) is None
        desk.tell(InstrumentHalted("X", halted=False, reason=""))
        assert desk.buy(1) == OrderDenied("a:1:3", "a", Reason.INSTRUMENT_HALTED, "halt", "a price since the halt", "none")
        desk.wait(1).quote("X", 99.0, 101.0)
        assert reason(desk.buy(1)) is None


class TestSessions:
    def listed(self, **limits: object) -> RiskDesk:
        desk = RiskDesk(**limits)
        desk.tell(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XNYS"))
        return desk

    def phase(self, desk: RiskDesk, phase: SessionPhase) -> RiskDesk:
        desk.tell(SessionChanged("XNYS", phase, "2024-01-02", 0, 0))
        return desk

    def test_a_calendar_nobody_reported_is_closed(self) -> None:
        denied = self.listed().buy(1)
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.value) == (Reason.MARKET_CLOSED, "unknown")

    @pytest.mark.parametrize("phase", list(SessionPhase))
    def test_only_allowed_phases(self, phase: SessionPhase) -> None:
        assert reason(self.phase(self.listed(), phase).buy(1)) is (None if phase is SessionPhase.OPEN else Reason.MARKET_CLOSED)
        assert reason(self.phase(self.listed(sessions_allowed=["pre", "open", "post", "closed"]), phase).buy(1)) is None

    def test_a_closed_markets_last_price_does_not_age_but_the_open_wants_a_new_one(self) -> None:
        desk = self.phase(self.listed(sessions_allowed=["open", "closed"], quote_age_ms_max=1000), SessionPhase.CLOSED).wait(3_600_000)
        assert reason(desk.buy(1)) is None
        self.phase(desk, SessionPhase.OPEN)
        assert reason(desk.buy(1)) is Reason.STALE_DATA

    def test_an_order_for_the_open_may_wait_for_it(self) -> None:
        terms = OrderTerms("X", BUY, OrderType.MARKET_ON_OPEN, D(1))
        assert isinstance(answer(self.phase(self.listed(), SessionPhase.PRE), terms), OrderApproved)
        assert isinstance(answer(self.phase(self.listed(), SessionPhase.POST), terms), OrderDenied)


class TestDuplicates:
    def test_the_same_id_in_the_same_words_is_answered_already(self) -> None:
        desk = RiskDesk()
        terms = OrderTerms("X", BUY, MARKET, D(1))
        assert len(desk.intend(terms, order_id="a:1:1")) == 1
        assert desk.intend(terms, order_id="a:1:1") == []

    def test_the_same_id_of_a_living_order_in_other_words_alarms_and_does_not_deny_it(self) -> None:
        desk = RiskDesk()
        desk.intend(OrderTerms("X", BUY, MARKET, D(1)), order_id="a:1:1")
        [alert] = desk.intend(OrderTerms("X", BUY, MARKET, D(2)), order_id="a:1:1")
        assert isinstance(alert, Alert)

    def test_of_an_ended_order_it_is_denied(self) -> None:
        desk = RiskDesk()
        desk.cancel(desk.buy(1))
        denied, alert = desk.intend(OrderTerms("X", BUY, MARKET, D(2)), order_id="a:1:1")
        assert isinstance(denied, OrderDenied)
        assert denied.reason is Reason.DUPLICATE_MISMATCH
        assert isinstance(alert, Alert)

    def test_of_a_denied_order_it_is_denied_again(self) -> None:
        desk = RiskDesk(order_qty_max=1)
        assert reason(desk.buy(2)) is Reason.ORDER_QUANTITY
        assert reason(desk.buy(1, order_id="a:1:1")) is Reason.DUPLICATE_ID

    def test_ids_stay_known_over_restarts_and_runs(self) -> None:
        desk = RiskDesk()
        desk.intend(OrderTerms("X", BUY, MARKET, D(1)), order_id="a:2:1")
        desk.core = desk.restarted()
        assert reason(desk.buy(1, order_id="a:1:7")) is Reason.DUPLICATE_ID
        assert reason(desk.buy(1, order_id="a:2:2")) is None

    def test_alike_orders_in_a_window(self) -> None:
        desk = RiskDesk(duplicate_order_window_ms=1000)
        assert reason(desk.buy(1, 100)) is None
        assert reason(desk.buy("1.0", "100.00")) is Reason.DUPLICATE_ORDER
        assert reason(desk.buy(1, 99)) is None
        assert reason(desk.buy(1, 100, strategy="b")) is None
        assert reason(desk.wait(999).buy(1, 100)) is Reason.DUPLICATE_ORDER
        assert reason(desk.wait(1).buy(1, 100)) is None

    def test_how_many_alike_is_a_limit(self) -> None:
        desk = RiskDesk(duplicate_order_window_ms=1000, duplicate_order_count_max=3)
        assert [reason(desk.buy(1)) for _ in range(4)] == [None, None, None, Reason.DUPLICATE_ORDER]


class TestRate:
    def test_the_next_message_of_a_full_second_is_denied_and_cancels_pass(self) -> None:
        desk = RiskDesk(msgs_per_s_max=5, cancel_reserve_per_s=2)
        assert [reason(desk.buy(1)) for _ in range(6)] == [None] * 5 + [Reason.THROTTLED]
        for n in range(1, 6):
            assert desk.tell(CancelIntent(f"a:1:{n}", "a"), "strategy.a") == [CancelApproved(f"a:1:{n}", "a")]
        assert reason(desk.wait(200).buy(1)) is Reason.THROTTLED  # three cancels past the reserve used what came back
        assert reason(desk.wait(600).buy(1)) is None

    def test_a_strategy_has_its_own_bucket(self) -> None:
        desk = RiskDesk(strategy_msgs_per_s_max=1)
        assert reason(desk.buy(1)) is None
        assert reason(desk.buy(1)) is Reason.THROTTLED
        assert reason(desk.buy(1, strategy="b")) is None

    def test_replaces_count(self) -> None:
        desk = RiskDesk(msgs_per_min_max=2)
        order = desk.buy(1, 90)
        assert reason(desk.replace(order, 1, limit=91)) is None
        assert reason(desk.replace(order, 2, limit=92)) is Reason.THROTTLED

    @pytest.mark.parametrize("key", ["orders_open_max", "strategy_orders_open_max", "symbol_orders_open_max"])
    def test_open_orders_are_counted(self, key: str) -> None:
        desk = RiskDesk(**{key: 2})
        first = desk.buy(1, 90)
        assert reason(desk.buy(1, 90)) is None
        denied = desk.buy(1, 90)
        assert isinstance(denied, OrderDenied)
        assert (denied.reason, denied.key, denied.limit, denied.value) == (Reason.OPEN_ORDERS, key, "2", "3")
        desk.cancel(first)
        assert reason(desk.buy(1, 90)) is None

    @settings(max_examples=100, derandomize=True, deadline=None)
    @given(st.integers(1, 50), st.lists(st.integers(0, 400 * MS), max_size=60))
    def test_a_bucket_never_lets_more_through_than_it_holds_and_refills(self, rate: int, gaps: list[int]) -> None:
        bucket, now, taken = Bucket(rate, 1000 * MS), 0, []
        for gap in gaps:
            now += gap
            if bucket.has_tokens(now):
                bucket.take(now)
                taken.append(now)
        for i, start in enumerate(taken):
            for j in range(i, len(taken)):
                assert j - i + 1 <= rate + (taken[j] - start) * rate // (1000 * MS) + 1
