"""How records are named in files: the same in JSON and CSV."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from .moments import iso

# What is a moment; other fields in ns are lengths of time.
_MOMENTS: Final = {
    "ts_ns": "timestamp",
    "entry_ns": "entry_time",
    "exit_ns": "exit_time",
    "submitted_ns": "submitted",
    "ended_ns": "ended",
    "peak_ns": "peak_time",
    "trough_ns": "trough_time",
    "recovered_ns": "recovered_time",
    "from_ns": "from_time",
    "to_ns": "to_time",
}


def names(record_type: type) -> list[str]:
    """A header: the fields of a dataclass, moments without their unit."""
    return [_MOMENTS.get(f.name, f.name) for f in fields(record_type)]


def values(record: Any) -> list[Any]:
    """The fields of a dataclass, moments as ISO text, None where there is none."""
    found = ((f.name, getattr(record, f.name)) for f in fields(record))
    return [iso(value or 0) if name in _MOMENTS else value for name, value in found]


def named(record: Any) -> dict[str, Any]:
    """Both."""
    return dict(zip(names(type(record)), values(record), strict=True))
