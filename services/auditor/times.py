"""Times at the edge: UTC, microseconds. Inside, time is integer nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(ns: int) -> int:
    """Whole microseconds since the Unix epoch, cut, never rounded up into the future."""
    return ns // 1_000


def iso(ns: int) -> str:
    """`2024-01-02T15:04:05.123456Z`; empty for 0, which means never."""
    if not ns:
        return ""
    moment = _EPOCH + timedelta(microseconds=microseconds(ns))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
