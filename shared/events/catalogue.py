"""Every event type, by tag. Tags are append-only: `tests/tidy` compares this table with `shared/events/tags.lock`."""

from __future__ import annotations

from typing import Final

from . import broker, control, market, orders, risk, system
from .base import Event


def _types() -> dict[int, type[Event]]:
    table: dict[int, type[Event]] = {}
    for module in (market, orders, broker, risk, control, system):
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Event) and item.TAG and item.__module__ == module.__name__:
                if item.TAG in table:
                    raise AssertionError(f"tag {item.TAG} is used by {table[item.TAG].__name__} and {item.__name__}")
                table[item.TAG] = item
    return dict(sorted(table.items()))


CATALOGUE: Final = _types()
BY_NAME: Final = {t.__name__: t for t in CATALOGUE.values()}
