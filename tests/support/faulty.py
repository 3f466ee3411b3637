"""A stack under faults: the shipped paper configuration with a busy strategy, told to stop and settle at the end, then audited from the files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.live.operator import new_command, tell
from shared.brokers import ReadFailed
from shared.brokers.paper import PaperAccount, PaperOperator
from shared.bus.port import BusError
from shared.config import load
from shared.events import CancelRequested, Event, ReconcileNow, SystemStarted, SystemStopped
from shared.runtime.health import read_health
from shared.runtime.places import Places
from shared.runtime.process import EXIT_BUS, EXIT_FENCED
from shared.venue.faults import FaultSpec
from tests.support.stack import ROOT, Stack, config_of
from tests.support.story import Story
from tests.support.truth import disagreements

INITIAL_CASH = Decimal(100_000_000)
TELL_S = 5.0
POLL_S = 0.1
RESTARTED = frozenset({EXIT_FENCED, EXIT_BUS})  # starved of its lease, or the bus away for long
SETTLE_S = 240.0  # far beyond deadline, request time-out, settle time and two readings; a broken promise waits it out, nothing else does

WIDE = {
    "arm": "auto",
    "duplicate_order_window_ms": None,
    "repeat_executions_max": None,
    "cancel_reserve_per_s": 1_000,
    "collar_bps": 500,
    "collar_window_bps": 5_000,
    "limits": {
        **dict.fromkeys(("max_position_pct", "max_gross_exposure", "max_net_exposure", "max_drawdown", "daily_loss_limit_pct")),
        "max_leverage": 10,
        "orders_open_max": 1_000,
        "strategy_orders_open_max": 1_000,
        "symbol_orders_open_max": 1_000,
        "max_orders_per_second": 1_000,
        "strategy_msgs_per_s_max": 1_000,
    },
}


def busy() -> list[dict[str, Any]]:
    """Two strategies that trade at every quote."""
    path = f"{ROOT / 'tests' / 'support' / 'busy.py'}:Busy"
    return [{"id": name, "path": path, "symbols": [symbol], "budget": 10_000_000} for name, symbol in (("busy", "ACME"), ("brisk", "GLOBEX"))]


def fault_config(directory: Path, **changes: Any) -> Path:
    """`busy` strategies, limits that are not in their way, readings of the broker every second."""
    chosen: dict[str, Any] = {
        "live__strategies": busy(),
        "live__risk": WIDE,
        "live__order_reconcile_interval_ms": 1_000,
        "live__position_reconcile_interval_ms": 1_000,
        "live__broker_config": {"timeout_seconds": 1},
        "bus__lease_ms": 3_000,  # some of these tests freeze a service until its lease is over
        "journal": {"snapshot_events": 400},
        "gateway__feed__quotes_per_minute": 5,
        "gateway__feed__trades_per_minute": 1,
        "paper__initial_cash": int(INITIAL_CASH),
        "paper__latency_ms": 0,  # a fill is then part of the answer, and its report can come before the order's
        **changes,
    }
    return config_of("paper.yaml", directory, **chosen)


class Faulty(Stack):
    """A `Stack` of `fault_config`. story: the journal so far. kill_log: where processes say at which kill point they die."""

    story: Story
    places: Places
    kill_log: Path

    def prepare(self) -> Faulty:
        self.places = Places.of(load(self.config).config)
        self.story = Story(self.journal)
        self.kill_log = self.directory / "kills.log"
        self.kill_log.touch()
        self._frozen: list[subprocess.Popen[bytes]] = []
        return self

    def end(self) -> None:
        """No process stays, whatever happened."""
        for process in (*self.processes.values(), *self._frozen):
            if process.poll() is None:
                process.kill()  # a stopped process dies of it too
            process.wait(30)
        self.story.close()

    def tail(self, service: str) -> str:
        """A service's last words."""
        return "\n".join((self.directory / "out" / f"{service}.log").read_text().splitlines()[-6:])

    def until(self, condition: Callable[[], bool], doing: str, within_s: float = SETTLE_S, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait, giving up late: nothing here asserts how long something takes. A machine that is busy for longer than a lease fences anybody at any
        moment: they are started again as by a supervisor. Who was killed stays away."""
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, f"{doing}: not in {within_s:g} s; alive: {self.alive()}; {self.standing()}\n{self.tails()}"
            self.start(*ended) if (ended := [name for name, p in self.processes.items() if p.poll() in RESTARTED]) else None
            meanwhile()
            time.sleep(POLL_S)

    def standing(self) -> str:
        s = self.story.read()
        newest = s.reconciled[-1] if s.reconciled else None
        return f"head {s.head}, open {s.open()[:8]}, newest reading {newest}, states {s.states[-2:]}, alarms {s.faults[-4:]}, counts {dict(s.counts)}"

    def ready(self) -> bool:
        """Whether every service says so, of the process that runs now."""
        for name, process in self.processes.items():
            said = read_health(self.places.health / f"{name.partition('-')[0]}.json")
            if process.poll() is not None or said is None or not said["fresh"] or said["pid"] != process.pid or said["state"] != "ready":
                return False
        return True

    def trading(self, orders: int = 1) -> None:
        """Wait until so many more orders were accepted by the venue. Who ends meanwhile (fenced, the bus away) is started again."""
        goal = self.story.read().counts["OrderAccepted"] + orders
        self.until(lambda: self.story.read().counts["OrderAccepted"] >= goal, f"trading goes on ({orders} more orders)", meanwhile=self.revive)

    def revive(self) -> list[str]:
        """Start again who ended as a supervisor expects it under faults; any other end is a bug."""
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in dead:
            assert self.processes[name].returncode in RESTARTED, f"{name} ended with {self.processes[name].returncode}\n{self.tail(name)}"
        self.start(*dead) if dead else None
        return dead

    def settle(self) -> None:
        """Faults are over: the strategies stop, what works is cancelled, and everything must come to rest in agreement with the venue."""
        self.until(self.ready, "every service is ready", meanwhile=self.revive)
        self.tell()
        stopped, told_at = self.story.read().head, time.monotonic()

        def quiet() -> bool:
            nonlocal told_at
            story = self.story.read()
            if not story.open():
                return True
            if time.monotonic() - told_at > TELL_S:  # an order accepted after the first word
                self.tell()
                told_at = time.monotonic()
            return False

        self.until(quiet, "no order is in flight or unknown", meanwhile=self.revive)
        self.until(lambda: self.story.read().clean_since(max(stopped, self.story.last_order_seq)) is not None, "a clean reading of the broker")

    def tell(self) -> None:
        """As an operator ends a session."""
        command = new_command()
        self._say(SystemStopped("faults are over"), CancelRequested(command, "test", "faults are over", ""), ReconcileNow(command, "test", "settle"))

    def resume(self) -> None:
        """After `settle`: the strategies start again."""
        self._say(SystemStarted("test", "test"))
        self.trading()

    def _say(self, *words: Event) -> None:
        """Until the bus has it."""
        while True:
            try:
                tell(self.places, new_command(), words, TELL_S)
            except BusError:
                continue
            return

    # -- faults

    def kill_everybody(self) -> None:
        """SIGKILL to all processes at once; then all start again."""
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)
        for process in self.processes.values():
            process.wait(30)
        self.start(*self.processes)

    def freeze(self, service: str) -> None:
        """SIGSTOP until the lease is over; woken, the process finds itself fenced and ends, and is started again."""
        process = self.processes[service]
        process.send_signal(signal.SIGSTOP)
        self.until(lambda: not self.story.read().holder(service), f"the lease of the frozen {service} ends")
        process.send_signal(signal.SIGCONT)
        self._ends_fenced(service, process)
        self.revive()
        self.until(lambda: self.story.read().holder(service) == service, f"{service} has its lease again")

    def freeze_while_another_works(self, service: str) -> None:
        """As `freeze`, but a second process takes the name over, and the first wakes beside it and must not act again."""
        process, second = self.processes.pop(service), f"{service}-2"
        self._frozen.append(process)
        process.send_signal(signal.SIGSTOP)
        self.services = tuple(second if name == service else name for name in self.services)
        self.start(second)
        self.until(lambda: self.story.read().holder(service) == second, f"another {service} takes over")
        self.trading(3)
        process.send_signal(signal.SIGCONT)
        self._ends_fenced(service, process)
        self.trading(3)
        self.until(lambda: self.story.read().holder(service) == second, f"the other {service} still has it")

    def pause(self, service: str, seconds: float) -> None:
        """SIGSTOP for a while; then it goes on, or ends because others went on without it."""
        self.processes[service].send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.processes[service].send_signal(signal.SIGCONT)
        self.trading(3)

    def _ends_fenced(self, service: str, process: subprocess.Popen[bytes]) -> None:
        self.until(lambda: process.poll() is not None, f"the woken {service} ends")
        assert process.returncode == EXIT_FENCED, f"{process.returncode}\n{self.tail(service)}"

    def venue_misbehaves(self, spec: FaultSpec, sign: str, times: int = 1) -> None:
        """Put a fault in force, wait for its sign in the journal (a count of the story), clear it, and wait until what it hit is known again."""
        goal = self.story.read().counts[sign] + times
        self._operate(spec)
        self.until(lambda: self.story.read().counts[sign] >= goal, f"{spec.mode} shows as {sign}")
        self._operate(None)
        hit, since = self.story.read().in_doubt(), self.story.head
        self.until(lambda: not hit & self.story.read().in_doubt(), f"after {spec.mode} every order is known")
        self.until(lambda: self.story.read().clean_since(since) is not None, f"after {spec.mode} the books agree")

    def _operate(self, spec: FaultSpec | None) -> None:
        operator = PaperOperator(self.places.endpoint("venue"))
        try:
            operator.fault(spec)
        finally:
            operator.close()

    def audit(self) -> None:
        """After `settle`: the venue's own word first, then both files, at rest."""
        account = PaperAccount(self.places.endpoint("venue"), 5.0)
        try:
            whole = account.whole_state("")
        except ReadFailed as failed:
            raise AssertionError(f"the venue does not answer: {failed}\n{self.tails()}") from failed
        finally:
            account.close()
        statuses = self.stop()
        assert set(statuses.values()) <= {0, *RESTARTED}, f"{statuses}\n{self.tails()}"
        wrong = disagreements(self.journal, self.places.ledger, INITIAL_CASH)
        assert not wrong, "\n".join(wrong[:20])
        assert not whole.orders, whole.orders
        fills = [f for tale in self.story.read().tales.values() for f in tale.fills]
        held: dict[str, Decimal] = {}
        for f in fills:
            held[f.symbol] = held.get(f.symbol, Decimal(0)) + (f.quantity if f.side == "buy" else -f.quantity)
        assert {row.symbol: row.quantity for row in whole.positions if row.quantity} == {s: q for s, q in held.items() if q}


@contextmanager
def faulty(**changes: Any) -> Iterator[Faulty]:
    """A stack, not yet started, in a short directory of its own (socket paths have 100 characters). Every process ends with it; the directory
    stays, and is named, when something went wrong."""
    directory = Path(tempfile.mkdtemp(prefix="rf"))
    stack = Faulty(fault_config(directory, **changes), directory).prepare()
    try:
        try:
            yield stack
        finally:
            stack.end()
    except BaseException:
        print(f"kept: {directory}")
        raise
    shutil.rmtree(directory)
