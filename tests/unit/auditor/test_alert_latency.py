"""From an event to the alert it causes: in time, late, again and again, over restarts, and under a clock where nothing is late."""

from __future__ import annotations

import pytest

from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from shared.events import Alert, ClockTicked, Envelope, Event, LimitBreached, LogStarted, Reason, Severity

MS = 1_000_000
ALERT = Alert(Severity.CRITICAL, "blind:X", "no data")
BREACH = LimitBreached(Reason.DAY_LOSS, "day_loss_max", "100", "101", hard=True)


class Log:
    """An auditor that hears a log of one event every 10 ms while time passes."""

    def __init__(self, clock: str = "wall", most_ms: int = 500) -> None:
        self.core = AuditorCore(AuditorSettings(alert_latency_ms_max=most_ms))
        self.now, self.seq = 1_700_000_000_000 * MS, 0
        self.tell(LogStarted("logid0", clock, "process"))

    def tell(self, event: Event, cause: int = 0, source: str = "bus") -> list[Alert]:
        self.seq += 1
        envelope = Envelope(self.seq, self.now, event.topic, source, 1, self.seq, cause, 1, event)
        out = list(self.core.decide(envelope))
        self.core.apply(envelope)
        for n, own in enumerate(out, 1):
            self.core.apply(Envelope(0, self.now, own.topic, "auditor", 1, n, self.seq, 1, own))
        assert all(isinstance(e, Alert) for e in out)
        return [e for e in out if isinstance(e, Alert)]

    def wait(self, ms: int) -> None:
        for _ in range(ms // 10):
            self.now += 10 * MS
            self.tell(ClockTicked())
        self.now += ms % 10 * MS

    def caused(self, event: Event = ALERT, after_ms: int = 0, source: str = "risk_engine") -> list[Alert]:
        """An event, and so long after it what it caused."""
        self.tell(ClockTicked())
        cause = self.seq
        self.wait(after_ms)
        return self.tell(event, cause, source)

    def restart(self) -> None:
        again = AuditorCore(AuditorSettings(alert_latency_ms_max=500))
        again.restore(self.core.snapshot())
        self.core = again


@pytest.mark.parametrize("event", [ALERT, BREACH])
@pytest.mark.parametrize(("after_ms", "late"), [(0, False), (490, False), (500, False), (540, True), (3_000, True)])
def test_below_at_and_above(event: Event, after_ms: int, late: bool) -> None:
    """A cause is found late at most a sixteenth of the bound after it is."""
    log = Log()
    log.wait(2_000)
    told = log.caused(event, after_ms)
    assert [alert.key for alert in told] == (["alert_latency.risk_engine"] if late else [])
    if late:
        assert "alert_latency_ms_max is 500" in told[0].text


def test_a_source_is_named_once_a_minute_and_each_by_itself_over_restarts() -> None:
    log = Log()
    assert len(log.caused(after_ms=1_000)) == 1
    log.restart()
    assert log.caused(after_ms=1_000) == []
    assert len(log.caused(after_ms=1_000, source="reconciler")) == 1
    log.wait(58_000)
    log.restart()
    assert len(log.caused(after_ms=1_000)) == 1


def test_a_restart_between_cause_and_alert_hides_nothing() -> None:
    log = Log()
    log.tell(ClockTicked())
    cause = log.seq
    log.wait(300)
    log.restart()
    log.wait(300)
    assert len(log.tell(ALERT, cause, "risk_engine")) == 1


def test_what_has_no_cause_and_our_own_word_are_not_judged() -> None:
    log = Log()
    log.wait(2_000)
    assert log.tell(ALERT, 0, "order_router.session") == []
    assert log.caused(Alert(Severity.WARNING, "alert_latency.risk_engine", "late"), 2_000, "auditor") == []


def test_under_the_feed_clock_nothing_is_late() -> None:
    log = Log("feed")
    assert log.caused(after_ms=5_000) == []
