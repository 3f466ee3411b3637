"""Reading parameters of built-in strategies: a value that cannot be is refused by name, never bent into one that can."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.strategy.orders import exact


def refuse_unknown(params: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in params:
        if name not in known:
            raise ValueError(f"{name}: no such parameter; there are {', '.join(known)}")


def whole_number(params: Mapping[str, Any], name: str, default: int) -> int:
    """At least 1. `10.0` is ten, as a config file may write it."""
    number = exact(params.get(name, default), name)
    if number < 1 or number != int(number):
        raise ValueError(f"{name}: {number} is not a whole number of at least 1")
    return int(number)


def quantity_of(params: Mapping[str, Any]) -> Decimal:
    """Units a trade, exact; 1 when left out or 0, as in RegimeFlow."""
    quantity = exact(params.get("quantity", 0), "quantity")
    if quantity < 0:
        raise ValueError(f"quantity: {quantity} must not be negative")
    return quantity or Decimal(1)
