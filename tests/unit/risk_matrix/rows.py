"""All rows."""

from __future__ import annotations

from . import rows_after, rows_exposure, rows_gates, rows_own, rows_rates

ROWS = [*rows_gates.ROWS, *rows_rates.ROWS, *rows_exposure.ROWS, *rows_after.ROWS, *rows_own.ROWS]


def name_of(number: int) -> str:
    """Of a test: the control, and which of its rows."""
    page = ROWS[number].page
    return f"{page}-{sum(row.page == page for row in ROWS[:number]) + 1}"
