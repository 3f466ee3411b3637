"""The YAML reader: YAML 1.2 scalars, lines, and bounds; whatever the bytes, problems and never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import ConfigError, load
from shared.config.nearest import nearest, suggest
from shared.config.tree import NODES_MAX, dotted, read, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ON", "ON"), ("NO", "NO"), ("y", "y"), ("off", "off"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("1e-6", 1e-6), ("1.5", 1.5), (".5", 0.5), ("1_000", "1_000"), ("2019-01-01", "2019-01-01"), ("09:30", "09:30"),
        ("0x10", "0x10"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_symbols_that_yaml_1_1_takes_for_booleans_are_symbols(tmp_path):
    path = tmp_path / "on.yaml"
    path.write_text("live: {broker: paper, symbols: [ON, NO, Y, F]}\n", encoding="utf-8")
    live = load(path, {}).config.live
    assert live is not None
    assert live.symbols == ("ON", "NO", "Y", "F")


def test_a_symbol_that_is_a_boolean_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "true.yaml"
    path.write_text("live: {broker: paper, symbols: [TRUE]}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r":1: live\.symbols\[0\]: must be text, got 'TRUE'; quote it"):
        load(path, {})


def test_lines_of_keys_and_items(tmp_path):
    path = tmp_path / "lines.yaml"
    path.write_text("# comment\na:\n  b: 1\n\n  c:\n    - x\n    - y: 2\n", encoding="utf-8")
    root, problems = read(path)
    assert problems == []
    assert {dotted(node.path): node.line for node in root.walk()} == {"a.b": 3, "a.c[0]": 6, "a.c[1].y": 7}
    assert root.data() == {"a": {"b": 1, "c": ["x", {"y": 2}]}}


def test_anchors_are_read(tmp_path):
    path = tmp_path / "anchor.yaml"
    path.write_text("a: &x {k: 1}\nb: *x\n", encoding="utf-8")
    assert read(path)[0].data() == {"a": {"k": 1}, "b": {"k": 1}}


def test_a_document_that_grows_without_bound_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    path = tmp_path / "laughs.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert f"more than {NODES_MAX} values" in str(read(path)[1][0])


@pytest.mark.parametrize("text", ["a: &x [*x]\n", "[" * 2_000, "a: " + "{b: " * 500])
def test_endless_and_deep_documents_are_refused(tmp_path, text):
    path = tmp_path / "deep.yaml"
    path.write_text(text, encoding="utf-8")
    assert read(path)[1]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet=" \n:-{}[]#&*!|>'\"%@`ab1.\t", max_size=120).map(str.encode)))
def test_any_bytes_are_a_tree_or_problems(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert caught.value.problems
    assert all("\n" not in str(problem) for problem in caught.value.problems)


def test_nearest_key():
    assert nearest("max_notionl", ["max_position", "max_notional"])[0] == "max_notional"
    assert nearest("x", []) == ("", 0.0)
    assert suggest(("live", "strategies", 0), "nmae") == "name"
    assert suggest(("instruments", "SPY"), "tik_size") == "tick_size"
    assert suggest((), "max_drawdwn") == "live.risk.limits.max_drawdown"
