"""Lock-step: whose fact comes first is decided by rank, never by which of two sessions is quicker."""

from __future__ import annotations

from decimal import Decimal

from shared.bus.lockstep import LockStep
from shared.bus.port import ClockMode, Durability, Registration, Role
from shared.bus.sequencer import Item, Sequencer, Stamped
from shared.events import BrokerCashReported, BrokerQueryFailed, CashRow, ErrorClass, Event

REPORTS = ("venue.paper", 1, 1)


class Bus:
    """A gateway, a router and a reconciler that are there and have done the log's opening."""

    def __init__(self) -> None:
        self.delivered: list[Event] = []
        self.sequencer = Sequencer(ClockMode.FEED, 1_000_000_000, lambda *_: None)
        self.steps = LockStep(self.sequencer, {"gateway": 0, "order_router": 1, "reconciler": 2}, "gateway", lambda _: None)
        self.sequencer.start("log", Durability.PROCESS, 0)
        for source, role in (("gateway", Role.GATEWAY), ("order_router", Role.ROUTER), ("reconciler", Role.RECONCILER)):
            self.sequencer.hello(Registration(source, role, "", ("c.", "t."), 0, "test"), 0)
            self.steps.joined(source, 1, ("c.", "t."))

    def settle(self, **requires: tuple[str, int, int]) -> None:
        """Everybody reports what is delivered as done; requires: by source, what its report announces."""
        while delivered := self.steps.pump().deliver:
            for stamped in delivered:
                self._done(stamped, requires)

    def _done(self, stamped: Stamped, requires: dict[str, tuple[str, int, int]]) -> None:
        self.delivered.append(stamped.envelope.event)
        for source in ("gateway", "order_router", "reconciler"):
            names = (requires[source],) if source in requires else ()
            self.steps.done(source, 1, 1, stamped.envelope.seq, 1, (), 0, names)


def test_a_fact_waits_for_one_of_lower_rank_that_was_announced() -> None:
    bus = Bus()
    bus.settle(reconciler=REPORTS)
    reading = BrokerQueryFailed("paper", "reconciler", "orders", "1", ErrorClass.TIMEOUT, "late")
    report = BrokerCashReported("paper", "router", CashRow("deposit", "USD", Decimal(1), "r", 1), 1)
    before = len(bus.delivered)
    bus.steps.outside("reconciler", 1, "reconciler.session", 1, 1, Item(reading), 0, ())
    bus.settle()
    assert bus.delivered[before:] == []
    bus.steps.outside("order_router", 1, *REPORTS, Item(report), 0, ())
    bus.settle()
    assert bus.delivered[before:] == [report, reading]
