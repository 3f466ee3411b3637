"""The environments of peers: one each below `.venv-peers` in the checkout, made the first time it is wanted, never ours.

Versions are pinned, so that figures of two machines are of the same code. A peer that cannot be installed here is said to be so.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.stack import ROOT

PLACE: Final = ROOT / ".venv-peers"
STAMP: Final = "installed.txt"


class NotThere(Exception):
    """A peer has no environment here. Says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """name: its runner is `run_<name>.py`."""

    name: str
    requirements: tuple[str, ...]

    def python(self, place: Path = PLACE, using: str = sys.executable) -> Path:
        """The interpreter of its environment, installed where it is not there yet. using: the Python that makes it. Raises NotThere."""
        directory = place / self.name
        stamp, python = directory / STAMP, directory / "bin" / "python"
        wanted = "\n".join(self.requirements)
        if python.exists() and stamp.is_file() and stamp.read_text() == wanted:
            return python
        place.mkdir(exist_ok=True)
        (place / ".gitignore").write_text("*\n")
        print(f"installing {' '.join(self.requirements)} into {directory}", file=sys.stderr)
        _done([using, "-m", "venv", "--clear", str(directory)])
        _done([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.requirements])
        stamp.write_text(wanted)
        return python


PEERS: Final = (
    Peer("backtesting", ("backtesting==0.6.6",)),
    Peer("backtrader", ("backtrader==1.9.78.123", "pandas>=2,<4")),
    Peer("nautilus_trader", ("nautilus_trader==1.221.0",)),
    Peer("regimeflow", ("regimeflow==1.0.16",)),
)


def _done(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except OSError as error:
        raise NotThere(f"cannot be installed: {error}") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        raise NotThere(f"cannot be installed: {' '.join(last)}") from None
