"""No control of `docs/risk_controls.md` lacks a row: one that is added without it fails here."""

from __future__ import annotations

from tests.tidy.test_risk_controls_page import NOT_YET, quoted, rows

from .rows import ROWS

# not risk's to judge: another service's, proven by tests of its own that stand on the page
OF_OTHERS = frozenset(
    {
        "alert_latency_ms_max",  # the auditor's
        "clock_offset_ms_max",  # measured by the reconciler; below, at and above: `test_risk_clock_offset.py`
        "conservation_tolerance",  # the auditor's
        "external_policy",  # what becomes of a trade that happened; no order is judged
        "mark_interval_ms",  # how often a figure is written; nothing is judged
        "reconcile_grace_ms",  # the reconciler's
        "unknown_age_s_max",  # the reconciler's
    }
)
# judged of what no strategy and no feed can say: a forged route, an id said twice, an exit that works
OF_THEIR_OWN = frozenset(
    {
        "child_qty_over_parent_max",
        "duplicate_id_window",
        "a holding being closed for its strategy",
        "the broker's line is down, or back and not reconciled since (`live.reconnect`)",  # readings and lines: `test_risk_broker_line.py`
        "settled cash of a cash account (`paper.settlement_days`)",  # trading dates: `test_risk_settlement.py`
    }
)


def controls() -> set[str]:
    """Key of every control in force; its name where it has no key."""
    return {quoted(row[1])[0] if row[1] != "-" else row[0] for row in rows() if row[4] != NOT_YET}


def test_every_control_has_a_row() -> None:
    proven = {row.page for row in ROWS}
    assert proven <= controls()
    assert controls() - proven == OF_OTHERS | OF_THEIR_OWN


def test_most_rows_are_played_by_whole_engines() -> None:
    """And those that are not say so: what only the core can be told."""
    alone = {row.page for row in ROWS} - {row.page for row in ROWS if "live" in row.where}
    assert alone == {
        "a break with the broker, readings that fail (`live.reconciliation`)",
        "a currency without a rate",
        "a locked instrument",
        "a paused strategy",
        "an instrument nobody defined",
        "arm_requires_reconcile",
        "heartbeat_ms",
        "missed_max",
        "nobody is there to send",
        "replace of an order nobody has, or that is done",
        "require_same_build",
    }
