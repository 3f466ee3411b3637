"""A backtest from a checked configuration to its record: the live actors over a source, observed by the recorder. No file is written here."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import orjson

from services.gateway.build import feed_settings, instruments
from services.gateway.feeds import open_source
from services.gateway.feeds.port import Block, Source
from services.gateway.settings import interval_ns
from services.paper_venue.build import venue_settings
from shared.config import Config, Loaded
from shared.domain.exact import add, multiply, of_float
from shared.events import Bar, Quote, SystemStopped
from shared.metrics.record import DataFile, RunRecord
from shared.runtime.actor import InvariantError

from .build import backtest_of, reading_wanted, sparse_readings
from .curve import curve, moments
from .engine import Engine, Sink
from .marks import Marks
from .play import play
from .recorder import Recorder
from .roster import Roster, roster_of
from .venue_link import Venue

Progress = Callable[[int, int], object]

MILLISECOND: Final = 1_000_000
LOG_ID_BYTES: Final = 8
GARBAGE_OBJECTS: Final = 200_000  # before the collector looks: events are plain values that leave by themselves
TOLERANCE: Final = 1e-9  # of the curve's last point, relative: sums of floats against exact ones


def run_backtest(
    loaded: Loaded,
    strategy: str = "",
    params: Mapping[str, Any] | None = None,
    progress: Progress = lambda _rows, _ns: None,
    sink: Sink | None = None,
) -> RunRecord:
    """progress: told of rows done and the data time reached. sink: takes every event, in order. Raises ConfigError, ValueError (a key),
    StrategyNotFound, FeedError (the data); whatever a strategy's own module raises when it is imported."""
    began = time.monotonic()
    ready = backtest_of(loaded, strategy, params)
    config = ready.config
    source = open_source(feed_settings(config), instruments(config))
    venue = Venue(venue_settings(config))
    roster = roster_of(ready, source, venue)
    recorder = Recorder(config.budgets(config.paper.initial_cash))
    sparse = sparse_readings(loaded.config)
    wanted = (lambda fills: reading_wanted(fills, roster.strategies)) if sparse else None
    engine = Engine(roster.members, venue, _log_id(config), recorder.observers, sink, wants_reading=wanted)
    _run(engine, roster, source, recorder, progress)
    if sparse:
        engine.read_account()
    data = tuple(source.digests())
    return _record(ready, roster, recorder, engine, data, time.monotonic() - began)


def _run(engine: Engine, roster: Roster, source: Source, recorder: Recorder, progress: Progress) -> None:
    """To the end of the data; then the strategies are told, so that `on_stop` runs. What works then is left, and shown as working."""
    done = 0

    def seen(block: Block) -> None:
        nonlocal done
        recorder.tape.add(block)
        recorder.begun(block)
        done += len(block.times)
        progress(done, block.times[-1])

    with _rare_collection():
        for strategy in roster.strategies:
            strategy.enter()
        try:
            engine.start()
            play(source, engine, seen)
            engine.command(SystemStopped("the data ended"))
        finally:
            for strategy in roster.strategies:
                strategy.leave()


def _record(loaded: Loaded, roster: Roster, recorder: Recorder, engine: Engine, data: tuple[DataFile, ...], wall_s: float) -> RunRecord:
    config, tape, ledger = loaded.config, recorder.tape, recorder.ledger
    marks = tape.marks((roster.risk.quote_age_ms_max or 0) * MILLISECOND)
    at = moments(marks, recorder.account)
    account = curve(at, recorder.account, marks, recorder.currencies.rates)
    equity = _equity(recorder, marks)
    if len(account) and abs(account.equity[-1] - float(equity)) > TOLERANCE * max(1.0, float(config.paper.initial_cash), abs(float(equity))):
        raise InvariantError(f"the curve ends at {account.equity[-1]!r}, the books at {equity}")
    bars = config.gateway.bars.interval if config.gateway.bars is not None else roster.gateway.bar_type
    return RunRecord(
        name=loaded.files[0].stem,
        currency=config.paper.currency,
        initial_capital=add(config.paper.initial_cash, recorder.currencies.opening_worth()),
        final_cash=ledger.cash,
        final_equity=equity,
        realised=recorder.realised(),
        fees=recorder.fees(),
        interval_ns=interval_ns(bars) if Bar in tape.rows or config.gateway.bars is not None else 0,
        started_ns=recorder.started_ns,
        ended_ns=engine.now,
        symbols=tuple(i.symbol for i in roster.gateway.instruments),
        calendars={i.symbol: i.calendar for i in roster.gateway.instruments},
        curve=account,
        by_strategy={name: curve(at, book, marks, recorder.currencies.rates) for name, book in recorder.books.items()},
        prices=tape.prices(),
        fills=recorder.fills(marks),
        orders=recorder.orders(),
        cash_flows=recorder.currencies.cash_flows(),
        counts={"events": engine.seq, "bars": tape.rows.get(Bar, 0), "quotes": tape.rows.get(Quote, 0), **recorder.counts},
        denials=dict(recorder.denials),
        strategies={s.id: {"name": s.name or s.path or "", "params": s.params, "symbols": config.strategy_symbols(s)} for s in config.strategies},
        config_hash=_config_hash(config),
        data_hash=_data_hash(data),
        data=data,
        wall_s=wall_s,
        exchange=recorder.currencies.exchange(ledger),
    )


def _equity(recorder: Recorder, marks: Mapping[str, Marks]) -> Decimal:
    """Exact: money of every currency, and holdings at the newest marks and rates."""
    ledger = recorder.ledger
    total = ledger.money
    for symbol, quantity in ledger.positions().items():
        mark = marks.get(symbol)
        if mark is not None:
            price = of_float(float((mark.long if quantity > 0 else mark.short)[-1]))
            total = add(total, multiply(multiply(quantity, price), ledger.multiplier(symbol)))
    return total


def _config_hash(config: Config) -> str:
    """Of all that is in force, 32 hex digits; local paths and credentials are no part of it (`live.broker_config` of a backtest is empty)."""
    plain = config.model_dump(mode="json", exclude={"live": {"state_dir", "log_dir", "replay_journal_path"}, "journal": True, "bus": True})
    plain["gateway"]["feed"].pop("data_directory", None)
    if plain.get("data"):
        plain["data"].pop("data_directory", None)
    return hashlib.blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _data_hash(data: tuple[DataFile, ...]) -> str:
    return hashlib.blake2b("\n".join(f"{file.name} {file.digest}" for file in data).encode(), digest_size=16).hexdigest()


def _log_id(config: Config) -> str:
    """The same for the same configuration, so that a run's client order ids are too."""
    return _config_hash(config)[: 2 * LOG_ID_BYTES]


@contextmanager
def _rare_collection() -> Iterator[None]:
    """What exists by now is not looked at again by the garbage collector while the run lasts."""
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
