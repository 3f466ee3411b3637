"""What a strategy is. Written once; the same class runs in a backtest, on paper and live.

Every callback fires live as it does in a backtest, one at a time, in the order of the log. A callback must return soon (the watchdog ends
one that does not) and depend on nothing but what it is given: no wall clock, no network, no file that changes. Randomness from `random`
and `numpy.random` is seeded a strategy and run, so it is allowed. A callback that raises stops this strategy alone: the orders it asked
for at that event are not sent, its working orders are treated by the halt policy, and no callback of it is called again until an operator
resumes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from shared.events import Bar, OrderBook, Quote, Trade

from .context import Context
from .orders import Fill, Order
from .regime import RegimeTransition


class Strategy:
    """Subclass, override what you need; what is not overridden costs nothing.

    deterministic: set False when the strategy reads the outside world; it must then define save and load, is recovered by them, and is
    left out of replay identity. Constructor arguments are filled from `params` by name.

    Two optional methods, both or neither:
        def save(self) -> dict: plain values (None, bool, numbers, text, bytes, lists, dicts) that say where it stands; changes nothing.
        def load(self, state: dict) -> None: called on a fresh object after `initialize`, in a process that continues the run.
    Without them a strategy is rebuilt by replaying everything since its run began, which takes longer the longer it has run.
    """

    deterministic: ClassVar[bool] = True
    ctx: Context  # set before initialize

    @classmethod
    def check_params(cls, params: Mapping[str, Any]) -> None:
        """Called when the configuration is checked, before anything connects. Raise ValueError or TypeError naming the parameter that cannot be."""

    def initialize(self, ctx: Context) -> None:
        """Once in every process, before any data: set up; timers may be scheduled, orders may not."""

    def on_start(self) -> None:
        """Once a run, after warm-up, and again when the system starts after a clean stop. Orders may be sent from here on."""

    def on_stop(self) -> None:
        """The system stops cleanly or the strategy is removed. Not called when a process is killed: nothing may depend on it."""

    def on_bar(self, bar: Bar) -> None:
        """A bar closed; also each warm-up bar (`ctx.warming_up` is true then)."""

    def on_tick(self, tick: Trade) -> None:
        """A print."""

    def on_quote(self, quote: Quote) -> None:
        """Best bid or offer changed."""

    def on_order_book(self, book: OrderBook) -> None:
        """Depth changed."""

    def on_order_update(self, order: Order) -> None:
        """Something became of an own order; `order.event` names it, `order` is a copy as of now."""

    def on_fill(self, fill: Fill) -> None:
        """An own order was executed, in part or whole, or an execution was corrected. Called after on_order_update of the same event; the
        portfolio shows it already."""

    def on_regime_change(self, transition: RegimeTransition) -> None:
        """The detector named another regime."""

    def on_end_of_day(self, date: date) -> None:
        """The trading day of a calendar of own symbols is over; once a calendar where they have several."""

    def on_timer(self, timer_id: str) -> None:
        """A timer of `ctx.schedule_timer` is due."""


def overrides(strategy: Strategy, callback: str) -> bool:
    """Whether the strategy does something of its own there."""
    return getattr(getattr(strategy, callback), "__func__", None) is not getattr(Strategy, callback)


def can_save(cls: type[Strategy]) -> bool:
    """Whether it defines save and load. Raises TypeError where it defines one of them, or neither and is not deterministic."""
    save, load = (callable(getattr(cls, name, None)) for name in ("save", "load"))
    if save != load:
        raise TypeError(f"{cls.__name__} defines {'save' if save else 'load'} without {'load' if save else 'save'}; define both or neither")
    if not cls.deterministic and not save:
        raise TypeError(f"{cls.__name__} is declared not deterministic, so it must define save and load: replay cannot rebuild it")
    return save
