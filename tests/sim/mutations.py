"""The engine, deliberately broken: one mistake each that real engines have made. The simulator must catch every one, or its silence means nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from unittest import mock

import msgspec

from services.order_router import bookings, groups, groups_fold
from services.order_router.session import RouterSession
from services.risk_engine import beginning, desk, reservations
from shared.brokers.contract import Ambiguous, ReadFailed, WholeState
from shared.brokers.paper.sessions import PaperReadings
from shared.bus.port import Snapshot
from shared.domain import actions
from shared.domain.book import Book
from shared.domain.money import PLAIN, Unit
from shared.events import AccountRow, Envelope, Event, OrderUnknown
from shared.runtime.driver import ActorDriver, as_own

Mutation = Callable[[], contextlib.AbstractContextManager[Any]]


def resend_on_timeout() -> contextlib.AbstractContextManager[Any]:
    """A request without an answer is sent once more."""

    def act(self: RouterSession, asked: Any, _permit: Any, request: Any) -> Any:
        outcome = self._try(request)
        return self._witness.performed(asked, self._try(request) if isinstance(outcome, Ambiguous) else outcome)

    return mock.patch.object(RouterSession, "_act", act)


@contextlib.contextmanager
def no_write_ahead() -> Iterator[None]:
    """The effect happens as it is decided, before it is in the journal."""
    decide = ActorDriver._decide

    def at_once(self: ActorDriver, e: Envelope, journaled: Sequence[Envelope]) -> Sequence[Event]:
        outputs = decide(self, e, journaled)
        w = self.connection.welcome
        for i, event in enumerate(outputs[len(journaled) :]):
            own = as_own(event, e, w.run, self._n + 1 + i, w.epoch, self.source)
            if self.progress.recovered and self._session is not None and self._session.wants(own):
                self._session.perform(own, self._permit(own))
        return outputs

    with mock.patch.object(ActorDriver, "_decide", at_once), mock.patch.object(ActorDriver, "_durable", return_value=None):
        yield


def fills_dropped_after_cancel() -> contextlib.AbstractContextManager[Any]:
    """Once its cancel was asked for, an order's fills are thought impossible."""
    book = bookings._book

    def unless_cancelling(draft: Any, order: Any, row: Any) -> None:
        if not order.cancel.attempts:
            book(draft, order, row)

    return mock.patch.object(bookings, "_book", unless_cancelling)


def exposure_without_unknown_orders() -> contextlib.AbstractContextManager[Any]:
    """What nobody answered for is taken not to exist."""
    after = reservations.after

    def forgetting(order: Any, e: Any) -> Any:
        return msgspec.structs.replace(order, ended="absent") if isinstance(e, OrderUnknown) else after(order, e)

    return mock.patch.object(reservations, "after", forgetting)


def error_as_empty_list() -> contextlib.AbstractContextManager[Any]:
    """A reading that failed is an account with nothing in it."""
    whole = PaperReadings.whole_state

    def never_fails(self: PaperReadings, cursor: str) -> WholeState:
        try:
            return whole(self, cursor)
        except ReadFailed:
            return WholeState((), (), (), AccountRow("USD", Decimal(0), Decimal(0), Decimal(0)), 0, 0, cursor)

    return mock.patch.object(PaperReadings, "whole_state", never_fails)


def fenced_router_still_sending() -> contextlib.AbstractContextManager[Any]:
    """Nobody looks at epoch, lease and deadline before a request leaves."""
    return mock.patch.object(ActorDriver, "_permit", return_value=str)


def snapshot_past_an_unacknowledged_output() -> contextlib.AbstractContextManager[Any]:
    """A state is stored that stands on outputs which are nowhere but in memory."""

    def snapshot(self: ActorDriver) -> bool:
        if self._waiting or not getattr(self.core, "snapshottable", True):
            return False
        self.connection.save_snapshot(Snapshot(self.connection.cursor(), self.connection.welcome.run, self._n, self.core.snapshot()))
        return True

    return mock.patch.object(ActorDriver, "snapshot", snapshot)


@contextlib.contextmanager
def exits_as_large_as_approved() -> Iterator[None]:
    """A bracket's exits are sent whole, whatever its entry filled and the other exit did."""

    def room(_orders: Any, leg: Any) -> Any:
        return leg.approved_quantity

    with mock.patch.object(groups, "room", room), mock.patch.object(groups_fold, "room", room):
        yield


def overrides_ignored() -> contextlib.AbstractContextManager[Any]:
    """What an operator changed is answered, and decides nothing."""
    return mock.patch.object(desk, "effective", lambda config, _overrides: config)


def splits_forget_fractions() -> contextlib.AbstractContextManager[Any]:
    """After a split every book is rounded to the nearest lot."""

    def units_after(quantity: Decimal, e: Any) -> Decimal:
        return round(quantity * e.ratio / e.per / e.lot) * e.lot

    return mock.patch.object(actions, "units_after", units_after)


def cancels_between_runs_lost() -> contextlib.AbstractContextManager[Any]:
    """What an operator wants cancelled while no run of risk is there is read and forgotten."""
    return mock.patch.object(beginning, "owing", return_value=None)


def foreign_money_from_cash() -> contextlib.AbstractContextManager[Any]:
    """What an instrument of another currency costs is taken out of the account's own cash, at the rate of the moment."""
    trade = Book.trade

    def converted(self: Book, symbol: str, units: Decimal, price: Decimal, unit: Unit = PLAIN) -> Decimal:
        return trade(self, symbol, units, price, Unit(unit.multiplier, "", unit.multiplier))

    return mock.patch.object(Book, "trade", converted)


MUTATIONS: tuple[Mutation, ...] = (
    resend_on_timeout,
    no_write_ahead,
    fills_dropped_after_cancel,
    exposure_without_unknown_orders,
    error_as_empty_list,
    fenced_router_still_sending,
    snapshot_past_an_unacknowledged_output,
    exits_as_large_as_approved,
    overrides_ignored,
    splits_forget_fractions,
    cancels_between_runs_lost,
    foreign_money_from_cash,
)
