"""Cancels working orders over a session of its own, and looks again until the broker shows none: what a halt and the dead-man come to.

Promises: nothing is taken for cancelled that the broker still shows; an order is asked for again at most once a second; a broker that cannot
be read is tried until patience is over, and that is said. Never: send an order, judge, book.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from shared.brokers.contract import AccountSession, Cancellation, ExecutionSession, ReadFailed, Session
from shared.domain.order_ids import parse_client_id
from shared.events import OrderRow, OrderSide, OrderType, Scope
from shared.runtime.killpath import IDS_TOLD_MAX, Swept

PATIENCE_S: Final = 20.0
LOOK_S: Final = 0.05
RETRY_S: Final = 0.5  # after a reading that failed
AGAIN_S: Final = 1.0
OTHERS_S: Final = 0.5  # without progress by whoever else cancels
CONNECT_S: Final = 5.0

S = TypeVar("S", bound=Session)
T = TypeVar("T")
Steps = Generator[float, None, T]

_STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should go. ours_only: orders that bear a client id of our shape (of whichever log). spare_protective: stops that can only reduce what
    is held stay. others_first: somebody else was told too, and is waited for while he gets on."""

    scope: Scope = Scope.GLOBAL
    key: str = ""
    ours_only: bool = False
    spare_protective: bool = False
    others_first: bool = False

    def covers(self, row: OrderRow) -> bool:
        ours = parse_client_id(row.client_order_id)
        if self.ours_only and ours is None:
            return False
        if self.scope is Scope.SYMBOL:
            return row.terms.symbol == self.key
        return self.scope is Scope.GLOBAL or (ours is not None and ours.strategy == self.key)


class BrokerLine:
    """The kill path's own sessions, connected when first used and made anew after a failed reading. Used by one thread."""

    def __init__(self, execution: Callable[[], ExecutionSession], account: Callable[[], AccountSession]) -> None:
        self._make = execution
        self._make_account = account
        self._orders: ExecutionSession | None = None
        self._holdings: AccountSession | None = None

    def working(self) -> Sequence[OrderRow]:
        """Raises ReadFailed."""
        return self._execution().open_orders()

    def held(self) -> dict[str, Decimal]:
        """Raises ReadFailed."""
        if self._holdings is None:
            self._holdings = _connected(self._make_account())
        return {row.symbol: row.quantity for row in self._holdings.positions()}

    def cancel(self, row: OrderRow) -> None:
        """One request. Its answer decides nothing: the next look does. Attempt 0: these are not the router's numbered ones. Raises ReadFailed."""
        self._execution().cancel(Cancellation(row.client_order_id, row.broker_order_id, 0, 0))

    def close(self) -> None:
        for session in (self._orders, self._holdings):
            if session is not None:
                session.close()
        self._orders = self._holdings = None

    def _execution(self) -> ExecutionSession:
        if self._orders is None:
            self._orders = _connected(self._make())
        return self._orders


def driven(steps: Steps[T], sleep: Callable[[float], object] = time.sleep) -> T:
    """What comes of a course of steps, with its pauses."""
    try:
        while True:
            sleep(next(steps))
    except StopIteration as end:
        result: T = end.value
        return result


def _connected(session: S) -> S:
    try:
        session.connect(CONNECT_S)
    except BaseException:
        session.close()
        raise
    return session


class Sweep:
    """One sweep. before_first: called once before anything is asked for, when something works."""

    def __init__(self, line: BrokerLine, wanted: Wanted, before_first: Callable[[], object] = lambda: None, patience_s: float = PATIENCE_S) -> None:
        self._line = line
        self._wanted = wanted
        self._before_first = before_first
        self._patience_s = patience_s
        self._asked_at: dict[str, float] = {}
        self._found: int | None = None
        self._asked = 0
        self._left: Sequence[OrderRow] = ()
        self._kept: Sequence[OrderRow] = ()
        self._failed = "the broker was not read"

    def steps(self, clock: Callable[[], float]) -> Steps[Swept]:
        """The sweep as a course of steps, each followed by a pause of so many seconds. clock: monotonic seconds."""
        begun = moved = clock()
        while True:
            try:
                before, self._left = len(self._left), self._look()
                if not self._left:
                    break
                now = clock()
                moved = now if len(self._left) < before else moved
                if not self._wanted.others_first or now - moved > OTHERS_S or now - begun > self._patience_s / 2:
                    self._ask(now)
                pause = LOOK_S
            except ReadFailed as error:
                self._failed, pause = str(error), RETRY_S
                self._line.close()
            if clock() - begun + pause > self._patience_s:
                break
            yield pause
        return self._swept(round((clock() - begun) * 1e3))

    def _look(self) -> Sequence[OrderRow]:
        rows = [row for row in self._line.working() if self._wanted.covers(row)]
        kept = self._protective(rows) if self._wanted.spare_protective else ()
        self._failed, self._kept = "", kept
        left = [row for row in rows if row not in kept]
        if self._found is None:
            self._found = len(left)
        return left

    def _protective(self, rows: Sequence[OrderRow]) -> Sequence[OrderRow]:
        """Stops against a holding, largest first, as long as they cannot turn it over. Judged only where the holdings are known."""
        stops = sorted((row for row in rows if row.terms.type in _STOPS), key=lambda row: row.terms.quantity - row.filled, reverse=True)
        if not stops:
            return ()
        left, kept = self._line.held(), []
        for row in stops:
            quantity = row.terms.quantity - row.filled
            change = quantity if row.terms.side is OrderSide.BUY else -quantity
            holding = left.get(row.terms.symbol, Decimal(0))
            if holding * change < 0 and abs(change) <= abs(holding):
                left[row.terms.symbol] = holding + change
                kept.append(row)
        return kept

    def _ask(self, now: float) -> None:
        if not self._asked_at:
            self._before_first()
        for row in self._left:
            if now - self._asked_at.get(row.broker_order_id, -AGAIN_S) >= AGAIN_S:
                self._asked += row.broker_order_id not in self._asked_at
                self._asked_at[row.broker_order_id] = now
                self._line.cancel(row)

    def _swept(self, took_ms: int) -> Swept:
        names = tuple(row.client_order_id or row.broker_order_id for row in self._left)
        kept = tuple(row.client_order_id for row in self._kept)
        return Swept(self._found or 0, self._asked, kept[:IDS_TOLD_MAX], names[:IDS_TOLD_MAX], len(names), self._failed, took_ms)
