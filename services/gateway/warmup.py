"""History for a strategy run, as evidence with names of its own: never mixed with live data, journaled once however often it is read."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.feeds.port import FeedError
from shared.events import Alert, Bar, Severity, WarmupBar, WarmupEnded, WarmupRequested
from shared.runtime.session import Evidence, Performed


def performed(request: WarmupRequested, bars: Sequence[Bar]) -> Performed:
    """`WarmupBar`s and the `WarmupEnded` after them, named densely per strategy run; a lock-step feed waits for the last."""
    source, run = f"gateway.warmup.{request.strategy}", request.strategy_run
    evidence = [Evidence(WarmupBar(request.strategy, run, bar), source, run, n) for n, bar in enumerate(bars, 1)]
    evidence.append(Evidence(WarmupEnded(request.strategy, run, len(bars)), source, run, len(bars) + 1))
    return Performed(evidence, ((source, run, len(bars) + 1),))


def failed(request: WarmupRequested, error: FeedError) -> Performed:
    """No history, and why."""
    nothing = performed(request, ())
    alert = Alert(Severity.WARNING, f"warmup.{request.strategy}", f"strategy {request.strategy} starts without history: {error}")
    return Performed([Evidence(alert), *nothing.evidence], nothing.requires)
