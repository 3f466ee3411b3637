"""Brackets and OCO pairs: decided when they are whole, all of it or none, and counted for what they can do together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from shared.events import (
    Event,
    FlattenRequested,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderIntent,
    OrderReplaced,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    ReduceRequested,
    ReplaceIntent,
    ReplaceSending,
    RunStarted,
    Scope,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk, reason

ROUTER = "order_router"


def legs(quantity: object = 10, side: OrderSide = BUY, target: object = 110, stop: object = 90, symbol: str = "X") -> list[tuple[str, OrderTerms]]:
    d = lambda x: Decimal(str(x))  # noqa: E731
    out = SELL if side is BUY else BUY
    return [
        ("entry", OrderTerms(symbol, side, OrderType.MARKET, d(quantity))),
        ("take_profit", OrderTerms(symbol, out, OrderType.LIMIT, d(quantity), d(target))),
        ("stop_loss", OrderTerms(symbol, out, OrderType.STOP, d(quantity), None, d(stop))),
    ]


def intents(parts: Sequence[tuple[str, OrderTerms]], strategy: str = "a", first: int = 1, size: int | None = None) -> list[OrderIntent]:
    group = f"{strategy}:1:{first}"
    return [
        OrderIntent(f"{strategy}:1:{first + i}", strategy, terms, group, role, role not in {"entry", "oco"}, len(parts) if size is None else size)
        for i, (role, terms) in enumerate(parts)
    ]


def say(desk: RiskDesk, words: Sequence[OrderIntent], strategy: str = "a") -> list[Event]:
    """Every answer to these intents, told one by one."""
    return [answer for intent in words for answer in desk.tell(intent, f"strategy.{strategy}")]


def bracket(desk: RiskDesk, **more: Any) -> list[Event]:
    first = more.pop("first", 1)
    strategy = more.pop("strategy", "a")
    return say(desk, intents(legs(**more), strategy, first), strategy)


def oco(desk: RiskDesk, quantity: object = 10, first: int = 1) -> list[Event]:
    parts = [("oco", terms) for _, terms in legs(quantity)[1:]]
    return say(desk, intents(parts, first=first))


def reasons(answers: Sequence[Event]) -> list[Reason | None]:
    return [reason(a) for a in answers if isinstance(a, OrderApproved | OrderDenied)]


def fill(desk: RiskDesk, order: Event, quantity: object, leaves: object) -> None:
    desk.fill(order, quantity, leaves=leaves)


def end(desk: RiskDesk, order: Event) -> None:
    assert isinstance(order, OrderApproved)
    desk.tell(OrderCanceled(order.order_id, order.strategy, Decimal(0)), ROUTER)


def sending(desk: RiskDesk, order: Event, quantity: object) -> None:
    """The router releases it for so many units."""
    assert isinstance(order, OrderApproved)
    t = order.terms
    terms = OrderTerms(t.symbol, t.side, t.type, Decimal(str(quantity)), t.limit_price, t.stop_price)
    desk.tell(OrderSending(order.order_id, order.strategy, "c", terms, 0), ROUTER)


# whole or not at all


def test_nothing_is_decided_before_the_last_leg_then_all_is() -> None:
    desk = RiskDesk()
    entry, target, stop = intents(legs())

    assert desk.tell(entry, "strategy.a") == []
    assert desk.tell(target, "strategy.a") == []
    answers = desk.tell(stop, "strategy.a")

    assert [(a.order_id, a.group, a.group_role, a.group_size) for a in answers if isinstance(a, OrderApproved)] == [
        ("a:1:1", "a:1:1", "entry", 3),
        ("a:1:2", "a:1:1", "take_profit", 3),
        ("a:1:3", "a:1:1", "stop_loss", 3),
    ]


@pytest.mark.parametrize(
    ("limits", "change", "expected"),
    [
        ({"order_qty_max": 9}, {}, [Reason.ORDER_QUANTITY, Reason.GROUP, Reason.GROUP]),
        ({"position_max": 9}, {}, [Reason.POSITION, Reason.GROUP, Reason.GROUP]),
        ({"order_notional_max": 1050}, {}, [Reason.GROUP, Reason.ORDER_NOTIONAL, Reason.GROUP]),  # 10 x 110, and the entry 10 x 101
        ({}, {"target": "110.001"}, [Reason.GROUP, Reason.OFF_TICK, Reason.GROUP]),
        ({}, {"stop": "90.001"}, [Reason.GROUP, Reason.GROUP, Reason.OFF_TICK]),
        ({"order_types_allowed": ["market", "limit"]}, {}, [Reason.GROUP, Reason.GROUP, Reason.UNSUPPORTED_TYPE]),
        ({}, {"target": 80}, [Reason.BAD_PRICE, Reason.GROUP, Reason.GROUP]),
        ({"orders_open_max": 2}, {}, [Reason.OPEN_ORDERS, Reason.GROUP, Reason.GROUP]),
        ({"msgs_per_s_max": 2}, {}, [Reason.THROTTLED, Reason.GROUP, Reason.GROUP]),
    ],
)
def test_one_leg_denied_denies_them_all_and_nothing_is_counted(limits: dict[str, Any], change: dict[str, Any], expected: list[Reason]) -> None:
    desk = RiskDesk(**limits)

    answers = bracket(desk, **change)

    assert reasons(answers) == expected
    assert desk.core._desk.reservations.orders == {}


def test_as_many_messages_and_open_orders_as_it_has_legs_are_enough() -> None:
    desk = RiskDesk(orders_open_max=3, msgs_per_s_max=3)

    assert reasons(bracket(desk)) == [None, None, None]
    assert reason(desk.buy(1, order_id="a:1:4")) is Reason.THROTTLED


def test_a_group_cut_short_by_other_words_of_its_strategy_is_denied_and_they_are_decided() -> None:
    desk = RiskDesk()
    say(desk, intents(legs())[:2])

    desk.buy(1, order_id="a:1:3")

    assert reasons(desk.told) == [Reason.GROUP, Reason.GROUP, None]


def test_a_new_run_of_the_strategy_ends_what_the_old_one_left_half_said() -> None:
    desk = RiskDesk()
    say(desk, intents(legs())[:1])

    assert reasons(desk.tell(RunStarted("strategy.b", 2, "f"))) == []
    assert reasons(desk.tell(RunStarted("strategy.a", 2, "f"))) == [Reason.GROUP]
    assert desk.tell(RunStarted("strategy.a", 3, "f")) == []


def test_a_new_run_of_risk_answers_them_too_and_forgets_them() -> None:
    desk = RiskDesk()
    say(desk, intents(legs())[:2])

    answers = desk.tell(RunStarted("risk_engine", 2, "g"))

    assert reasons(answers) == [Reason.DISARMED, Reason.DISARMED]
    assert desk.tell(RunStarted("strategy.a", 2, "f")) == []


def test_a_restart_between_two_legs_changes_nothing() -> None:
    desk = RiskDesk()
    entry, target, stop = intents(legs())
    say(desk, [entry, target])
    desk.core = desk.restarted()

    assert desk.tell(target, "strategy.a") == []  # said again, as a restarted strategy does
    assert reasons(desk.tell(stop, "strategy.a")) == [None, None, None]


def test_two_strategies_may_speak_at_once() -> None:
    desk = RiskDesk()
    ours, theirs = intents(legs()), intents(legs(), "b")

    answers = [a for pair in zip(ours, theirs, strict=True) for i in pair for a in desk.tell(i, f"strategy.{i.strategy}")]

    assert reasons(answers) == [None] * 6


@pytest.mark.parametrize(
    "words",
    [
        intents([*legs()[:2], legs()[1]]),  # two targets
        intents(legs(), size=4),
        intents(legs()[:2]),
        intents([legs()[1], legs()[2]]),
        intents([("oco", legs()[1][1])] * 3),
    ],
)
def test_what_is_no_group_is_denied_leg_by_leg(words: list[OrderIntent]) -> None:
    answers = say(RiskDesk(), words)

    assert set(reasons(answers)) == {Reason.GROUP}
    assert len(answers) == len(words)


def test_legs_that_do_not_fit_are_denied() -> None:
    role, terms = legs()[2]
    smaller = OrderTerms(terms.symbol, terms.side, terms.type, Decimal(9), None, terms.stop_price)
    wrong_way = OrderTerms(terms.symbol, BUY, terms.type, Decimal(10), None, terms.stop_price)
    elsewhere = OrderTerms("Y", terms.side, terms.type, Decimal(10), None, terms.stop_price)

    for odd in (smaller, wrong_way, elsewhere):
        assert reasons(say(RiskDesk(), intents([*legs()[:2], (role, odd)]))) == [Reason.GROUP] * 3


def test_an_entry_that_closes_what_is_held_has_nothing_for_exits() -> None:
    desk = RiskDesk()
    desk.hold(-10)

    assert reasons(bracket(desk, first=2))[0] is Reason.REDUCING_ONLY


def test_while_reducing_a_bracket_is_denied() -> None:
    desk = RiskDesk()
    desk.tell(ReduceRequested("c", "op", "calm", Scope.GLOBAL, ""))

    assert reasons(bracket(desk)) == [Reason.REDUCING_ONLY, Reason.GROUP, Reason.GROUP]


def test_a_group_of_another_log_generation_is_plain_orders() -> None:
    """An intent without a size is judged by itself, as logs from before groups were held say."""
    desk = RiskDesk()
    entry, target, _ = intents(legs(), size=0)

    assert reasons(desk.tell(entry, "strategy.a")) == [None]
    assert reasons(desk.tell(target, "strategy.a")) == [Reason.REDUCING_ONLY]


def test_the_defaults_let_a_bracket_pass() -> None:
    """Cash account, no shorts, no self-trades, no duplicates: exits collide with none of it."""
    desk = RiskDesk(defaults=True)

    assert reasons(bracket(desk)) == [None, None, None]


# what is counted


def line(desk: RiskDesk, symbol: str = "X") -> tuple[int, int, int]:
    """(held, open buys, open sells)."""
    made = desk.core._desk.value.line(symbol)
    return int(made.position), int(made.buys), int(made.sells)


def test_exits_count_once_and_only_as_far_as_the_entry_is_filled() -> None:
    desk = RiskDesk()
    entry, target, stop = bracket(desk)
    assert line(desk) == (0, 10, 0)

    fill(desk, entry, 4, 6)
    assert line(desk) == (4, 6, 4)
    sending(desk, stop, 4)
    sending(desk, target, 4)
    fill(desk, target, 1, 3)
    assert line(desk) == (3, 6, 3)
    end(desk, entry)
    fill(desk, stop, 3, 1)
    assert line(desk) == (0, 0, 0)
    end(desk, target)
    end(desk, stop)
    assert line(desk) == (0, 0, 0)


def test_an_exit_stays_counted_while_the_routers_raise_of_it_is_open() -> None:
    desk = RiskDesk()
    entry, target, stop = bracket(desk)
    fill(desk, entry, 4, 6)
    sending(desk, stop, 4)
    fill(desk, entry, 6, 0)
    more = OrderTerms("X", SELL, OrderType.STOP, Decimal(10), None, Decimal(90))
    desk.tell(ReplaceSending("a:1:3", "a", "c.1000", "b", 1000, more, 0), ROUTER)

    fill(desk, stop, 4, 0)  # before the broker had the replace
    assert line(desk) == (6, 0, 6)
    desk.tell(OrderReplaced("a:1:3", "a", 1000, more, "c.1000", "b2"), ROUTER)
    fill(desk, stop, 6, 0)
    end(desk, target)
    assert line(desk) == (0, 0, 0)


def test_an_oco_pair_counts_as_the_worse_of_its_legs() -> None:
    desk = RiskDesk()
    desk.hold(30)
    first, second = oco(desk, 10, first=2)
    assert line(desk) == (30, 0, 10)

    fill(desk, first, 4, 6)
    assert line(desk) == (26, 0, 6)
    end(desk, first)
    assert line(desk) == (26, 0, 6)
    end(desk, second)
    assert line(desk) == (26, 0, 0)


def test_an_oco_pair_that_opens_costs_its_dearer_leg_once() -> None:
    """900 to spend: one purchase of 8 at 100 fits, two at once would not."""
    desk = RiskDesk(cash="900", buying_power_fraction_max=1)
    d = Decimal
    dip, breakout = OrderTerms("X", BUY, OrderType.LIMIT, d(8), d(95)), OrderTerms("X", BUY, OrderType.STOP, d(8), None, d(105))

    assert reasons(say(desk, intents([("oco", dip), ("oco", breakout)]))) == [None, None]
    assert desk.core._desk.reservations.value == 840
    assert reason(desk.buy(1, 100, order_id="a:1:3")) is Reason.BUYING_POWER


def test_a_long_bracket_at_the_limit_leaves_its_exits_untouched_and_closing_free() -> None:
    """Exits of what is held are no short sale of anyone; a second bracket is measured by its entry."""
    desk = RiskDesk(short_allowed=False, position_max=20)
    entry, _, _ = bracket(desk)
    fill(desk, entry, 10, 0)

    assert reasons(bracket(desk, first=4)) == [None, None, None]
    assert reasons(bracket(desk, first=7))[0] is Reason.POSITION


def test_flatten_cancels_held_exits_with_the_rest() -> None:
    desk = RiskDesk()
    bracket(desk)

    answers = desk.tell(FlattenRequested("c", "op", "out", "X"))

    assert [a.order_id for a in answers] == ["a:1:1", "a:1:2", "a:1:3"]


def test_flatten_closes_what_the_exits_leave_once_they_are_gone() -> None:
    desk = RiskDesk()
    entry, target, stop = bracket(desk)
    fill(desk, entry, 10, 0)
    desk.tell(FlattenRequested("c", "op", "out", "X"))

    end(desk, target)
    end(desk, stop)

    closing = [e for e in desk.told if isinstance(e, OrderApproved) and e.strategy == "risk"]
    assert [(e.terms.side, e.terms.quantity) for e in closing] == [(SELL, 10)]


# replaces


def replaced(desk: RiskDesk, order_id: str, no: int = 1, **changes: Any) -> list[Event]:
    return desk.tell(ReplaceIntent(order_id, "a", no, **{k: Decimal(str(v)) for k, v in changes.items()}), "strategy.a")


def test_prices_of_a_groups_orders_may_be_replaced_quantities_not() -> None:
    desk = RiskDesk()
    bracket(desk)

    assert reason(replaced(desk, "a:1:3", stop_price=95)[0]) is None
    assert reason(replaced(desk, "a:1:3", no=2, quantity=5)[0]) is Reason.GROUP
    assert reason(replaced(desk, "a:1:1", quantity=5)[0]) is Reason.GROUP
    assert reason(replaced(desk, "a:1:3", no=1000, stop_price=96)[0]) is Reason.GROUP


# restarts


def test_a_snapshot_anywhere_counts_the_same() -> None:
    desk = RiskDesk()
    steps: list[Any] = []
    entry, target, stop = bracket(desk)
    steps += [lambda: fill(desk, entry, 4, 6), lambda: sending(desk, stop, 4), lambda: sending(desk, target, 4)]
    steps += [lambda: fill(desk, stop, 2, 2), lambda: end(desk, entry), lambda: fill(desk, target, 2, 2)]
    for step in steps:
        step()
        before = line(desk)
        again = desk.restarted()
        assert again.snapshot() == desk.core.snapshot()
        desk.core = again
        assert line(desk) == before
    assert line(desk) == (0, 0, 0)


def test_a_late_fill_of_the_entry_is_counted_in_its_exits() -> None:
    desk = RiskDesk()
    entry, _, stop = bracket(desk)
    fill(desk, entry, 4, 6)
    sending(desk, stop, 4)
    end(desk, entry)
    assert line(desk) == (4, 0, 4)

    late = desk.tell(
        OrderFilled("a:1:1", "a", "X", BUY, Decimal(2), Decimal(100), Decimal(0), "USD", "e99", "b1", Decimal(6), Decimal(4), 0, late=True), ROUTER
    )

    assert [e for e in late if isinstance(e, OrderDenied)] == []
    assert line(desk)[0] == 6
    assert line(desk)[2] >= 4
