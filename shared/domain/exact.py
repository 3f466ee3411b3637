"""Exact decimal arithmetic for money and quantities.

Promise: sums and products here are exact or raise `decimal.Inexact`; they never round. The interpreter's default context keeps 28 digits
and rounds without a word, which is why money code calls these and not `+` and `*` (unary `-` and `abs` round too). The one operation that cannot be exact, a share of an
amount, rounds to `SHARE_PLACES` decimals and leaves the remainder with the caller, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import lru_cache, reduce
from typing import Final

DIGITS_MAX: Final = 80  # a 17-digit price x 20-digit quantity x 10-digit multiplier, summed over the life of an account, with room
SHARE_PLACES: Final = 18  # far below any tick or lot; bounds the digits a cost basis can grow to
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

_EXACT: Final = Context(prec=DIGITS_MAX, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_ROUNDED: Final = Context(prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_SHARE_GRID: Final = Decimal(1).scaleb(-SHARE_PLACES)

add: Final = _EXACT.add
subtract: Final = _EXACT.subtract
multiply: Final = _EXACT.multiply
negate: Final = _EXACT.minus
magnitude: Final = _EXACT.abs
remainder: Final = _EXACT.remainder  # of whole division, with the sign of the dividend
whole: Final = _EXACT.divide_int  # times the divisor goes into the dividend, towards zero


def total(amounts: Iterable[Decimal], start: Decimal = ZERO) -> Decimal:
    """The exact sum."""
    return reduce(add, amounts, start)


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """amount x part / whole, exact where it ends within SHARE_PLACES decimals, else rounded half even there."""
    result = _ROUNDED.divide(_ROUNDED.multiply(amount, part), whole)
    if decimals(result) > SHARE_PLACES:  # finite: NaN and infinity are trapped above
        result = result.quantize(_SHARE_GRID, context=_ROUNDED)
    return result


def decimals(value: Decimal) -> int:
    """Places behind the point a finite number is written with; below 0 for a multiple of ten written with an exponent."""
    written = str(value)  # a third of what `as_tuple` costs
    if "E" in written:
        return -int(value.as_tuple().exponent)
    return len(written.partition(".")[2])


def of_float(value: float) -> Decimal:
    """The decimal a person reads in a float: its shortest representation, not its binary expansion."""
    return _of_float(value) if value else Decimal(repr(value))  # the two zeros are equal, and are spelled apart


@lru_cache(maxsize=4096)
def _of_float(value: float) -> Decimal:
    """Remembered, because one price is asked for a dozen times in a row: reading its text back costs ten times the look-up."""
    return Decimal(repr(value))


def plain(value: Decimal) -> Decimal:
    """The same number in one spelling: no exponent, no trailing zeros. For what is shown or journaled, where equal numbers must be equal
    bytes however they were summed."""
    short = _EXACT.normalize(value)
    return short.quantize(ONE, context=_EXACT) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]  # finite


def text(value: Decimal) -> str:
    """`plain` in digits."""
    return f"{_EXACT.normalize(value):f}"
