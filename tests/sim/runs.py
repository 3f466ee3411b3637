"""One seed, from its first event to its verdict: a safety phase under faults, then calm in which everything must converge, or a service that never
comes back. `python -m tests.sim.runs SEED` runs one and says what happened."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.auditor.core import AuditorCore
from services.risk_engine.core import RiskCore
from shared.bus.record import envelope_of
from shared.domain.ledger import Ledger
from shared.domain.order_ids import parse_client_id
from shared.events import (
    Envelope,
    HaltRequested,
    OrderType,
    ResumeRequested,
    Scope,
)
from shared.runtime.simulated import Faults, Made, Part

from .acts import Acts
from .changes import NAMES
from .market import HOME, SYMBOLS
from .model import Model
from .orders_model import OWNER
from .stack import OPENED, SECOND, House, Stack
from .truth import Broken, Money, hold, since

MS = 1_000_000
TRADING_S = 8
CONVERGE_S = 40
REPLAYED = 5  # of so many seeds one is replayed at its end
LEAVERS = ("risk_engine", "order_router", "reconciler", "auditor", "gateway", "strategy.one", "bus")


@dataclass
class Verdict:
    """broken: which promise, empty for none. fired: every fault that came; seen: what was judged."""

    seed: int
    broken: str = ""
    fired: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    events: int = 0


class Run:
    """plain: without any fault. leaver: who never comes back."""

    def __init__(self, seed: int, *, plain: bool = False) -> None:
        self.seed = seed
        rng = random.Random(seed ^ 0xFA017)
        self.leaver = rng.choice(LEAVERS) if not plain and rng.random() < 0.15 else ""
        by_hand = random.Random(seed ^ 0x4A2D)  # of its own, so that what people do moves no other fault
        house = House() if plain else House.drawn(by_hand)
        self.stack = Stack(seed, Faults() if plain else Faults.drawn(rng), TRADING_S, house)
        self.world = self.stack.world
        reduces = house.external_policy == "reduce_holder"
        self.model = Model(self.stack.venue.books, OPENED, self.stack.outbox, reduces=reduces, native=house.native_oco)
        self.stack.journal.committed = self._committed
        self.stack.venue.wire = self.model.wire
        self.acts = Acts(seed, self.stack, self.model, rng, by_hand, TRADING_S)
        if not plain:
            self.acts.plan()

    def _committed(self, e: Envelope) -> None:
        self.model.take(e)
        self.stack.staff.take(e)

    # -- the phases

    def verdict(self) -> Verdict:
        verdict = Verdict(self.seed)
        try:
            self.world.run_for(TRADING_S * SECOND)
            if self.leaver:
                self._without(self.leaver)
            else:
                self._converge()
        except Exception as error:  # noqa: BLE001 - whatever raised, this seed shows it
            verdict.broken = f"{type(error).__name__}: {error}" if not isinstance(error, Broken) else str(error)
        verdict.fired = self.world.fired
        verdict.seen = self.model.seen
        verdict.events = len(self.stack.journal.rows)
        return verdict

    def _calm_down(self) -> None:
        self.acts.calm = True
        self._hands_off()
        self.world.calm()
        self.stack.venue.service.faults.clear()
        n = len(self.stack.commands)
        scopes = [(Scope.GLOBAL, ""), *((Scope.SYMBOL, s) for s in SYMBOLS), *((Scope.STRATEGY, s) for s in NAMES)]
        self.stack.commands += [ResumeRequested(f"c{n + i}", "sim", "calm", scope, key) for i, (scope, key) in enumerate(scopes, 1)]

    def _hands_off(self) -> None:
        """A working order of somebody else is a break where none is allowed: whoever made it takes it out."""
        if not (self.stack.house.allow_external or self.acts.hands_off()):
            self.world.at(self.world.now + SECOND // 5, self._hands_off)

    def _converge(self) -> None:
        """I12, I13: faults have stopped; every order, position and cent comes to agree."""
        self._calm_down()
        if not self.world.run_until(lambda: not self._open(), CONVERGE_S * SECOND, SECOND // 2):
            raise Broken(f"I12: after {CONVERGE_S} s of calm {self._open()}")
        self._books_agree()
        if self.seed % REPLAYED == 0:
            self._replay()

    def _books_agree(self) -> None:
        """I6: risk's books add up to the venue's money; they are the auditor's, and the model's by holdings, where neither split nor dividend came
        between a trade and what risk made of it."""
        self.world.run_until(lambda: not self._differ(), 3 * SECOND, SECOND // 10)  # trading goes on: at one moment all of it is read
        hold(not self._differ(), "I6", self._differ())
        self.model.seen["books compared"] += not self._shared()

    def _differ(self) -> str:
        """Which books differ; empty for none."""
        risk, auditor = self.stack.core("risk_engine"), self.stack.core("auditor")
        if not (isinstance(risk, RiskCore) and isinstance(auditor, AuditorCore)):
            return "risk or auditor is away"
        held, theirs, account = books(risk.desk.ledger), books(auditor._ledger), self.model.account
        money, there = Money(), since(Money(OPENED), account.money)
        for _, currency, amount in (row for row in held if row[1] not in SYMBOLS):
            money = money.plus(currency, amount)
        if money != there:
            return f"risk's books hold {money}, the venue {there}"
        if self._shared():
            return ""
        if held != theirs:
            return f"risk's books are {held}, the auditor's {theirs}"
        meant = sorted((owner, s, q) for owner, symbols in account.books.items() for s, q in symbols.items() if q)
        return "" if meant == [row for row in held if row[1] in SYMBOLS] else f"risk's books are {held}, they should be {meant}"

    def _shared(self) -> bool:
        """Something was divided by who holds what, in the order of the log: risk's moves between books stand in it after what they follow from."""
        return any(name.startswith(("split", "dividend")) for name in self.world.fired)

    def _replay(self) -> None:
        """I7: every process is ended, all snapshots are lost, and each successor comes to the same state from the log alone."""
        world = self.world
        was = {d.source: (d.progress.cursor, d.core.snapshot()) for d in world.drivers()}
        world.snapshots.forget()
        same: dict[str, bool] = {}

        def watched(made: Made) -> Made:
            source = made.registration.source
            if source not in was:  # it was away, and was to be
                return made
            cursor, state = was[source]

            def observe(e: Envelope) -> None:
                if made.observe is not None:
                    made.observe(e)
                if e.seq > cursor and source not in same:
                    same[source] = made.core.snapshot() == state

            return replace(made, observe=observe)

        for life in list(world.lives):
            make = life.part.make
            life.part = Part(life.part.source, lambda make=make: None if (made := make()) is None else watched(made))  # type: ignore[misc]
            world.crash(life)
        if not world.run_until(lambda: len(same) == len(was) and not self._open(), CONVERGE_S * SECOND, SECOND // 2):
            raise Broken(f"I12: recovery from the log alone: {self._open() or set(was) - set(same)}")
        hold(all(same.values()), "I7", f"replayed from the log, {[s for s, equal in same.items() if not equal]} are in another state")
        self.model.seen["replayed"] += 1

    def _open(self) -> str:
        drivers = self.world.drivers()
        if len(drivers) < len(self.world.lives) - len(NAMES) + len(self.model.strategies.in_force()) or not self.stack.staff.settled():
            return "somebody is away, or as it was before a change"
        late = [d.source for d in drivers if not d.progress.recovered or d.connection.unacked()]
        return f"{late} are not there yet" if late else self.model.unfinished()

    def _without(self, leaver: str) -> None:
        """One service never comes back: nothing unsafe follows; an operator's halt still empties the venue where router and bus live."""
        self.world.forget(leaver)
        self.world.fired[f"without {leaver}"] += 1
        self.world.run_for(2 * SECOND)
        self.acts.calm = True
        self.world.calm()
        self.stack.venue.service.faults.clear()
        n = len(self.stack.commands) + 1
        self.stack.commands.append(HaltRequested(f"c{n}", "sim", f"{leaver} is away", Scope.GLOBAL, ""))

        def working() -> list[str]:
            """But for orders made by hand, which a halt leaves to who made them, and risk's closing orders: a flatten goes on while halted."""
            return sorted(name for name in self.model.truth.open() if (ours := parse_client_id(name)) is not None and ours.strategy != OWNER)

        def empty() -> bool:
            return not working()

        if leaver in ("order_router", "bus"):
            self._unmanned(leaver)
        elif not self.world.run_until(empty, CONVERGE_S * SECOND, SECOND // 2):
            raise Broken(f"I8: a halt without {leaver} leaves {working()} at the venue")

    def _unmanned(self, leaver: str) -> None:
        """Nobody cancels for the log: the dead man's switch does, but for stops that reduce, or an operator past the log does, all."""
        deadman = self.stack.house.deadman
        killpath = self.stack.killpath
        if killpath is None or killpath.closed:
            self.world.run_for(3 * SECOND)  # the only one who could went as well
            return
        if not deadman:
            self.acts.halt_directly(journaled=False)

        def left() -> list[str]:
            return sorted(
                name
                for name, row in self.model.truth.open().items()
                if not deadman
                or (parse_client_id(name) is not None and row.terms.type not in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP))
            )

        if not self.world.run_until(lambda: not left(), CONVERGE_S * SECOND, SECOND // 2):
            raise Broken(f"I8: without {leaver} {'the dead man' if deadman else 'the kill path'} leaves {left()} at the venue")
        self.model.seen[f"{'dead man' if deadman else 'kill path'} without {leaver}"] += 1


def books(ledger: Ledger) -> list[tuple[str, str, Decimal]]:
    """(owner, symbol, units) of every holding, and (owner, currency, money) of all there is of it in every book."""
    found: list[tuple[str, str, Decimal]] = []
    for owner, book in ledger.books.items():
        held = (*book.positions.items(), *book.balances.items())
        found += [(owner, HOME, book.cash), *((owner, name, h.quantity) for name, h in held)]
    return sorted(row for row in found if row[2])


def run(seed: int, *, plain: bool = False) -> Verdict:
    return Run(seed, plain=plain).verdict()


def main() -> None:
    """Run one seed, and tell."""
    seed = int(sys.argv[1])
    started = time.process_time()
    it = Run(seed, plain="plain" in sys.argv)
    verdict = it.verdict()
    if "log" in sys.argv:
        for row in it.stack.journal.rows:
            e = envelope_of(row)
            if not e.event.PRUNABLE:
                print(e.seq, f"{e.ts_ns / 1e9 - 1.7e9:.3f}", e.source, e.run, e.n, f"<{e.cause}", e.event)
    print(f"seed {seed}: {verdict.broken or 'holds'} ({verdict.events} events, {time.process_time() - started:.2f} s)")
    print(dict(verdict.fired))
    print(dict(verdict.seen))


if __name__ == "__main__":
    main()
