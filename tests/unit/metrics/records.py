"""Runs in a few words: a record from equity values and fills, with everything else at rest."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.domain.calendar import Calendar
from shared.events import OrderSide
from shared.metrics.record import CashRecord, Curve, FillRecord, Prices, RunRecord

DAY = 86_400_000_000_000
MINUTE = 60_000_000_000
JAN_1 = 1_704_067_200_000_000_000  # 2024-01-01T00:00Z, a Monday


def record(
    equity: Sequence[float] = (),
    times: Sequence[int] = (),
    *,
    capital: str = "100",
    gross: Sequence[float] = (),
    net: Sequence[float] = (),
    fills: Sequence[FillRecord] = (),
    flows: Sequence[CashRecord] = (),
    prices: Mapping[str, Prices] | None = None,
    calendar: str = "24x7",
    started: int | None = None,
) -> RunRecord:
    """Marks at midnight from JAN_1 on, unless times say otherwise."""
    times = list(times or [JAN_1 + n * DAY for n in range(len(equity))])
    flat = [0.0] * len(equity)
    curve = Curve(array("q", times), array("d", equity), array("d", equity), array("d", gross or flat), array("d", net or gross or flat))
    symbols = tuple(sorted({f.symbol for f in fills} | set(prices or {}) | {"X"}))
    return RunRecord(
        name="run",
        currency="USD",
        initial_capital=Decimal(capital),
        final_cash=Decimal(0),
        final_equity=Decimal(0),
        realised=Decimal(0),
        fees=sum((f.fee for f in fills), Decimal(0)),
        interval_ns=DAY,
        started_ns=started if started is not None else min(times, default=JAN_1),
        ended_ns=max(times, default=JAN_1),
        symbols=symbols,
        calendars=dict.fromkeys(symbols, calendar),
        curve=curve,
        by_strategy={},
        prices=prices or {},
        fills=tuple(fills),
        orders=(),
        cash_flows=tuple(flows),
        counts={},
        denials={},
        strategies={"s": {}},
        config_hash="",
        data_hash="",
        data=(),
    )


def fill(
    ts: int,
    side: str,
    quantity: object,
    price: object,
    *,
    fee: object = 0,
    symbol: str = "X",
    strategy: str = "s",
    multiplier: object = 1,
    slippage: float = 0.0,
) -> FillRecord:
    """side: `buy` or `sell`; numbers in any spelling Decimal takes."""
    return FillRecord(
        ts,
        f"e{ts}",
        f"{strategy}:1:1",
        strategy,
        symbol,
        OrderSide(side),
        Decimal(str(quantity)),
        Decimal(str(price)),
        Decimal(str(fee)),
        Decimal(str(multiplier)),
        slippage,
    )


def marks(values: Sequence[float], times: Sequence[int] = ()) -> Prices:
    return Prices(array("q", times or [JAN_1 + n * DAY for n in range(len(values))]), array("d", values))


def sessions(calendar: str, first: str, count: int) -> list[tuple[int, int]]:
    """(open, close) of trading days from a date on."""
    found: list[tuple[int, int]] = []
    day = dt.date.fromisoformat(first)
    while len(found) < count:
        session = Calendar.named(calendar).session(day.isoformat())
        if session is not None:
            found.append((session.open_ns, session.close_ns))
        day += dt.timedelta(days=1)
    return found
