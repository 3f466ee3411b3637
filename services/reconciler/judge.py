"""Which differences are breaks: those that outlived the grace, and those no time can heal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .differences import Difference
from .state import Watch


class Judgement(NamedTuple):
    """since: first sight of every difference that is still there. pending: differences inside their grace."""

    since: dict[str, int]
    breaks: tuple[Difference, ...]
    pending: int

    @property
    def clean(self) -> bool:
        return not self.breaks and not self.pending


def judge(differences: Sequence[Difference], watch: Watch, now: int, grace_ns: int) -> Judgement:
    """now: log time of the reading. A difference not seen in a reading starts anew when it comes back."""
    since = {d.key: watch.since.get(d.key, now) for d in differences}
    breaks = tuple(d for d in differences if d.definite or now >= max(since[d.key] + grace_ns, d.not_before))
    return Judgement(since, breaks, len(differences) - len(breaks))
