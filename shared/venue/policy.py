"""How far a price has moved against an order since it was sent: what `execution.policy` judges takers by.

RegimeFlow's rule: the executable price is compared with the price the order asked for at the moment it could trade; only a move against the
order counts. A market order asked for the price that was seen when it was sent, a stop for its level, so a stop that gaps is judged by the gap.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from .orders import Working

_BPS: Final = Decimal(10_000)


def drifted_bps(order: Working, price: Decimal) -> Decimal | None:
    """Basis points of the asked price by which `price` is worse, negative where it is better; None where nothing was asked."""
    asked = order.asked
    if not asked:
        return None
    return (price - asked if order.is_buy else asked - price) / asked * _BPS
