"""A log in memory with the meaning of the journal: what the simulator calls durable, and what tests read back."""

from __future__ import annotations

from collections.abc import Sequence

from shared.events import ClockTicked

from .port import NEVER
from .record import Record
from .sequencer import BUS
from .snapshots import StoredSnapshot


class MemoryStore:
    """`server.Store` and `frame_reader.History` in one. A commit is atomic."""

    def __init__(self, log_id: str = "0" * 16) -> None:
        self.log_id = log_id
        self.rows: list[Record] = []

    @property
    def head_seq(self) -> int:
        return self.rows[-1].seq if self.rows else 0

    @property
    def last_ts_ns(self) -> int:
        return self.rows[-1].ts_ns if self.rows else 0

    def append(self, rows: Sequence[Record], encoded: Sequence[bytes] = ()) -> None:  # noqa: ARG002 - rows are kept as they are
        self.rows.extend(rows)

    def find(self, source: str, run: int, n: int) -> Record | None:
        return next((r for r in reversed(self.rows) if (r.source, r.run, r.n) == (source, run, n)), None)

    def last_n(self) -> dict[tuple[str, int], int]:
        return {(r.source, r.run): r.n for r in self.rows}

    def system_rows(self, tags: Sequence[int]) -> list[Record]:
        return [r for r in self.rows if r.tag in tags]

    def tail(self, after: int) -> list[Record]:
        return self.rows[after:]

    def settled(self) -> int:
        """Newest seq whose consequences are all in the log: in lock-step an output's cause is settled, and so is all before an outside fact."""
        for r in reversed(self.rows):
            if r.cause:
                return r.cause
            if r.source != BUS or r.tag == ClockTicked.TAG:
                return r.seq - 1
        return 0

    def head(self) -> int:
        return self.head_seq

    def row(self, seq: int) -> Record | None:
        return self.rows[seq - 1] if 0 < seq <= len(self.rows) else None

    def page(self, after: int, prefixes: tuple[str, ...], limit: int, upto: int = NEVER) -> tuple[list[Record], int]:
        found = [r for r in self.rows[after : min(upto, len(self.rows))] if r.topic.startswith(prefixes)][: limit + 1]
        if len(found) > limit:
            return found[:limit], found[limit - 1].seq
        return found, min(upto, self.head_seq)

    def outputs(self, source: str, cause_after: int, after_seq: int, limit: int) -> list[Record]:
        return [r for r in self.rows[after_seq:] if r.source == source and r.cause > cause_after][:limit]


class MemorySnapshots:
    """`frame_reader.Shelf` in memory, the newest three of a source."""

    def __init__(self) -> None:
        self._kept: dict[str, list[StoredSnapshot]] = {}

    def save(self, log_id: str, source: str, run: int, n: int, cursor_seq: int, cursor_digest: bytes, state: bytes, digest: bytes) -> None:  # noqa: ARG002 - one log
        kept = self._kept.setdefault(source, [])
        kept.insert(0, StoredSnapshot(run, n, cursor_seq, cursor_digest, state))
        del kept[3:]

    def newest(self, log_id: str, source: str) -> list[StoredSnapshot]:  # noqa: ARG002 - one log
        return list(self._kept.get(source, ()))

    def forget(self) -> None:
        """All are lost."""
        self._kept.clear()
