"""Which stacks this user runs on this machine, so that `regimeflow status` needs no `--config` beside the one that runs.

A small file a supervisor in a directory only this user can write to. An entry counts while its process lives.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil


@dataclass(frozen=True, slots=True)
class Stack:
    """config: its file; directory: where it was started, which its relative paths are taken from."""

    config: Path
    directory: Path


def _directory() -> Path | None:
    """None when there is none to trust."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(base) / "regimeflow" if base else Path(tempfile.gettempdir()) / f"regimeflow-{os.getuid()}"
    with contextlib.suppress(OSError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if found.st_uid == os.getuid() and not found.st_mode & 0o022 and path.is_dir() and not path.is_symlink():
            return path
    return None


@contextlib.contextmanager
def registered(config: Path) -> Iterator[None]:
    """This process runs this configuration from this working directory. Where it cannot be noted, commands need `--config`."""
    directory = _directory()
    if directory is None:
        yield
        return
    entry = directory / f"{os.getpid()}.json"
    body = {"pid": os.getpid(), "created": psutil.Process().create_time(), "config": str(config.absolute()), "directory": str(Path.cwd())}
    with contextlib.suppress(OSError):
        entry.write_bytes(orjson.dumps(body))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            entry.unlink(missing_ok=True)


def stacks() -> list[Stack]:
    """Those that run; entries of dead ones are removed."""
    directory = _directory()
    found = []
    for entry in sorted(directory.glob("*.json")) if directory is not None else ():
        stack = _alive(entry)
        if stack is not None:
            found.append(stack)
        else:
            entry.unlink(missing_ok=True)
    return found


def _alive(entry: Path) -> Stack | None:
    try:
        body = orjson.loads(entry.read_bytes())
        if psutil.Process(body["pid"]).create_time() == body["created"]:
            return Stack(Path(body["config"]), Path(body["directory"]))
    except (OSError, orjson.JSONDecodeError, KeyError, psutil.Error):
        pass
    return None
