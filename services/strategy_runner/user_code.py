"""The strategy object and every call into it: built, called, saved, and contained.

A call that raises ends the strategy, never the worker: the orders of the event at hand are taken back, the failure is said, the object is
dropped. `InvariantError` is our own bug and passes through; so does Ctrl-C.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from shared.events import Bar, Event, OrderBook, Quote, StrategyFailed, Trade
from shared.runtime.actor import InvariantError
from shared.strategy.context import Context
from shared.strategy.contract import Strategy, can_save, overrides
from shared.strategy.desk import Desk, Gate
from shared.strategy.loading import LoadedStrategy

from .failure import failure_text
from .folding import Handler
from .saved import SaveError, pack_plain, unpack_plain

CONTAINED: Final = (Exception, SystemExit)


class Generators(Protocol):
    """The random generators user code draws from; the host has real ones."""

    def seed(self, text: str) -> None: ...
    def save(self) -> bytes: ...
    def load(self, state: bytes) -> None: ...


class NoGenerators:
    """For strategies that draw nothing."""

    def seed(self, text: str) -> None:
        """Nothing to seed."""

    def save(self) -> bytes:
        return b""

    def load(self, state: bytes) -> None:
        """Nothing to load."""


class UserCode:
    """strategy: the object, None when there is none alive. callback: what was called last, for the watchdog and for failures."""

    def __init__(self, desk: Desk, factory: LoadedStrategy, generators: Generators) -> None:
        self.strategy: Strategy | None = None
        self.callback = ""
        self.savable = can_save(factory.cls)
        self.deterministic = factory.cls.deterministic
        self._desk = desk
        self._factory = factory
        self._generators = generators
        self._overridden: dict[str, bool] = {}

    def build(self, seed: str) -> bool:
        """A fresh object, set up, its generators seeded. False when it raised."""
        self._desk.gate = Gate.SHUT
        self._generators.seed(seed)
        self.callback = "__init__"
        self._overridden = {}
        try:
            self.strategy = self._factory(self._desk.settings.params)
        except InvariantError:
            raise
        except CONTAINED as error:
            self.fail(error)
            return False
        self.strategy.ctx = Context(self._desk)
        return self.call("initialize", self.strategy.ctx)

    def call(self, callback: str, *arguments: object) -> bool:
        """False when it raised."""
        self.callback = callback
        try:
            getattr(self.strategy, callback)(*arguments)
        except InvariantError:
            raise
        except CONTAINED as error:
            self.fail(error)
            return False
        return True

    def call_if_overridden(self, callback: str, argument: object) -> bool:
        """False when it raised."""
        return self.strategy is not None and (not self.overrides(callback) or self.call(callback, argument))

    def overrides(self, callback: str) -> bool:
        """Asked of the strategy as it was when it was built, once a callback."""
        if self.strategy is None:
            return False
        known = self._overridden.get(callback)
        if known is None:
            known = self._overridden[callback] = overrides(self.strategy, callback)
        return known

    def fail(self, error: BaseException) -> None:
        desk = self._desk
        desk.take_back_orders()
        desk.said.append(StrategyFailed(desk.settings.id, desk.run, self.callback, failure_text(error)))
        self.strategy = None

    def save(self) -> tuple[bytes | None, bytes]:
        """(what save() said, None where it has none; the generators). Raises SaveError."""
        strategy: Any = self.strategy
        generators = self._generators.save()
        if not self.savable:
            return None, generators
        gate, self._desk.gate = self._desk.gate, Gate.SHUT
        self.callback = "save"
        try:
            return pack_plain(strategy.save()), generators
        except (InvariantError, SaveError):
            raise
        except CONTAINED as error:
            raise SaveError(f"save() raised {failure_text(error)}") from error
        finally:
            self._desk.gate = gate

    def load(self, saved: bytes, generators: bytes) -> bool:
        """False when it raised."""
        if not self.call("load", unpack_plain(saved)):
            return False
        self._generators.load(generators)
        return True

    def market_handlers(self) -> dict[type[Event], Handler]:
        """Fold and call in one, for market data the strategy listens to: the hot path."""
        history = self._desk.history
        kinds: tuple[tuple[type[Event], str, Handler], ...] = (
            (Bar, "on_bar", history.add_bar),
            (Quote, "on_quote", history.add_quote),
            (Trade, "on_tick", history.add_tick),
            (OrderBook, "on_order_book", history.add_book),
        )
        return {kind: self._market_handler(callback, add) for kind, callback, add in kinds if self.overrides(callback)}

    def _market_handler(self, callback: str, add: Handler) -> Handler:
        listen: Handler = getattr(self.strategy, callback)

        def handler(event: Event) -> None:
            add(event)
            self.callback = callback
            try:
                listen(event)
            except InvariantError:
                raise
            except CONTAINED as error:
                self.fail(error)

        return handler
