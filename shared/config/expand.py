"""`${VAR}` and `${VAR:-default}` in values (never in keys); `$${` is a literal `${`.

An unquoted value takes its kind from what it expands to, a quoted one stays text. An empty result stays empty text: a variable that is
set to nothing must not switch a limit off as `null` would.
"""

from __future__ import annotations

import re
from typing import Final

from .env import Environment, Unreadable
from .problems import Problem
from .redaction import Redactor, is_secret_name
from .tree import Node, dotted, scalar

_PIECE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}|\$\{[^}]*\}?")


def expand(root: Node, environment: Environment, file: str, redactor: Redactor) -> list[Problem]:
    """Expand every value in place. Returns what could not be expanded."""
    problems: list[Problem] = []

    def piece(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            raise _Unexpandable(f"{match[0]} is not of the form ${{NAME}} or ${{NAME:-default}}")
        value = environment.find(name)
        if value and is_secret_name(name):
            redactor.add(value)
        if default is not None:
            return value or default
        if value is None:
            raise _Unexpandable(f"the variable {name} is not set (nor {name}_FILE), and ${{{name}}} has no default")
        return value

    for node in root.walk():
        if not isinstance(node.value, str) or "${" not in node.text:
            continue
        try:
            node.text = _PIECE.sub(piece, node.text)
        except (_Unexpandable, Unreadable) as error:
            problems.append(Problem(file, node.line, dotted(node.path), str(error)))
            continue
        value = scalar(node.text) if node.plain and node.text else node.text
        node.value = node.text if value in (float("inf"), None) else value
        node.expanded = True
    return problems


class _Unexpandable(Exception):
    pass
