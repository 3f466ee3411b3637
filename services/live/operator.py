"""An operator's word on the log: appended under a name of its own, known to be journaled before anybody says so.

Used by the supervisor and by every operator command. One conversation a command: connect, append, wait for the acknowledgement, close.
"""

from __future__ import annotations

import getpass
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared.bus.client import FrameConnection
from shared.bus.journal_errors import JournalError
from shared.bus.journal_reader import JournalReader
from shared.bus.port import BusUnavailable, Registration, Role
from shared.bus.zmq_client import ZmqBus
from shared.bus.zmq_server import Endpoints
from shared.events import Event
from shared.runtime.places import Places

POLL_S: Final = 0.02


def operator() -> str:
    """Who commands, for the audit log: user and machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def new_command() -> str:
    """The unique id of an operator act."""
    return secrets.token_hex(5)


class Conversation:
    """Events on their way into the log. Used by one thread; `close` always."""

    def __init__(self, endpoints: Endpoints, command: str, timeout_s: float) -> None:
        """Connect. Raises BusUnavailable."""
        self.source: Final = f"control.{command}"
        self._bus = ZmqBus(endpoints)
        self._n = 0
        try:
            registration = Registration(self.source, Role.CONTROL, "operator", ("c.",), 0, operator())
            self._connection: FrameConnection = self._bus.connect(registration, timeout_s)
        except BaseException:
            self._bus.close()
            raise
        self.head_before: Final = self._connection.welcome.head

    def say(self, event: Event) -> None:
        self._n += 1
        self._connection.append_outside(self.source, 1, self._n, event)

    def journaled(self, timeout_s: float) -> bool:
        """Whether all that was said is in the journal, waiting up to timeout_s. Raises Refused, Fenced."""
        end = time.monotonic() + timeout_s
        while self._connection.unacked():
            left = end - time.monotonic()
            self._connection.poll(max(0.0, min(POLL_S, left)))
            if left <= 0 and self._connection.unacked():
                return False
        return True

    def close(self) -> None:
        self._connection.close(release=not self._connection.unacked())
        self._bus.close()


def tell(places: Places, command: str, events: Sequence[Event], timeout_s: float) -> int:
    """Journal events in order. The seq of the last, 0 where the journal file is not on this machine. Raises BusUnavailable when they are
    not known to be journaled in time, Refused when the bus does not take them."""
    conversation = Conversation(places.bus, command, timeout_s)
    try:
        for event in events:
            conversation.say(event)
        if not conversation.journaled(timeout_s):
            raise BusUnavailable(f"the bus did not acknowledge it within {timeout_s:g} s; it may still take it")
    finally:
        conversation.close()
    return _seq_of(places.journal, conversation.source, conversation.head_before)


def _seq_of(journal: Path, source: str, after: int) -> int:
    """Newest seq of a source after a place in the log; it was just written, so it is near."""
    seq = 0
    with suppress(JournalError):
        reader = JournalReader(journal)
        try:
            while True:
                rows, upto = reader.page(after, ("c.",), 1_000)
                seq = max((row.seq for row in rows if row.source == source), default=seq)
                if upto <= after or seq:
                    break
                after = upto
        finally:
            reader.close()
    return seq
