"""How our own run begins: disarmed, and what nobody was there to decide is answered (`unanswered`).

Commands are carried out in the order they came in, as if they came at this moment, each in view of those before it: a copy of the engine is told of
them one by one. Then the rest is answered, and what is being flattened goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from shared.events import (
    Alert,
    CancelIntent,
    CancelRequested,
    Envelope,
    Event,
    FlattenRequested,
    RunStarted,
    Severity,
)

from . import groups
from .arguments import both
from .commands import SOURCE, cancelled, closing_orders, on_start

if TYPE_CHECKING:
    from .desk import Desk


class Copy(Protocol):
    """The engine once more, at the same place."""

    @property
    def desk(self) -> Desk: ...
    def decide(self, e: Envelope) -> Sequence[Event]: ...
    def apply(self, e: Envelope) -> None: ...


def on_run(e: Envelope, desk: Desk, copy: Callable[[], Copy]) -> Sequence[Event]:
    """Trading waits for a reconcile, whatever it was before."""
    run: RunStarted = e.event  # type: ignore[assignment]  # dispatched by type
    if run.name != SOURCE:
        return groups.on_run(e, desk)
    out = list(on_start(e, desk))
    if desk.unanswered.owes or desk.flattening.state.symbols:
        told = copy()
        told.apply(e)
        _tell(told, e, out)
        for command in desk.unanswered.commands():
            said = told.decide(_at(e, command))
            _tell(told, e, said)
            out += said
        out += told.desk.unanswered.others()
        out += _closings(e, told.desk, known=desk.compared())
    return out


def owing(on: dict[type[Event], Callable[[Envelope], None]], desk: Desk) -> None:
    """The orders an operator wants cancelled, or flattened, are owed a cancel; where a run is there, it follows in the log."""

    def owe(e: Envelope) -> None:
        command: CancelRequested | FlattenRequested = e.event  # type: ignore[assignment]  # dispatched by type
        for cancel in cancelled(command, desk):
            desk.unanswered.ask(CancelIntent(cancel.order_id, cancel.strategy, cancel.reason))

    on[CancelRequested] = owe
    on[FlattenRequested] = both(owe, on[FlattenRequested])


def _closings(e: Envelope, desk: Desk, *, known: bool) -> Iterator[Event]:
    """known: the books are not old; else the next reading that agrees closes."""
    for order in closing_orders(desk.flattened(), e, desk, desk.states.halt_epoch):
        symbol = order.terms.symbol
        text = f"{symbol} is being flattened: what it holds is closed when a reading agrees with the broker"
        yield order if known else Alert(Severity.WARNING, f"flatten.{symbol}", text)


def _at(e: Envelope, event: Event) -> Envelope:
    return Envelope(e.seq, e.ts_ns, event.topic, e.source, e.run, e.n, 0, 0, event)


def _tell(copy: Copy, e: Envelope, outputs: Sequence[Event]) -> None:
    for event in outputs:
        copy.apply(Envelope(0, e.ts_ns, event.topic, SOURCE, 1, 1, e.seq, 0, event))
