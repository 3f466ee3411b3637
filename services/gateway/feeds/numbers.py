"""Rows of a file as numbers: what reading gives and judging takes, whatever the file's format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .columns import Floats, Ints


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows as numbers, not yet judged. rows: their numbers in the file; times: as the file has them (ns); dated: they are dates without a time
    of day; bad: rows among them that are no numbers, with the reason."""

    rows: Sequence[int]
    times: Ints
    values: list[Floats]
    dated: bool
    bad: Sequence[tuple[int, str]] = ()

    def picked(self, good: Sequence[int]) -> Numbers:
        """These rows only, all of them good."""
        return Numbers([self.rows[i] for i in good], self.times[good], [column[good] for column in self.values], self.dated)
