"""A figure ready to be read, on a page or a terminal: its text, and where it does not exist, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .markup import Markup


@dataclass(frozen=True, slots=True)
class Figure:
    """A value as text. why: shown on hover, of a dash the reason. tone: `up`, `down` or empty. number: aligned right."""

    text: str
    why: str = ""
    tone: str = ""
    number: bool = True


class Line(NamedTuple):
    """A label and what it stands for; note: a small remark, empty for none."""

    label: str
    figure: Figure | Markup
    note: str = ""


def words(text: object) -> Figure:
    """A cell of prose, wrapped and aligned left."""
    return Figure(str(text), number=False)


def toned(text: str, value: float | None) -> Figure:
    """A gain or a loss, coloured by its sign; the sign itself is in the text."""
    return Figure(text, tone="" if value is None or not value else "up" if value > 0 else "down")
