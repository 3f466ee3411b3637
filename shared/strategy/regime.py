"""The market regime as a strategy reads it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RegimeType(StrEnum):
    """RegimeFlow's names. A detector may name others; they arrive as plain text."""

    BULL = "bull"
    NEUTRAL = "neutral"
    BEAR = "bear"
    CRISIS = "crisis"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class RegimeState:
    """timestamp: ns UTC it was named at, 0 while no detector has spoken."""

    regime: str = RegimeType.NEUTRAL
    confidence: float = 0.0
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class RegimeTransition:
    from_regime: str
    to_regime: str
    confidence: float
    timestamp: int


_NAMES: dict[str, str] = {regime.value: regime for regime in RegimeType}


def regime_named(name: str) -> str:
    """The RegimeType of a name, the name itself when it is none of them."""
    return _NAMES.get(name, name)
