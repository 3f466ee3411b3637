"""From a configuration file to a running session and its summary: what `regimeflow live` does."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import orjson

from shared.bus.journal_errors import JournalError
from shared.config import Config, ConfigError, Loaded, Problem, load
from shared.config.live import LiveConfig
from shared.events import SystemStarted
from shared.runtime import logs
from shared.runtime.places import PlaceError, Places

from .console import Console, open_console
from .narrator import Said
from .plan import plan_for, service_command
from .running import registered
from .state_lock import StateLock
from .summary import render, summarise
from .supervisor import Job, Supervisor

DISTRIBUTION: Final = "regimeflow-live"


def launch(config_path: Path, topology: str | None, run_for_s: float | None) -> int:
    """Exit status. topology: None, what the configuration says. Raises ConfigError, PlaceError, StateInUse before anything is started."""
    loaded = load(config_path)
    places = Places.of(loaded.config)
    live = loaded.config.live
    if live is None:
        raise PlaceError("live: the section is missing")
    single = (topology or live.topology) == "single"
    if single and live.broker != "paper" and not live.allow_single:
        raise ConfigError([Problem(str(config_path), 0, "live.allow_single", "must be true for --topology single with a real broker")])
    lock = StateLock(live.state_dir)
    try:
        places.make()
        logs.configure(loaded.redactor.value)
        console = open_console(loaded.redactor.text)
        try:
            _introduce(console, config_path, loaded, live)
            with registered(config_path):
                job = Job(
                    loaded, live, places, plan_for(loaded.config, single=single), service_command(config_path), started(loaded.config), run_for_s
                )
                supervisor = Supervisor(job, console)
                status = supervisor.run()
        finally:
            console.close()
        _conclude(loaded.config, config_path, places, supervisor.head_before)
    finally:
        lock.release()
    return status


def started(config: Config) -> SystemStarted:
    """What opens a session in the log. config_hash: over the whole configuration; credentials count as stars in it."""
    try:
        build = version(DISTRIBUTION)
    except PackageNotFoundError:
        build = "source"
    plain = orjson.dumps(config.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return SystemStarted(build, hashlib.blake2b(plain, digest_size=16).hexdigest())


def _introduce(console: Console, config_path: Path, loaded: Loaded, live: LiveConfig) -> None:
    account = "paper account" if live.paper else "REAL MONEY"
    strategies = ", ".join(s.id for s in loaded.config.strategies) or "no strategy"
    console.say(Said("", "starting", f"{config_path}: {live.broker} ({account}), {', '.join(live.symbols)}; {strategies}"))
    for note in (*loaded.ignored, *loaded.not_in_force):
        console.say(Said("", "config", str(note)))


def _conclude(config: Config, config_path: Path, places: Places, head_before: int | None) -> None:
    """The summary, where everything is, and what to try next. Nothing when the session never began."""
    if head_before is None:
        return
    try:
        symbols = config.live.symbols if config.live is not None else ()
        currencies = {symbol: config.instrument(symbol).currency or config.paper.currency for symbol in symbols}
        lines = render(summarise(places.journal, head_before, currencies), wall_clock=config.bus.clock == "wall")
    except JournalError as error:
        lines = [f"the journal could not be read: {error}"]
    print("\nsummary", *(f"  {line}" for line in lines), sep="\n")
    print(f"  journal      {places.journal}", f"  audit log    {places.logs / 'audit.log'}", f"  logs         {places.logs}", sep="\n")
    print("try next", f"  regimeflow journal verify --config {config_path}", f"  regimeflow audit verify --config {config_path}", sep="\n")
    print(f"  regimeflow journal export --config {config_path} --type OrderFilled", flush=True)
