"""Tags are append-only: a released tag keeps its type and its fields, in order; new fields come last with a default."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson

from shared.events import CATALOGUE

LOCK = Path(__file__).parents[2] / "shared/events/tags.lock"


def current() -> dict[str, dict[str, object]]:
    return {
        str(tag): {"type": t.__name__, "version": t.VERSION, "fields": [f.name for f in msgspec.structs.fields(t)]} for tag, t in CATALOGUE.items()
    }


def test_the_lock_is_current() -> None:
    assert orjson.loads(LOCK.read_bytes()) == current(), "run `make docs` and review what the change to tags.lock means for old journals"


def test_fields_after_the_lock_have_defaults() -> None:
    locked = orjson.loads(LOCK.read_bytes())
    for tag, entry in locked.items():
        fields = msgspec.structs.fields(CATALOGUE[int(tag)])
        assert [f.name for f in fields[: len(entry["fields"])]] == entry["fields"]
        assert all(not f.required for f in fields[len(entry["fields"]) :])
