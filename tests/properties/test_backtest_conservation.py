"""Whole backtests of random orders on random data at random costs, through the real engine: money adds up exactly after every event, and every fill
has the road behind it that an order must take.

The books of this file are written from the definitions, in fractions: cash, average cost, realised profit, fees. They share no line with the engine's.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from services.backtest.main import run_backtest
from shared.config import load
from shared.domain.ledger import Ledger
from shared.events import (
    Bar,
    Envelope,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderReplaced,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    ReconcileCompleted,
    ReplaceSending,
    TimeInForce,
)
from shared.metrics.record import RunRecord
from shared.strategy import Order, Strategy
from shared.strategy.context import Context

RUNS: Final = 10
MINUTES: Final = 30
CAPITAL: Final = Decimal(100_000)
MULTIPLIERS: Final = {"ABC": 1, "FUT": 5}
BUDGETS: Final = {"one": Decimal(60_000), "two": Decimal(40_000)}
ROUNDING: Final = Fraction(1, 10**15)  # of realised profit while something is held: a closed share of a cost has 18 decimals

COSTS: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "a share": {"commission_model": "per_share", "commission_params": {"rate": 0.0035, "minimum": 0.35, "maximum_fraction": 0.01}},
    "a tenth of a cent": {"commission_model": "ib_tiered", "slippage_model": "fixed_bps", "slippage_params": {"bps": 3}},
    "an order": {
        "commission_model": "fixed",
        "commission_params": {"amount": 0.99},
        "slippage_model": "volume_impact",
        "slippage_params": {"impact_bps": 40},
    },
    "alpaca": {"commission_model": "alpaca", "slippage_model": "spread", "slippage_params": {"spread_bps": 4}},
}


class Gambler(Strategy):
    """Throws dice at every bar: orders of every type and time in force, cancels and replaces. Its dice are its own."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.dice = random.Random(ctx.params["seed"])
        self.mine: list[str] = []

    def on_bar(self, bar: Bar) -> None:
        dice = self.dice
        if dice.random() < 0.5:
            self.mine.append(self.ctx.submit_order(self._order(bar)))
        if self.mine and dice.random() < 0.15:
            self.ctx.cancel_order(dice.choice(self.mine[-5:]))
        if self.mine and dice.random() < self.ctx.params["replaces"]:
            self.ctx.replace_order(dice.choice(self.mine[-5:]), quantity=dice.randint(1, 60))

    def _order(self, bar: Bar) -> Order:
        dice = self.dice
        kind, side = dice.choice(list(OrderType)), dice.choice(list(OrderSide))
        near = [round(bar.close * (1 + dice.uniform(-0.004, 0.004)), 2) for _ in range(2)]
        limit = near[0] if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None
        stop = near[1] if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None
        trail = Decimal(dice.randint(5, 50)) / 100 if kind is OrderType.TRAILING_STOP else None
        immediate = (TimeInForce.IOC, TimeInForce.FOK) if kind in (OrderType.MARKET, OrderType.LIMIT) else ()
        tif = dice.choice((TimeInForce.DAY, TimeInForce.GTC, *immediate))
        if kind in (OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE):
            tif = TimeInForce.DAY
        return Order(bar.symbol, side, kind, dice.randint(1, 60), limit, stop, tif, trail_price=trail)


@dataclass
class Books:
    """One strategy's, from its fills alone. held, cost: by symbol; cost is signed money paid for what is held."""

    cash: Fraction
    held: Counter[str] = field(default_factory=Counter)
    cost: dict[str, Fraction] = field(default_factory=dict)
    realised: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    def book(self, fill: OrderFilled) -> None:
        symbol, unit = fill.symbol, Fraction(fill.price) * MULTIPLIERS[fill.symbol]
        signed = Fraction(fill.quantity) if fill.side is OrderSide.BUY else -Fraction(fill.quantity)
        held, cost = self.held[symbol], self.cost.get(symbol, Fraction(0))
        closing = Fraction(0) if held * signed >= 0 else -signed if abs(signed) <= abs(held) else held  # of what is held, by its sign
        if closing:
            share = cost * closing / held
            self.realised += closing * unit - share
            cost -= share
        self.cost[symbol] = cost + (signed + closing) * unit
        self.held[symbol] = held + signed  # type: ignore[assignment]  # fractions of units
        self.cash -= signed * unit + Fraction(fill.commission)
        self.fees += Fraction(fill.commission)


class Road:
    """What every order went through so far."""

    def __init__(self) -> None:
        self.intents: dict[str, OrderTerms] = {}
        self.decided: dict[str, str] = {}
        self.approved: dict[str, OrderTerms] = {}
        self.sent: dict[str, Decimal] = {}  # largest quantity the broker was given
        self.filled: Counter[str] = Counter()
        self.client_ids: set[str] = set()
        self.executions: set[str] = set()
        self.seen: Counter[str] = Counter()

    def check(self, e: Envelope) -> None:
        event: Any = e.event
        kind = type(event)
        if kind is OrderIntent:
            assert event.order_id not in self.intents, "an order id was used twice"
            self.intents[event.order_id] = event.terms
        elif kind in (OrderApproved, OrderDenied):
            assert self.decided.setdefault(event.order_id, kind.__name__) == kind.__name__
            assert self.intents[event.order_id] == event.terms if kind is OrderApproved else event.order_id in self.intents
            if kind is OrderApproved:
                self.approved[event.order_id] = event.terms
        elif kind is OrderSending:
            assert event.order_id not in self.sent, "sent twice"
            assert self.approved[event.order_id] == event.terms, "sent as it was not approved"
            self._given(event.order_id, event.client_order_id, event.terms)
        elif kind is ReplaceSending:
            assert event.order_id in self.sent
            self._given(event.order_id, event.client_order_id, event.terms)
        elif kind is OrderFilled:
            self._fill(event)
        if kind in (OrderDenied, OrderCanceled, OrderExpired, OrderReplaced):
            self.seen[kind.__name__] += 1

    def _given(self, order_id: str, client_id: str, terms: OrderTerms) -> None:
        assert client_id not in self.client_ids, "a client order id was used twice"
        self.client_ids.add(client_id)
        self.sent[order_id] = max(terms.quantity, self.sent.get(order_id, terms.quantity))

    def _fill(self, fill: OrderFilled) -> None:
        assert fill.order_id in self.sent, "filled before its write-ahead"
        assert fill.execution_id not in self.executions
        self.executions.add(fill.execution_id)
        self.filled[fill.order_id] += fill.quantity  # type: ignore[assignment]  # Decimals
        assert fill.quantity > 0
        assert self.filled[fill.order_id] == fill.cumulative <= self.sent[fill.order_id], "more was filled than sent"
        self.seen[self.intents[fill.order_id].type] += 1
        self.seen["partial"] += fill.leaves > 0


class Witness:
    """Follows a run event by event: the road of each order, and after each event three accounts of the money that must be one."""

    def __init__(self) -> None:
        self.road = Road()
        self.books = {name: Books(Fraction(budget)) for name, budget in BUDGETS.items()}
        self.ledger = Ledger(BUDGETS)
        self.readings = 0

    def __call__(self, e: Envelope) -> None:
        self.road.check(e)
        self.ledger.apply(e.event)
        if isinstance(e.event, OrderFilled):
            self.books[e.event.strategy].book(e.event)
            self.check()
        elif isinstance(e.event, ReconcileCompleted):
            self.readings += 1
            assert not e.event.breaks, "the venue's books are others"

    def check(self) -> None:
        for name, mine in self.books.items():
            book = self.ledger.book(name)
            assert mine.cash + sum(mine.cost.values()) == Fraction(BUDGETS[name]) + mine.realised - mine.fees
            assert Fraction(book.cash) + Fraction(book.cost()) == Fraction(book.funding) + Fraction(book.realised) - Fraction(book.fees)
            assert (Fraction(book.cash), Fraction(book.fees)) == (mine.cash, mine.fees)
            assert all(Fraction(book.quantity(symbol)) == held for symbol, held in mine.held.items())
            flat = not any(mine.held.values())
            assert abs(Fraction(book.realised) - mine.realised) <= (0 if flat else ROUNDING)
        assert Fraction(self.ledger.cash) == sum(b.cash for b in self.books.values())

    def conclude(self, record: RunRecord) -> None:
        """The record is what was seen."""
        self.check()
        assert self.readings > 1
        assert set(self.road.decided) == set(self.road.intents), "an order without a decision"
        assert len(record.fills) == len(self.road.executions)
        assert record.final_cash == self.ledger.cash
        assert Fraction(record.fees) == sum(b.fees for b in self.books.values()) == sum(Fraction(fill.fee) for fill in record.fills)
        assert Fraction(record.realised) == sum(Fraction(self.ledger.book(name).realised) for name in BUDGETS)
        worth = sum(
            Fraction(quantity) * MULTIPLIERS[symbol] * Fraction(repr(record.prices[symbol].closes[-1]))
            for symbol, quantity in self.ledger.positions().items()
        )
        assert Fraction(record.final_equity) == Fraction(record.final_cash) + worth


def write_bars(directory: Path, seed: int) -> None:
    """The first and the last half hour of three New York days, with jumps."""
    rng = random.Random(seed)
    opens = [dt.datetime(2024, 1, day, hour, 30, tzinfo=dt.UTC) for day in (3, 4, 5) for hour in (14, 20)]
    for symbol in MULTIPLIERS:
        price, lines = 50.0, ["timestamp,open,high,low,close,volume"]
        for moment in (begin + dt.timedelta(minutes=i) for begin in opens for i in range(MINUTES)):
            first = round(price * (1 + rng.choice((0, 0, 0, 0, 0.004, -0.004))), 2)
            close = round(first * (1 + rng.gauss(0, 0.001)), 2)
            high, low = max(first, close) + rng.randint(0, 5) / 100, min(first, close) - rng.randint(0, 5) / 100
            lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ},{first},{high:.2f},{low:.2f},{close},{rng.choice((100, 300, 5_000))}")
            price = close
        (directory / f"{symbol}.csv").write_text("\n".join([*lines, ""]))


def config_in(directory: Path, seed: int, costs: str, bar_mode: str, share: float | None, latency_ms: int) -> Path:
    path = f"{__name__ if __name__.startswith('tests.') else f'tests.properties.{Path(__file__).stem}'}:Gambler"
    generous = {
        "max_notional": 50_000,
        "max_gross_exposure": 3,
        "max_leverage": 3,
        "max_position_pct": 2,
        "max_drawdown": 0.9,
        "daily_loss_limit_pct": 0.9,
    }
    tree = {
        "data_source": "csv",
        "data": {"data_directory": str(directory)},
        "bar_type": "1m",
        "initial_capital": str(CAPITAL),
        "live": {
            "broker": "paper",
            "symbols": list(MULTIPLIERS),
            "strategies": [
                {"id": name, "path": path, "params": {"seed": seed + i, "replaces": 0.15}, "budget": str(b)}
                for i, (name, b) in enumerate(BUDGETS.items())
            ],
            "risk": {
                "short_allowed": True,
                "require_easy_to_borrow": False,
                "mark_interval_ms": 0,
                "limits": {**generous, "net_notional_max": 400_000},
            },
            "order_reconcile_interval_ms": 3_600_000,
            "position_reconcile_interval_ms": 3_600_000,
        },
        "instruments": {s: {"calendar": "XNYS", "tick_size": 0.01, "lot_size": 1, "multiplier": m} for s, m in MULTIPLIERS.items()},
        "paper": {} if share is None else {"volume_share_max": share},
        "execution": {"simulation": {"bar_mode": bar_mode}, "latency": {"ms": latency_ms}},
        **COSTS[costs],
    }
    target = directory / "run.yaml"
    target.write_text(yaml.safe_dump(tree))
    return target


def test_money_adds_up_and_every_fill_has_its_road(tmp_path_factory: pytest.TempPathFactory) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=RUNS, derandomize=True, deadline=None, phases=[Phase.generate])  # a smaller seed is no simpler run
    @given(
        st.integers(0, 2**32 - 1),
        st.sampled_from(sorted(COSTS)),
        st.sampled_from(("intrabar_ohlc", "open_only", "close_only")),
        st.sampled_from((None, 0.05, 0.5)),
        st.sampled_from((0, 1, 1_500)),
    )
    def whole_run(seed: int, costs: str, bar_mode: str, share: float | None, latency_ms: int) -> None:
        note(f"seed {seed}, costs {costs!r}, {bar_mode}, volume share {share}, latency {latency_ms} ms")
        directory = tmp_path_factory.mktemp("run")
        write_bars(directory, seed)
        witness = Witness()
        record = run_backtest(load(config_in(directory, seed, costs, bar_mode, share, latency_ms), env={}), sink=witness)
        witness.conclude(record)
        seen.update(witness.road.seen)

    whole_run()
    missing = {*OrderType, "partial", "OrderDenied", "OrderCanceled", "OrderExpired", "OrderReplaced"} - set(seen)
    assert not missing, f"the dice never threw {missing}: {seen}"
