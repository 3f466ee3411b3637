"""A risk engine with holdings, working orders and a moving market around it: the real core, told real events, as its driver tells them.

`EVERY_CONTROL` sets each key of `live.risk` (the smoke test compares it with docs/risk_controls.md), so wide that nothing is denied: an order
that is approved has passed every check.
"""

from __future__ import annotations

import tempfile
import time
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from services.risk_engine.build import risk_settings
from services.risk_engine.core import SOURCE, RiskCore
from shared.config import load
from shared.events import (
    AccountOpened,
    Bar,
    Envelope,
    Event,
    InstrumentDefined,
    LogStarted,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderFilled,
    OrderIntent,
    OrderSide,
    OrderTerms,
    OrderType,
    PriceBandsChanged,
    Quote,
    ReconcileCompleted,
    RegimeChanged,
    RunStarted,
)
from tests.support.stack import config_of

STRATEGIES: Final = tuple("abcd")
CASH: Final = Decimal(10_000_000)
WINDOW: Final = 120  # of the correlation
SECOND: Final = 1_000_000_000
STEP_NS: Final = SECOND  # between two orders: no throttle, and none alike
WIDE: Final = 100_000_000
OPEN_MAX: Final = 5_000  # in both configurations: a thousand orders are to work

_COUNTS: Final = ("orders_open_max", "strategy_orders_open_max", "symbol_orders_open_max")
_OF_ONE: Final[dict[str, Any]] = {
    "max_notional": WIDE,
    "order_qty_max": WIDE,
    "max_position": WIDE,
    "max_position_pct": 4,
    "position_notional_max": WIDE,
    "max_gross_exposure": 4,
    "gross_notional_max": WIDE,
    "max_net_exposure": 4,
    "net_notional_max": WIDE,
    "max_leverage": 4,
    "buying_power_fraction_max": 0.95,
    "orders_open_max": OPEN_MAX,
    "symbol_orders_open_max": OPEN_MAX,
    "max_orders_per_second": 50,
    "max_orders_per_minute": 3_000,
    "max_drawdown": 0.9,
    "daily_loss_limit": WIDE,
    "daily_loss_limit_pct": 0.9,
}
_LIMITS: Final[dict[str, Any]] = _OF_ONE | {
    "order_adv_fraction_max": 0.5,
    "strategy_orders_open_max": OPEN_MAX,
    "strategy_msgs_per_s_max": 50,
    "strategy_day_loss_max": WIDE,
    "sector_limits": {f"sector{n}": 4 for n in range(8)},
    "sector_map": {"S000": "sector0"},
    "industry_limits": {f"industry{n}": 4 for n in range(20)},
    "industry_map": {"S000": "industry0"},
    "correlation": {"window": WINDOW, "max_corr": 0.8, "max_pair_exposure_pct": 1},
}
EVERY_CONTROL: Final[dict[str, Any]] = {
    "arm": "auto",
    "arm_requires_reconcile": True,
    "halt_cancels_open": True,
    "halt_scope": "strategy",
    "require_same_build": True,
    "order_types_allowed": ["market", "limit", "stop"],
    "tifs_allowed": ["day", "gtc"],
    "default_tif": "day",
    "command_age_ms_max": 2_000,
    "deadline_ms": 2_000,
    "sessions_allowed": ["open"],
    "close_buffer_s": 60,
    "quote_age_ms_max": 5_000,
    "rate_age_ms_max": 180_000,
    "gap_blocks_trading": True,
    "halt_policy": "cancel",
    "luld_required": True,
    "duplicate_id_window": "forever",
    "duplicate_order_window_ms": 1_000,
    "duplicate_order_count_max": 3,
    "cancel_reserve_per_s": 20,
    "repeat_executions_max": 10_000,
    "repeat_window_s": 60,
    "rejections_max": 100,
    "rejection_window_s": 60,
    "collar_bps": 500,
    "collar_window_ms": 60_000,
    "collar_window_bps": 2_000,
    "short_allowed": True,
    "require_easy_to_borrow": True,
    "self_trade": "deny_new",
    "child_qty_over_parent_max": 0,
    "soft_fraction": 0.8,
    "day_loss_state": "reducing",
    "drawdown_state": "halted",
    "loss_flattens": True,
    "mark_interval_ms": 1_000,
    "stop_loss": {"enable": True, "pct": 0.5},
    "trailing_stop": {"enable": True, "pct": 0.5},
    "atr_stop": {"enable": True, "window": 14, "multiplier": 90},
    "time_stop": {"enable": True, "max_holding_seconds": 30_000_000},
    "limits_by_regime": {"calm": {"limits": {"max_notional": WIDE // 2, "max_position_pct": 3}}},
    "regime_overlays": {"calm": {"allow_market_orders": False, "max_order_notional": WIDE // 3}},
    "external_policy": "unassigned",
    "reconcile_grace_ms": 2_000,
    "unknown_age_s_max": 30,
    "conservation_tolerance": 0,
    "alert_latency_ms_max": 5_000,
    "heartbeat_ms": 1_000,
    "missed_max": 5,
    "clock_offset_ms_max": 50,
    "limits": _LIMITS,
}
DEFAULTS: Final[dict[str, Any]] = {"limits": dict.fromkeys(_COUNTS, OPEN_MAX)}


class World:
    """`symbols` traded by four strategies, each symbol held by one of them, and `working` limit orders away from the market. `us`: what each
    measured step took. every_control: else what a configuration without `live.risk` has."""

    def __init__(self, symbols: int, working: int, *, every_control: bool) -> None:
        self.symbols = [f"S{n:03}" for n in range(symbols)]
        self._random = Random(7)
        self._now = 1_700_000_000 * SECOND
        self._seq = 0
        self._ids = dict.fromkeys(STRATEGIES, 0)
        self._tick = count()
        self.core = RiskCore(risk_settings(self._config(every_control)))
        self._begin()
        for n in range(working):
            self._order_at(n, patient=True)

    def order(self, n: int) -> float:
        """One more order of a strategy, judged and folded; us it took. The broker cancels it then, so that as many work as before."""
        took, answer = self._order_at(n, patient=False)
        self._tell(OrderCanceled(answer.order_id, answer.strategy, Decimal(0)), "order_router")
        return took

    def datum(self, n: int) -> float:
        """One quote, judged and folded; us it took."""
        self._now += 1_000_000
        return self._quote(self.symbols[n % len(self.symbols)])

    def _order_at(self, n: int, *, patient: bool) -> tuple[float, OrderApproved]:
        self._now += STEP_NS
        symbol, strategy = self.symbols[n % len(self.symbols)], STRATEGIES[n % len(STRATEGIES)]
        for other in (*self._random.choices(self.symbols, k=9), symbol):
            self._quote(other)
        cents = (300 if patient else 100) + n % 90
        buys = n % 3 != 0
        limit = Decimal(10_000 - cents if buys else 10_000 + cents) / 100
        self._ids[strategy] += 1
        order_id = f"{strategy}:1:{self._ids[strategy]}"
        terms = OrderTerms(symbol, OrderSide.BUY if buys else OrderSide.SELL, OrderType.LIMIT, Decimal(1), limit)
        took, outputs = self._tell(OrderIntent(order_id, strategy, terms), f"strategy.{strategy}", self._seq)
        answer = outputs[0]
        assert isinstance(answer, OrderApproved), answer
        self._tell(OrderAccepted(order_id, strategy, f"b{self._seq}", 0), "order_router")
        return took, answer

    def _quote(self, symbol: str) -> float:
        cents = 10_000 + next(self._tick) * 7_919 % 41
        return self._tell(Quote(symbol, self._now, cents / 100, (cents + 1) / 100, 300.0, 300.0), "gateway")[0]

    def _tell(self, event: Event, source: str = "outside", cause: int = 0) -> tuple[float, list[Event]]:
        """What a driver does with one event of the log, and us it took."""
        self._seq += 1
        core, envelope = self.core, Envelope(self._seq, self._now, event.topic, source, 1, self._seq, cause, 1, event)
        begun = time.thread_time_ns()
        outputs = core.decide(envelope)
        core.apply(envelope)
        for n, output in enumerate(outputs, 1):
            core.apply(Envelope(0, envelope.ts_ns, output.topic, SOURCE, 1, n, envelope.seq, 1, output))
        return (time.thread_time_ns() - begun) / 1e3, list(outputs)

    def _begin(self) -> None:
        self._tell(LogStarted("bench0", "wall", "process"))
        self._tell(RunStarted(SOURCE, 1, "f"))
        for n, symbol in enumerate(self.symbols):
            grid = Decimal("0.01"), Decimal(1), Decimal(1)
            where = {"sector": f"sector{n % 8}", "industry": f"industry{n % 20}", "average_daily_volume": Decimal(1_000_000)}
            self._tell(InstrumentDefined(symbol, "equity", "USD", *grid, "24x7", **where))
            self._tell(PriceBandsChanged(symbol, self._now, 1.0, 1_000.0))
        self._tell(AccountOpened("bench", "USD", CASH, CASH, (), (), ()))
        self._tell(ReconcileCompleted(1, clean=True, breaks=(), pending=0, report=0))
        self._tell(RegimeChanged("calm", "", 1.0))
        for k in range(WINDOW + 1):
            self._now += 60 * SECOND
            for symbol in self.symbols:
                low, high, close = 99.5, 100.5, self._random.uniform(99.5, 100.5)
                self._tell(Bar(symbol, self._now - 60 * SECOND, self._now, 100.0, high, low, close, 1_000.0 + k), "gateway")
        for n, symbol in enumerate(self.symbols):
            self._quote(symbol)
            self._hold(symbol, STRATEGIES[n % len(STRATEGIES)], n)

    def _hold(self, symbol: str, strategy: str, n: int) -> None:
        self._now += STEP_NS
        self._quote(symbol)
        self._ids[strategy] += 1
        order_id, units = f"{strategy}:1:{self._ids[strategy]}", Decimal(10 + n % 5)
        terms = OrderTerms(symbol, OrderSide.BUY, OrderType.LIMIT, units, Decimal(101))
        answer = self._tell(OrderIntent(order_id, strategy, terms), f"strategy.{strategy}", self._seq)[1][0]
        assert isinstance(answer, OrderApproved), answer
        what = (symbol, OrderSide.BUY, units, Decimal(100), Decimal(0), "USD", f"e{n}", f"h{n}", units, Decimal(0), 0)
        self._tell(OrderFilled(order_id, strategy, *what), "order_router")

    def _config(self, every_control: bool) -> Any:
        risk = EVERY_CONTROL if every_control else DEFAULTS
        own = {"limits": _OF_ONE} if every_control else {}
        strategies = [{"id": name, "name": "buy_and_hold", "params": {"symbol": "S000", "quantity": 1}} | own for name in STRATEGIES]
        with tempfile.TemporaryDirectory() as directory:
            changes = {"live__symbols": self.symbols, "live__strategies": strategies, "live__risk": risk, "instruments": {}}
            return load(
                config_of("paper.yaml", Path(directory), **changes, gateway__feed={"kind": "synthetic"}, paper__initial_cash=int(CASH))
            ).config
