"""The paper broker's execution and account sessions, and the feed that shows its venue the market."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from shared.brokers.contract import (
    Cancellation,
    Capabilities,
    Executions,
    Outcome,
    Permit,
    ReadFailed,
    Replacement,
    StreamItem,
    Submission,
    WholeState,
    always,
    clock_between,
)
from shared.events import AccountRow, ActionPlaced, ErrorClass, Event, ExecutionRow, OrderRow, OrderType, PositionRow, TimeInForce, encode_body
from shared.venue import protocol as p
from shared.venue.terms import ACCEPTED

from .client import Link, VenueClient
from .stream import ReportStream

M = TypeVar("M", bound=p.Message)

TIMEOUT_S: Final = 5.0

CAPABILITIES: Final = Capabilities(
    broker="paper",
    asset_classes=("equity", "crypto", "forex", "future"),
    orders={kind: tuple(tif for tif in TimeInForce if tif in tifs) for kind, tifs in sorted(ACCEPTED.items())},
    supports_fractional_quantity=True,
    supports_short_selling=True,
    supports_crypto=True,
    supports_oco_orders=True,
    supports_replace=True,
    max_orders_per_second=1_000,
    max_messages_per_second=2_000,
    idempotent_submit=True,
    numbered_reports=True,
)
assert set(CAPABILITIES.orders) == set(OrderType), "every order type is declared"


class Asking(Protocol):
    """How requests get to the venue: over a link (`VenueClient`), or within one process (the backtest's)."""

    def change(self, method: str, message: p.Message, permit: Permit = always) -> Outcome: ...
    def read(self, query: str, message: p.Message, kind: type[M], timeout_s: float | None = None) -> M:
        """Raises ReadFailed."""


class PaperLine:
    """What both sessions say, whatever carries it. wall_ns: this machine's wall clock."""

    def __init__(self, client: Asking, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._client = client
        self._wall_ns = wall_ns

    def connect(self, timeout_s: float) -> str:
        return self._client.read("account", p.Empty(), p.AccountAnswer, timeout_s).account


class PaperOrders(PaperLine):
    """`ExecutionSession` but for its stream."""

    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def submit(self, submission: Submission, permit: Permit = always) -> Outcome:
        s = submission
        return self._client.change("submit", p.Submit(s.client_order_id, s.terms, s.now_ns, s.group), permit)

    def cancel(self, cancellation: Cancellation, permit: Permit = always) -> Outcome:
        c = cancellation
        return self._client.change("cancel", p.Cancel(c.client_order_id, c.attempt, c.now_ns, c.broker_order_id), permit)

    def replace(self, replacement: Replacement, permit: Permit = always) -> Outcome:
        r = replacement
        return self._client.change("replace", p.Replace(r.client_order_id, r.replaces, r.terms, r.now_ns), permit)

    def order_by_client_id(self, client_order_id: str) -> OrderRow | None:
        return self._client.read("order", p.OrderQuery(client_order_id), p.OrderAnswer).order

    def open_orders(self) -> Sequence[OrderRow]:
        return self._client.read("open_orders", p.Empty(), p.OrdersAnswer).rows

    def executions_since(self, cursor: str) -> Executions:
        page = self._client.read("executions", p.Since(report_of(cursor)), p.ExecutionsAnswer)
        return Executions(page.rows, str(page.next), page.more)


class PaperReadings(PaperLine):
    """`AccountSession` but for its end."""

    def account(self) -> AccountRow:
        return self._client.read("account", p.Empty(), p.AccountAnswer).row

    def positions(self) -> Sequence[PositionRow]:
        return self._client.read("positions", p.Empty(), p.PositionsAnswer).rows

    def whole_state(self, cursor: str) -> WholeState:
        """One reading; executions that do not fit it are read first, so the rest belongs to the moment of the last page."""
        executions: list[ExecutionRow] = []
        actions: list[ActionPlaced] = []
        since = report_of(cursor)
        while True:
            asked_ns = self._wall_ns()
            page = self._client.read("state", p.Since(since), p.StateAnswer)
            actions += [ActionPlaced(a.action, a.after + len(executions)) for a in page.actions]
            executions += page.executions
            since = page.next
            if not page.more:
                at, head = page.as_of, page.head
                clock = clock_between(page.clock_ns, asked_ns, self._wall_ns()) if page.clock_ns else None
                return WholeState(page.orders, tuple(executions), page.positions, page.totals, at, head, str(since), tuple(actions), clock)


class PaperExecution(PaperOrders):
    """Implements `ExecutionSession`. link: in place of a connection to the endpoint; clock: monotonic seconds."""

    def __init__(self, endpoint: str, timeout_s: float = TIMEOUT_S, link: Link | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = VenueClient(endpoint, timeout_s=timeout_s, subscribe=True, link=link)
        self._stream = ReportStream(self._link, clock)
        super().__init__(self._link)

    def resume(self, report: int) -> None:
        self._stream.resume(report)

    def stream(self, timeout_s: float) -> Sequence[StreamItem]:
        return self._stream.take(timeout_s)

    def close(self) -> None:
        self._link.close()


class PaperAccount(PaperReadings):
    """Implements `AccountSession`. link: in place of a connection to the endpoint."""

    def __init__(self, endpoint: str, timeout_s: float = TIMEOUT_S, link: Link | None = None, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._link = VenueClient(endpoint, timeout_s=timeout_s, link=link)
        super().__init__(self._link, wall_ns)

    def close(self) -> None:
        self._link.close()


class PaperFeed:
    """Shows the venue the market before anybody else sees it: the venue acts first."""

    def __init__(self, endpoint: str, timeout_s: float = TIMEOUT_S) -> None:
        self._client = VenueClient(endpoint, timeout_s=timeout_s)

    def advance(self, row: int, event: Event, now_ns: int = 0) -> int:
        """Show it a row and wait; the newest report rows up to this one caused (0: none). A row said again changes nothing. now_ns: log time, for
        events that carry no time of their own. Raises ReadFailed: say it again."""
        return self._client.read("advance", _advance(row, event, now_ns), p.Advanced).head

    def head(self) -> int:
        """The venue's newest report, whatever caused it. Raises ReadFailed."""
        return self._client.read("reports", p.Since(0, 1), p.ReportsAnswer).head

    def tell(self, event: Event, now_ns: int = 0) -> bool:
        """Show it an unnumbered datum of a live feed without waiting. False: it could not be sent."""
        return self._client.link.tell("advance", p.encode(_advance(0, event, now_ns)))

    def close(self) -> None:
        self._client.close()


def report_of(cursor: str) -> int:
    """A cursor of this broker is the number of the newest report seen. Raises ReadFailed for another broker's."""
    if cursor and not (cursor.isascii() and cursor.isdigit()):
        raise ReadFailed("executions", ErrorClass.SCHEMA, f"{cursor!r} is no cursor of the paper venue")
    return int(cursor or 0)


def _advance(row: int, event: Event, now_ns: int) -> p.Advance:
    return p.Advance(row, now_ns, event.TAG, encode_body(event))
