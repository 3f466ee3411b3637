"""Tick to order at the broker session, every service a process, against the same number of ZeroMQ hops that carry nothing but bytes.

The road is gateway -> bus -> strategy -> bus -> risk -> bus -> router -> bus -> router: eight hops, four of them into the one process
in the middle. The bare ring has the same processes and sockets. A third ring also delivers each frame to three processes that it does not
concern, as the log is delivered to auditor, gateway and reconciler: what is between the two rings is the price of everybody hearing everything.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import zmq

from shared.bus import options
from shared.events import OrderApproved, OrderDenied, OrderIntent, Quote
from tests.support.stack import ROOT, Stack, config_of

from .nodes import node
from .probes import NOISE, TICK
from .table import AT_MOST, Row, Size, Target, percentile

SERVICES: Final = ("bus", "paper_venue", "auditor", "risk_engine", "reconciler", "strategy_runner")
RING: Final = ("strategy", "risk", "router", "sink")
BYSTANDERS: Final = 3
BODY: Final = bytes(120)  # as long as the record of an order event
INTERVAL_NS: Final = 20_000_000  # longer than all that a tick brings about, so that idle is idle
NOISE_HZ: Final = 1_000
WAIT_S: Final = 60.0
ARM_S: Final = 2.0
TARGET: Final = Target(AT_MOST, 1.3, "<= 1.3 x as many bare hops")
OFF: Final = dict.fromkeys(
    ("max_orders_per_second", "strategy_msgs_per_s_max", "orders_open_max", "strategy_orders_open_max", "symbol_orders_open_max")
)


def strategy(name: str, cls: str = "TickTrader") -> dict[str, object]:
    """One entry of `live.strategies`."""
    return {"id": name, "path": f"{ROOT}/tests/bench/strategies.py:{cls}", "symbols": [TICK]}


def settings(directory: Path, *strategies: dict[str, object]) -> Path:
    """The shipped paper configuration with these strategies (one that trades every tick), no rate limits, nothing on disk synced."""
    return config_of(
        "paper.yaml",
        directory,
        live__symbols=[TICK, NOISE],
        live__strategies=list(strategies) or [strategy("tick")],
        live__risk={"limits": OFF, "duplicate_order_window_ms": 0, "collar_window_bps": None, "rejections_max": None},
        bus__durability="process",
        instruments={},
        gateway__feed={"kind": "synthetic"},
    )


@dataclass
class Road:
    """The real services with the two probes. Give it ticks; it gives back microseconds."""

    directory: Path
    stack: Stack
    gateway: subprocess.Popen[bytes] = field(init=False)

    def latencies(self, ticks: int, noise_hz: int, wait_s: float = WAIT_S) -> list[float]:
        before = self._notes("gateway")
        assert self.gateway.stdin is not None
        self.gateway.stdin.write(f"{ticks} {INTERVAL_NS} {noise_hz}\n".encode())
        self.gateway.stdin.flush()
        end = time.monotonic() + wait_s
        while len(found := self._joined(before)) < ticks:
            if time.monotonic() > end:
                denied = [e.event for e in self.stack.events(OrderDenied)][-1:]
                raise TimeoutError(f"{len(found)} of {ticks} ticks became orders; newest denial: {denied}\n{self.stack.tails()}")
            time.sleep(0.5)
        return found

    def _joined(self, before: Container[int]) -> list[float]:
        """Of the ticks since `before`: us from each to its order."""
        rows = {row: ns for row, ns in self._notes("gateway").items() if row not in before}
        orders = self._notes("order_router")
        if not rows or not orders:
            return []
        return [(orders[approval] - rows[row]) / 1e3 for row, approval in self._chains().items() if row in rows and approval in orders]

    def armed(self) -> bool:
        """Whether a tick becomes an order already."""
        try:
            self.latencies(1, 0, ARM_S)
        except TimeoutError:
            return False
        return True

    def _notes(self, name: str) -> dict[int, int]:
        path = self.directory / f"{name}.notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return {int(key): int(ns) for key, ns in (line.split() for line in lines)}

    def _chains(self) -> dict[int, int]:
        """Row of the quote -> seq of the approval, from what the journal says of causes."""
        quotes, intents, found = {}, {}, {}
        for e in self.stack.events(Quote, OrderIntent, OrderApproved):
            match e.event:
                case Quote():
                    quotes[e.seq] = e.n
                case OrderIntent():
                    intents[e.seq] = quotes[e.cause]
                case OrderApproved():
                    found[intents[e.cause]] = e.seq
        return found


@contextmanager
def road(directory: Path) -> Iterator[Road]:
    config = settings(directory)
    with Stack(config, directory, SERVICES).start() as stack:
        found = Road(directory, stack)
        for name in ("order_router", "gateway"):
            command = [sys.executable, "-m", "tests.bench.probes", name, str(config), str(directory / f"{name}.notes")]
            with (directory / "out" / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
            stack.processes[name] = process
        found.gateway = process
        stack.services = (*SERVICES, "order_router", "gateway")
        yield found


class Ring:
    """The bare hops."""

    def __init__(self, directory: Path, bystanders: int) -> None:
        self._in, self._out = f"ipc://{directory}/in", f"ipc://{directory}/out"
        self._stack = ExitStack()
        enter = self._stack.enter_context
        enter(node("exchange", self._in, self._out))
        for mine, following in pairwise(RING):
            enter(node("relay", self._in, self._out, mine, following))
        for _ in range(bystanders):
            enter(node("listener", self._out, ""))
        if not bystanders:
            enter(node("listener", self._out, "noise"))
        context = enter(zmq.Context())
        self._sub = options.subscriber(context, self._out, RING[-1])
        self._dealer = options.dealer(context, self._in)
        self._stack.callback(self._sub.close)
        self._stack.callback(self._dealer.close)
        while not self._once():
            pass

    def _once(self) -> bool:
        self._dealer.send_multipart([RING[0].encode(), BODY])
        return bool(self._sub.poll(1_000)) and bool(self._sub.recv_multipart())

    def latencies(self, ticks: int, noise_hz: int) -> list[float]:
        took, now = [], time.monotonic_ns()
        noise_at = now
        for k in range(ticks):
            due = now + (k + 1) * INTERVAL_NS
            while (left := due - time.monotonic_ns()) > 0:
                if noise_hz and noise_at <= time.monotonic_ns():
                    noise_at += 1_000_000_000 // noise_hz
                    self._dealer.send_multipart([b"noise", BODY])
                else:
                    time.sleep(min(left, 1_000_000) / 1e9)
            begun = time.monotonic_ns()
            self._once()
            took.append((time.monotonic_ns() - begun) / 1e3)
        return took

    def close(self) -> None:
        self._stack.close()


def run(size: Size) -> list[Row]:
    rounds, ticks = size.of(6, 1), size.of(100, 5)
    with tempfile.TemporaryDirectory() as bare, tempfile.TemporaryDirectory() as wide, tempfile.TemporaryDirectory() as ours, ExitStack() as stack:
        found = stack.enter_context(road(Path(ours)))
        rings = [Ring(Path(bare), 0), Ring(Path(wide), BYSTANDERS)]
        for ring in rings:
            stack.callback(ring.close)
        while not found.armed():
            pass
        rows = []
        for load, noise_hz in (("idle", 0), (f"{NOISE_HZ:,} other quotes/s", NOISE_HZ)):
            taken: list[list[float]] = [[], [], []]
            for _ in range(rounds):
                for values, measure in zip(taken, (*rings, found), strict=True):
                    values.extend(measure.latencies(ticks, noise_hz))
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                hops, heard, order = (percentile(values, share) for values in taken)
                against = f"8 hops {hops:,.0f} us; heard by all {heard:,.0f} us"
                rows.append(Row(f"tick -> order, processes, {load}, {name}", f"{order:,.0f} us", against, order / hops, TARGET))
                rows.append(Row("    the same against hops heard by all", f"{order:,.0f} us", f"{heard:,.0f} us", order / heard))
    return rows
