"""Commission of an order, to the cent, by named fee schedules.

A schedule prices the order's whole execution so far; each fill is charged the difference to what the order was charged before. So a
minimum or maximum an order holds over any number of partial fills, and rounding never accumulates. Commissions are in the account's currency,
whatever the instrument's; the value of trade is counted at the newest rate.

Sources (US stocks and ETFs, as published; decreed rates change, `CommissionSettings` overrides them):
* ib_fixed, ib_tiered: interactivebrokers.co.uk/en/pricing/commissions-stocks.php, "United States". Fixed 0.005 a share, minimum 1.00, at most
  1 % of trade value. Tiered 0.0035 / 0.0020 / 0.0015 / 0.0010 / 0.0005 a share up to 300,000 / 3,000,000 / 20,000,000 / 100,000,000 / more shares
  a month, minimum 0.35, at most 1 % of trade value, plus clearing 0.00020 a share (at most 0.5 % of trade value), NYSE pass-through 0.000175 and
  FINRA pass-through 0.00056 of the commission, and exchange fees, which vary by venue: 0.0030 a share for taking and -0.0021 for adding, the
  figures of IB's own "Fixed vs. Tiered" comparison. Both: SEC 0.0000278 of sales, FINRA TAF 0.000166 a share sold (at most 8.30), CAT 0.000072.
* alpaca: docs.alpaca.markets/docs/regulatory-fees: no commission; SEC 0.0000278 of sales, TAF 0.000166 a share sold (at most 8.30), CAT 0.000046
  a share; each rounded up to the cent. Alpaca rounds the day's total, we an order's.
Where a broker's maximum is below its minimum, the maximum is charged (IB's footnote).

One rate is in force over the whole run: those above, of the schedules of 2024. What is decreed changes (the SEC's rate is 0 since May 2025 by
alpaca.markets/support/regulatory-fees); a run of another year sets `sec_rate`, `taf_rate`, `taf_maximum`, `cat_rate`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from shared.domain.exact import ZERO

from .settings import CommissionModel, CommissionSettings

CENT: Final = Decimal("0.01")
_ONE_PERCENT: Final = Decimal("0.01")
_TIERS: Final = (  # (shares a month up to, rate a share)
    (Decimal(300_000), Decimal("0.0035")),
    (Decimal(3_000_000), Decimal("0.0020")),
    (Decimal(20_000_000), Decimal("0.0015")),
    (Decimal(100_000_000), Decimal("0.0010")),
    (None, Decimal("0.0005")),
)
_CLEARING: Final = Decimal("0.00020")
_CLEARING_MAX: Final = Decimal("0.005")
_PASS_THROUGH: Final = Decimal("0.000175") + Decimal("0.00056")
_TAKE: Final = Decimal("0.0030")
_ADD: Final = Decimal("-0.0021")
_SEC: Final = Decimal("0.0000278")
_TAF: Final = Decimal("0.000166")
_TAF_MAX: Final = Decimal("8.30")
_CAT_IB: Final = Decimal("0.000072")
_CAT_ALPACA: Final = Decimal("0.000046")


class Executed(NamedTuple):
    """An order's execution so far. value: account currency, quantity x price x multiplier; taken: quantity as taker; month_before: shares of the month
    when the order first filled."""

    is_sell: bool
    quantity: Decimal
    value: Decimal
    taken: Decimal
    month_before: Decimal


def commission_of(settings: CommissionSettings, done: Executed) -> Decimal:
    """Whole commission of the order so far, in cents; negative where rebates exceed fees."""
    return _SCHEDULES[settings.model](settings, done).quantize(CENT, ROUND_HALF_UP)


def _none(_: CommissionSettings, __: Executed) -> Decimal:
    return ZERO


def _fixed(settings: CommissionSettings, _: Executed) -> Decimal:
    return settings.amount


def _per_share(settings: CommissionSettings, done: Executed) -> Decimal:
    return _bounded(settings.rate * done.quantity, settings.minimum, done.value, settings.maximum_fraction)


def _ib_fixed(settings: CommissionSettings, done: Executed) -> Decimal:
    return _bounded(Decimal("0.005") * done.quantity, Decimal("1.00"), done.value, _ONE_PERCENT) + _regulatory(settings, done, _CAT_IB)


def _ib_tiered(settings: CommissionSettings, done: Executed) -> Decimal:
    commission = _bounded(_tiered(done.month_before, done.quantity), Decimal("0.35"), done.value, _ONE_PERCENT)
    exchange = _TAKE * done.taken + _ADD * (done.quantity - done.taken)
    clearing = min(_CLEARING * done.quantity, _CLEARING_MAX * done.value)
    return commission + exchange + clearing + _PASS_THROUGH * commission + _regulatory(settings, done, _CAT_IB)


def _alpaca(settings: CommissionSettings, done: Executed) -> Decimal:
    return sum((fee.quantize(CENT, ROUND_CEILING) for fee in _fees(settings, done, _CAT_ALPACA)), ZERO)


def _regulatory(settings: CommissionSettings, done: Executed, cat: Decimal) -> Decimal:
    return sum(_fees(settings, done, cat), ZERO)


def _fees(settings: CommissionSettings, done: Executed, cat: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """SEC and TAF on sales, CAT on both sides."""
    sold = done.quantity if done.is_sell else ZERO
    sec = (_SEC if settings.sec_rate is None else settings.sec_rate) * (done.value if done.is_sell else ZERO)
    most = _TAF_MAX if settings.taf_maximum is None else settings.taf_maximum
    taf = min((_TAF if settings.taf_rate is None else settings.taf_rate) * sold, most)
    return sec, taf, (cat if settings.cat_rate is None else settings.cat_rate) * done.quantity


def _bounded(amount: Decimal, minimum: Decimal, value: Decimal, maximum_fraction: Decimal | None) -> Decimal:
    amount = max(amount, minimum)
    return amount if maximum_fraction is None else min(amount, maximum_fraction * value)


def _tiered(before: Decimal, quantity: Decimal) -> Decimal:
    """Marginal: each share at the rate of the tier it falls in."""
    total, at, rest = ZERO, before, quantity
    for upper, rate in _TIERS:
        part = rest if upper is None else min(rest, max(ZERO, upper - at))
        total += rate * part
        at += part
        rest -= part
    return total


_SCHEDULES: Final[dict[CommissionModel, Callable[[CommissionSettings, Executed], Decimal]]] = {
    CommissionModel.NONE: _none,
    CommissionModel.FIXED: _fixed,
    CommissionModel.PER_SHARE: _per_share,
    CommissionModel.IB_FIXED: _ib_fixed,
    CommissionModel.IB_TIERED: _ib_tiered,
    CommissionModel.ALPACA: _alpaca,
}
