"""What commands print: JSON with stable key order for scripts, tables on a terminal, aligned plain columns otherwise."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON document and a newline, indented on a terminal only."""
    import orjson

    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0)
    sys.stdout.write(orjson.dumps(value, option=options, default=str).decode())
    sys.stdout.flush()


def cell(value: Any) -> str:
    """A value for people: numbers in full, lists joined, nothing as nothing."""
    from shared.runtime.printable import printable

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={cell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return printable(str(value))


def columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned text, two blanks between columns."""
    table = [headers, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(headers))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table)
