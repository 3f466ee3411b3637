"""The house rules that a linter does not know: what cores may touch, what nobody writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")])
PURE = [
    *ROOT.glob("services/*/core*.py"),
    *(p for package in ("events", "domain", "strategy", "venue") for p in ROOT.glob(f"shared/{package}/**/*.py")),
]
BANNED = {"zmq", "asyncio", "threading", "time", "random", "os", "logging", "structlog", "socket", "sqlite3", "subprocess"}
LINES_MAX = 400


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=name)
def test_cores_and_pure_packages_touch_no_world(path: Path) -> None:
    assert not {m.split(".")[0] for m in imports(path)} & BANNED


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_left_unfinished(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)
    assert not re.search(r"send_pyobj|recv_pyobj|\bpickle\b", text)
    assert not re.search(r"except Exception:\s*\n\s*(log|pass)", text)
    assert len(text.splitlines()) <= LINES_MAX, "a file this long is usually two ideas"


def test_services_do_not_import_each_other() -> None:
    composing = {"backtest", "live", "control"}  # the places that compose several services
    for path in ROOT.glob("services/*/**/*.py"):
        own = path.relative_to(ROOT / "services").parts[0]
        others = {m.split(".")[1] for m in imports(path) if m.startswith("services.")} - {own}
        assert own in composing or not others, f"{name(path)} imports {others}"


def test_zmq_is_known_to_the_bus_alone() -> None:
    assert not [name(p) for p in SOURCES if "zmq" in imports(p) and "shared/bus/" not in name(p)]


def test_no_path_of_a_machine_is_written_down() -> None:
    tracked = [
        p for p in ROOT.rglob("*") if p.suffix in {".py", ".md", ".yaml", ".toml", ".yml"} and not {".git", ".venv", ".venv-peers"} & set(p.parts)
    ]
    for path in tracked:
        assert not re.search(r"(?<![\w.])/(work|root|home/\w+)/", path.read_text()), name(path)
