"""The auditor's knobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

SOURCE: Final = "auditor"
TOPICS: Final = ("m.", "t.", "c.")


@dataclass(frozen=True, slots=True)
class AuditorSettings:
    """fills_kept, notes_kept: how much of what is past the queries show; the log keeps all of it. budgets: cash a strategy's book opens with."""

    fills_kept: int = 1_000
    notes_kept: int = 200
    budgets: Mapping[str, Decimal] = field(default_factory=dict)
