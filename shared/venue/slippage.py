"""How much worse than the seen price a taker trades. Deterministic; orders that provide liquidity never slip.

Against a quote the spread is already paid, so the `spread` model adds nothing there. `volume_impact` is the square-root law: impact grows
with the square root of the share of the volume taken (Almgren, Thum, Hauptmann, Li: "Direct Estimation of Equity Market Impact", 2005, find
an exponent of 0.6; the square root is the common rounding of it), and with no volume known the maximum applies.
"""

from __future__ import annotations

from decimal import Decimal
from math import sqrt

from shared.domain.exact import of_float
from shared.events import OrderSide

from .prices import against
from .settings import SlippageModel, SlippageSettings

_BPS = Decimal(10_000)
_TWO = Decimal(2)


def slipped(settings: SlippageSettings, side: OrderSide, price: Decimal, quantity: Decimal, volume: float, tick: Decimal, *, quoted: bool) -> Decimal:
    """price moved against the taker, on the tick, never below one tick. volume: what traded or was shown around it, in units; quoted: price
    is a quote's far side."""
    bps = _bps(settings, quantity, volume, quoted=quoted)
    if not bps:
        return price
    shift = price * bps / _BPS
    return max(against(side, price + shift if side is OrderSide.BUY else price - shift, tick), tick)


def _bps(settings: SlippageSettings, quantity: Decimal, volume: float, *, quoted: bool) -> Decimal:
    model = settings.model
    if model is SlippageModel.FIXED_BPS:
        return settings.bps
    if model is SlippageModel.SPREAD:
        return Decimal(0) if quoted else settings.spread_bps / _TWO
    if model is SlippageModel.VOLUME_IMPACT:
        if volume <= 0.0:
            return settings.impact_bps_max
        # IEEE requires sqrt to be exactly rounded, so this is the same on every machine.
        return min(settings.impact_bps * of_float(sqrt(float(quantity) / volume)), settings.impact_bps_max)
    return Decimal(0)
