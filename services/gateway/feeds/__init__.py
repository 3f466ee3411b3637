"""Market-data feeds behind one port: replay of files and of recorded sessions, a seeded synthetic market, and what a broker's stream must be."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.settings import FeedKind, FeedSettings
from shared.events import InstrumentDefined

from .journal import JournalSource
from .port import Source
from .synthetic import SyntheticSource


def open_source(feed: FeedSettings, instruments: Sequence[InstrumentDefined]) -> Source:
    """The replayable feed the settings name; the order of instruments is the order of symbols at equal times. Raises FeedError when a
    file is missing or unreadable."""
    if feed.kind is FeedKind.SYNTHETIC:
        return SyntheticSource(feed.synthetic, instruments)
    if feed.kind is FeedKind.JOURNAL:
        return JournalSource(feed.journal, instruments)
    from .files import FileSource  # with numpy, which takes 10 MB

    return FileSource(feed.data, instruments)
