"""`check-strategy` finds what would make a strategy unfit for the log, and names the first difference."""

import pytest

from services.strategy_runner.check import Verdict, check_strategy
from services.strategy_runner.trial import synthetic_bars
from shared.strategy import StrategySettings

HEAD = "import random, time\nfrom shared.strategy import Strategy, Order, OrderSide, OrderType\nBUY, MARKET = OrderSide.BUY, OrderType.MARKET\n"

BY_SET = """
class Mine(Strategy):
    def on_bar(self, bar):
        for name in {"alpha", "beta", "gamma", "delta", "epsilon"}:
            self.ctx.submit_order(Order(bar.symbol, BUY, MARKET, len(name)))
"""
FORGETS = """
class Mine(Strategy):
    def initialize(self, ctx):
        self.count = 0
    def on_bar(self, bar):
        self.count += 1
        if self.count % 5 == 0:
            self.ctx.submit_order(Order(bar.symbol, BUY, MARKET, self.count))
    def save(self):
        return {}
    def load(self, state):
        pass
"""
BLOCKS = """
class Mine(Strategy):
    def on_bar(self, bar):
        if self.ctx.get_bars(bar.symbol, 5)[0].close and len(self.ctx.get_bars(bar.symbol, 5)) == 5:
            time.sleep(30)
"""
RAISES = """
class Mine(Strategy):
    def on_fill(self, fill):
        raise ArithmeticError("no")
    def on_bar(self, bar):
        self.ctx.submit_order(Order(bar.symbol, BUY, MARKET, 1))
"""
DICE = """
class Mine(Strategy):
    def on_bar(self, bar):
        print("noise on standard output")
        if random.random() < 0.2:
            self.ctx.submit_order(Order(bar.symbol, BUY, MARKET, random.randint(1, 9)))
"""


def check(tmp_path, code, **options):
    (tmp_path / "mine.py").write_text(HEAD + code)
    settings = StrategySettings("s", "mine.py:Mine", ("SPY",))
    return check_strategy(settings, synthetic_bars(("SPY",), 60, 3), base=tmp_path, **options)


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (BY_SET, " SPY market at 2024-01-02T14:11:00+00:00] with hash seed "),
        (FORGETS, "cut by save and load"),
        (RAISES, "on_fill raised ArithmeticError: no (mine.py:7)"),
    ],
)
def test_what_is_unfit_is_named(tmp_path, code, finding):
    report = check(tmp_path, code)
    assert report.verdict is Verdict.UNFIT
    assert any(finding in line for line in report.findings), report.findings


def test_a_callback_that_blocks_is_named(tmp_path):
    report = check(tmp_path, BLOCKS, callback_ms_max=150)
    assert report.verdict is Verdict.UNFIT
    assert report.findings[0].startswith("on_bar did not return within")


def test_seeded_dice_without_save_are_fit(tmp_path):
    report = check(tmp_path, DICE)
    assert report.verdict is Verdict.FIT, report.findings
    assert report.orders > 3
    assert "replay" in str(report)


def test_what_does_not_load_is_told_apart(tmp_path):
    report = check(tmp_path, "class Mine(Strategy:\n")
    assert report.verdict is Verdict.BROKEN
    assert "mine.py:Mine does not load: SyntaxError" in report.findings[0]
