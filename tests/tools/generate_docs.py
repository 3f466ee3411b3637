"""Writes what is generated from the code: docs/messages.md, commands.md, configuration.md and shared/events/tags.lock. `make docs` runs it;
tests fail when one is stale."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import orjson

from services.control import reference as commands
from shared.config import reference as configuration
from shared.events import CATALOGUE, Event

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "docs/messages.md"
LOCK = ROOT / "shared/events/tags.lock"

HEAD = """# Messages

Generated from `shared/events` by `make docs`; do not edit.

Every event is a msgpack array of its fields, in this order. New fields come last, with a default; a reader skips fields it does not know
and refuses tags it does not know. The record around it (journal row and wire unit) is the array `seq, ts_ns, tag, version, topic, source,
run, n, cause, epoch, body, prunable`. Times are ns since the Unix epoch, UTC; Decimals travel as strings.

"""


def _type(annotation: object) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for prefix in (
        "shared.events.enums.",
        "shared.events.orders.",
        "shared.events.broker.",
        "shared.events.market.",
        "shared.events.risk.",
        "decimal.",
    ):
        text = text.replace(prefix, "")
    return text


def _entry(tag: int, event: type[Event]) -> str:
    fields = ", ".join(f"{f.name}: {_type(f.type)}" + ("" if f.required else " *") for f in msgspec.structs.fields(event))
    about = " ".join((inspect.getdoc(event) or "").split()) if "__doc__" in vars(event) and event.__doc__ else ""
    prunable = " Prunable." if event.PRUNABLE else ""
    return f"| {tag} | `{event.__name__}` | {fields.replace('|', 'or')} | {about.replace('|', 'or')}{prunable} |\n"


def messages() -> str:
    """The page: a table a family, * marks fields with a default."""
    page, family = HEAD, ""
    for tag, event in CATALOGUE.items():
        module = inspect.getmodule(event)
        if module is not None and module.__name__ != family:
            family = module.__name__
            page += f"## {(inspect.getdoc(module) or '').splitlines()[0]}\n\n| tag | event | fields | meaning |\n|---|---|---|---|\n"
        page += _entry(tag, event)
        if tag == max(t for t, e in CATALOGUE.items() if inspect.getmodule(e) is module):
            page += "\n"
    return page.rstrip() + "\n"


def lock() -> bytes:
    """Tag, type, version and fields of every event."""
    table = {
        str(tag): {"type": t.__name__, "version": t.VERSION, "fields": [f.name for f in msgspec.structs.fields(t)]} for tag, t in CATALOGUE.items()
    }
    return orjson.dumps(table, option=orjson.OPT_INDENT_2) + b"\n"


def main() -> None:
    MESSAGES.write_text(messages())
    LOCK.write_bytes(lock())
    (ROOT / "docs/commands.md").write_text(commands.render())
    (ROOT / "docs/configuration.md").write_text(configuration.render())


if __name__ == "__main__":
    main()
