"""What the durable storage raises.

JournalError
|- JournalLocked   another process writes this journal
|- JournalMissing  there is no journal where one must be
|- JournalDamaged  what was acknowledged is not (wholly) there: quarantined, an operator restores
|- JournalFailed   a write, fsync or read of the device failed: the journal refuses everything after, its process must end
`- RestoreRefused  a restore would forget events without having been told that this is accepted
"""

from __future__ import annotations

import sqlite3
from typing import Final

SQLITE_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)  # the latter when SQLite's message quotes a damaged file's bytes
GARBLED_ERRORS: Final = (ValueError, TypeError, OverflowError, MemoryError)  # what Python makes of values no writer of ours wrote


class JournalError(Exception):
    """Base of what the durable storage raises."""


class JournalLocked(JournalError):
    """Another process holds the writer's lock."""


class JournalMissing(JournalError):
    """No journal is there and none may be created."""


class JournalDamaged(JournalError):
    """The journal is not what was acknowledged. Says what to do."""


class JournalFailed(JournalError):
    """The device failed under us. Nothing is retried: after a failed fsync the kernel may call lost pages clean."""


class RestoreRefused(JournalError):
    """A restore that would lose something, or has nothing sound to restore from."""


_BUSY: Final = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_DEVICE: Final = (3, 7, 8, 10, 13, 14)  # PERM, NOMEM, READONLY, IOERR, FULL, CANTOPEN: says nothing about the content


def classify(error: Exception, doing: str) -> JournalError:
    """Python's and SQLite's word in ours: busy -> JournalLocked, device -> JournalFailed, anything else is the content's fault ->
    JournalDamaged."""
    if isinstance(error, JournalError):
        return error
    code = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
    if code in _BUSY:
        return JournalLocked(f"{doing}: {error}")
    if code in _DEVICE or isinstance(error, OSError):
        return JournalFailed(f"{doing}: {error}")
    return JournalDamaged(f"{doing}: {error}")
