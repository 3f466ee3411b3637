"""An actor of a run in one process: its core, its session where it has one, its lane and its names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.events import Envelope, Event
from shared.runtime.actor import Core, FoldingCore
from shared.runtime.session import Session

Decide = Callable[[Envelope], Sequence[Event]]
Apply = Callable[[Envelope], None]

RUN = 1  # of every actor: a backtest is one run
EPOCH = 1


class Member:
    """rank, topics: as in its live registration. n: outputs so far. begun: seq of its `RunStarted`. apply: folds an own output; None where deciding folds it already.
    numbers: newest outside fact of each (source, run) its session brought. polled: the session hears of things by itself.
    timer_moves: whether its timer can change with a datum nothing follows from."""

    __slots__ = (
        "_at_once",
        "_kinds",
        "apply",
        "begun",
        "core",
        "fingerprint",
        "n",
        "next_timer",
        "numbers",
        "polled",
        "rank",
        "session",
        "source",
        "timer_moves",
        "topics",
    )

    def __init__(
        self,
        source: str,
        rank: int,
        topics: tuple[str, ...],
        core: Core | FoldingCore,
        session: Session | None = None,
        fingerprint: str = "",
        *,
        polled: bool = False,
    ) -> None:
        self.source = source
        self.rank = rank
        self.topics = topics
        self.core = core
        self.session = session
        self.fingerprint = fingerprint
        self.polled = polled
        self.n = 0
        self.begun = 0
        self.numbers: dict[tuple[str, int], int] = {}
        self._at_once: Decide | None = core.step if not isinstance(core, Core) else getattr(core, "at_once", None)
        self.apply: Apply | None = None if self._at_once is not None else core.apply
        self.next_timer = core.next_timer
        self.timer_moves: bool = getattr(core, "timer_moves", True)
        self._kinds: frozenset[type[Event]] | None = getattr(core, "kinds", None)

    def hears(self, topic: str) -> bool:
        """Whether events of the topic are on its lane."""
        return topic.startswith(self.topics)

    def handlers(self, kind: type[Event]) -> tuple[Decide, Apply | None] | None:
        """What is called, in this order, with an event of another author (one where that folds it too); None where nothing would follow and nothing change."""
        if self._kinds is not None and kind not in self._kinds:
            return None
        if self._at_once is not None:
            return self._at_once, None
        core: Any = self.core
        found: Callable[[type[Event]], tuple[Decide, Apply | None]] | None = getattr(core, "handlers", None)
        return found(kind) if found is not None else (core.decide, core.apply)
