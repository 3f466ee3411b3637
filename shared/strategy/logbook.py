"""`ctx.log`: what a strategy writes becomes an event of its own, in the journal with everything else."""

from __future__ import annotations

from typing import Final

from shared.events import StrategyLogged

from .desk import Desk

LEVELS: Final = ("debug", "info", "warning", "error")
TEXT_CHARS_MAX: Final = 2_000


class Logbook:
    """`log("text")`, `log("text", level="warning")`, `log.warning("text")`. Text past TEXT_CHARS_MAX is cut, visibly."""

    __slots__ = ("_desk",)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __call__(self, text: object, level: str = "info") -> None:
        """Raises ValueError for a level not in LEVELS."""
        if level not in LEVELS:
            raise ValueError(f"level: {level!r} is not one of {', '.join(LEVELS)}")
        line = str(text)
        if len(line) > TEXT_CHARS_MAX:
            line = f"{line[:TEXT_CHARS_MAX]}... ({len(line)} characters)"
        self._desk.say(StrategyLogged(self._desk.settings.id, level, line))

    def debug(self, text: object) -> None:
        self(text, "debug")

    def info(self, text: object) -> None:
        self(text, "info")

    def warning(self, text: object) -> None:
        self(text, "warning")

    def error(self, text: object) -> None:
        self(text, "error")
