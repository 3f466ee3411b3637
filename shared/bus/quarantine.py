"""Quarantine: a journal that lost something acknowledged is marked, and nothing opens it for writing until an operator restored it.

Nothing is moved, cut or repaired by itself: the files stay as they were found, for the operator and for `journal verify`.
"""

from __future__ import annotations

import os
from pathlib import Path

ADVICE = (
    "Nothing was changed. Look with `regimeflow journal verify`; then `regimeflow journal restore` from a backup, or accept what is left"
    " (docs/journal.md). Working orders at the broker are not touched by any of this: check them first."
)


def marker_path(journal: Path) -> Path:
    return journal.with_name(journal.name + ".quarantined")


def quarantine_reason(journal: Path) -> str | None:
    """Why the journal is quarantined, None when it is not."""
    try:
        return marker_path(journal).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def quarantine(journal: Path, reason: str) -> None:
    """Mark it, durably. A marker that is there already keeps its first reason. Raises OSError."""
    try:
        fd = os.open(marker_path(journal), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return
    try:
        os.write(fd, f"{reason}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)


def release(journal: Path) -> None:
    """The operator restored it."""
    marker_path(journal).unlink(missing_ok=True)
