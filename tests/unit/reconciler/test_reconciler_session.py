"""The reconciler's session against a real paper venue, and the two cores with it: a reading is whole or failed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from services.reconciler.core import ReconcilerCore
from services.reconciler.session import EXECUTIONS_MAX, ReconcilerSession
from services.reconciler.settings import ReconcilerSettings
from shared.brokers.contract import WholeState
from shared.events import (
    AccountOpened,
    AccountRow,
    BrokerExecutionReported,
    BrokerQueryFailed,
    BrokerStateReported,
    Envelope,
    LeaseGranted,
    OrderSide,
    ReconcileCompleted,
    ReconcileRequested,
)
from shared.runtime.session import Performed
from tests.unit.order_router.venue import Venue, running_venue
from tests.unit.order_router.world import ACCOUNT, T0, World, execution, log_started, only


def ask(session: ReconcilerSession, query: int = 1, cursor: str = "") -> Performed:
    request = ReconcileRequested(query, cursor, "start")
    return session.perform(Envelope(7, T0, request.topic, "reconciler", 1, 1, 6, 1, request), lambda: "")


def test_a_whole_reading_and_the_report_it_reflects(tmp_path: Path) -> None:
    with running_venue(tmp_path, initial_cash=Decimal("1234.56")) as venue:
        operator = venue.operator()
        operator.external_trade("manual", "AAPL", OrderSide.BUY, Decimal(5), Decimal(10), T0)
        session = ReconcilerSession(venue.account, "venue.paper")

        done = ask(session)

        reading = done.evidence[0].event
        assert isinstance(reading, BrokerStateReported)
        assert (reading.account, reading.session, reading.query) == (ACCOUNT, "reconciler", 1)
        assert [(p.symbol, p.quantity) for p in reading.positions] == [("AAPL", Decimal(5))]
        assert reading.totals.cash == Decimal("1184.56")
        assert done.requires == (("venue.paper", 1, reading.report),)
        assert not ask(session, 2, reading.next_cursor).evidence[0].event.executions
        session.close()
        operator.close()


def test_the_core_opens_the_account_from_it_and_agrees_from_then_on(tmp_path: Path) -> None:
    with running_venue(tmp_path) as venue:
        session = ReconcilerSession(venue.account, "venue.paper")
        w = World(ReconcilerCore(ReconcilerSettings(cash_exact=True)), "reconciler").given(log_started())
        outputs = w.when(LeaseGranted("reconciler", "h", 1))

        outputs = w.when(ask(session, only(outputs, ReconcileRequested).query).evidence[0].event)

        assert only(outputs, AccountOpened).cash == 100_000
        assert only(outputs, ReconcileCompleted).clean
        session.close()


@pytest.mark.parametrize("cursor", ["", "not a number"])
def test_a_failed_read_is_its_own_type_and_never_an_empty_account(tmp_path: Path, cursor: str) -> None:
    session = ReconcilerSession(Venue(f"ipc://{tmp_path}/nobody").account, connect_timeout_s=0.2)

    failed = ask(session, 3, cursor).evidence[0].event

    assert isinstance(failed, BrokerQueryFailed)
    assert (failed.session, failed.subject) == ("reconciler", "3")
    session.close()


class OldAccount:
    """A broker that keeps more executions than one event may hold."""

    def __init__(self, count: int) -> None:
        self._count = count

    def connect(self, _timeout_s: float) -> str:
        return ACCOUNT

    def whole_state(self, _cursor: str) -> WholeState:
        rows = tuple(execution(1, eid=f"E{i}", client_id="", broker_id=f"X{i}") for i in range(self._count))
        return WholeState((), rows, (), AccountRow("USD", Decimal(1), Decimal(1), Decimal(1)), T0, 0, "c")

    def close(self) -> None:
        """Nothing to close."""


def test_more_executions_than_an_event_holds_are_told_before_the_reading() -> None:
    session = ReconcilerSession(lambda: OldAccount(1_000))

    told = [e.event for e in ask(session).evidence]

    assert len(told) == 1_000 - EXECUTIONS_MAX + 1
    assert {type(e) for e in told[:-1]} == {BrokerExecutionReported}
    assert len(told[-1].executions) == EXECUTIONS_MAX
