"""A run with instruments and money of other currencies: the curve, the totals, the trades and the reports against the ledger, moment by moment."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from services.backtest.curve import curve, moments
from services.backtest.main import _equity
from services.backtest.recorder import Recorder
from services.backtest.report import formats
from services.backtest.report.html_report import page
from services.backtest.report.json_report import write_json
from services.backtest.report.terminal import print_summary
from services.gateway.feeds.port import Block
from shared.domain.ledger import Ledger
from shared.events import AccountOpened, BalanceRow, Bar, CashFlow, CurrencyRate, Envelope, Event, InstrumentDefined, OrderFilled, OrderSide
from shared.metrics.record import RunRecord
from shared.metrics.summary import summary
from tests.unit.metrics.records import JAN_1, MINUTE, record

SEEDS = 4
STRATEGIES = ("one", "two")
INSTRUMENTS = {"SAP": ("EUR", 5), "SONY": ("JPY", 1), "ACME": ("USD", 2)}


class Run:
    """A recorder that was told a story, and a ledger folded beside it: what the account and each book were worth at the end of each moment."""

    def __init__(
        self, seed: int, balances: tuple[BalanceRow, ...] = (), symbols: tuple[str, ...] = ("SAP", "SONY", "ACME"), minutes: int = 60
    ) -> None:
        self.draw, self.symbols = random.Random(seed), symbols
        budgets = dict.fromkeys(STRATEGIES, D(40_000))
        self.recorder, self.ledger = Recorder(budgets), Ledger(budgets)
        self.now, self.n, self.marks = 0, 0, dict[str, float]()
        self.points: dict[int, list[float]] = {}
        self.funding = D(0)
        for symbol, (currency, contract) in INSTRUMENTS.items():
            self.say(InstrumentDefined(symbol, "equity", currency, D("0.01"), D(1), D(contract), "24x7"))
        self.say(AccountOpened("acc", "USD", D(100_000), D(100_000), (), (), (), (), balances))
        self.say(CurrencyRate("JPY", D("0.0067")))
        for minute in range(minutes):
            self.now = JAN_1 + minute * MINUTE
            for symbol in symbols:
                self.bar(symbol)
            self.rate("EUR", "1.1") if minute == 0 else self.happens(symbols)
            self.points[self.now] = [float(book.equity(self.marks)) for book in (*map(self.ledger.book, STRATEGIES),)]
            self.points[self.now].append(float(self.ledger.equity(self.marks)))

    def say(self, event: Event) -> None:
        self.n += 1
        envelope = Envelope(self.n, self.now, event.topic, "test", 1, self.n, 0, 0, event)
        self.recorder.observers[type(event)](envelope)
        self.ledger.apply(event)

    def bar(self, symbol: str) -> None:
        price = round(self.draw.uniform(95, 105), 2)
        self.marks[symbol] = price
        self.recorder.tape.add(Block(0, [self.now], [Bar(symbol, self.now - MINUTE, self.now, price, price, price, price, 1.0)]))

    def rate(self, currency: str, value: str) -> None:
        self.say(CurrencyRate(currency, D(value), self.now))

    def happens(self, symbols: tuple[str, ...]) -> None:
        dice = self.draw.random()
        if dice < 0.4:
            self.rate("EUR", f"{self.draw.uniform(0.9, 1.3):.5f}")
        elif dice < 0.9:
            self.fill(self.draw.choice(symbols))
        elif "SAP" in symbols:
            self.say(CashFlow("deposit", "EUR", D(self.draw.randint(-50, 200)), f"d{self.n}"))

    def fill(self, symbol: str) -> None:
        side, units = self.draw.choice((OrderSide.BUY, OrderSide.SELL)), D(self.draw.randint(1, 9))
        fee, currency = D(self.draw.randint(0, 3)), self.draw.choice([INSTRUMENTS[s][0] for s in self.symbols])
        price, strategy = D(repr(self.marks[symbol])), self.draw.choice(STRATEGIES)
        self.say(OrderFilled(f"{strategy}:1:{self.n}", strategy, symbol, side, units, price, fee, currency, f"e{self.n}", "b", units, D(0), 0))

    def record(self) -> RunRecord:
        """As `services.backtest.main` makes it."""
        r = self.recorder
        marks = r.tape.marks(0)
        at, rates = moments(marks, r.account), r.currencies.rates
        return replace(
            record(),
            initial_capital=D(100_000) + r.currencies.opening_worth(),
            final_cash=r.ledger.cash,
            final_equity=_equity(r, marks),
            realised=r.realised(),
            fees=r.fees(),
            curve=curve(at, r.account, marks, rates),
            by_strategy={name: curve(at, steps, marks, rates) for name, steps in r.books.items()},
            prices=r.tape.prices(),
            fills=r.fills(marks),
            cash_flows=r.currencies.cash_flows(),
            exchange=r.currencies.exchange(r.ledger),
        )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_point_is_the_books_at_the_marks_and_rates_of_its_moment(seed: int) -> None:
    run = Run(seed)
    made = run.record()
    assert list(made.curve.times) == list(run.points)
    for column, equity in enumerate((*made.by_strategy.values(), made.curve)):
        assert list(equity.equity) == pytest.approx([values[column] for values in run.points.values()], rel=1e-12)
    assert made.final_equity == run.ledger.equity(run.marks)
    assert made.curve.cash[-1] == pytest.approx(float(run.ledger.money), rel=1e-12)
    assert max(made.curve.gross) > 0


@pytest.mark.parametrize("seed", range(SEEDS))
def test_trades_fees_flows_and_the_fx_result_are_what_the_equity_changed_by_to_the_last_digit(seed: int) -> None:
    made = Run(seed, (BalanceRow("EUR", D(700)), BalanceRow("JPY", D(-9_000)))).record()
    found, trips = made.exchange, summary(made).round_trips
    assert found is not None
    assert sum((t.pnl for t in trips), D(0)) == made.realised
    assert sum((t.fees for t in trips), D(0)) == made.fees == sum((f.fee for f in made.fills), D(0))
    result = sum((t.net for t in trips), D(0)) + found.result + sum((f.amount for f in made.cash_flows), D(0))
    assert made.initial_capital == 100_000 + 700 * D("1.1") - 9_000 * D("0.0067"), "at the first rates: learning one is no profit"
    assert made.final_equity - made.initial_capital == pytest.approx(result, abs=D("1e-12"))  # shares of costs are rounded at 18 decimals
    assert found.result == sum(found.by_strategy.values())


def test_a_fill_is_worth_what_its_own_rate_says_and_an_open_trade_what_the_newest_says() -> None:
    run = Run(0, minutes=0)
    run.now = JAN_1
    for side, units, rate in ((OrderSide.BUY, 10, "1.10"), (OrderSide.SELL, 4, "1.20")):
        run.rate("EUR", rate)
        run.say(OrderFilled(f"one:1:{units}", "one", "SAP", side, D(units), D(100), D(2), "EUR", f"e{units}", "b", D(units), D(0), 0))
    run.rate("EUR", "1.30")
    run.recorder.tape.add(Block(0, [run.now], [Bar("SAP", 0, run.now, 100.0, 100.0, 100.0, 100.0, 1.0)]))
    made = run.record()
    assert [(f.rate, f.multiplier, f.fee) for f in made.fills] == [(D("1.10"), D("5.5"), D("2.2")), (D("1.20"), D(6), D("2.4"))]
    (trade,) = summary(made).round_trips
    assert (trade.entry_price, trade.exit_price) == (100, 100)
    assert trade.pnl == 4 * 5 * 100 * D("0.1")
    assert trade.unrealised == 6 * 5 * 100 * D("0.2")
    assert made.exchange is not None
    assert made.exchange.result == -(5002 * D("0.2") - 1998 * D("0.1")), "what the debt lost as the euro rose"
    assert trade.net + made.exchange.result == made.final_equity - made.initial_capital


def test_money_counts_at_its_first_rate_until_then_as_the_books_count_it_in_the_end() -> None:
    run = Run(0, (BalanceRow("EUR", D(100)),), minutes=0)
    for minute, rate in enumerate(("", "1.25", "1.5")):
        run.now = JAN_1 + minute * MINUTE
        run.recorder.tape.add(Block(0, [run.now], [Bar("SAP", 0, run.now, 100.0, 100.0, 100.0, 100.0, 1.0)]))
        if rate:
            run.rate("EUR", rate)
    made = run.record()
    assert list(made.curve.equity) == [100_125.0, 100_125.0, 100_150.0]
    assert made.initial_capital == 100_125


def test_excursions_are_read_at_the_rates_of_their_moments() -> None:
    run = Run(1, minutes=0)
    fills = ((0, OrderSide.BUY), (3, OrderSide.SELL))
    for minute, rate in enumerate(("1", "0.5", "2", "1")):
        run.now = JAN_1 + (100 + minute) * MINUTE
        run.recorder.tape.add(Block(0, [run.now], [Bar("SAP", 0, run.now, 100.0, 100.0, 100.0, 100.0, 1.0)]))
        run.rate("EUR", rate)
        for when, side in fills:
            if when == minute:
                run.say(OrderFilled(f"one:1:{minute}", "one", "SAP", side, D(1), D(100), D(0), "EUR", f"x{minute}", "b", D(1), D(0), 0))
    (trade,) = summary(run.record()).round_trips
    assert (trade.mae, trade.mfe) == (-250.0, 500.0)  # 500 EUR at a half and at two


def reports(made: RunRecord, directory: Path) -> tuple[str, dict[str, Any], str]:
    figures, out = summary(made), io.StringIO()
    print_summary(made, figures, Console(file=out, width=200))
    write_json(directory / "r.json", made, figures)
    return out.getvalue(), orjson.loads((directory / "r.json").read_bytes()), page(made, figures)


def test_the_fx_result_is_in_every_report_of_a_run_with_another_currency(tmp_path: Path) -> None:
    made = Run(2).record()
    assert made.exchange is not None
    terminal, data, html = reports(made, tmp_path)
    assert "FX result" in terminal
    assert "Final balances" in terminal
    holdings = made.final_equity - made.final_cash - made.exchange.worth
    assert formats.money(holdings, made.currency) in html
    assert "FX result" in html
    assert data["fx_result"] == pytest.approx(float(made.exchange.result))
    assert data["final_balances"].keys() == made.exchange.balances.keys() == {"EUR", "JPY"}
    assert data["final_rates"]["JPY"] == 0.0067
    assert data["fx_by_strategy"].keys() == {"one", "two", "unassigned"}


def test_a_run_of_one_currency_says_nothing_of_it(tmp_path: Path) -> None:
    made = Run(3, symbols=("ACME",)).record()
    assert made.fills
    assert made.exchange is None
    terminal, data, html = reports(made, tmp_path)
    assert "FX result" not in terminal + html
    assert not {key for key in data if key.startswith(("fx_", "final_balances", "final_rates"))}
