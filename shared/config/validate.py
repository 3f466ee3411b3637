"""The tree against the models: every pydantic error becomes one line with file, line, full path and what would be right."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .base import Section
from .brokers import BrokerSettings, settings_model
from .nearest import SIMILAR, nearest, suggest
from .problems import Problem
from .redaction import MASK, Redactor, is_secret_name
from .root import Config
from .tree import Loc, Node, dotted

SHOWN_CHARS_MAX: Final = 60
_SETTINGS: Final = ("live", "broker_config")
_QUOTED: Final = re.compile(r"'([^']+)'")

_TEXTS: Final[dict[str, str]] = {
    "missing": "required key is missing",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a section (keys and values)",
    "model_type": "must be a section (keys and values)",
    "model_attributes_type": "must be a section (keys and values)",
    "too_short": "must not be empty",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "value_error": "{error}",
}


def validate(root: Node, file: str, redactor: Redactor) -> tuple[Config | None, list[Problem]]:
    """The configuration of a tree, or the problems. Kinds of expanded `${}` values are settled in place."""
    check = _Check(root, file, redactor)
    settings = check.broker_settings()
    config = check.model(Config, (), {_SETTINGS: settings})
    return (None if check.problems else cast("Config", config)), check.problems


class _Check:
    """One tree against the models; collects problems."""

    def __init__(self, root: Node, file: str, redactor: Redactor) -> None:
        self.root, self.file, self.redactor = root, file, redactor
        self.problems: list[Problem] = []

    def broker_settings(self) -> BrokerSettings:
        """By the model of `live.broker`; bare ones where they are wrong, so that the rest can be checked too."""
        broker, node = self.root.get(("live", "broker")), self.root.get(_SETTINGS)
        model = settings_model(broker.value if broker is not None else None)
        if node is None or node.value is None:
            return model()
        made = self.model(model, _SETTINGS, {})
        return made if isinstance(made, BrokerSettings) else BrokerSettings()

    def model(self, model: type[Section], below: Loc, ready: dict[Loc, Section]) -> Section | None:
        """An instance made of the tree below a path. ready: parts that were made before."""
        node = self.root.get(below)
        data = node.data() if node is not None else {}
        for path, part in ready.items():
            if isinstance(data.get(path[0]), dict):
                data[path[0]][path[1]] = part
        try:
            return model.model_validate(data)
        except ValidationError as error:
            found = [(detail, (*below, *_path(data, detail["loc"]))) for detail in error.errors(include_url=False)]
        retyped = [path for detail, path in found if self._retyped(detail, path)]
        if retyped:
            return self.model(model, below, ready)
        self.problems += [self._problem(detail, path, model if below else None) for detail, path in found]
        return None

    def _retyped(self, detail: ErrorDetails, path: Loc) -> bool:
        """`${ACCOUNT}` looked like a number, yet its key holds text: now it is text."""
        node = self.root.get(path)
        if detail["type"] != "string_type" or node is None or not node.expanded or node.value == node.text:
            return False
        node.value = node.text
        return True

    def _problem(self, detail: ErrorDetails, path: Loc, model: type[Section] | None) -> Problem:
        kind = detail["type"]
        if kind.startswith("union_tag"):
            path = (*path, "kind")
        node = self.root.nearest(path)
        if kind == "extra_forbidden":
            return self._at(node, node.path, f"unknown key; nearest: {suggest(path[:-1], str(path[-1]), model)}")
        context = {key: str(value) for key, value in detail.get("ctx", {}).items()}
        text = _TEXTS.get(kind, detail["msg"]).format(**context)
        if kind == "missing":
            return self._at(node, (*node.path, path[-1]), text)
        text += self._got(node)
        if kind == "string_type" and node.plain and not node.expanded and node.value is not None:
            text += "; quote it"
        if kind == "literal_error" and isinstance(node.value, str):
            near, likeness = nearest(node.value, _QUOTED.findall(context["expected"]))
            text += f"; nearest: {near}" if likeness >= SIMILAR else ""
        return self._at(node, node.path, text)

    def _at(self, node: Node, path: Loc, text: str) -> Problem:
        return Problem(self.file, node.line, dotted(path), text)

    def _got(self, node: Node) -> str:
        """What stands there instead, never a secret."""
        if isinstance(node.value, dict | list):
            return ", got a section" if isinstance(node.value, dict) else ", got a list"
        if any(is_secret_name(str(part)) for part in (*node.path, node.origin)):
            shown = MASK
        elif node.value is None:
            shown = "nothing"
        else:
            shown = repr(self.redactor.known(node.text or str(node.value))[:SHOWN_CHARS_MAX])
        return f", got {shown}{f' (from {node.origin})' if node.origin else ''}"


def _path(data: Any, loc: Loc) -> Loc:
    """Where in the data an error is: pydantic's location without the names of union members."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        last = i == len(loc) - 1
        if isinstance(data, dict):
            if part in data:
                data = data[part]
            elif not last or part == data.get("kind"):
                continue
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        elif not isinstance(data, BaseModel):
            continue
        path.append(part)
    return tuple(path)
