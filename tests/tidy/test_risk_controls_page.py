"""`docs/risk_controls.md` is whole: every key of `live.risk`, every reason risk gives, the defaults of today, and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from shared.config.pending import PENDING
from shared.config.risk import RiskConfig
from shared.events import Reason

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "risk_controls.md"
NOT_YET: Final = "not yet in force"


def keys(model: type[BaseModel] = RiskConfig, prefix: str = "") -> dict[str, Any]:
    """Default by key below `live.risk`; a section with a default of its own is its keys."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            found |= keys(type(field.default), f"{prefix}{name}.")
        else:
            found[prefix + name] = field.default
    return found


def shown(default: object) -> str:
    """A default as the page writes it."""
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def rows() -> list[list[str]]:
    """control, key, default, reason, test of every control."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [row for row in cells if row[0] != "control"]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def named_in_risk() -> set[str]:
    """Every Reason the risk engine's source names."""
    found = set()
    for path in (ROOT / "services" / "risk_engine").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
                found.add(node.attr)
    return found


def pending() -> set[str]:
    """Keys below `live.risk` that are not in force."""
    return {".".join(map(str, row.path[2:])) for row in PENDING if row.path[:2] == ("live", "risk") and row.values is None}


def test_every_key_stands_once_with_todays_default() -> None:
    written = {quoted(row[1])[0]: quoted(row[2])[0] for row in rows() if row[1] != "-"}
    assert len(written) == sum(row[1] != "-" for row in rows())
    assert written == {key: shown(default) for key, default in keys().items()}


def test_every_reason_risk_gives_stands_there() -> None:
    written = {reason for row in rows() for reason in quoted(row[3])}
    assert written <= set(Reason.__members__)
    assert named_in_risk() - written == set()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_every_control_names_a_test_that_exists_or_is_pending(row: list[str]) -> None:
    assert len(row) == 5
    key = quoted(row[1])[0] if row[1] != "-" else ""
    assert row[4] != NOT_YET or key in pending(), "a control that is in force names its test"
    assert quoted(row[4]) or row[4] == NOT_YET
    for name in quoted(row[4]):
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
