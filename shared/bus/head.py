"""`journal.head`: two slots that say where the journal ended when its newest batch was acknowledged.

SQLite drops a damaged tail of its write-ahead log without a word; the head is the witness. Each commit overwrites the older slot in place, so the
other one is whole at any moment. A slot is 512 bytes, one disk sector, so a power cut tears at most one; its checksum covers all of it.

A slot carries the machine's boot id: writes that were not synced survive the death of a process, not of the machine. In the same boot the
journal must reach `seq`; after another boot it must reach `promised`, which is `seq` unless only unsynced market data follows it.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Final, NamedTuple, Self

from .chain import Link

SLOT_BYTES: Final = 512
SLOTS: Final = 2
_MAGIC: Final = b"RFHEAD1\0"
_LAYOUT: Final = struct.Struct("<8s8sQQQ32s32s16sB")  # magic, log_id, generation, seq, promised, kept, market, boot, closed
_CRC: Final = struct.Struct("<I")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
UNKNOWN_BOOT: Final = bytes(16)


class Head(NamedTuple):
    """One slot. generation: counts the writes; closed: the journal was closed in order, everything synced."""

    log_id: str
    generation: int
    link: Link
    promised: int
    boot: bytes
    closed: bool

    def required(self, boot: bytes) -> int:
        """The seq a journal opened in `boot` must reach. An unknown boot counts as the same one: the strict reading."""
        rebooted = UNKNOWN_BOOT not in (boot, self.boot) and boot != self.boot
        return self.promised if rebooted else self.link.seq


def boot_id() -> bytes:
    """16 bytes that change when the machine restarts; zeros where the system does not tell."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return UNKNOWN_BOOT


def head_path(journal: Path) -> Path:
    return journal.with_suffix(".head")


def pack(head: Head) -> bytes:
    """One slot's bytes."""
    link = head.link
    log_id = bytes.fromhex(head.log_id)
    fields = _LAYOUT.pack(_MAGIC, log_id, head.generation, link.seq, head.promised, link.kept, link.market, head.boot, head.closed)
    content = fields.ljust(SLOT_BYTES - _CRC.size, b"\0")
    return content + _CRC.pack(zlib.crc32(content))


def unpack(raw: bytes) -> Head | None:
    """None when it is not a whole, unchanged slot."""
    if len(raw) != SLOT_BYTES or zlib.crc32(raw[: -_CRC.size]) != _CRC.unpack(raw[-_CRC.size :])[0]:
        return None
    magic, log_id, generation, seq, promised, kept, market, boot, closed = _LAYOUT.unpack_from(raw)
    if magic != _MAGIC:
        return None
    return Head(log_id.hex(), generation, Link(seq, kept, market), promised, boot, bool(closed))


def read_slots(path: Path) -> list[Head | None]:
    """Both slots, damaged ones as None; no slots when there is no such file or it has another size."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    if len(raw) != SLOTS * SLOT_BYTES:
        return []
    return [unpack(raw[i * SLOT_BYTES : (i + 1) * SLOT_BYTES]) for i in range(SLOTS)]


def newest(slots: list[Head | None]) -> Head | None:
    """The valid slot written last."""
    return max((s for s in slots if s is not None), key=lambda s: s.generation, default=None)


def create_head(path: Path, log_id: str, link: Link) -> None:
    """Write both slots of a journal that ends at link, atomically and durably; replaces what was there."""
    slots = [Head(log_id, generation, link, link.seq, boot_id(), closed=True) for generation in range(SLOTS)]
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(b"".join(pack(s) for s in slots))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class HeadFile:
    """The writer's end. Raises OSError when the device fails; the caller then stops."""

    def __init__(self, path: Path, log_id: str, generation: int) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._log_id = log_id
        self._generation = generation
        self._boot = boot_id()

    @classmethod
    def after(cls, path: Path, head: Head) -> Self:
        """Continue behind the newest slot."""
        return cls(path, head.log_id, head.generation)

    def write(self, link: Link, promised: int, *, closed: bool = False, sync: bool = False) -> None:
        """Overwrite the older slot. sync: return when it is on the disk."""
        self._generation += 1
        slot = pack(Head(self._log_id, self._generation, link, promised, self._boot, closed))
        written = os.pwrite(self._fd, slot, self._generation % SLOTS * SLOT_BYTES)
        if written != SLOT_BYTES:
            raise OSError(f"short write of the journal head: {written} of {SLOT_BYTES} bytes")
        if sync:
            os.fdatasync(self._fd)

    def close(self) -> None:
        os.close(self._fd)
