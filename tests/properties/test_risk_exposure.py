"""At no prefix of any history does the worst case exceed a limit by something risk approved (invariant I9).

The reference is a broker that does its worst within the protocol: it may fill any order it may have, unknown ones too, at old or new
terms while a replace is open, in any order and in parts, and answers whenever it likes. It keeps its own books, in plain integers, and
knows nothing of the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import (
    Event,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSide,
    OrderTerms,
    OrderUnknown,
    ReplaceApproved,
    ReplaceRejected,
)
from tests.support.risk_desk import BUY, SELL, RiskDesk

POSITION_MAX = 100
GROSS_MAX = 15_000  # X at 100, Y at 50: both at their position limit is exactly this
NET_MAX = 9_000
PRICES = {"X": 100, "Y": 50}
KIN_MAX = 12_000  # of both symbols together, a fraction of equity, which does not move here: all trade at their marks
KIN: dict[str, dict[str, Any]] = {
    "": {},
    "sector": {"sector_limits": {"tech": "0.012"}, "sector_map": {"X": "tech", "Y": "tech"}},
    "industry": {"industry_limits": {"chips": 0.012}, "industry_map": {"X": "chips", "Y": "chips"}},
    "pair": {"correlation": {"max_pair_exposure_pct": "0.0120"}},
}


@dataclass
class Theirs:
    """One order as the broker may have it. may: units it may come to under any terms it was given."""

    approved: OrderApproved
    may: list[int]
    filled: int = 0
    replace: ReplaceApproved | None = None
    quantity: int = 0

    @property
    def leaves(self) -> int:
        return max(0, max(self.may) - self.filled)

    @property
    def sign(self) -> int:
        return 1 if self.approved.terms.side is BUY else -1


@dataclass
class Broker:
    """The reference: integers and brute force."""

    orders: dict[str, Theirs] = field(default_factory=dict)
    position: dict[str, int] = field(default_factory=lambda: {"X": 0, "Y": 0})

    def reach(self, symbol: str, sign: int) -> int:
        """The holding if every order of one side fills and none of the other."""
        ours = [o for o in self.orders.values() if o.approved.terms.symbol == symbol and o.sign == sign]
        return self.position[symbol] + sign * sum(o.leaves for o in ours)

    def worst(self) -> tuple[int, int, int]:
        """(largest worst-case position, gross, net) over symbols."""
        longs = {s: self.reach(s, 1) for s in PRICES}
        shorts = {s: self.reach(s, -1) for s in PRICES}
        sizes = {s: max(abs(longs[s]), abs(shorts[s])) for s in PRICES}
        gross = sum(sizes[s] * PRICES[s] for s in PRICES)
        net = max(sum(longs[s] * PRICES[s] for s in PRICES), -sum(shorts[s] * PRICES[s] for s in PRICES))
        return max(sizes.values()), gross, net


class World:
    """The engine and the broker, told of each other by what a history draws."""

    def __init__(self, *, short_allowed: bool, kin: str = "") -> None:
        limits: dict[str, Any] = {"position_max": POSITION_MAX, "gross_notional_max": GROSS_MAX, "net_notional_max": NET_MAX, **KIN[kin]}
        self.desk = RiskDesk(short_allowed=short_allowed, **limits)
        self.gross_max = KIN_MAX if kin else GROSS_MAX
        for symbol, price in PRICES.items():
            self.desk.quote(symbol, float(price), float(price))  # one price, so that reference and engine value alike
        self.short_allowed = short_allowed
        self.broker = Broker()
        self.replaces = 0

    def step(self, action: str, pick: int, size: int) -> None:
        if action in {"buy", "sell"}:
            self._order(BUY if action == "buy" else SELL, "XY"[pick % 2], size, "ab"[pick // 2 % 2])
            return
        alive = list(self.broker.orders.values())
        if alive:
            getattr(self, f"_{action}")(alive[pick % len(alive)], size)

    def check(self) -> None:
        position, gross, net = self.broker.worst()
        assert position <= POSITION_MAX
        assert gross <= self.gross_max
        assert net <= NET_MAX
        for symbol in PRICES:
            if not self.short_allowed:
                assert self.broker.reach(symbol, -1) >= 0
            line = self.desk.core._desk.value.line(symbol)
            assert line.position == self.broker.position[symbol]
            assert line.position + line.buys == self.broker.reach(symbol, 1)
            assert line.position - line.sells == self.broker.reach(symbol, -1)

    def _order(self, side: OrderSide, symbol: str, size: int, strategy: str) -> None:
        limit = PRICES[symbol] if size % 2 else None
        answer = self.desk.order(side, size, limit, symbol=symbol, strategy=strategy)
        if isinstance(answer, OrderApproved):
            self.broker.orders[answer.order_id] = Theirs(answer, [size], quantity=size)

    def _replace(self, order: Theirs, size: int) -> None:
        if order.replace is not None:
            return
        self.replaces += 1
        answer = self.desk.replace(order.approved, self.replaces, quantity=size)
        if isinstance(answer, ReplaceApproved):
            order.replace = answer
            order.may.append(size)

    def _replaced(self, order: Theirs, _: int) -> None:
        if order.replace is not None:
            terms = order.replace.terms
            order.quantity = int(terms.quantity)
            self._tell(order, OrderReplaced, order.replace.replace_no, terms, "c", "b")
            self._settle(order)

    def _replace_refused(self, order: Theirs, _: int) -> None:
        if order.replace is not None:
            self._tell(order, ReplaceRejected, order.replace.replace_no, "c", "t")
            self._settle(order)

    def _settle(self, order: Theirs) -> None:
        order.replace = None
        order.may = [order.quantity]
        if not order.leaves:
            del self.broker.orders[order.approved.order_id]

    def _fill(self, order: Theirs, size: int) -> None:
        units = min(size, order.leaves)
        if not units:
            return
        terms: OrderTerms = order.approved.terms
        order.filled += units
        self.broker.position[terms.symbol] += order.sign * units
        leaves = max(0, order.quantity - order.filled)
        self._tell(
            order,
            OrderFilled,
            terms.symbol,
            terms.side,
            Decimal(units),
            Decimal(PRICES[terms.symbol]),
            Decimal(0),
            "USD",
            f"e{self.desk.seq}",
            "b",
            Decimal(order.filled),
            Decimal(leaves),
            0,
        )
        if not leaves and (order.replace is None or not order.leaves):
            del self.broker.orders[order.approved.order_id]

    def _unknown(self, order: Theirs, _: int) -> None:
        self._tell(order, OrderUnknown, "time-out")

    def _accepted(self, order: Theirs, _: int) -> None:
        self._tell(order, OrderAccepted, "b", 0)

    def _ended(self, order: Theirs, size: int) -> None:
        kind = (OrderCanceled, OrderExpired, OrderRejected, OrderAbandoned)[size % 4]
        rest = {OrderRejected: ("c", "t"), OrderAbandoned: ("t",)}.get(kind, (Decimal(order.filled),))
        self._tell(order, kind, *rest)
        del self.broker.orders[order.approved.order_id]

    def _tell(self, order: Theirs, kind: type[Event], *rest: object) -> None:
        self.desk.tell(kind(order.approved.order_id, order.approved.strategy, *rest), "order_router")


ACTIONS = ("buy", "buy", "sell", "sell", "replace", "replaced", "replace_refused", "fill", "fill", "unknown", "accepted", "ended")
histories = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 11), st.integers(1, 120)), min_size=1, max_size=50)


@settings(max_examples=250, derandomize=True, deadline=None)
@given(histories, st.booleans())
def test_worst_case_stays_within_the_limits_at_every_prefix(history: list[tuple[str, int, int]], short_allowed: bool) -> None:
    world = World(short_allowed=short_allowed)
    for action, pick, size in history:
        world.step(action, pick, size)
        world.check()


@settings(max_examples=150, derandomize=True, deadline=None)
@given(histories, st.sampled_from(["sector", "industry", "pair"]), st.integers(0, 50))
def test_kindred_symbols_stay_within_their_limit_too(history: list[tuple[str, int, int]], kin: str, at: int) -> None:
    world = World(short_allowed=True, kin=kin)
    for n, (action, pick, size) in enumerate(history):
        if n == at:
            world.desk.core = world.desk.restarted()
        world.step(action, pick, size)
        world.check()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(histories, st.integers(0, 50))
def test_a_restart_anywhere_keeps_every_reservation(history: list[tuple[str, int, int]], at: int) -> None:
    world = World(short_allowed=True)
    for n, (action, pick, size) in enumerate(history):
        if n == at:
            world.desk.core = world.desk.restarted()
        world.step(action, pick, size)
        world.check()


def test_the_limits_can_be_reached() -> None:
    """The property above is not true for want of trading."""
    world = World(short_allowed=False)
    for n in range(4):
        world.step("buy", n, 20)
    assert world.broker.worst() == (40, 6000, 6000)
    world.step("buy", 1, 60)
    assert world.broker.worst() == (100, 9000, 9000)
    world.step("buy", 0, 1)
    assert world.broker.worst() == (100, 9000, 9000)


def test_the_limits_of_kin_can_be_reached() -> None:
    for kin in ("sector", "industry", "pair"):
        world = World(short_allowed=True, kin=kin)
        world.step("buy", 0, 80)
        world.step("sell", 1, 80)
        assert world.broker.worst()[1] == KIN_MAX
        world.step("sell", 1, 1)
        assert world.broker.worst()[1] == KIN_MAX
