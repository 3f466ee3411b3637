"""Which strategies the log says there are: the answers to operators' changes, followed on a lane that has nothing else.

A worker reads it whole before it claims anything, so that what was removed is never begun; afterwards it looks now and then. It is a name of its
own at the bus, one a worker, and says nothing but why a strategy cannot be loaded here.
"""

from __future__ import annotations

import hashlib
import time
from typing import Final

import msgspec

from shared.bus.port import Bus, BusUnavailable, Connection, Cursor, Delivered, Fenced, Refused, Registration, Role, Snapshot
from shared.config.revised import fold
from shared.events import TOPIC_STRATEGIES, Alert, Severity, StrategyRevised

READ_S: Final = 60.0
POLL_S: Final = 0.1
SAVE_EVERY: Final = 50_000  # events of the log that a start may have to look through

_encode: Final = msgspec.msgpack.Encoder(decimal_format="string").encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, StrategyRevised]).decode


class Roll:
    """standing: the newest answer of each strategy a command changed. seen_at: seq of the answer itself, of those that came while we look.
    instance: the worker's slot. Used by one thread."""

    def __init__(self, bus: Bus, instance: str) -> None:
        self.standing: dict[str, StrategyRevised] = {}
        self.seen_at: dict[str, int] = {}
        self._bus = bus
        self._instance = instance
        self._source = f"control.roll{hashlib.blake2b(instance.encode(), digest_size=8).hexdigest()}"
        self._connection: Connection | None = None
        self._said = 0  # of one epoch

    def read(self, timeout_s: float = READ_S) -> None:
        """All that is in the log so far. Raises LeaseHeld, BusUnavailable, Refused."""
        if self._connection is not None:
            self._connection.close(release=False)
        registration = Registration(self._source, Role.CONTROL, "roll", (TOPIC_STRATEGIES,), 0, self._instance)
        connection = self._connection = self._bus.connect(registration, timeout_s)
        self._said = 0
        begun = self._restored(connection)
        end = time.monotonic() + timeout_s
        self._take(0.0)
        while connection.behind:
            if time.monotonic() > end:
                raise BusUnavailable(f"the changes of strategies could not be read in {timeout_s:g} s")
            self._take(POLL_S)
        cursor = connection.cursor()
        if cursor.seq - begun >= SAVE_EVERY:
            connection.save_snapshot(Snapshot(cursor, connection.welcome.run, 0, _encode(self.standing)))

    def look(self) -> bool:
        """Whether the list is another one now. Waits only where the name was lost, as by a start that took long. Raises Refused."""
        try:
            return self._take(0.0)
        except Fenced:
            before = dict(self.standing)
            self.read()
            return self.standing != before

    def complain(self, strategy: str, text: str) -> None:
        """Tell people of a strategy that cannot run here."""
        connection = self._connection
        assert connection is not None
        self._said += 1
        alert = Alert(Severity.CRITICAL, f"strategy:{strategy}", text)
        connection.append_outside(self._source, connection.welcome.epoch, self._said, alert)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _restored(self, connection: Connection) -> int:
        """Follow from the newest snapshot that is of this log and layout; where that is."""
        for snapshot in connection.snapshots():
            try:
                standing = _decode(snapshot.state)
                connection.follow(snapshot.cursor)
            except (msgspec.MsgspecError, Refused):
                continue
            self.standing = standing
            return snapshot.cursor.seq
        connection.follow(Cursor())
        return 0

    def _take(self, timeout_s: float) -> bool:
        connection = self._connection
        assert connection is not None
        changed = False
        for notice in connection.poll(timeout_s):
            if isinstance(notice, Delivered) and isinstance(event := notice.envelope.event, StrategyRevised) and fold(self.standing, event):
                self.seen_at[event.strategy] = notice.envelope.seq
                changed = True
        return changed
