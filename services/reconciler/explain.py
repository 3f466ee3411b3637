"""Saying what would explain a position that differs: for the person who has to decide, never booked."""

from __future__ import annotations

from decimal import Decimal

from shared.domain.exact import ONE, ZERO, magnitude, multiply, negate, share, subtract


def recovered_price(current: Decimal, current_price: Decimal, target: Decimal, target_price: Decimal) -> Decimal | None:
    """Price of the one trade that turns a holding of `current` at its average price into `target` at the broker's average price:
    (target x target_px - current x current_px) / (target - current). A trade through zero opens at the target's average. None where no
    trade explains it: nothing changed, or the price would be negative."""
    change = subtract(target, current)
    if not change:
        return None
    if current and target and (current > 0) != (target > 0):
        return target_price
    price = share(subtract(multiply(target, target_price), multiply(current, current_price)), ONE, change)
    return price if price >= 0 else None


def legs(symbol: str, current: Decimal, target: Decimal) -> tuple[tuple[str, Decimal], ...]:
    """The trades (id, signed quantity) from one holding to another: one, or through zero two, with ids that are the same every time."""
    if current and target and (current > 0) != (target > 0):
        return ((f"{symbol}:close:{current}", negate(current)), (f"{symbol}:open:{target}", target))
    return ((f"{symbol}:change:{current}:{target}", subtract(target, current)),)


def explain_position(symbol: str, current: Decimal, current_price: Decimal, target: Decimal, target_price: Decimal) -> str:
    """One line: which trades nobody reported would make the two agree."""
    price = recovered_price(current, current_price, target, target_price)
    trades = ", ".join(f"{'buy' if quantity > ZERO else 'sell'} {magnitude(quantity)} [{name}]" for name, quantity in legs(symbol, current, target))
    return f"{trades} at {price}" if price is not None else f"{trades} at a price no trade explains"
