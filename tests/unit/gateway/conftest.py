"""Builders for gateway scenarios: a log that drives one core, data files, instruments."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from services.gateway.core import GatewayCore
from services.gateway.feeds.files import FileSource
from services.gateway.settings import DataSettings, GatewaySettings
from shared.events import ClockTicked, Envelope, Event, InstrumentDefined


class Log:
    """Drives a core as a driver does: decide, apply, apply the outputs. Keeps what was emitted."""

    def __init__(self, settings: GatewaySettings, core: GatewayCore | None = None) -> None:
        self.settings = settings
        self.core = core or GatewayCore(settings)
        self.seq = 0
        self.n = 0

    def say(self, event: Event, at: str | int) -> list[Event]:
        """Sequence an outside event at a moment; returns what the core answered."""
        self.seq += 1
        ts = at if isinstance(at, int) else ns(at)
        e = Envelope(self.seq, ts, event.topic, "gateway.feed", 1, self.seq, 0, 0, event)
        outputs = list(self.core.decide(e))
        assert list(self.core.decide(e)) == outputs, "decide changes nothing"
        self.core.apply(e)
        for output in outputs:
            self.n += 1
            self.core.apply(Envelope(0, ts, output.topic, "gateway", 1, self.n, self.seq, 1, output))
        return outputs

    def tick(self, at: str | int) -> list[Event]:
        return self.say(ClockTicked(), at)

    def run_timers(self, until: str) -> list[Event]:
        """Clock ticks exactly at each timer before a moment, as under the feed clock."""
        outputs = []
        while 0 < self.core.next_timer() < ns(until):
            outputs += self.tick(self.core.next_timer())
        return outputs

    def restarted(self) -> Log:
        """The same log with a core restored from this one's snapshot."""
        other = Log(self.settings)
        other.core.restore(self.core.snapshot())
        assert other.core.snapshot() == self.core.snapshot()
        other.seq, other.n = self.seq, self.n
        return other


def ns(text: str) -> int:
    """ns of an ISO time, UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def instrument(symbol: str, calendar: str = "XNYS", tick: str = "0.01", lot: str = "1") -> InstrumentDefined:
    return InstrumentDefined(symbol, "equity", "USD", Decimal(tick), Decimal(lot), Decimal(1), calendar)


@pytest.fixture(name="ns")
def _ns() -> Callable[[str], int]:
    return ns


@pytest.fixture(name="instrument")
def _instrument() -> Callable[..., InstrumentDefined]:
    return instrument


@pytest.fixture
def log() -> Callable[..., Log]:
    """A log with a core of the given symbols and settings."""

    def make(*symbols: str, calendar: str = "XNYS", **settings: object) -> Log:
        instruments = tuple(instrument(symbol, calendar) for symbol in symbols or ("SPY",))
        return Log(GatewaySettings(instruments=instruments, **settings))  # type: ignore[arg-type]

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text file into the data directory, gzipped where its name says so."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return path

    return make


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[Event], FileSource]]:
    """Reads the files of SPY with the given settings."""

    def make(*symbols: str, calendar: str = "XNYS", **settings: object) -> tuple[list[Event], FileSource]:
        data = msgspec.convert({"data_directory": str(tmp_path), **settings}, DataSettings)
        source = FileSource(data, [instrument(s, calendar) for s in symbols or ("SPY",)])
        return [event for block in source.blocks(0) for event in block.events], source

    return make


@pytest.fixture(scope="session")
def minute_data() -> Path:
    """The folder of real minute data beside the checkout; the test is skipped where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "minute"
    if not folder.is_dir():
        pytest.skip("real minute data (../shared/data/minute) is not on this machine")
    return folder
