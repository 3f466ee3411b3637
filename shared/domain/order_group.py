"""Orders that belong together: a bracket (an entry and its two exits) and an OCO pair; their roles, in the order they are asked for.

A group is named after the first of its orders. Its intents follow each other in one strategy's words, and each says how many there are, so
whoever reads the log knows when it is whole. A group of size 0 is of a log from before groups were held: its orders are plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ENTRY: Final = "entry"
TAKE_PROFIT: Final = "take_profit"
STOP_LOSS: Final = "stop_loss"
OCO: Final = "oco"

BRACKET_ROLES: Final = (ENTRY, TAKE_PROFIT, STOP_LOSS)
OCO_ROLES: Final = (OCO, OCO)
EXITS: Final = frozenset({TAKE_PROFIT, STOP_LOSS})

REPLACES_MAX: Final = 999
"""Replaces a strategy may ask of one order of a group; higher numbers are the router's own, for the quantity it keeps."""


def is_beginning(roles: Sequence[str], size: int) -> bool:
    """Whether these roles are how a group of this size begins, or all of it."""
    return any(size == len(whole) and tuple(roles) == whole[: len(roles)] for whole in (BRACKET_ROLES, OCO_ROLES))
