"""A journal told differently and sealed again: copies with an event changed or left out that still verify, as a forger would make them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec

from shared.bus.journal import Journal
from shared.bus.journal_reader import JournalReader
from shared.bus.port import Durability
from shared.bus.record import envelope_of, record_of
from shared.events import Envelope, Event, HealthReported

BATCH = 500


def envelopes(path: Path) -> list[Envelope]:
    """Everything a journal holds, in order."""
    reader, found, after = JournalReader(path), [], 0
    while True:
        rows, upto = reader.page(after, ("",), 2_000)
        found += [envelope_of(r) for r in rows]
        if upto <= after:
            reader.close()
            return found
        after = upto


def rewritten(source: Path, target: Path, edit: Callable[[Envelope], Event | None]) -> Path:
    """edit: what stands in an event's place; the event itself to keep it, None to leave it out. What follows moves up: seq, n, causes and the cursors
    of health reports, so that nothing but the missing fact is wrong."""
    log = envelopes(source)
    reader = JournalReader(source)
    journal = Journal.open(target, Durability.PROCESS, log_id=reader.log_id)
    reader.close()
    place: dict[int, int] = {0: 0}
    gone: defaultdict[tuple[str, int], int] = defaultdict(int)
    told: list[Envelope] = []
    seq = 0
    for e in log:
        event = edit(e)
        if event is None:
            gone[(e.source, e.run)] += 1
            place[e.seq] = seq
            continue
        seq += 1
        place[e.seq] = seq
        if isinstance(event, HealthReported):
            event = msgspec.structs.replace(event, cursor=place[event.cursor])
        told.append(msgspec.structs.replace(e, seq=seq, n=e.n - gone[(e.source, e.run)], cause=place[e.cause], event=event))
    for i in range(0, len(told), BATCH):
        journal.append([record_of(e) for e in told[i : i + BATCH]])
    journal.close()
    return target
