"""The bytes of a text file in bounded blocks, unzipped where they are gzip; and what a file on the disk is."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from .port import FeedError

GZIP_MAGIC: Final = b"\x1f\x8b"
PARQUET_MAGIC: Final = b"PAR1"
_ZIPPED_BYTES: Final = 1 << 16
_GZIP_WINDOW: Final = 31  # zlib: with a gzip header and trailer, both checked
DIGEST_BYTES: Final = 32


class Stamp(NamedTuple):
    """What tells one content of a file from another without reading it."""

    size: int
    changed_ns: int


def starts_with(path: Path, magic: bytes) -> bool:
    """Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def blocks(path: Path, size: int) -> Iterator[bytes]:
    """The content in blocks of at most `size` bytes. Gzip is known by its first bytes, not by the file's name. Raises OSError; EOFError and
    zlib.error for a gzip file that is cut short or damaged."""
    with path.open("rb") as file:
        zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        yield from _unzipped(file, size) if zipped else iter(lambda: file.read(size), b"")


def _unzipped(file: IO[bytes], size: int) -> Iterator[bytes]:
    """gzip's own file object reads in steps of 8 kB, at half the speed."""
    machine = zlib.decompressobj(_GZIP_WINDOW)
    while raw := file.read(_ZIPPED_BYTES):
        while raw:
            if machine.eof:  # a file may be several zipped ones after each other, and end in zeros
                raw = raw.lstrip(b"\0")
                machine = zlib.decompressobj(_GZIP_WINDOW) if raw else machine
                continue
            block = machine.decompress(raw, size)
            if block:
                yield block
            raw = machine.unused_data if machine.eof else machine.unconsumed_tail
    if not machine.eof:
        raise EOFError("the gzip file is cut short")


def stamp(path: Path) -> Stamp:
    """Raises OSError."""
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def digest(path: Path, opened: Stamp) -> str:
    """blake2b of the file as it lies on the disk (`b2sum -l 256 FILE` prints the same). opened: the file's stamp before it was read; raises
    FeedError when it is another by now, or cannot be read."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).hexdigest()
        if stamp(path) != opened:
            raise FeedError(f"{path}: was changed while it was read")
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error}") from None
    return found
