"""YAML with its line numbers kept: the document as a tree of nodes, each knowing its line and the path it was written under.

Scalars follow YAML 1.2: only `true` and `false` are booleans (in YAML 1.1, the symbols ON, NO and Y are), dates and 09:30 stay text,
and 1e-6 is a number. Tags, duplicate keys and documents beyond the bounds are refused. Moving a node keeps its line and written path.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from .problems import Problem

BYTES_MAX: Final = 1_000_000
NODES_MAX: Final = 50_000  # aliases count each time: the "billion laughs" document ends here
DEPTH_MAX: Final = 40

Loc: TypeAlias = tuple[str | int, ...]

_INT: Final = re.compile(r"[-+]?\d+")
_FLOAT: Final = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def scalar(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar by YAML 1.2's core schema (without octal and hexadecimal)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return math.inf if _NOT_FINITE.fullmatch(text) else text


def dotted(path: Loc) -> str:
    """`live.strategies[0].id`."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out


@dataclass(slots=True)
class Node:
    """value: a dict or list of nodes, or a scalar. text: a scalar's source. plain: it was not quoted. origin: the environment variable a
    value came from, empty for the file. expanded: `${}` stood in it, so its kind is what the receiving key makes of it."""

    line: int
    path: Loc
    value: Any
    text: str = ""
    plain: bool = False
    origin: str = ""
    expanded: bool = False

    def get(self, path: Loc) -> Node | None:
        """The node below, or None."""
        node: Node | None = self
        for part in path:
            if node is not None:
                node = node.child(part)
        return node

    def child(self, part: str | int) -> Node | None:
        """The entry of a section or the item of a list, or None."""
        if isinstance(self.value, dict):
            found: Node | None = self.value.get(part)
            return found
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            item: Node = self.value[part]
            return item
        return None

    def nearest(self, path: Loc) -> Node:
        """The node at the path, or the deepest one on the way to it."""
        while (node := self.get(path)) is None:
            path = path[:-1]
        return node

    def put(self, path: Loc, node: Node) -> None:
        """Place a node, making the sections above it (on its line) where they are missing."""
        parent: Node = self
        for depth, part in enumerate(path[:-1], 1):
            child = parent.value.get(part)
            if child is None or child.value is None:
                child = Node(node.line, path[:depth], {})
                parent.value[part] = child
            if not isinstance(child.value, dict):
                return  # the section is of a wrong kind; validation will say so
            parent = child
        parent.value[path[-1]] = node

    def take(self, path: Loc) -> Node | None:
        """Remove a node and return it, or None."""
        parent = self.get(path[:-1])
        if parent is None or not isinstance(parent.value, dict):
            return None
        taken: Node | None = parent.value.pop(path[-1], None)
        return taken

    def walk(self) -> list[Node]:
        """Every scalar node below, in document order."""
        if isinstance(self.value, dict):
            return [leaf for child in self.value.values() for leaf in child.walk()]
        if isinstance(self.value, list):
            return [leaf for child in self.value for leaf in child.walk()]
        return [self]

    def data(self) -> Any:
        """Plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.data() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.data() for child in self.value]
        return self.value

    def copy(self) -> Node:
        """A deep copy."""
        if isinstance(self.value, dict):
            return replace(self, value={key: child.copy() for key, child in self.value.items()})
        if isinstance(self.value, list):
            return replace(self, value=[child.copy() for child in self.value])
        return replace(self)


class _Loader(yaml.SafeLoader):
    """Composes only, and resolves no plain scalar: `scalar` does."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's class attribute


_TAGS: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str")}


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._nodes = 0

    def problem(self, line: int, path: Loc, text: str) -> None:
        self.problems.append(Problem(self.file, line, dotted(path), text))

    def build(self, source: yaml.Node, line: int, path: Loc) -> Node:
        self._nodes += 1
        if self._nodes > NODES_MAX or len(path) > DEPTH_MAX:
            raise _TooLarge(line)
        if source.tag not in _TAGS:
            self.problem(line, path, f"the tag {source.tag} is not used here")
        if isinstance(source, yaml.MappingNode):
            return Node(line, path, self._mapping(source, path))
        if isinstance(source, yaml.SequenceNode):
            return Node(line, path, [self.build(item, item.start_mark.line + 1, (*path, i)) for i, item in enumerate(source.value)])
        plain = isinstance(source, yaml.ScalarNode) and source.style is None
        value = scalar(source.value) if plain else source.value
        if value == math.inf:
            self.problem(line, path, f"must be finite, got {source.value}")
            value = 0.0
        return Node(line, path, value, text=source.value, plain=plain)

    def _mapping(self, source: yaml.MappingNode, path: Loc) -> dict[str, Node]:
        out: dict[str, Node] = {}
        for key, item in source.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problem(line, path, "a key must be text")
                continue
            name = str(key.value)
            if name in out:
                self.problem(line, (*path, name), f"duplicate key; first on line {out[name].line}")
                continue
            out[name] = self.build(item, line, (*path, name))
        return out


class _TooLarge(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def read(path: Path) -> tuple[Node, list[Problem]]:
    """The document of a file and what is wrong with it as YAML; an empty tree where it cannot be read."""
    file, empty = str(path), Node(1, (), {})
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        return empty, [Problem(file, 0, "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return empty, [Problem(file, raw[: error.start].count(b"\n") + 1, "", "is not UTF-8 text")]
    if len(raw) > BYTES_MAX:
        return empty, [Problem(file, 0, "", f"is larger than {BYTES_MAX} bytes")]
    builder = _Builder(file)
    try:
        source = yaml.compose(text, Loader=_Loader)
        if source is None:
            return empty, []
        root = builder.build(source, source.start_mark.line + 1, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "; quote ${...} inside {} and []" if "${" in "".join(text.splitlines()[line - 1 : line]) else ""
        return empty, [Problem(file, line, "", f"not YAML: {error.problem}{hint}")]
    except yaml.YAMLError as error:
        return empty, [Problem(file, 0, "", f"not YAML: {str(error).splitlines()[0]}")]
    except (_TooLarge, RecursionError) as error:
        return empty, [Problem(file, getattr(error, "line", 0), "", f"more than {NODES_MAX} values or {DEPTH_MAX} levels")]
    if not isinstance(root.value, dict):
        return empty, [Problem(file, root.line, "", "must be a section (keys and values)")]
    return root, builder.problems
