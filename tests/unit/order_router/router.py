"""The router in a world of its own, and two laws every story of it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import Envelope, Event, LeaseGranted, OrderStatus
from shared.runtime.actor import state_hash

from .world import World, approved, log_started, opened, reported

Story = Iterable[tuple[Event, float]]  # events, and seconds since the one before

LEASE = LeaseGranted("order_router", "h", 1)


def at_broker(n: int = 1, **settings: Any) -> World:
    """n orders of 100 at the broker; the account was opened before."""
    w = World(RouterCore(RouterSettings(**settings)), "order_router").given(log_started(), LEASE, opened())
    for i in range(1, n + 1):
        w.given(approved(i), reported(OrderStatus.NEW, i))
    return w


class AtOnce:
    """A core as an in-process driver uses it: deciding has folded all there is."""

    def __init__(self, core: RouterCore) -> None:
        self.decide, self.snapshot, self.next_timer = core.at_once, core.snapshot, core.next_timer

    def apply(self, e: Envelope) -> None:
        """Done."""


def goes_on_when_restored(make: Callable[[], World], settings: RouterSettings, story: Story, at: int) -> None:
    """A core restored from its snapshot before event `at` of the story goes on like one that never stopped."""
    straight, stopped = make(), make()
    for i, (event, after) in enumerate(story):
        if i == at:
            fresh = RouterCore(settings)
            fresh.restore(stopped.core.snapshot())
            stopped.core = fresh
        assert straight.when(event, after) == stopped.when(event, after)

    assert state_hash(straight.core) == state_hash(stopped.core)
    assert straight.core.next_timer() == stopped.core.next_timer()


def decides_the_same_at_once(settings: RouterSettings, story: Story) -> None:
    """Deciding and folding at once is deciding and then folding; under one lease, as in one process: `World` journals all under epoch 1."""
    apart, at_once = (World(core, "order_router") for core in (RouterCore(settings), AtOnce(RouterCore(settings))))
    for event, after in story:
        heard = LEASE if isinstance(event, LeaseGranted) else event
        assert apart.when(heard, after) == at_once.when(heard, after)
        assert apart.core.next_timer() == at_once.core.next_timer()
        assert state_hash(apart.core) == state_hash(at_once.core)
