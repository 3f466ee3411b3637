"""What the console shows: one look at everything, plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .narrator import Said


@dataclass(frozen=True, slots=True)
class ServiceView:
    """state: what the service says of itself, or that it is down or waits for its restart."""

    service: str
    state: str
    restarts: int = 0
    epoch: int = 0
    cursor: int = 0
    lag: int = 0
    memory_mb: float = 0.0


@dataclass(slots=True)
class View:
    """status, positions: the auditor's newest answers, empty before the first. said: newest lines last."""

    services: Sequence[ServiceView] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[str, Any] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
