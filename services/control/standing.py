"""What a journal says operators made of a configuration's strategies, for who looks at the file alone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.config import Config
    from shared.events import StrategyRevised


def standing(config: Config) -> dict[str, StrategyRevised]:
    """By strategy, the newest change; nothing where there is no journal here. Raises JournalError for one that cannot be read."""
    from shared.bus.journal_reader import JournalReader
    from shared.bus.record import envelope_of
    from shared.config.revised import fold
    from shared.events import TOPIC_STRATEGIES, StrategyRevised

    found: dict[str, StrategyRevised] = {}
    if config.live is None or not config.journal_path.exists():
        return found
    with closing(JournalReader(config.journal_path)) as reader:
        after, end = 0, reader.head()
        while after < end:
            rows, after = reader.page(after, (TOPIC_STRATEGIES,), 1_000, end)
            for event in (envelope_of(row).event for row in rows):
                if isinstance(event, StrategyRevised):
                    fold(found, event)
    return dict(sorted(found.items()))
