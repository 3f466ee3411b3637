"""`docs/guarantees.md` names a test for every promise, and each of them exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "guarantees.md"
HEADER: Final = "| promise | enforced by | test |"


def rows() -> list[list[str]]:
    """The cells of every promise."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    promises = [line for line in lines if line != HEADER and not set(line) <= set("|- ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in promises]


@cache
def functions(path: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))


NAMED: Final = sorted({name for row in rows() for name in re.findall(r"`([^`]*)`", row[-1])})


def test_every_promise_says_what_enforces_it_and_names_a_test() -> None:
    assert len(rows()) > 20
    for row in rows():
        assert len(row) == 3, row
        assert all(row), row
        assert "::" in row[-1], row


@pytest.mark.parametrize("name", NAMED)
def test_the_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file(), f"{path} does not exist"
    assert function in functions(ROOT / path), f"{path} has no {function}"


def test_what_is_said_to_enforce_a_promise_exists() -> None:
    places = {place for row in rows() for place in re.findall(r"`((?:services|shared)/[^`]*)`", row[1])}
    assert {place for place in places if not (ROOT / place).exists()} == set()
