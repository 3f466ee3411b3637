"""A source through an engine: the feed's rows as the log names them (`services.gateway.feeds.replay`), a block at a time."""

from __future__ import annotations

from collections.abc import Callable

from services.gateway.feeds.port import Block, Source
from services.gateway.feeds.replay import begins, ended
from shared.events import FeedStateChanged, FeedStatus

from .engine import Engine

Seen = Callable[[Block], object]


def play(source: Source, engine: Engine, seen: Seen) -> int:
    """From the first row to the last; how many rows of data there were. seen: told of each block before it is played. Raises FeedError at the
    block that holds a bad row."""
    blocks = source.blocks(0)
    begun = False
    while True:
        try:
            block = next(blocks)
        except StopIteration as stop:
            end = stop.value
            engine.fact(end.rows + 2, end.time, FeedStateChanged(source.name, FeedStatus.ENDED, ended(source, end)))
            return int(end.rows)
        if not begun:
            engine.fact(1, begins(block.times[0], block.events[0]), FeedStateChanged(source.name, FeedStatus.UP))
            begun = True
        seen(block)
        engine.rows(block.first + 1, block.times, block.events)
