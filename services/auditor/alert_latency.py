"""Whether alerts come in time: from the event that caused one to the alert in the log, no more than `alert_latency_ms_max` (RTS 6 article
16(5)).

Judged for what services tell a person: alerts and limits met. Late ones of a source are told once a minute, with what to look at. Under the feed
clock an output has its cause's time, so there nothing is ever late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.domain.cause_age import CauseAges
from shared.events import Alert, Envelope, LimitBreached, Severity

PREFIX: Final = "alert_latency."
AGAIN_NS: Final = 60_000_000_000


def judged(e: Envelope, ages: CauseAges, told: Mapping[str, int], most_ms: int) -> list[Alert]:
    """told: by source, ns of log time at which it was named last."""
    event = e.event
    if not isinstance(event, Alert | LimitBreached) or event.key.startswith(PREFIX):
        return []
    late_ms = ages.too_old(e.cause, e.ts_ns)
    if not late_ms or e.ts_ns < told.get(e.source, -AGAIN_NS) + AGAIN_NS:
        return []
    text = (
        f"{e.source} told {event.key} {late_ms} ms after its cause, event {e.cause}; live.risk.alert_latency_ms_max is {most_ms}: see its lag and load"
        " in `regimeflow health`"
    )
    return [Alert(Severity.WARNING, f"{PREFIX}{e.source}", text)]


def note(e: Envelope, told: dict[str, int]) -> None:
    """Our own word that a source's alerts come late."""
    if isinstance(e.event, Alert) and e.event.key.startswith(PREFIX):
        told[e.event.key.removeprefix(PREFIX)] = e.ts_ns
