"""The account counted a second way, for I6: units and money from executions, flows and corporate actions alone.

Money is counted in the currency it moved in, by nothing but what the events and the instruments' definitions say: no rate, no book, nothing of the
ledger that it is held against.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from shared.domain.actions import units_after
from shared.domain.exact import ONE, ZERO, add, multiply, negate, subtract
from shared.events import AccountOpened, CashFlow, CorporateAction, Event, FillCorrected, InstrumentDefined, OrderFilled, OrderSide


class Contract(msgspec.Struct, array_like=True, frozen=True):
    """point: money of its currency a point and unit. currency: empty for the account's."""

    point: Decimal = ONE
    currency: str = ""


class Counted(msgspec.Struct):
    """units: by symbol. money: by currency, under the empty name the account's own. currency: that one, empty before the account was opened:
    until then there is no other."""

    units: dict[str, Decimal] = msgspec.field(default_factory=dict)
    money: dict[str, Decimal] = msgspec.field(default_factory=dict)
    contracts: dict[str, Contract] = msgspec.field(default_factory=dict)
    currency: str = ""
    opened: bool = False


def count(c: Counted, event: Event) -> None:
    """Fold one event; others than the account's facts change nothing."""
    match event:
        case OrderFilled():
            _trade(c, event.symbol, _signed(event.side, event.quantity), event.price)
            _pay(c, event.currency, negate(event.commission))
        case FillCorrected():
            _trade(c, event.symbol, _signed(event.side, negate(event.previous_quantity)), event.previous_price)
            _trade(c, event.symbol, _signed(event.side, event.quantity), event.price)
            _pay(c, event.currency, subtract(event.previous_commission, event.commission))
        case CashFlow():
            _pay(c, event.currency, event.amount)
        case AccountOpened() if not c.opened:
            _open(c, event)
        case CorporateAction():
            _act(c, event)
        case InstrumentDefined():
            c.contracts[event.symbol] = Contract(event.multiplier, "" if event.fx_rate else event.currency)
        case _:
            pass


def _open(c: Counted, e: AccountOpened) -> None:
    c.opened, c.currency = True, e.currency
    _pay(c, e.currency, e.cash)
    for row in e.balances:
        _pay(c, row.currency, row.amount)
    for symbol, quantity in zip(e.symbols, e.quantities, strict=True):
        c.units[symbol] = add(c.units.get(symbol, ZERO), quantity)


def _act(c: Counted, e: CorporateAction) -> None:
    held, contract = c.units.get(e.symbol, ZERO), c.contracts.get(e.symbol, Contract())
    if e.kind == "split":
        c.units[e.symbol] = units_after(held, e)
        _pay(c, contract.currency, e.cash)
    elif e.kind == "symbol_change":
        c.units[e.new_symbol] = add(c.units.get(e.new_symbol, ZERO), held)
        c.units[e.symbol] = ZERO
        c.contracts.setdefault(e.new_symbol, contract)
    elif e.kind == "expiry":
        _trade(c, e.symbol, negate(held), e.price)


def _trade(c: Counted, symbol: str, signed: Decimal, price: Decimal) -> None:
    contract = c.contracts.get(symbol, Contract())
    c.units[symbol] = add(c.units.get(symbol, ZERO), signed)
    _pay(c, contract.currency, negate(multiply(multiply(signed, price), contract.point)))


def _pay(c: Counted, currency: str, amount: Decimal) -> None:
    name = currency if c.currency and currency != c.currency else ""
    c.money[name] = add(c.money.get(name, ZERO), amount)


def _signed(side: OrderSide, quantity: Decimal) -> Decimal:
    return quantity if side is OrderSide.BUY else negate(quantity)
