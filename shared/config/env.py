"""The environment of a configuration: the real one, then `.env` beside the file, then `.env` in the working directory.

In each of them `NAME_FILE` stands in for a missing `NAME`: the value is that file's content without its last line end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from .brokers import ENVIRONMENT
from .redaction import Redactor, is_secret_name
from .tree import Node, scalar

FILE_BYTES_MAX: Final = 65_536


class Unreadable(Exception):
    """A `.env`, or the file that a `NAME_FILE` names, cannot be read."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Layers in order of precedence, and the `.env` files they came from."""

    layers: tuple[Mapping[str, str], ...]
    files: tuple[Path, ...]

    @classmethod
    def collect(cls, real: Mapping[str, str], config: Path, working: Path) -> Environment:
        """Reads the `.env` files that exist; the same file is read once. Raises Unreadable."""
        candidates = dict.fromkeys((path / ".env").resolve() for path in (config.resolve().parent, working))
        files = tuple(path for path in candidates if path.is_file())
        return cls((real, *(_dotenv(path) for path in files)), files)

    def find(self, name: str) -> str | None:
        """The value of a variable, None where no layer has it. Raises Unreadable."""
        for layer in self.layers:
            if name in layer:
                return layer[name]
            if pointer := layer.get(f"{name}_FILE"):
                return _content(name, Path(pointer))
        return None

    def merged(self) -> dict[str, str]:
        """One mapping, for the programs secrets are asked of."""
        out: dict[str, str] = {}
        for layer in reversed(self.layers):
            out.update(layer)
        return out

    def fill_broker_config(self, root: Node, redactor: Redactor) -> None:
        """Put what the environment has into `live.broker_config` where the file leaves it out. Raises Unreadable."""
        live, broker = root.get(("live",)), root.get(("live", "broker"))
        if live is None or broker is None:
            return
        paper = root.get(("live", "paper"))
        section = root.get(("live", "broker_config"))
        line = section.line if section is not None else live.line
        for key, name in ENVIRONMENT.get(str(broker.value), {}).items():
            path = ("live", "broker_config", key)
            if name == "ALPACA_PAPER_BASE_URL" and paper is not None and paper.value is False:
                continue  # the paper account's root is no place for real orders
            if root.get(path) is not None or not (value := self.find(name)):
                continue
            if is_secret_name(name):
                redactor.add(value)
            root.put(path, Node(line, path, scalar(value), text=value, origin=name, expanded=True))


def _dotenv(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path, interpolate=False, encoding="utf-8").items() if value is not None}
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not UTF-8 text") from None


def _content(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise Unreadable(f"{name}_FILE names a file larger than {FILE_BYTES_MAX} bytes")
        return raw.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Unreadable(f"{name}_FILE names a file that cannot be read: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{name}_FILE names a file that is not UTF-8 text: {path}") from None
