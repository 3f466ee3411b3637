"""Backtest: bars a second of the whole engine (risk, ledger, order machine, venue) against four others, on the same files with the same rule.

Every run is a process of its own, ours too; they take turns. The rule is the built-in `moving_average_cross` (10 over 30), 100 shares, a fixed fee an
order. `peers/run_*.py` is what each does; `docs/benchmarks.md` says what differs between them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.stack import ROOT

from .peers import data
from .peers.environment import PEERS, NotThere, Peer
from .peers.stopwatch import Answer, Task
from .table import AT_LEAST, Row, Size, Target

RUNNERS: Final = Path(__file__).parent / "peers"
CASH, QUANTITY, FEE = 10_000_000, 100, 1
OFTEN: Final = (10, 30)  # an order every 26 bars
RARELY: Final = (1_000, 3_000)  # every 2,400
MILLION: Final = 1_000_000
OURS: Final = "ours"
RATE: Final = Target(AT_LEAST, 250_000.0, ">= 250,000 bars/s")
AGAINST: Final = {
    "backtesting": Target(AT_LEAST, 1.5, ">= 1.5 x"),
    "nautilus_trader": Target(AT_LEAST, 10.0, ">= 10 x"),
    "regimeflow": Target(AT_LEAST, 25.0, ">= 25 x"),
}
FASTEST: Final = PEERS[0]  # takes as many bars as ours; the others a tenth, since rates are a bar and minutes are long


@dataclass(slots=True)
class Runner:
    """One engine on one set of files with one rule (closes in the fast and in the slow average), and what its runs said."""

    name: str
    python: Path
    directory: Path
    symbols: int
    rule: tuple[int, int] = OFTEN
    answers: list[Answer] = field(default_factory=list)

    def run(self) -> None:
        """Raises CalledProcessError."""
        task = Task(str(self.directory), data.names(self.symbols), CASH, QUANTITY, FEE, *self.rule)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if self.name == OURS:
            env["PYTHONPATH"] = str(ROOT)
        command = [str(self.python), str(RUNNERS / f"run_{self.name}.py"), task.text()]
        done = subprocess.run(command, check=True, cwd=self.directory, env=env, stdout=subprocess.PIPE, text=True)
        self.answers.append(Answer(**json.loads(done.stdout.splitlines()[-1])))

    @property
    def bars(self) -> int:
        return self.answers[0].bars

    @property
    def rate(self) -> float:
        """Bars a second of the run alone."""
        return self.bars / statistics.median(answer.run_s for answer in self.answers)

    @property
    def whole_rate(self) -> float:
        """Bars a second from the files to the result."""
        return self.bars / statistics.median(answer.whole_s for answer in self.answers)

    @property
    def peak_mb(self) -> float:
        return statistics.median(answer.rss_mb for answer in self.answers)

    def said(self) -> str:
        seen = self.answers[0]
        return f"{self.rate:,.0f} bars/s, {self.whole_rate:,.0f} from files; {seen.fills:,} fills, ends at {seen.equity:,.0f}"


class Bench:
    """The files, each set written once, and our runs on them, which several rows read."""

    def __init__(self, size: Size, directory: Path) -> None:
        self.rounds = size.of(3, 1)
        self.most, self.fewer = size.of(MILLION, 2_000), size.of(MILLION // 10, 1_000)
        self._full = size.full
        self._directory = directory
        self._made: dict[tuple[object, ...], Runner] = {}

    def ours(self, symbols: int, bars: int, rule: tuple[int, int] = OFTEN) -> Runner:
        return self._one(OURS, Path(sys.executable), symbols, bars, rule)

    def theirs(self, peer: Peer, symbols: int, rule: tuple[int, int] = OFTEN) -> Runner:
        """Raises NotThere."""
        if not self._full:
            raise NotThere("left out at this size")
        return self._one(peer.name, peer.python(), symbols, self.bars(peer), rule)

    def bars(self, peer: Peer) -> int:
        return self.most if peer is FASTEST else self.fewer

    def _one(self, name: str, python: Path, symbols: int, bars: int, rule: tuple[int, int]) -> Runner:
        """The same for the same, with what it said before."""
        key = (name, symbols, bars, rule)
        if key not in self._made:
            self._made[key] = Runner(name, python, self._files(symbols, bars), symbols, rule)
        return self._made[key]

    def _files(self, symbols: int, bars: int) -> Path:
        place = self._directory / f"{symbols}_{bars}"
        return place if place.exists() else data.write(place, symbols, bars)


def run(size: Size) -> Iterator[Row]:
    """A small size leaves the peers out, and installs none."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(size, Path(directory))
        yield from _against_peers(bench, 1)
        yield from _order(bench)
        yield from _growth(bench, size.of(300_000, 1_500))
        yield from _against_peers(bench, size.of(50, 5))


def _against_peers(bench: Bench, symbols: int) -> list[Row]:
    """In turns: ours on each number of bars, then each peer."""
    ours = {bars: bench.ours(symbols, bars) for bars in (bench.most, bench.fewer)}
    theirs: dict[Peer, Runner] = {}
    missing: dict[Peer, str] = {}
    for peer in PEERS:
        try:
            theirs[peer] = bench.theirs(peer, symbols)
        except NotThere as why:
            missing[peer] = str(why)
    for _ in range(bench.rounds):
        for runner in ours.values():
            runner.run()
        for peer, runner in theirs.items():
            if peer not in missing:
                try:
                    runner.run()
                except subprocess.CalledProcessError as error:
                    missing[peer] = f"its run failed with status {error.returncode}"
    name = f"backtest, {symbols} symbol{'s' if symbols > 1 else ''}"
    rows = [Row(f"{name}, {bench.most:,} bars", ours[bench.most].said(), "", None, RATE, ours[bench.most].rate)]
    for peer in PEERS:
        what = f"    {peer.name}, {bench.bars(peer):,} bars"
        if peer in missing:
            rows.append(Row(what, "", missing[peer]))
            continue
        mine, other = ours[bench.bars(peer)], theirs[peer]
        rows.append(Row(what, mine.said(), other.said(), mine.rate / other.rate, AGAINST.get(peer.name)))
    return rows


def _order(bench: Bench) -> list[Row]:
    """The rate where hardly an order is sent, and what is left for an order: from the intent to the booked fill and its statistics."""
    pairs = [(bench.ours(1, bench.most), bench.ours(1, bench.most, RARELY))]
    try:
        pairs.append((bench.theirs(FASTEST, 1), bench.theirs(FASTEST, 1, RARELY)))
        for _ in range(bench.rounds):
            for _, rarely in pairs:
                rarely.run()
    except (NotThere, subprocess.CalledProcessError):
        return []  # the rows before say why
    if not all(runner.answers for pair in pairs for runner in pair):
        return []
    (_, rare), (_, their_rare) = pairs
    name = f"backtest, {RARELY[0]:,} over {RARELY[1]:,}, {bench.most:,} bars"
    rows = [Row(name, rare.said(), f"{FASTEST.name} {their_rare.said()}", rare.rate / their_rare.rate)]
    ours, other = (_order_us(often, rarely) for often, rarely in pairs)
    if ours > 0 and other > 0:  # a handful of orders may cost less than the noise
        rows.append(Row("    an order, beside its bar", f"{ours:,.0f} us", f"{FASTEST.name} {other:,.0f} us", ours / other))
    return rows


def _order_us(often: Runner, rarely: Runner) -> float:
    seconds = often.bars / often.rate - rarely.bars / rarely.rate
    return 1e6 * seconds / max(1, often.answers[0].fills - rarely.answers[0].fills)


def _growth(bench: Bench, between: int) -> list[Row]:
    """What a bar costs by their number, loading included, and what memory a million of them takes."""
    middle = bench.ours(1, between)
    for _ in range(bench.rounds):
        middle.run()
    first, last = bench.ours(1, bench.fewer), bench.ours(1, bench.most)
    told = [f"{1e6 / runner.whole_rate:.2f} us at {runner.bars:,}" for runner in (first, middle, last)]
    memory = (last.peak_mb - first.peak_mb) / (last.bars - first.bars) * MILLION
    return [
        Row("backtest, cost of a bar by their number", "; ".join(told[1:]), told[0], first.whole_rate / last.whole_rate),
        Row("backtest, memory a million bars", f"{memory:,.0f} MB", f"peak {last.peak_mb:,.0f} MB at {last.bars:,} bars"),
    ]
