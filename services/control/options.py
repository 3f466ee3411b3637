"""Options several commands share, and what is made of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .errors import CliError

if TYPE_CHECKING:
    from shared.config import Loaded
    from shared.runtime.places import Places

ENVIRONMENT: Final = "REGIMEFLOW_CONFIG"

ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar=ENVIRONMENT, metavar="PATH", help="The configuration file.")]
AnyConfig = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar=ENVIRONMENT, metavar="PATH", help="The configuration of the stack. Default: the one you run on this machine."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class StackHere:
    """A stack on this machine: its configuration, without secrets resolved, and where its processes meet."""

    loaded: Loaded
    places: Places


def find_stack(config: Path | None) -> StackHere:
    """The stack a command is for. Changes the working directory to the stack's own when it is found without `--config`, since that is what
    its relative paths are taken from. Raises CliError, ConfigError, PlaceError."""
    from shared.config import load
    from shared.runtime.places import Places

    loaded = load(config if config is not None else _running(), offline=True)
    return StackHere(loaded, Places.of(loaded.config))


def _running() -> Path:
    from services.live.running import stacks

    found = stacks()
    if len(found) != 1:
        known = ": " + ", ".join(str(stack.config) for stack in found) if found else ""
        raise CliError(f"{len(found) or 'no'} stack{'s run' if found else ' runs'} here{known}; name one with --config PATH or {ENVIRONMENT}")
    os.chdir(found[0].directory)
    return found[0].config


def seconds(text: str) -> float:
    """`30s`, `5m`, `1h`, `500ms`; a bare number is seconds. Raises typer.BadParameter."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration such as 30s, 5m or 1h")
    return float(match[1]) * _SECONDS[match[2] or "s"]
