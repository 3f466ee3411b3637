"""The strategies in force: the file's, with what commands made of them laid over it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from shared.config import Config, load
from shared.config.revised import fold, in_force
from shared.events import StrategyRevised

FILE = """
live:
  broker: paper
  symbols: [ACME]
  strategies:
    - {id: one, name: buy_and_hold, params: {symbol: ACME, quantity: 1}}
    - {id: two, name: buy_and_hold, budget: 20000}
paper: {initial_cash: 100000}
"""


def config(tmp_path: Path, text: str = FILE) -> Config:
    path = tmp_path / "live.yaml"
    path.write_text(text)
    return load(path, {}).config


def answers(*rows: tuple[str, str, int, str]) -> dict[str, StrategyRevised]:
    standing: dict[str, StrategyRevised] = {}
    for outcome, strategy, since, definition in rows:
        fold(standing, StrategyRevised("c", outcome, strategy, since, definition, Decimal(0), ""))
    return standing


def shown(config: Config, standing: dict[str, StrategyRevised]) -> list[tuple[str, dict[str, object], Decimal, int]]:
    return [(w.entry.id, dict(w.entry.params), w.budget, w.since) for w in in_force(config, standing)]


def test_without_changes_it_is_the_file(tmp_path: Path) -> None:
    assert shown(config(tmp_path), {}) == [
        ("one", {"symbol": "ACME", "quantity": 1}, Decimal("80000.00"), 0),
        ("two", {}, Decimal(20_000), 0),
    ]


def test_parameters_lie_over_the_files_and_what_is_removed_is_gone_and_shares_stay(tmp_path: Path) -> None:
    standing = answers(("set", "one", 5, '{"params":{"quantity":3}}'), ("removed", "two", 6, ""))
    assert shown(config(tmp_path), standing) == [("one", {"symbol": "ACME", "quantity": 3}, Decimal("80000.00"), 5)]
    other = config(tmp_path, FILE.replace("quantity: 1", "quantity: 8, warmup_bars: 2"))
    assert shown(other, standing) == [("one", {"symbol": "ACME", "quantity": 3, "warmup_bars": 2}, Decimal("80000.00"), 5)]


def test_added_ones_follow_by_id_and_stand_in_place_of_the_files(tmp_path: Path) -> None:
    def entry(id_: str) -> str:
        return f'{{"id":"{id_}","name":"buy_and_hold","symbols":["ACME"],"budget":"5"}}'

    rows = [("added", "zed", 4, entry("zed")), ("added", "abe", 5, entry("abe")), ("removed", "one", 6, ""), ("added", "one", 7, entry("one"))]
    found = shown(config(tmp_path), answers(*rows))
    assert [(id_, budget, since) for id_, _, budget, since in found] == [("one", 5, 7), ("two", 20_000, 0), ("abe", 5, 5), ("zed", 5, 4)]


def test_what_is_set_of_an_entry_that_left_the_file_waits_for_it(tmp_path: Path) -> None:
    standing = answers(("set", "gone", 5, '{"params":{"quantity":3}}'), ("refused", "one", 6, ""))
    assert [row[0] for row in shown(config(tmp_path), standing)] == ["one", "two"]
