"""docs/commands.md, drawn from the program itself: `python -m services.control.reference > docs/commands.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, Final

import typer

from .main import app

_INTRODUCTION: Final = """# Commands

Drawn from `services/control` (`python -m services.control.reference > docs/commands.md`); a test compares.

Errors are lines on stderr; `--json` is for scripts. Where a command takes `--config` and none is given, `REGIMEFLOW_CONFIG` names it, else
the one stack you run on this machine is meant. `regimeflow_live` is RegimeFlow's name of `regimeflow live`.

| exit status | means |
|---|---|
| 0 | done |
| 1 | the answer is no: tampered with, unfit, refused; or a session ended with a service down |
| 2 | called wrongly, configuration refused, or what was given cannot be read |
| 3 | `service`: fenced, another process holds its name |
| 4 | a bug of ours |
| 5 | the stack does not answer |
| 6 | `service bus`: the journal cannot be used |
"""


def render() -> str:
    """The page."""
    root: Any = typer.main.get_command(app)
    return _INTRODUCTION + "".join(_section(path, command) for path, command in commands(root, "regimeflow"))


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, child in below.items():
        yield from commands(child, f"{path} {name}")


def _section(path: str, command: Any) -> str:
    parts = [f"\n## {path}\n\n{inspect.cleandoc(command.help or '')}\n\n"]
    rows = [_row(p) for p in command.params if p.name != "help"]
    if rows:
        parts.append("| argument | meaning |\n|---|---|\n" + "".join(rows))
    parts.append(f"\n    {command.epilog.removeprefix('Example: ')}\n")
    return "".join(parts)


def _row(p: Any) -> str:
    names = ", ".join(f"`{name}`" for name in p.opts) if p.param_type_name == "option" else f"`{p.metavar or p.name}`"
    required = " **Required.**" if p.required else ""
    shown = p.default not in (None, "", False) and not callable(p.default) and p.show_default is not False
    default = f" Default: `{getattr(p.default, 'value', p.default)}`." if shown else ""
    return f"| {names.replace('|', chr(92) + '|')} | {p.help or ''}{required}{default} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
