"""A replay's outcome as lines for people: what was compared, and the first difference with both sides and what led to it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from shared.events import Envelope, Event

from .replay import Difference
from .replay_run import Divergence, ReplayReport

TEXT_MAX: Final = 2_000  # of one event: a broker's whole account would hide the rest; --json has all of it


def outcome(report: ReplayReport) -> list[str]:
    """The verdict and what it covers."""
    outputs = sum(r.decided for r in report.runs)
    word = "identical" if report.identical else "NOT identical"
    lines = [f"{word}: log {report.log_id} up to seq {report.upto}, {outputs} outputs of {len(report.runs)} runs compared"]
    for r in report.runs:
        owed = f"; {r.owed} more said than the log holds, at its end" if r.owed else ""
        other = "; ran under other code or settings" if r.mark_differs else ""
        lines.append(f"  {r.source} run {r.run}: {r.decided} outputs{owed}{other}")
    lines.extend(f"  {left.source} run {left.run}: not replayed: {left.why}" for left in report.left_out)
    return lines


def divergence(found: Divergence) -> list[str]:
    """The first difference: where, both sides, the inputs."""
    d = found.difference
    lines = [f"first divergence at seq {d.cause.seq}: {d.source} run {d.run} n {d.n}"]
    journaled = "nothing" if d.journaled is None else f"seq {d.journaled.seq}, n {d.journaled.n}: {_short(d.journaled.event)}"
    lines.append(f"  journal  {journaled}")
    lines.append(f"  replay   {d.error or ('nothing' if d.said is None else _short(d.said))}")
    if fields := _fields(d):
        lines.append(f"  differs  {fields}")
    if d.journaled is not d.cause:
        lines.append(f"  cause    {_place(d.cause)}")
    if found.market is not None and found.market.seq != d.cause.seq:
        lines.append(f"  market   {_place(found.market)}")
    return lines


def plain(found: Divergence) -> dict[str, Any]:
    """The same for programs."""
    d = found.difference
    return {
        "seq": d.cause.seq,
        "source": d.source,
        "run": d.run,
        "n": d.n,
        "symbol": found.symbol,
        "journal": None if d.journaled is None else _envelope(d.journaled),
        "replay": None if d.said is None else _event(d.said),
        "error": d.error,
        "cause": _envelope(d.cause),
        "market": None if found.market is None else _envelope(found.market),
    }


def told(value: Any) -> str:
    """`OrderDenied order_id=cross:1:4 reason=...`; nested parts in parentheses."""
    if isinstance(value, msgspec.Struct):
        fields = " ".join(f"{name}={_nested(getattr(value, name))}" for name in value.__struct_fields__)
        return f"{type(value).__name__} {fields}".rstrip()
    return _nested(value)


def _short(event: Event) -> str:
    text = told(event)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}... ({len(text)} characters)"


def _nested(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        return f"({told(value)})"
    if isinstance(value, tuple):
        return f"[{', '.join(_nested(item) for item in value)}]"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _place(e: Envelope) -> str:
    return f"seq {e.seq}, {_moment(e.ts_ns)}, {e.source}: {_short(e.event)}"


def _moment(ts_ns: int) -> str:
    moment = datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).replace(microsecond=ts_ns // 1_000 % 1_000_000)
    return moment.isoformat(timespec="microseconds")


def _fields(d: Difference) -> str:
    """Which fields part, where both sides say the same kind of thing."""
    if d.said is None or d.journaled is None or type(d.said) is not type(d.journaled.event):
        return ""
    said, then = d.said, d.journaled.event
    parts = [name for name in said.__struct_fields__ if getattr(said, name) != getattr(then, name)]
    return "; ".join(f"{name}: {_nested(getattr(then, name))} in the journal, {_nested(getattr(said, name))} now" for name in parts)


def _event(event: Event) -> dict[str, Any]:
    return {"type": type(event).__name__, "data": _json(event)}


def _envelope(e: Envelope) -> dict[str, Any]:
    return {"seq": e.seq, "ts_ns": e.ts_ns, "source": e.source, "run": e.run, "n": e.n, "cause": e.cause, **_event(e.event)}


def _json(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _json(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return format(value, "f") if isinstance(value, Decimal) else value
