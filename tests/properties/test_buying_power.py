"""Risk's buying power is the venue's after every fill, without a reading of the account: it folds our own fills as the venue counts them, and what
of a cash account is settled as the venue settles it."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from services.backtest.engine import Engine
from services.backtest.main import run_backtest
from services.risk_engine.core import SOURCE, RiskCore
from shared.domain.exact import ZERO, of_float
from shared.events import AccountReported, Bar, Envelope, OrderFilled, OrderSide, OrderType, ReconcileCompleted
from shared.strategy import Order, Strategy
from shared.strategy.context import Context
from shared.venue.account import spendable, totals
from shared.venue.market import Market
from shared.venue.state import dump, load
from tests.unit.backtest.conftest import Configure, WriteBars, configure, walk, write_bars

__all__ = ["configure", "write_bars"]  # fixtures of the backtest's tests

BARS: Final = 300
MULTIPLIERS: Final = {"ABC": 1, "FUT": 5}
PAIR: Final = "EURUSD"  # FUT is priced in EUR


class _At:
    """The venue's own multipliers and rates at other marks."""

    def __init__(self, market: Market, marks: dict[str, Decimal]) -> None:
        self.mark, self.worth, self.rate = marks.get, market.worth, market.rate


class Turner(Strategy):
    """Buys, sells and turns over by dice, often more than the account carries. account: whether it looks at it."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.dice = random.Random(ctx.params["seed"])

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol != PAIR and self.dice.random() < 0.4:
            side = self.dice.choice((OrderSide.BUY, OrderSide.SELL))
            self.ctx.submit_order(Order(bar.symbol, side, OrderType.MARKET, self.dice.randint(1, 60)))
        if self.ctx.params.get("looks"):
            assert self.ctx.account.buying_power >= 0


def changes(kind: str, seed: int, /, **params: object) -> dict[str, Any]:
    path = f"{__name__ if __name__.startswith('tests.') else f'tests.properties.{Path(__file__).stem}'}:Turner"
    limits = dict.fromkeys(("max_position_pct", "max_gross_exposure", "max_net_exposure", "max_leverage", "max_drawdown", "daily_loss_limit_pct"))
    return {
        "symbols": [*MULTIPLIERS, PAIR],
        "instruments": {
            PAIR: {"calendar": "24x7"},
            **{symbol: {"calendar": "24x7", "multiplier": m} | ({"currency": "EUR"} if symbol == "FUT" else {}) for symbol, m in MULTIPLIERS.items()},
        },
        "currencies": {"EUR": {"pair": PAIR}},
        "strategy": {"path": path, "params": {"seed": seed, **params}},
        "risk": {"short_allowed": True, "duplicate_order_window_ms": 0, "buying_power_fraction_max": 1, "limits": limits},
        "paper": {"account_kind": kind, "commission_model": "fixed", "commission_params": {"amount": 1.07}, "balances": {"EUR": 3_000}},
    }


class Compared:
    """After whatever is settled: risk's figure against the venue's arithmetic at risk's marks, and against the venue's own word where both have
    seen the same prices and nothing works."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.after_fills = self.own_words = self.fills = self.readings = self.unsettled = 0
        self._fresh = False
        self.rates: set[Decimal] = set()
        self.engine: Engine | None = None
        settle = Engine.settle

        def settled(engine: Engine) -> None:
            settle(engine)
            self.look(engine)

        patch.setattr(Engine, "settle", settled)

    def told(self, e: Envelope) -> None:
        if isinstance(e.event, OrderFilled):
            self.fills += 1
            self._fresh = True
        self.readings += isinstance(e.event, ReconcileCompleted)

    def look(self, engine: Engine) -> None:
        self.engine = engine
        risk = next(member.core for member in engine._members if member.source == SOURCE)
        assert isinstance(risk, RiskCore)
        desk, venue = risk._desk, engine._venue.core
        if desk.ledger.cash == 0:
            return  # before the account is opened
        marks = {symbol: of_float(both[0]) for symbol in desk.gates.instruments if (both := desk.prices.marks(symbol)) is not None}
        counted = totals(venue.settings, venue._clerk.account, {}, _At(venue.market, marks))
        assert max(desk.buying_power(), ZERO) == counted.buying_power
        assert desk.value.equity() == counted.equity
        assert desk.ledger.balances() == {row.currency: row.amount for row in counted.balances if row.amount}
        for currency in ("", "EUR"):
            assert desk.settlement.unsettled_in(currency) == sum((row.amount for row in counted.unsettled or () if row.currency == currency), ZERO)
            if desk.settings.account_kind == "cash":
                assert desk.buying_power(currency) == spendable(venue.settings, venue._clerk.account, {}, _At(venue.market, marks), currency)
        self.rates.add(desk.ledger.worth(Decimal(1), "EUR"))
        self.unsettled += desk.settlement.unsettled_in("") > 0
        if self._fresh and self.after_fills % 8 == 0:
            self._restarted(risk, engine)
        self.after_fills += self._fresh
        self._fresh = False
        if not venue.open_orders() and all(venue.market.mark(symbol) == mark for symbol, mark in marks.items()):
            assert max(desk.buying_power(), ZERO) == venue.account().buying_power
            self.own_words += 1

    def _restarted(self, risk: RiskCore, engine: Engine) -> None:
        """Both would count the same after a restart here."""
        again = RiskCore(risk._settings)
        again.restore(risk.snapshot())
        assert again._desk.buying_power() == risk._desk.buying_power()
        venue = engine._venue.core
        newest = [*(e for symbol in venue.market.prints for e in venue.market.newest(symbol)), *venue.market.rates.values()]
        assert load(venue.settings, dump(venue), (), newest).account() == venue.account()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["cash", "margin"])
def test_it_is_the_venues_after_every_fill(
    kind: str, seed: int, configure: Configure, write_bars: WriteBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, symbol in enumerate(MULTIPLIERS):
        write_bars(symbol, walk(100 * seed + n, BARS, 40.0))
    write_bars(PAIR, walk(100 * seed + 9, BARS, 1.1))
    compared = Compared(monkeypatch)
    record = run_backtest(configure(**changes(kind, seed)), sink=compared.told)
    assert len(compared.rates) > 5, "the rate never moved"
    assert compared.after_fills > 40
    assert compared.own_words > 1
    assert compared.fills > 20 * compared.readings, "it is asked for by every fill"
    assert "buying_power" in record.denials, "the account was never used up"
    assert "insufficient_buying_power" not in str([order.reason for order in record.orders]), "risk approved what the venue cannot carry"


def test_a_strategy_that_looks_at_the_account_has_it_read_after_every_fill(configure: Configure, write_bars: WriteBars) -> None:
    for n, symbol in enumerate(MULTIPLIERS):
        write_bars(symbol, walk(n, BARS, 40.0))
    write_bars(PAIR, walk(9, BARS, 1.1))
    fresh = True

    def told(e: Envelope) -> None:
        nonlocal fresh
        if isinstance(e.event, OrderFilled):
            fresh = False
        elif isinstance(e.event, AccountReported):
            fresh = True
        elif isinstance(e.event, Bar):
            assert fresh, f"a bar at {e.ts_ns} after a fill that is in no reading"

    assert run_backtest(configure(**changes("margin", 7, looks=True)), sink=told).counts["filled"] > 40


DATES: Final = ("2024-01-11", "2024-01-12", "2024-01-16", "2024-01-17", "2024-01-18")  # a weekend with a holiday on Monday among them


def write_days(directory: Path, symbol: str, seed: int, price: float) -> None:
    """The first 25 minutes of each of DATES at the exchange."""
    rows = iter(walk(seed, 25 * len(DATES), price))
    lines = ["timestamp,open,high,low,close,volume"]
    for date in DATES:
        opens = dt.datetime.fromisoformat(f"{date}T14:30:00Z")
        lines += [f"{opens + dt.timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ},{','.join(map(str, next(rows)))}" for i in range(25)]
    (directory / f"{symbol}.csv").write_text("\n".join([*lines, ""]))


class Naive:
    """What is settled, from the fills alone: proceeds of an exchange's date wait until the exchange's next one."""

    def __init__(self, days: int) -> None:
        self.days = days
        self.sold: list[tuple[int, Decimal]] = []  # number of the date, what was brought

    def filled(self, e: OrderFilled) -> None:
        if e.symbol != "COIN" and e.side is OrderSide.SELL:
            self.sold.append((self.day(e.broker_ns), e.quantity * e.price * MULTIPLIERS.get(e.symbol, 1) - e.commission))

    def unsettled(self, now: int) -> Decimal:
        return sum((amount for day, amount in self.sold if self.day(now) < day + self.days), ZERO)

    def day(self, ns: int) -> int:
        return DATES.index(str(dt.datetime.fromtimestamp(ns / 1e9, tz=dt.UTC).date()))


@pytest.mark.parametrize(("days", "seed"), [(1, 1), (2, 2), (0, 3)])
def test_proceeds_of_a_cash_account_settle_at_the_venue_and_here_alike(
    days: int, seed: int, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = changes("cash", seed, looks=True)
    tree["symbols"], tree["currencies"], tree["paper"]["balances"] = ["ABC", "FUT", "COIN"], {}, {}
    tree["instruments"] = {"ABC": {"calendar": "XNYS"}, "FUT": {"calendar": "XNYS", "multiplier": 5}, "COIN": {"calendar": "24x7"}}
    tree["paper"]["settlement_days"] = days
    for n, symbol in enumerate(tree["symbols"]):
        write_days(tmp_path, symbol, 100 * seed + n, 40.0)
    compared, naive, reported, read = Compared(monkeypatch), Naive(days), 0, True

    def told(e: Envelope) -> None:
        nonlocal reported, read
        compared.told(e)
        if isinstance(e.event, OrderFilled):
            naive.filled(e.event)
            read = False
        elif isinstance(e.event, AccountReported):
            read = True
            rows = e.event.unsettled
            assert (rows is None) == (days == 0)
            reported += bool(rows)
        elif isinstance(e.event, Bar) and days:
            assert read
            assert newest() == naive.unsettled(e.ts_ns - 1), "as of the bar's last moment"

    def newest() -> Decimal:
        assert compared.engine is not None
        return sum((row.amount for row in compared.engine._venue.core.account().unsettled or ()), ZERO)

    record = run_backtest(configure(**tree), sink=told)
    assert compared.after_fills > 40
    assert (compared.unsettled > 10, reported > 5, record.denials.get("unsettled_cash", 0) > 5) == ((days > 0,) * 3)
    assert "insufficient_buying_power" not in str([order.reason for order in record.orders]), "risk approved what the venue cannot carry"
