"""HTML and SVG out of values. Everything that came from a user or from data passes `escape` on its way; nothing else builds tags."""

from __future__ import annotations

import html
from collections.abc import Iterable

Attribute = str | float | int | bool | None


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """Any value as inert text; Markup passes."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """The parts, each escaped unless it is markup."""
    return Markup(between.join(escape(part) for part in parts))


def tag(name: str, /, *children: object, **attributes: Attribute) -> Markup:
    """`<name a="b">children</name>`. In attribute names a trailing underscore is dropped and others are hyphens (`class_`, `data_id`); a value
    of True stands alone, None and False leave the attribute out."""
    return Markup(f"<{name}{_attributes(attributes)}>{join(children)}</{name}>")


def empty(name: str, /, **attributes: Attribute) -> Markup:
    """An SVG element without content: `<name a="b"/>`."""
    return Markup(f"<{name}{_attributes(attributes)}/>")


def _attributes(attributes: dict[str, Attribute]) -> str:
    parts: list[str] = []
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            parts.append(f' {name}="{html.escape(text)}"')
    return "".join(parts)
