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


def at_least(params: Mapping[str, Any], name: str, default: int, least: int) -> int:
    """A whole number of at least `least`, where RegimeFlow would silently take `least` for a smaller one."""
    number = exact(params.get(name, default), name)
    if number < least or number != int(number):
        raise ValueError(f"{name}: {number} is not a whole number of at least {least}")
    return int(number)


def between(params: Mapping[str, Any], name: str, default: float, least: float, most: float | None = None) -> float:
    """A number from least to most (None: no bound), both included."""
    number = float(exact(params.get(name, default), name))
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name}: {number:g} is not {f'from {least:g} to {most:g}' if most is not None else f'at least {least:g}'}")
    return number


def flag(params: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {value!r} is neither true nor false")
    return value


def text(params: Mapping[str, Any], name: str) -> str:
    """Empty when left out."""
    value = params.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{name}: {value!r} is not text")
    return value


def units(params: Mapping[str, Any], name: str, default: int) -> Decimal:
    """A quantity above 0, exact."""
    quantity = exact(params.get(name, default), name)
    if quantity <= 0:
        raise ValueError(f"{name}: {quantity} must be greater than 0")
    return quantity
