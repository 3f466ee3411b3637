"""Finding strategies, filling their constructors, and knowing when their code has changed."""

from decimal import Decimal

import pytest

from shared.strategy import Strategy, StrategyNotFound, StrategySettings, load_strategy, register_strategy
from shared.strategy.builtin.buy_and_hold import BuyAndHold

ONE = "from shared.strategy import Strategy\nimport {helper}\nclass Mine(Strategy):\n    def __init__(self, window, scale=2.0):\n        self.window, self.scale = window, scale\n"


def write(folder, helper="h_one"):
    (folder / f"{helper}.py").write_text("X = 1\n")
    (folder / "mine.py").write_text(ONE.format(helper=helper))
    return folder


def test_built_in_by_name():
    loaded = load_strategy("buy_and_hold")
    assert loaded.cls is BuyAndHold
    assert isinstance(loaded({}), BuyAndHold)


def test_a_module_and_a_file(tmp_path):
    assert load_strategy("shared.strategy.builtin.buy_and_hold:BuyAndHold").cls is BuyAndHold
    write(tmp_path, "h_two")
    for spec in ("mine.py:Mine", f"{tmp_path}/mine.py:Mine", "mine.py"):
        made = load_strategy(spec, tmp_path)({"window": 5, "other": 1})
        assert (made.window, made.scale) == (5, 2.0)


def test_a_constructor_argument_that_is_missing_is_named(tmp_path):
    write(tmp_path, "h_three")
    with pytest.raises(TypeError, match=r"needs params\.window"):
        load_strategy("mine.py:Mine", tmp_path)({})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("buy_and_hodl", "did you mean buy_and_hold"),
        ("nowhere.at.all:Mine", "no module nowhere"),
        ("shared.strategy.contract:Nothing", "Nothing is no subclass"),
        ("missing.py:Mine", "is no file"),
    ],
)
def test_what_is_not_there_is_told(spec, text, tmp_path):
    with pytest.raises(StrategyNotFound, match=text):
        load_strategy(spec, tmp_path)


def test_half_a_save_and_a_wild_one_without_are_refused(tmp_path):
    (tmp_path / "half.py").write_text("from shared.strategy import Strategy\nclass Half(Strategy):\n    def save(self): return {}\n")
    (tmp_path / "wild.py").write_text("from shared.strategy import Strategy\nclass Wild(Strategy):\n    deterministic = False\n")
    with pytest.raises(TypeError, match="save without load"):
        load_strategy("half.py:Half", tmp_path)
    with pytest.raises(TypeError, match="must define save and load"):
        load_strategy("wild.py:Wild", tmp_path)


def test_the_fingerprint_follows_code_its_imports_and_parameters(tmp_path):
    write(tmp_path, "h_four")
    spec = "mine.py:Mine"
    settings = StrategySettings("s", spec, ("SPY",), {"window": 5}, Decimal(1000))
    before = load_strategy(spec, tmp_path).fingerprint(settings)
    assert load_strategy(spec, tmp_path).fingerprint(settings) == before
    (tmp_path / "unrelated.py").write_text("Y = 1\n")
    assert load_strategy(spec, tmp_path).fingerprint(settings) == before
    other = StrategySettings("s", spec, ("SPY",), {"window": 6}, Decimal(1000))
    assert load_strategy(spec, tmp_path).fingerprint(other) != before
    (tmp_path / "h_four.py").write_text("X = 2\n")
    assert load_strategy(spec, tmp_path).fingerprint(settings) != before


def test_registered_names_are_found_and_built_in_ones_stay():
    class Noted(Strategy):
        pass

    register_strategy("noted", Noted)
    assert load_strategy("noted").cls is Noted
    with pytest.raises(ValueError, match="built-in"):
        register_strategy("buy_and_hold", Noted)
    with pytest.raises(TypeError, match="subclass"):
        register_strategy("x", int)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"id": "Ma"}, "id"),
        ({"id": "a" * 17}, "id"),
        ({"symbols": ()}, "symbols"),
        ({"symbols": ("A", "A")}, "symbols"),
        ({"history_bars_max": 0}, "history_bars_max"),
        ({"warmup_bars": 2000}, "warmup_bars"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(fields, text):
    with pytest.raises(ValueError, match=text):
        StrategySettings(**{"id": "ma", "name": "x", "symbols": ("SPY",), **fields})
