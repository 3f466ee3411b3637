"""The bus as a real process: killed, starved, slowed, fed garbage. Nothing acknowledged is lost, nobody else is affected."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from shared.bus import wire
from shared.bus.client import FrameConnection
from shared.bus.journal_reader import JournalReader
from shared.bus.port import Acked, Cursor, Delivered, Registration, Role
from shared.bus.record import envelope_of
from shared.bus.verify import verify
from shared.bus.zmq_client import ZmqBus
from shared.events import Alert, Bar, Severity
from tests.support.bus import RunningBus

WAIT_S = 240.0


def bar(k: int) -> Bar:
    return Bar("SPY", k, k + 1, 1.0, 2.0, 0.5, 1.5, 100.0)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningBus]:
    with RunningBus(tmp_path, lease_ttl_ms=20_000) as bus:
        yield bus


@pytest.fixture
def bus(running: RunningBus) -> Iterator[ZmqBus]:
    client = ZmqBus(running.endpoints)
    yield client
    client.close()


def connect(bus: ZmqBus, source: str, role: Role, topics: tuple[str, ...] = ("c.",)) -> FrameConnection:
    return bus.connect(Registration(source, role, "f", topics, 0, f"test-{source}"))


def rows_of(journal: Path, source: str) -> list[int]:
    reader = JournalReader(journal)
    found, after = [], 0
    while True:
        rows, upto = reader.page(after, ("",), 1_000)
        found += [r.n for r in rows if r.source == source]
        if upto <= after:
            reader.close()
            return found
        after = upto


def test_a_backlog_of_appends_survives_kills_of_the_bus_without_hole_or_double(running: RunningBus, bus: ZmqBus) -> None:
    gateway = connect(bus, "gateway", Role.GATEWAY)
    seed = 7
    rng = random.Random(seed)
    total, sent, kills = 6_000, 0, 0
    next_kill = rng.randrange(200, 1_200)
    end = time.monotonic() + WAIT_S
    while sent < total or gateway.unacked():
        assert time.monotonic() < end, f"seed {seed}: {sent} sent, {gateway.unacked()} unacknowledged"
        while sent < total and not gateway.full:
            sent += 1
            gateway.append_outside("gateway.feed", 1, sent, bar(sent))
        if sent >= next_kill and kills < 5:
            running.kill()
            kills += 1
            next_kill = sent + rng.randrange(100, 1_000)
            running.start()
        gateway.poll(0.01)
    assert kills == 5
    assert running.stop() == 0
    assert rows_of(running.journal, "gateway.feed") == list(range(1, total + 1))
    assert verify(running.journal).clean


def test_what_was_acknowledged_before_a_kill_is_in_the_journal(running: RunningBus, bus: ZmqBus) -> None:
    for life in range(4):
        auditor = connect(bus, "auditor", Role.AUDITOR)
        auditor.follow(Cursor())
        cause = next(n.envelope for _ in range(1_000) for n in auditor.poll(0.05) if isinstance(n, Delivered))
        first = auditor.welcome.last_n + 1
        auditor.append(cause, [Alert(Severity.INFO, f"k{life}.{i}", "") for i in range(50)], first)
        acked = 0
        end = time.monotonic() + WAIT_S
        while acked < first:
            assert time.monotonic() < end
            acked = max([n.n for n in auditor.poll(0.01) if isinstance(n, Acked)], default=0)
        running.kill()
        assert max(rows_of(running.journal, "auditor")) >= acked
        auditor.close(release=False)
        running.start()


def test_a_sleeper_misses_nothing_and_delays_nobody(running: RunningBus, bus: ZmqBus) -> None:
    total = 100_000
    gateway = connect(bus, "gateway", Role.GATEWAY)
    sleeper = connect(bus, "auditor", Role.AUDITOR, ("m.", "c."))
    sleeper.follow(Cursor())
    waker = connect(bus, "risk_engine", Role.RISK, ("m.", "c."))
    waker.follow(Cursor())
    seen_by_waker, sent = 0, 0
    end = time.monotonic() + WAIT_S
    while seen_by_waker < total:
        assert time.monotonic() < end, f"the one awake was held up at {seen_by_waker}"
        while sent < total and not gateway.full:
            sent += 1
            gateway.append_outside("gateway.feed", 1, sent, bar(sent))
        gateway.poll(0)
        seen_by_waker += sum(isinstance(n, Delivered) and isinstance(n.envelope.event, Bar) for n in waker.poll(0.001))
    got: list[int] = []
    while len(got) < total:
        assert time.monotonic() < end, f"the sleeper has {len(got)}"
        got += [n.envelope.n for n in sleeper.poll(0.05) if isinstance(n, Delivered) and isinstance(n.envelope.event, Bar)]
        gateway.poll(0)
        waker.poll(0)
    assert got == list(range(1, total + 1))
    assert sleeper.gaps > 0, "PUB dropped nothing: the test did not test"


def garbage(rng: random.Random) -> bytes:
    good = wire.encode(wire.Append("auditor", 1, 1, 4, 1, (wire.wire_item(bar(1)),), 0, ()))
    return rng.choice(
        [
            b"",
            os.urandom(rng.randrange(1, 400)),
            b"\x91" * 10_000,
            b"\xdd\xff\xff\xff\xff",
            good[: rng.randrange(len(good))],
            wire.encode(wire.Append("auditor", 99, 1, 4, 1, (), 0, ())),
            wire.encode(wire.Append("nobody", 1, 1, -4, -1, ((9_999, 1, b"\x90"),), 0, ())),
            wire.encode(wire.OutsideFact("gateway", 1, "gateway.feed", 1, 1, (Bar.TAG, 1, b"\x00"), 0, ())),
            wire.encode(wire.Hello(1, "x" * 300, "boss", "f", ("",), 0, "h", feed=True)),
            wire.encode(wire.Beat("risk_engine", 77, ("m.",))),
            wire.encode(wire.PageRequest(1, -5, b"", ("m.",), -1)),
            wire.encode(wire.SnapshotPut(1, "a", 1, 1, 1, b"", 7, 9, b"", b"")),
            wire.encode(wire.PageRequest(1, 5, b"wrong", (), 1 << 62)),
        ]
    )


def test_garbage_on_every_socket_is_refused_and_trading_goes_on(running: RunningBus, bus: ZmqBus) -> None:
    gateway = connect(bus, "gateway", Role.GATEWAY)
    auditor = connect(bus, "auditor", Role.AUDITOR, ("m.", "c."))
    auditor.follow(Cursor())
    seed = 11
    rng = random.Random(seed)
    context = zmq.Context()
    rogues = []
    for endpoint, kind in ((running.endpoints.append, zmq.DEALER), (running.endpoints.catchup, zmq.DEALER), (running.endpoints.events, zmq.SUB)):
        socket = context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint)
        rogues.append(socket)
    refusals, sent, seen = 0, 0, 0
    end = time.monotonic() + WAIT_S
    while sent < 1_500 or seen < 1_500 or refusals < 100:
        assert time.monotonic() < end, f"seed {seed}: {seen} of {sent} seen, {refusals} refusals"
        for socket in rogues[:2]:
            frames = [garbage(rng) for _ in range(rng.choice((1, 1, 1, 2, 5)))]
            try:
                socket.send_multipart(frames, zmq.NOBLOCK)
                while True:
                    refusals += isinstance(wire.decode_reply(socket.recv(zmq.NOBLOCK)), wire.Refusal)
            except zmq.Again:
                pass
        rogues[2].setsockopt(zmq.SUBSCRIBE, os.urandom(8))
        if sent < 1_500:
            sent += 1
            gateway.append_outside("gateway.feed", 1, sent, bar(sent))
        gateway.poll(0)
        seen += sum(isinstance(n, Delivered) and isinstance(n.envelope.event, Bar) for n in auditor.poll(0.001))
    context.destroy(linger=0)
    assert seen == 1_500
    assert running.process is not None
    assert running.process.poll() is None
    assert running.stop() == 0
    reader = JournalReader(running.journal)
    rows, _ = reader.page(0, ("",), 1_000)
    for row in rows:
        envelope_of(row)
    reader.close()
    assert verify(running.journal).clean


def test_a_second_bus_on_the_same_journal_is_refused(running: RunningBus, bus: ZmqBus) -> None:
    connect(bus, "auditor", Role.AUDITOR)
    second = RunningBus(running.directory).start()
    assert second.process is not None
    assert second.process.wait(WAIT_S) != 0
    connect(bus, "gateway", Role.GATEWAY)


def test_a_journal_that_lost_its_tail_does_not_start(running: RunningBus, bus: ZmqBus) -> None:
    gateway = connect(bus, "gateway", Role.GATEWAY)
    for n in range(1, 300):
        gateway.append_outside("gateway.feed", 1, n, bar(n))
    while gateway.unacked():
        gateway.poll(0.01)
    assert running.stop() == 0
    with sqlite3.connect(running.journal) as db:
        db.execute("DELETE FROM events WHERE seq > 200")
    db.close()
    again = RunningBus(running.directory).start()
    assert again.process is not None
    assert again.process.wait(WAIT_S) != 0
