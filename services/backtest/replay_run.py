"""A whole journal through the actors of a configuration, offline.

Which runs are decided again: of each actor of the configuration the newest, whatever code and settings it had (that is the question asked), and
every older one whose fingerprint is that of the given configuration and this build. Other runs are facts to their successors, as they are
to a live process. Runs are independent of each other: each is fed from the log, never from another's replayed output, so the first
difference is one actor's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bus.port import NEVER
from shared.config import Loaded
from shared.events import Bar, Envelope, Event, OrderBook, OrderEvent, Quote, StrategyRevised, Trade, topic_market

from .replay import Difference, OwnOutputs, ReplayedRun, Run, runs_of
from .replay_actors import Actor, actors_of
from .replay_journal import CannotReplay, ReplayJournal, refuse_unverified
from .replay_summary import Tally

PRICES = (Bar, Quote, Trade, OrderBook)
RISK = "risk_engine"


@dataclass(frozen=True, slots=True)
class RunReport:
    """decided: outputs that were compared; owed: last words that the log ends before. mark_differs: its code or settings were others than
    those it was decided again with."""

    source: str
    run: int
    decided: int
    owed: int
    mark_differs: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that was not decided again, and why."""

    source: str
    run: int
    why: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """market: the newest market event of the symbol concerned that the actor could know."""

    difference: Difference
    symbol: str
    market: Envelope | None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """upto: newest seq replayed. runs: in rank order."""

    log_id: str
    upto: int
    runs: Sequence[RunReport]
    left_out: Sequence[LeftOut]
    divergence: Divergence | None
    summary: Mapping[str, object]

    @property
    def identical(self) -> bool:
        return self.divergence is None


def replay(path: Path, loaded: Loaded, until: int | None = None, progress: Callable[[int, int], None] = lambda _done, _of: None) -> ReplayReport:
    """until: as if the log ended there. progress: told (seq, newest) now and then. Raises CannotReplay, JournalError, CodecError, and what
    `actors_of` raises."""
    log_id = refuse_unverified(path).log_id
    journal = ReplayJournal(path, until)
    try:
        changes = [e for _, e in journal.of_type(StrategyRevised)]
        return _Replay(journal, actors_of(loaded, changes)).run(log_id, progress)
    finally:
        journal.close()


class _Replay:
    def __init__(self, journal: ReplayJournal, actors: Sequence[Actor]) -> None:
        self._journal = journal
        self._left_out: list[LeftOut] = []
        self._runs: list[tuple[Actor, ReplayedRun]] = []
        self._latest: dict[str, Envelope] = {}
        started = journal.started()
        self._refuse_strangers(started, {a.source for a in actors})
        forms: dict[str, list[Actor]] = {}
        for actor in actors:
            forms.setdefault(actor.source, []).append(actor)
        for source, of_one in forms.items():
            self._choose(of_one, runs_of(started, source))
        self._listening: dict[str, list[ReplayedRun]] = {}  # by topic; runs that are over are taken out
        self._active = [replayed for _, replayed in self._runs]
        self._next_end = min((r.run.ended for r in self._active), default=NEVER)

    def _choose(self, forms: Sequence[Actor], runs: Sequence[Run]) -> None:
        """forms: of one source, oldest first; a run is decided by the one whose fingerprint it has, the newest run by the newest else."""
        for run in runs:
            actor = next((form for form in forms if form.fingerprint == run.fingerprint), forms[-1])
            matches = run.fingerprint == actor.fingerprint
            if not actor.deterministic:
                self._left_out.append(LeftOut(run.source, run.number, "not deterministic: it reads the outside world"))
            elif matches or run is runs[-1]:
                core = actor.make(self._journal.blocked(run.source, run.number))
                own = OwnOutputs(self._journal.outputs(run.source))
                self._runs.append((actor, ReplayedRun(run, core, own, feed_clock=self._journal.feed_clock)))
            else:
                self._left_out.append(LeftOut(run.source, run.number, "other code or settings"))

    def _refuse_strangers(self, started: Sequence[tuple[int, str, int, str]], known: set[str]) -> None:
        """A name this configuration lacks is history when nobody took it since risk last began under other limits (which name every strategy);
        else the log is of another configuration, and half a comparison is none."""
        since = max((seq for seq, name, _, _ in started if name == RISK), default=0)
        held = self._journal.held_since(since)
        for _, name, run, _ in started:
            if name in known:
                continue
            if name in held:
                raise CannotReplay(f"the journal holds {name}, which the configuration lacks; give the configuration it ran under (--config)")
            self._left_out.append(LeftOut(name, run, "not in the configuration"))

    def run(self, log_id: str, progress: Callable[[int, int], None]) -> ReplayReport:
        tally, divergence = Tally(), None
        for page in self._journal.events():
            for e in page:
                tally.add(e)
                if divergence is None:
                    found = self._fold(e)
                    divergence = None if found is None else self._explain(found)
            if page:
                progress(page[-1].seq, self._journal.upto)
        if divergence is None:
            last = next((found for r in self._active if (found := r.end()) is not None), None)
            divergence = None if last is None else self._explain(last)
        runs = [RunReport(r.run.source, r.run.number, r.decided, r.owed, r.run.fingerprint != a.fingerprint) for a, r in self._runs]
        return ReplayReport(log_id, self._journal.upto, runs, self._left_out, divergence, tally.summary())

    def _fold(self, e: Envelope) -> Difference | None:
        if e.seq >= self._next_end:
            over = [r for r in self._active if r.run.ended <= e.seq]
            self._active = [r for r in self._active if r.run.ended > e.seq]
            self._next_end = min((r.run.ended for r in self._active), default=NEVER)
            self._listening.clear()
            for r in over:
                if (left := r.end()) is not None:
                    return left
        listening = self._listening.get(e.topic)
        if listening is None:
            topics = {id(r): a.topics for a, r in self._runs}
            listening = self._listening[e.topic] = [r for r in self._active if e.topic.startswith(topics[id(r)])]
        for replayed in listening:
            found = replayed.fold(e)
            if found is not None:
                return found
        if isinstance(e.event, PRICES):
            self._latest[e.topic] = e
        return None

    # -- the first difference, with what led to it

    def _explain(self, d: Difference) -> Divergence:
        symbol = self._symbol(d)
        if isinstance(d.cause.event, PRICES) and symbol in ("", d.cause.event.symbol):
            return Divergence(d, d.cause.event.symbol, d.cause)
        if symbol:
            return Divergence(d, symbol, self._latest.get(topic_market(symbol)))
        lane = next((a.topics for a, r in self._runs if r.run.source == d.source), ())
        known = [e for topic, e in self._latest.items() if topic.startswith(lane)]
        return Divergence(d, "", max(known, key=lambda e: e.seq, default=None))

    def _symbol(self, d: Difference) -> str:
        """Of what differs, else of its cause, else of the order they speak of."""
        events = [e for e in (d.said, d.journaled.event if d.journaled is not None else None, d.cause.event) if e is not None]
        for event in events:
            found = _names_symbol(event)
            if found:
                return found
        orders = (e.order_id for e in events if isinstance(e, OrderEvent))
        intents = (self._journal.intent(order_id) for order_id in orders)
        return next((i.terms.symbol for i in intents if i is not None), "")


def _names_symbol(event: Event) -> str:
    terms = getattr(event, "terms", None)
    symbol = getattr(terms if terms is not None else event, "symbol", "")
    return symbol if isinstance(symbol, str) else ""
