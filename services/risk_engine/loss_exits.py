"""`loss_flattens`: what a loss limit stops is closed as well, in the event that met it.

The working orders of whoever lost are cancelled and what strategies hold is closed at market: by the account's limit every strategy's
holdings, by a strategy's its own. The orders are protective exits (`protective_exits`) and end as those do: one at a time, the rest after a
part or a cancel, never through zero, tried again when one came to nothing. A market that is closed, or of which no good price is known, is
waited for; and, unlike other exits, these leave while trading is HALTED, for that is what the configuration asked for. Holdings that no
strategy has are a person's: an operator's flatten closes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from shared.domain.order_ids import is_external
from shared.events import CancelApproved, Envelope, Event, OrderApproved, OrderFilled, OrderSide, Scope, TradingState, TradingStateChanged

from .flatten import OWNER
from .loss import ACCOUNT, Level
from .prices import MILLISECOND, Reference
from .protective_exits import close
from .reservations import Line

if TYPE_CHECKING:
    from .desk import Desk


def closing(lost: dict[str, Level], decided: Sequence[Event], e: Envelope, desk: Desk) -> Iterator[Event]:
    """Cancels and exits of whoever met a limit (by watch). decided: what follows of it otherwise. Where it was a fill, which is not booked yet, the
    exits leave at the next good datum."""
    yield from _cancels(lost, desk)
    if isinstance(e.event, OrderFilled) or desk.states.of(Scope.GLOBAL, "") is TradingState.DISARMED:
        return
    epoch = max((c.halt_epoch for c in decided if isinstance(c, TradingStateChanged)), default=desk.states.halt_epoch)
    number = 1
    for symbol in sorted(desk.protective.guards):
        if not desk.protective.in_session(symbol) or symbol in desk.gates.locked or symbol in desk.flattening.state.symbols:
            continue
        owners = [strategy for strategy in sorted(desk.protective.guards[symbol]) if ACCOUNT in lost or strategy in lost]
        for order in _exits(symbol, owners, number, e, desk):
            number += 1
            yield msgspec.structs.replace(order, halt_epoch=epoch)


def _cancels(lost: dict[str, Level], desk: Desk) -> Iterator[CancelApproved]:
    for order in desk.reservations.orders.values():
        level = lost.get(ACCOUNT) or lost.get(order.strategy)
        if level is not None and not is_external(order.order_id) and not order.order_id.startswith(f"{OWNER}:"):
            yield CancelApproved(order.order_id, order.strategy, level.reason)


def _exits(symbol: str, owners: Sequence[str], number: int, e: Envelope, desk: Desk) -> Iterator[OrderApproved]:
    account = desk.value.line(symbol)
    for strategy in owners:
        guard = desk.protective.guards[symbol][strategy]
        side = OrderSide.SELL if guard.sign > 0.0 else OrderSide.BUY
        reference = _reference(symbol, side, e, desk)
        if reference is None or guard.order in desk.reservations.orders:
            continue
        open_ = desk.reservations.strategy(strategy).open(symbol)
        line = Line(symbol, desk.ledger.quantity(strategy, symbol), open_.buys, open_.sells)
        for order in close(e, strategy, line, account, reference, number, desk):
            number, units = number + 1, order.terms.quantity
            account = account.grown(side, units)
            yield order


def _reference(symbol: str, side: OrderSide, e: Envelope, desk: Desk) -> Reference | None:
    """What the exit would meet, the datum at hand included; None where it is not known or old: the next good datum says."""
    now = desk.prices.reference_after(e, side) if symbol == getattr(e.event, "symbol", "") else desk.prices.reference(symbol, side)
    most = desk.settings.quote_age_ms_max
    return now if now is not None and (most is None or e.ts_ns - now.ns <= most * MILLISECOND) else None
