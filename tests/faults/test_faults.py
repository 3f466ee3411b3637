"""Real processes under faults: killed at every step of the order path, frozen past their lease, killed all at once, and a venue that misbehaves.

In every test the same must hold afterwards, checked from the venue's ledger file and the journal alone (`tests/support/truth.py`): each
order at most once at the venue, sent only as approved and in time, every execution booked once, the same holdings and cash on both sides,
no intent without a decision, and a journal that verifies.

`make test` runs a seeded slice; `make faults` runs every kill point FAULTS_PASSES times and each fault by itself. FAULTS_SEED chooses another order.
"""

from __future__ import annotations

import os
import random

import pytest

from shared.venue.faults import FaultSpec, Mode
from tests.support.faulty import Faulty, faulty
from tests.support.kill_campaign import POINTS, Campaign, KillPoint
from tests.support.stack import SERVICES

PASSES = int(os.environ.get("FAULTS_PASSES", "0"))
SEED = int(os.environ.get("FAULTS_SEED", "20240105"))
SLICE = {"order_router": 5, "bus": 3, "paper_venue": 3, "risk_engine": 2, "strategy_runner": 2}  # kills a service, 1 for the others
WHOLE = pytest.mark.skipif(not PASSES, reason="make faults")

# what the venue does, and what the journal shows of it
MISBEHAVIOUR = (
    (FaultSpec(Mode.REJECT, 2, requests=("submit",)), "OrderRejected"),
    (FaultSpec(Mode.SERVER_ERROR, 2), "BrokerRequestAmbiguous"),
    (FaultSpec(Mode.SERVER_ERROR, 2, acts=True), "BrokerRequestAmbiguous"),
    (FaultSpec(Mode.ACCEPT_THEN_TIMEOUT, 1, requests=("submit",)), "BrokerRequestAmbiguous"),
    (FaultSpec(Mode.DELAYED_ANSWER, 1, requests=("submit",), delay_ms=1_500), "BrokerRequestAmbiguous"),
    (FaultSpec(Mode.TIMEOUT_BEFORE_ACCEPT, 1, requests=("submit",)), "BrokerRequestAmbiguous"),
    (FaultSpec(Mode.DUPLICATE_FILLS, 3), "reported again"),
    (FaultSpec(Mode.FILL_BEFORE_ACK, 3), "filled before accepted"),
    (FaultSpec(Mode.MUTE_STREAM, 0), "OrderAccepted"),
    (FaultSpec(Mode.DROPPED_STREAM, 3), "OrderAccepted"),
)


def slice_of(seed: int) -> list[KillPoint]:
    """A few points of every service."""
    rng = random.Random(seed)
    services = dict.fromkeys(p.service for p in POINTS)
    return [point for s in services for point in rng.sample([p for p in POINTS if p.service == s], SLICE.get(s, 1))]


def killed(stack: Faulty, passes: int, points: list[KillPoint]) -> None:
    """Run a campaign; it must have met every point so often, and nobody may have died of anything else."""
    campaign = Campaign(stack, SEED, passes, points)
    try:
        campaign.run()
    finally:
        print(campaign.table())
    assert not campaign.short(), [p.label for p in campaign.short()]
    assert not campaign.unexpected, "\n".join(campaign.unexpected)


@pytest.mark.timeout(900)
def test_a_session_full_of_faults_ends_in_agreement_with_the_venue() -> None:
    with faulty() as stack:
        killed(stack, 1, slice_of(SEED))
        stack.trading(3)
        stack.freeze_while_another_works("order_router")
        stack.freeze("risk_engine")
        stack.trading(3)
        stack.kill_everybody()
        stack.trading(3)
        for spec, sign in MISBEHAVIOUR:
            stack.venue_misbehaves(spec, sign)
        stack.settle()
        stack.audit()


@WHOLE
@pytest.mark.timeout(4 * 3_600)
def test_every_kill_point_so_many_times() -> None:
    with faulty() as stack:
        killed(stack, PASSES, list(POINTS))
        stack.settle()
        stack.audit()


@WHOLE
@pytest.mark.timeout(3_600)
def test_everybody_killed_at_once_again_and_again() -> None:
    rng = random.Random(SEED)
    with faulty() as stack:
        stack.start()
        for _ in range(PASSES):
            stack.trading(rng.randrange(1, 20))
            stack.kill_everybody()
        stack.settle()
        stack.audit()


@WHOLE
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("service", ["order_router", "risk_engine", "reconciler", "gateway"])
def test_frozen_past_its_lease_alone_and_beside_a_successor(service: str) -> None:
    with faulty() as stack:
        stack.start()
        stack.trading(3)
        stack.freeze(service)
        stack.trading(3)
        stack.freeze_while_another_works(service)
        stack.settle()
        stack.audit()


@WHOLE
@pytest.mark.timeout(3_600)
def test_anybody_may_be_frozen_for_a_while() -> None:
    rng = random.Random(SEED)
    with faulty() as stack:
        stack.start()
        for service in (*SERVICES, *SERVICES):
            stack.trading(3)
            stack.pause(service, rng.uniform(0.5, 6.0))
        stack.settle()
        stack.audit()


@WHOLE
@pytest.mark.timeout(3_600)
def test_each_misbehaviour_of_the_venue_is_followed_by_agreement() -> None:
    with faulty() as stack:
        stack.start()
        stack.trading(3)
        for spec, sign in MISBEHAVIOUR:
            stack.venue_misbehaves(spec, sign, 1)
            stack.settle()
            stack.resume()
        stack.settle()
        stack.audit()
