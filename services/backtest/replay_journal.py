"""What replay reads of a journal: its events in order, an actor's own outputs ahead of them, its runs. Streamed, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from shared.bus.journal_queries import rows_of_tag
from shared.bus.journal_reader import JournalReader
from shared.bus.journal_schema import connect_reader
from shared.bus.record import Record, envelope_of
from shared.bus.verify import Report, verify
from shared.events import Envelope, Event, LeaseGranted, LogStarted, OrderIntent, RunStarted, StrategyBlocked, decode_body

PAGE_ROWS: Final = 2_000
AHEAD_ROWS: Final = 500

E = TypeVar("E", bound=Event)


class CannotReplay(ValueError):
    """The journal cannot be replayed; one line that says why."""


class ReplayJournal:
    """The journal as it stands now, up to and including seq `upto`. Raises JournalError when it cannot be read."""

    def __init__(self, path: Path, until: int | None) -> None:
        self._reader = JournalReader(path)
        self._db = connect_reader(path)
        head = self._reader.head()
        self.upto = min(until or head, head)
        self.log_id = self._reader.log_id
        self.feed_clock = any(e.clock == "feed" for _, e in self.of_type(LogStarted))

    def events(self) -> Iterator[list[Envelope]]:
        """Every event from the first, a page at a time. Raises CannotReplay at the first that is missing, CodecError."""
        after, expected = 0, 1
        while after < self.upto:
            rows, after = self._reader.page(after, ("",), PAGE_ROWS, self.upto)
            for row in rows:
                if row.seq != expected:
                    raise CannotReplay(self._missing(expected))
                expected += 1
            yield [envelope_of(row) for row in rows]
        if expected <= self.upto:
            raise CannotReplay(self._missing(expected))

    def outputs(self, source: str) -> Iterator[Envelope]:
        """What an actor said, in order, by a reader of its own that runs ahead of `events` no farther than its next outputs."""
        after = 0
        while rows := self._reader.outputs(source, 0, after, AHEAD_ROWS):
            for row in rows:
                if row.seq > self.upto:
                    return
                yield envelope_of(row)
            if len(rows) < AHEAD_ROWS:
                return
            after = rows[-1].seq

    def started(self) -> list[tuple[int, str, int, str]]:
        """(seq, name, run, fingerprint) of every run, in order."""
        return [(row.seq, e.name, e.name_run, e.fingerprint) for row, e in self.of_type(RunStarted)]

    def held_since(self, seq: int) -> set[str]:
        """Names that somebody took after seq."""
        return {e.name for row, e in self.of_type(LeaseGranted) if row.seq > seq}

    def blocked(self, source: str, run: int) -> frozenset[int]:
        """Events at which a callback of this strategy run did not return."""
        return frozenset(e.seq for row, e in self.of_type(StrategyBlocked) if row.source == f"{source}.watchdog" and e.strategy_run == run)

    def intent(self, order_id: str) -> OrderIntent | None:
        """What an order was to be; reads all order intents."""
        return next((e for _, e in self.of_type(OrderIntent) if e.order_id == order_id), None)

    def of_type(self, kind: type[E]) -> Iterator[tuple[Record, E]]:
        """Kept events of one type with their rows, in order."""
        for row in rows_of_tag(self._db, kind.TAG):
            event = decode_body(row.tag, row.body) if row.seq <= self.upto else None
            if isinstance(event, kind):
                yield row, event

    def close(self) -> None:
        self._reader.close()
        self._db.close()

    def _missing(self, seq: int) -> str:
        pruned = self._reader.pruned_upto()
        if seq > pruned:
            return f"seq {seq} is missing"
        return f"seq {seq} is missing: market data up to seq {pruned} was pruned (journal.market_retention), and replay begins with the first event"


def refuse_unverified(path: Path) -> Report:
    """What `journal verify` says of it. Raises CannotReplay for a journal that is not what was written: a replay of it would prove nothing."""
    if not path.exists():
        raise CannotReplay(f"{path}: there is no journal")
    report = verify(path)
    if not report.clean:
        more = f" (and {len(report.findings) - 1} more findings)" if len(report.findings) > 1 else ""
        raise CannotReplay(
            f"{path} does not verify: {report.findings[0] if report.findings else 'unreadable'}{more}; `regimeflow journal verify` lists all"
        )
    return report
