"""What a run leaves behind, as data: the one thing statistics and reports are made from, whether a backtest or a journal wrote it.

Times are UTC nanoseconds. Money of fills and totals is exact; curves are floats, one value a moment at which something was marked.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shared.events import OrderSide, OrderStatus, OrderType, TimeInForce


@dataclass(slots=True)
class Curve:
    """Columns of equal length. equity: cash and holdings at their marks; cash: of every currency, at its rate; gross, net: market value of holdings, absolute and signed."""

    times: array[int] = field(default_factory=lambda: array("q"))
    equity: array[float] = field(default_factory=lambda: array("d"))
    cash: array[float] = field(default_factory=lambda: array("d"))
    gross: array[float] = field(default_factory=lambda: array("d"))
    net: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Prices:
    """Marks of one symbol: the close of its bars at their ends, or the mid of its quotes."""

    times: array[int]
    closes: array[float]


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One booked execution. quantity: positive; price: per unit, in the instrument's currency; fee: paid (negative: received). multiplier: money a
    point. slippage: of the price, per unit against the mark when the order was submitted, positive: worse. liquidity: `maker`, `taker` or empty.
    currency: of the price, empty for the account's; rate: account currency a unit of it then. fee and multiplier are in the account's, at the rate
    of the execution's moment."""

    ts_ns: int
    execution_id: str
    order_id: str
    strategy: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    multiplier: Decimal = Decimal(1)
    slippage: float = 0.0
    liquidity: str = ""
    currency: str = ""
    rate: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order at its end. ended_ns: 0 while it works. reason: of a denial, rejection or cancellation."""

    order_id: str
    strategy: str
    symbol: str
    side: OrderSide
    type: OrderType
    tif: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    submitted_ns: int
    ended_ns: int
    status: OrderStatus | str
    filled: Decimal
    average_price: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CashRecord:
    """Money in (positive) or out that is not trading, in the account's currency at the rate of its moment."""

    ts_ns: int
    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DataFile:
    """One source of data. digest: blake2b of the content, hex; rows: used; skipped: left out as bad."""

    name: str
    digest: str
    rows: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """Money of other currencies. result: what balances earned or lost by their rates, closed or not, also by_strategy; balances: at the end, by
    currency, worth all together `worth` in the account's; rates: the newest; history: rates in time."""

    result: Decimal
    by_strategy: Mapping[str, Decimal]
    balances: Mapping[str, Decimal]
    worth: Decimal
    rates: Mapping[str, Decimal]
    history: Mapping[str, Prices]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """final_*: the ledger's exact totals at the end; final_cash: of the account's own currency. realised: by trading; what rates did to balances
    is in `exchange`, None for a run of one currency. interval_ns: of the bars, 0 where there are none. calendars: by symbol. counts: events,
    bars, quotes, intents, approved, denied, rejected, filled, canceled, expired. denials: by reason code. wall_s: how long the run took."""

    name: str
    currency: str
    initial_capital: Decimal
    final_cash: Decimal
    final_equity: Decimal
    realised: Decimal
    fees: Decimal
    interval_ns: int
    started_ns: int
    ended_ns: int
    symbols: Sequence[str]
    calendars: Mapping[str, str]
    curve: Curve
    by_strategy: Mapping[str, Curve]
    prices: Mapping[str, Prices]
    fills: Sequence[FillRecord]
    orders: Sequence[OrderRecord]
    cash_flows: Sequence[CashRecord]
    counts: Mapping[str, int]
    denials: Mapping[str, int]
    strategies: Mapping[str, Mapping[str, object]]  # id -> {name, params, symbols}
    config_hash: str
    data_hash: str
    data: Sequence[DataFile]
    wall_s: float = 0.0
    exchange: Exchange | None = None
