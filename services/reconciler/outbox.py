"""What the kill path did while nobody could journal it: a file, fsynced line by line, emptied into the log when the bus is back.

Records are numbered densely and go out as outside facts of `reconciler.outbox`, so the bus takes each once, whatever crashes between. A log
that is not the one before (its volume was lost) gets what no log has seen, numbered from 1. A torn last line was never answered for and is
cut off at the next start. Used by two threads: the kill path puts, the session takes. A predecessor that was frozen may wake beside its successor
and put what it did: each reads on what the other wrote before it numbers or hands out anything.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from shared.bus.port import Connection
from shared.events import Alert, Event, Severity, decode_body, encode_body
from shared.runtime.session import Evidence

SOURCE: Final = "reconciler.outbox"
RUN: Final = 1

_LOST: Final = Alert(Severity.CRITICAL, "killpath.lost", "a record of the kill path was lost to a full disk; look at the orders at the broker")


class Outbox:
    """path: its file. Raises OSError, ValueError for a damaged line before the last: an operator must look."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._records: list[Event] = []
        self._log_id, self._base, self._delivered = "", 0, 0
        self._handed: int | None = None  # None: no log is open
        self._end = 0  # of what was read or written here
        new = not path.exists()
        self._file = path.open("a+b", buffering=0)
        if new:
            _sync_directory(path.parent)
        self._read(path)

    def put(self, *events: Event) -> None:
        """Durable when it returns. Raises OSError: not durable (a full disk), and kept for the log all the same while this process lives."""
        try:
            with self._lock, self._alone():
                self._read_on()
                first = len(self._records) + 1
                self._records += events
                self._write(*({"n": n, "tag": e.TAG, "body": encode_body(e).hex()} for n, e in enumerate(events, first)))
        finally:
            self._news.set()

    def opened(self, connection: Connection) -> None:
        """The log is here: `take` gives what it lacks."""
        known, log_id = connection.last_outside(SOURCE, RUN), connection.welcome.log_id
        with self._lock:
            self._read_on()
            base = self._base if log_id == self._log_id else self._delivered
            self._pad(base + known)
            if (log_id, base) != (self._log_id, self._base):
                self._log_id, self._base = log_id, base
                self._note({"log": log_id, "base": base})
            self._handed = self._base + known
            self._note_delivered(self._handed)
        self._news.set()

    def delivered(self, n: int) -> None:
        """Its n-th fact came back from the log."""
        with self._lock:
            self._note_delivered(self._base + n)

    def take(self) -> tuple[Evidence, ...]:
        """What this connection was not given yet, in order."""
        with self._lock:
            self._news.clear()
            self._read_on()
            if self._handed is None or self._handed >= len(self._records):
                return ()
            first, self._handed = self._handed, len(self._records)
            fresh = enumerate(self._records[first:], first + 1 - self._base)
            return tuple(Evidence(event, SOURCE, RUN, n) for n, event in fresh)

    def wait(self, timeout_s: float) -> None:
        """Until there may be something to take."""
        self._news.wait(timeout_s)

    @property
    def pending(self) -> int:
        """Records no log is known to hold."""
        with self._lock:
            return len(self._records) - self._delivered

    def close(self) -> None:
        self._file.close()

    def _pad(self, count: int) -> None:
        """What a full disk refused keeps its number, so that those after it keep theirs."""
        self._records += [_LOST] * (count - len(self._records))

    def _note_delivered(self, upto: int) -> None:
        if upto > self._delivered:
            self._delivered = upto
            self._note({"delivered": upto})

    def _note(self, line: dict[str, Any]) -> None:
        """Bookkeeping: without it a record may be told to another log once more, which is no reason to lose the kill path."""
        with contextlib.suppress(OSError), self._alone():
            self._read_on()
            self._write(line)

    def _write(self, *lines: dict[str, Any]) -> None:
        raw = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        before = self._file.seek(0, os.SEEK_END)
        try:
            _write_whole(self._file.fileno(), raw)
        except OSError:
            self._file.truncate(before)
            raise
        self._end = before + len(raw)

    def _read(self, path: Path) -> None:
        raw = path.read_bytes()
        self._end = whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            self._file.truncate(whole)
        for number, text in enumerate(raw[:whole].splitlines(), 1):
            try:
                self._fold(orjson.loads(text))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}: line {number} is damaged ({error}); move the file away once the orders at the broker are looked at"
                ) from None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process numbers a record meanwhile."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read_on(self) -> None:
        """What another process wrote since."""
        raw = os.pread(self._file.fileno(), max(os.fstat(self._file.fileno()).st_size - self._end, 0), self._end)
        whole = raw.rfind(b"\n") + 1
        for line in raw[:whole].splitlines():
            self._fold(orjson.loads(line))
        self._end += whole

    def _fold(self, line: dict[str, Any]) -> None:
        if "tag" in line:
            self._pad(line["n"] - 1)
            self._records.append(decode_body(line["tag"], bytes.fromhex(line["body"])))
        elif "log" in line:
            self._log_id, self._base = line["log"], line["base"]
        else:
            self._delivered = max(self._delivered, line["delivered"])


def _write_whole(fd: int, raw: bytes) -> None:
    if os.write(fd, raw) != len(raw):
        raise OSError(errno.ENOSPC, "no space for a whole line")
    os.fsync(fd)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
