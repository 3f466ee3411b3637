"""The shipped files: they load as they are, and every single slip in them is refused by name and line."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from shared.config import ConfigError, load, schema
from shared.config.reference import render
from shared.config.tree import Node, dotted, read

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted((ROOT / "configs").glob("*.yaml"))
IDS = [path.name for path in SHIPPED]

REQUIRED = {
    "live",
    "live.broker",
    "live.symbols",
    "live.strategies[].id",
    "live.strategies[].name",
    "gateway.feed.data_directory",
    "data.data_directory",
}
NEEDED = {"paper.slippage_params", "paper.slippage_params.bps", "paper.commission_params", "paper.commission_params.rate"}  # by their models


def nodes(node: Node) -> Iterator[Node]:
    """Every entry below, sections too."""
    children = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    for child in children:
        yield child
        yield from nodes(child)


def entries(path: Path) -> list[Node]:
    root, problems = read(path)
    assert problems == []
    return list(nodes(root))


CASES = [pytest.param(path, node, id=f"{path.name}-{dotted(node.path)}") for path in SHIPPED for node in entries(path)]


def emit(value: object, path: tuple, indent: str, lines: list[str], where: dict[tuple, int]) -> None:
    """Block YAML, one entry a line, and the line of every entry."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in pairs:
        where[*path, key] = len(lines) + 1
        head = f"{indent}{key}:" if isinstance(value, dict) else f"{indent}-"
        if isinstance(child, dict | list) and child:
            lines.append(head)
            emit(child, (*path, key), f"{indent}  ", lines, where)
        else:
            lines.append(f"{head} {json.dumps(child)}")


def changed(path: Path, node: Node, change: str, folder: Path) -> tuple[Path, dict[tuple, int]]:
    """The file with one entry deleted, its key mistyped or its value retyped, and the line of every entry of the result."""
    document = copy.deepcopy(data(path))
    parent = document
    for part in node.path[:-1]:
        parent = parent[part]
    last = node.path[-1]
    if change == "delete":
        del parent[last]
    elif change == "mistype":
        keys = {(f"{key}_x" if key == last else key): value for key, value in parent.items()}
        parent.clear()
        parent.update(keys)
    else:
        parent[last] = ["wrong"] if isinstance(parent[last], dict) else {"wrong": 1}
    lines: list[str] = []
    where: dict[tuple, int] = {}
    emit(document, (), "", lines, where)
    made = folder / path.name
    made.write_text("\n".join(lines), encoding="utf-8")
    return made, where


@cache
def data(path: Path) -> dict:
    return read(path)[0].data()


def problems_of(path: Path) -> list:
    try:
        load(path, {})
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize("path", SHIPPED, ids=IDS)
def test_a_shipped_file_loads_with_nothing_ignored_and_nothing_missing(path):
    loaded = load(path, {})
    assert (loaded.ignored, loaded.not_in_force, loaded.missing) == ((), (), ())
    assert loaded.config.strategies
    assert sum(loaded.config.budgets(loaded.config.paper.initial_cash).values()) <= loaded.config.paper.initial_cash


@pytest.mark.parametrize(("path", "node"), [case for case in CASES if not isinstance(case.values[1].path[-1], int)])
def test_a_mistyped_key_is_refused_by_name_and_line(path, node, tmp_path):
    made, lines = changed(path, node, "mistype", tmp_path)
    wrong = (*node.path[:-1], f"{node.path[-1]}_x")
    said = problems_of(made) or load(made, {}).ignored  # RegimeFlow's short form may carry another strategy's parameters: told, not refused
    assert any(p.path == dotted(wrong) and p.line == lines[wrong] for p in said), said


@pytest.mark.parametrize(("path", "node"), CASES)
def test_a_value_of_a_wrong_kind_is_refused_by_name_and_line(path, node, tmp_path):
    made, lines = changed(path, node, "retype", tmp_path)
    assert any(p.path.startswith(dotted(node.path)) and p.line >= lines[node.path] for p in problems_of(made)), problems_of(made)


@pytest.mark.parametrize(("path", "node"), CASES)
def test_a_deleted_entry_is_refused_where_it_is_required_and_has_a_default_elsewhere(path, node, tmp_path):
    made, _ = changed(path, node, "delete", tmp_path)
    problems = problems_of(made)
    key = re.sub(r"\[\d+\]", "[]", dotted(node.path))
    if key in REQUIRED | NEEDED:
        assert any(p.path.startswith(dotted(node.path)) and "required key is missing" in p.text for p in problems), problems
        assert all(p.line > 0 for p in problems)
    elif isinstance(node.path[-1], int) or problems:
        assert all(p.line > 0 and p.path for p in problems)  # a list's item: what named it is refused, or nothing is
    else:
        assert load(made, {}).config.backtest_symbols


def test_numbers_of_the_shipped_files_are_in_force():
    paper, replay = (load(ROOT / "configs" / name, {}).config for name in ("paper.yaml", "replay.yaml"))
    assert paper.live is not None
    assert replay.live is not None
    assert replay.live.risk.limits.max_notional == Decimal(50_000)
    assert paper.budgets(Decimal(100_000)) == {"cross": Decimal(50_000), "hold": Decimal(50_000)}
    assert replay.budgets(Decimal(100_000)) == {"cross": Decimal(100_000)}
    assert replay.strategy_symbols(replay.strategies[0]) == ("SPY",)
    assert paper.live.risk.limits.max_notional == Decimal(10_000)


def test_replay_finds_its_data():
    feed = load(ROOT / "configs" / "replay.yaml", {}).config.gateway.feed
    folder = ROOT / feed.data_directory
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    assert (folder / feed.file_pattern.format(symbol="SPY")).is_file()
    assert (folder / feed.quotes_pattern.format(symbol="SPY")).is_file()


def test_the_reference_page_is_current():
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == render(), "python -m shared.config.reference > docs/configuration.md"


def alternatives(node: dict, made: dict) -> Iterator[dict]:
    """A schema node through references and choices."""
    if "$ref" in node:
        yield from alternatives(made["$defs"][node["$ref"].rsplit("/", 1)[1]], made)
    for choice in [*node.get("anyOf", []), *node.get("oneOf", [])]:
        yield from alternatives(choice, made)
    yield node


def below(node: dict, part: str | int) -> Iterator[dict]:
    if isinstance(part, int):
        yield from [node["items"]] if "items" in node else []
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    else:
        yield from node.get("patternProperties", {}).values()
        yield from [node["additionalProperties"]] if isinstance(node.get("additionalProperties"), dict) else []


def known_to_schema(path: tuple, made: dict) -> bool:
    places = [made]
    for part in path:
        places = [found for place in places for choice in alternatives(place, made) for found in below(choice, part)]
    return bool(places)


@pytest.mark.parametrize("path", SHIPPED, ids=IDS)
def test_the_schema_knows_every_key_of_a_shipped_file(path):
    made = schema()
    assert [dotted(node.path) for node in entries(path) if not known_to_schema(node.path, made)] == []


def test_the_schema_knows_second_spellings_ignored_keys_and_expansion():
    made = schema()
    for path in (("live", "max_order_value"), ("live", "risk", "order_notional_max"), ("risk_params",), ("plugins",), ("live", "deadman_after_s")):
        assert known_to_schema(path, made), path
    port = made["$defs"]["IbSettings"]["properties"]["port"]
    assert any("pattern" in choice for choice in port["anyOf"])
    assert not known_to_schema(("live", "max_notionl"), made)
