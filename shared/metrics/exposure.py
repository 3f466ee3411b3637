"""How much was at work, and what trading it cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from shared.domain.exact import total

from .breakdown import volume
from .ratios import ratio
from .record import RunRecord
from .trades import slippage_cost


@dataclass(frozen=True, slots=True)
class Exposure:
    """Leverage is market value of holdings over equity, at marks where equity is positive; gross counts every holding as positive, net by
    its sign. time_in_market: share of marks with a holding. None without marks."""

    time_in_market: float | None
    average_gross_leverage: float | None
    max_gross_leverage: float | None
    average_net_leverage: float | None
    max_net_leverage: float | None
    min_net_leverage: float | None


@dataclass(frozen=True, slots=True)
class Costs:
    """volume: money traded, buys and sells. turnover: volume over mean equity; annual_turnover: a year of 365.25 days. fees: paid. slippage:
    money lost against the mark at submission. fee_share, slippage_share: of volume."""

    fills: int
    volume: Decimal
    turnover: float | None
    annual_turnover: float | None
    fees: Decimal
    slippage: float
    fee_share: float | None
    slippage_share: float | None


def exposure(record: RunRecord) -> Exposure:
    """See Exposure."""
    gross, net, equity = (np.asarray(c) for c in (record.curve.gross, record.curve.net, record.curve.equity))
    if not len(gross):
        return Exposure(None, None, None, None, None, None)
    held = float(np.count_nonzero(gross)) / len(gross)
    good = equity > 0
    if not good.any():
        return Exposure(held, None, None, None, None, None)
    g, n = gross[good] / equity[good], net[good] / equity[good]
    return Exposure(held, float(g.mean()), float(g.max()), float(n.mean()), float(n.max()), float(n.min()))


def costs(record: RunRecord, years: float | None) -> Costs:
    """See Costs. years: length of the run; None or 0 where it has none."""
    traded = total([volume(f) for f in record.fills])
    slipped = sum(slippage_cost(f) for f in record.fills)
    mean = float(np.mean(record.curve.equity)) if len(record.curve) else None
    turnover = ratio(float(traded), mean) if mean is not None and mean > 0 else None
    return Costs(
        fills=len(record.fills),
        volume=traded,
        turnover=turnover,
        annual_turnover=ratio(turnover, years),
        fees=record.fees,
        slippage=slipped,
        fee_share=ratio(float(record.fees), float(traded)),
        slippage_share=ratio(slipped, float(traded)),
    )
