"""What other currencies are worth: the newest rate of each, and what it changes at the desk.

A rate that moves is judged as a price that moves: a loss limit it meets is met in the very event that tells it. The first rate of a currency is
no profit or loss: until then its money counted one to one, so day base and peak move along with it; nor is what a definition says of a holding
that was found before it. Open orders need money of their currency, whose worth follows (`Reservations`). Whether an order may go by a rate: `admission.rate_known`, `rate_young`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from shared.domain.exact import ONE, subtract
from shared.events import AccountOpened, CorporateAction, CurrencyRate, Envelope, Event, InstrumentDefined

from .arguments import both, event_only, timed
from .desk import Desk
from .outcomes import loss_events


def on_rate(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Loss limits that the rate meets."""
    rate: CurrencyRate = e.event  # type: ignore[assignment]  # dispatched by type
    if rate.currency not in desk.rates or desk.ledger.currency in ("", rate.currency):
        return ()
    change = subtract(rate.rate, desk.ledger.worth(ONE, rate.currency))
    if not change:
        return ()
    symbols, found = desk.ledger.symbols_in(rate.currency), []
    for watch in desk.watches.all():
        equity = watch.equity_at_rate(rate.currency, change, symbols)
        found += [(watch, level, breach) for level, breach in watch.breaches(equity)]
    return loss_events(found, desk, e)


def rating(on: dict[type[Event], Callable[[Envelope], None]], desk: Desk) -> None:
    """Fold rates, and what a point is worth with everything else that changes it."""

    def opened(_: AccountOpened) -> None:
        _revalue(desk.gates.instruments, desk)
        desk.reservations.recount()

    def acted(e: CorporateAction) -> None:
        if e.new_symbol:
            desk.reservations.recount()

    on[CurrencyRate] = timed(partial(_rated, desk=desk))
    on[InstrumentDefined] = event_only(partial(_defined, desk=desk))
    on[AccountOpened] = both(on[AccountOpened], event_only(opened))
    on[CorporateAction] = both(on[CorporateAction], event_only(acted))


def _defined(e: InstrumentDefined, desk: Desk) -> None:
    currency, watches = desk.ledger.unit(e.symbol).currency, desk.watches.all()
    before = [watch.value.equity() for watch in watches]
    desk.gates.define(e)
    desk.ledger.apply(e)
    _revalue((e.symbol,), desk)
    desk.track(e.symbol)
    for watch, equity in zip(watches, before, strict=True):
        watch.fund(subtract(watch.value.equity(), equity))
    if desk.ledger.unit(e.symbol).currency != currency:
        desk.reservations.recount()


def _rated(e: CurrencyRate, now: int, desk: Desk) -> None:
    first, same = e.currency not in desk.rates, desk.ledger.worth(ONE, e.currency) == e.rate
    watches = desk.watches.all()
    before = [watch.value.equity() for watch in watches]
    desk.rates[e.currency] = e.timestamp
    desk.ledger.apply(e)
    if same:
        return
    symbols = desk.ledger.symbols_in(e.currency)
    _revalue(symbols, desk)
    for symbol in symbols:
        if symbol in desk.watches.active:
            desk.track(symbol)
    for watch, equity in zip(watches, before, strict=True):
        if first:
            watch.fund(subtract(watch.value.equity(), equity))
        else:
            watch.settle()
    if desk.value.equity() != before[0]:
        desk.marking.moved(now)


def _revalue(symbols: Iterable[str], desk: Desk) -> None:
    """Instruments as limits know them: a point in account currency."""
    instruments = desk.gates.instruments
    for symbol in tuple(symbols):
        instrument, multiplier = instruments.get(symbol), desk.ledger.multiplier(symbol)
        if instrument is not None and instrument.multiplier != multiplier:
            instruments[symbol] = replace(instrument, multiplier=multiplier)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {CurrencyRate: on_rate}
