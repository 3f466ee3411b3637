"""The events of a run in a journal file, as the bus would keep them: for `journal export`, `journal verify` and `replay`.

Promises: the file is made new, holds every event in order once the run ended, and is closed in order whatever ends it. Nothing waits for a disk
until then: what a backtest loses with the machine is run again.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.bus.journal import Journal
from shared.bus.port import Durability
from shared.bus.record import Record, record_of
from shared.events import Envelope, LogStarted

from .engine import Sink

BATCH_ROWS: Final = 1_000


@contextmanager
def journal_at(path: Path) -> Iterator[Sink]:
    """What to give a run as its sink. Raises FileExistsError, JournalError."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, "there is a file already, and a journal is never written over", str(path))
    held: list[Record] = []
    journal: Journal | None = None

    def keep(e: Envelope) -> None:
        nonlocal journal
        if isinstance(e.event, LogStarted):
            journal = Journal.open(path, Durability.PROCESS, log_id=e.event.log_id)
        held.append(record_of(e))
        if len(held) == BATCH_ROWS:
            flush()

    def flush() -> None:
        if journal is not None and held:
            journal.append(held)
            held.clear()

    try:
        yield keep
        flush()
    finally:
        if journal is not None:
            journal.close()
