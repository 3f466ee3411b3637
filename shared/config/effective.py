"""What a backtest of a file uses, said in the words of the live sections: the one mapping of RegimeFlow's flat keys.

Promises: pure; every value comes from the file or from one stated default; the answer of an answer is itself. A flat key that is written
goes before the section it stands for; one that is not leaves that section as it is where the file has a `live` session, and is in force
with its own default where it has none.

| flat | section |
|---|---|
| `initial_capital`, `currency` | `paper.initial_cash`, `paper.currency` |
| `slippage_model`, `slippage_params`, `commission_model`, `commission_params` | `paper`, same names |
| `execution.simulation.bar_mode`, `execution.latency.ms` | `paper.bar_mode`, `paper.latency_ms` |
| `execution.account.margin`, `execution.routing` | `account.margin`, `live.routing` |
| `symbols`, `risk` | `live.symbols`, `live.risk` |
| `data_source`, `data`, `bar_type`, `start_date`, `end_date` | `gateway.feed` |

A backtest trades the paper venue (`live.broker: paper`), sends its orders, and goes by data time (`bus.clock: feed`), whatever the file's
live session does.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from pydantic import JsonValue

from shared.domain.calendar import Calendar, OutsideCalendar

from .base import Section
from .brokers import PaperSettings
from .execution import AccountConfig
from .gateway import FilesFeed, JournalFeed, SyntheticFeed
from .live import LiveConfig
from .root import Config
from .strategies import BUILTIN_PARAMS, ShortStrategy

PAPER: Final[dict[str, str]] = {
    "initial_capital": "initial_cash",
    "currency": "currency",
    "slippage_model": "slippage_model",
    "slippage_params": "slippage_params",
    "commission_model": "commission_model",
    "commission_params": "commission_params",
}
"""Flat key and its key in `paper`. A model and its parameters go together."""

_TOGETHER: Final = {"slippage_params": "slippage_model", "commission_params": "commission_model"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_NS: Final = 60_000_000_000


def effective(config: Config) -> Config:
    """The configuration whose `live`, `paper`, `account`, `gateway` and `bus` sections are those of a backtest of this file.

    Raises ValueError naming the key that a backtest cannot do without.
    """
    symbols = config.backtest_symbols
    if not symbols:
        raise ValueError("symbols: required key is missing for a backtest (or live.symbols)")
    live = config.live or LiveConfig(broker="paper", symbols=symbols)
    execution = config.execution
    account = execution.account if "margin" in execution.account.model_fields_set else AccountConfig(margin=config.margin)
    routing = {"routing": execution.routing, "execution": None} if "routing" in execution.model_fields_set else {}
    mapped: dict[str, Any] = {
        "live": live.model_copy(
            update={
                "broker": "paper",
                "broker_config": PaperSettings(),
                "paper": True,
                "dry_run": False,
                "symbols": symbols,
                "risk": config.backtest_risk,
                "account": None,
                "topology": "single",
                **routing,
            }
        ),
        "account": AccountConfig(margin=account.margin),
        "paper": config.paper.model_copy(update=_paper(config)),
        "bus": config.bus.model_copy(update={"clock": "feed", "durability": "process", "transport": "ipc"}),
    }
    timeless = config.model_copy(update=mapped)
    return timeless.model_copy(update={"gateway": config.gateway.model_copy(update=_gateway(config, timeless))})


def trading(config: Config, source: str, params: dict[str, JsonValue] | None = None) -> Config:
    """The same file with one strategy, named on the command line: a built-in name, `module:Class` or `file.py:Class`. params: its parameters;
    `strategy_params` of the file when None."""
    given = config.strategy_params if params is None else params
    place = {"name": source} if source in BUILTIN_PARAMS else {"path": source}
    warmup = given.get("warmup_bars", 0)
    strategy = ShortStrategy.model_validate({**place, "params": given, "warmup_bars": warmup})
    live = config.live.model_copy(update={"strategies": ()}) if config.live is not None else None
    return config.model_copy(update={"strategy": strategy, "live": live})


def written_as(config: Config, key: tuple[str, ...]) -> str:
    """The key, dotted, that gives a backtest of the file what `effective` says under `key`: its flat name where that is in force."""
    section, name = key[:2] if len(key) > 1 else (key[0], "")
    rest = ".".join(key[2:])
    if section == "paper":
        flat = next((flat for flat, place in PAPER.items() if place == name and _in_force(config, flat)), "")
        if name == "bar_mode" and _written(config.execution.simulation, "bar_mode"):
            flat = "execution.simulation.bar_mode"
        elif name == "latency_ms" and _written(config.execution.latency, "ms"):
            flat = "execution.latency.ms"
    elif (section, name) == ("live", "symbols"):
        flat = "symbols" if config.symbols else ""
    elif (section, name) == ("live", "risk"):
        flat = "risk" if config.risk is not None else ""
    elif (section, name) == ("live", "routing"):
        flat = "execution.routing" if _written(config.execution, "routing") else ""
    elif (section, name) == ("account", "margin"):
        flat = "execution.account.margin" if _written(config.execution.account, "margin") else ""
    else:
        flat = ""
    if not flat:
        return ".".join(key)
    return f"{flat}.{rest}" if rest else flat


def _paper(config: Config) -> dict[str, Any]:
    keys = [key for key in PAPER if _in_force(config, key)]
    found = {PAPER[key]: getattr(config, key) for key in keys}
    simulation, latency = config.execution.simulation, config.execution.latency
    if "bar_mode" in simulation.model_fields_set:
        found["bar_mode"] = simulation.bar_mode
    if "ms" in latency.model_fields_set:
        found["latency_ms"] = latency.ms
    return found


def _in_force(config: Config, key: str) -> bool:
    """Whether a flat key goes before its section: written (a model brings its parameters), or no live session whose section would stand."""
    return _written(config, key) or _written(config, _TOGETHER.get(key, key)) or config.live is None


def _written(section: Section, key: str) -> bool:
    return key in section.model_fields_set


def _gateway(config: Config, timeless: Config) -> dict[str, Any]:
    """timeless: the mapped configuration but for its feed; its symbols have the calendars that dates are read by."""
    feed, kind = config.gateway.feed, config.data_source
    if kind == "journal":
        recorded = feed if isinstance(feed, JournalFeed) else JournalFeed(kind="journal", path=config.journal_path)
        return {"feed": recorded.model_copy(update=_days(timeless))}
    if config.data is not None and kind != "synthetic":
        files: dict[str, Any] = {"kind": "files", **config.data.model_dump(), "bar_type": config.bar_type}
        if kind == "parquet" and not _written(config.data, "file_pattern"):
            files["file_pattern"] = "{symbol}.parquet"
        return {"feed": FilesFeed.model_validate({**files, **_days(timeless)}), "bars": None}
    if kind == "synthetic" or (isinstance(feed, SyntheticFeed) and not _written(config, "data_source")):
        made = feed if isinstance(feed, SyntheticFeed) else SyntheticFeed(kind="synthetic")
        return {"feed": made.model_copy(update=_span(made, timeless))}
    if isinstance(feed, JournalFeed):
        return {"feed": feed.model_copy(update=_days(timeless))}
    if isinstance(feed, FilesFeed):
        bar_type = {"bar_type": config.bar_type} if _written(config, "bar_type") else {}
        return {"feed": feed.model_copy(update={**bar_type, **_days(timeless)})}
    raise ValueError(f"data: required key is missing for a backtest with `data_source: {kind}`")


def _days(config: Config) -> dict[str, datetime]:
    """`start_date` and `end_date` as moments: the widest span of those trading dates among the calendars of the symbols."""
    calendars = [Calendar.named(config.instrument(symbol).calendar or "24x7") for symbol in config.backtest_symbols]
    found = {}
    try:
        if config.start_date is not None:
            found["start"] = _moment(min(c.usual_session(_iso(config.start_date)).pre_ns for c in calendars))
        if config.end_date is not None:
            found["end"] = _moment(max(c.usual_session(_iso(config.end_date)).post_ns for c in calendars))
    except OutsideCalendar as error:
        raise ValueError(f"start_date, end_date: {error}") from None
    return found


def _span(feed: SyntheticFeed, config: Config) -> dict[str, Any]:
    """A made market has a first minute and a length in trading minutes of its own calendar."""
    calendar = Calendar.named(feed.calendar)
    first = config.start_date or feed.start.date()
    found: dict[str, Any] = {}
    try:
        if config.start_date is not None:
            found["start"] = _moment(calendar.usual_session(_iso(first)).open_ns)
        if config.end_date is None:
            return found
        days = (first + timedelta(days=i) for i in range((config.end_date - first).days + 1))
        sessions = [session for day in days if (session := calendar.session(_iso(day))) is not None]
    except OutsideCalendar as error:
        raise ValueError(f"start_date, end_date: {error}") from None
    found["minutes"] = max(1, sum((session.close_ns - session.open_ns) // _MINUTE_NS for session in sessions))
    return found


def _iso(day: date) -> str:
    return day.isoformat()


def _moment(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1_000)
