"""What single keys cannot say: values that contradict each other, names that lead nowhere. Each check yields (path, text).

The table `CHECKS` is the list; a check sees a configuration that passed the models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from shared.domain.calendar import Calendar
from shared.domain.calendars import UnknownCalendar

from . import currencies
from .brokers import CREDENTIALS, SETTINGS, AlpacaSettings
from .costs import NEEDS, CostKeys
from .gateway import BrokerFeed, FilesFeed, JournalFeed, SyntheticFeed
from .live import LiveConfig
from .nearest import nearest
from .root import Config
from .strategies import BUILTIN_PARAMS, RESERVED_IDS, StrategyConfig
from .tree import Loc

Findings: TypeAlias = Iterator[tuple[Loc, str]]

BROKER_ENTRY_POINTS: Final = "regimeflow.brokers"
PAPER_HOST: Final = "paper-api.alpaca.markets"
LIVE_HOST: Final = "api.alpaca.markets"
_KNOWN_ELSEWHERE: Final = ("binance",)  # RegimeFlow has an adapter; its files load, `config check` says that here it is missing


def _something_to_do(config: Config) -> Findings:
    filed = config.data_source in {"csv", "parquet"}
    if config.live is None and ((filed and config.data is None) or not config.symbols):
        yield ("live",), f"required key is missing (or, for a backtest, {'`data` and ' if filed else ''}`symbols`)"


def _broker(config: Config) -> Findings:
    live = config.live
    if live is None:
        return
    known = {*SETTINGS, *_KNOWN_ELSEWHERE}
    if live.broker not in known and live.broker not in (known := known | {point.name for point in entry_points(group=BROKER_ENTRY_POINTS)}):
        yield ("live", "broker"), f"no broker adapter of this name is installed; nearest: {nearest(live.broker, known)[0]}"
    if live.broker == "paper" and not live.paper:
        yield ("live", "paper"), "must be true with `broker: paper`"


def _alpaca(config: Config) -> Findings:
    live = config.live
    if live is None or not isinstance(live.broker_config, AlpacaSettings):
        return
    settings = live.broker_config
    if settings.paper is not None and settings.paper != live.paper:
        yield ("live", "broker_config", "paper"), "must equal live.paper"
    host = urlsplit(settings.base_url).hostname if settings.base_url else None
    if host == (LIVE_HOST if live.paper else PAPER_HOST):
        yield ("live", "broker_config", "base_url"), f"{host} does not go with `live.paper: {str(live.paper).lower()}`"
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    if not live.paper and key.startswith("PK"):
        yield ("live", "broker_config", "api_key"), "is a paper key, and live.paper is false"


def _real_money(config: Config) -> Findings:
    live = config.live
    if live is None or live.broker == "paper":
        return
    if config.bus.clock != "wall":
        yield ("bus", "clock"), "must be wall with a real broker"
    if config.bus.durability == "process":
        yield ("bus", "durability"), "must be orders or disk with a real broker"
    if live.topology == "single" and not live.allow_single:
        yield ("live", "topology"), "single with a real broker needs `live.allow_single: true`"
    if not isinstance(config.gateway.feed, BrokerFeed) and not live.dry_run:
        yield ("gateway", "feed", "kind"), "a real broker trades its own market data only (or with `live.dry_run: true`)"


def _feed(config: Config) -> Findings:
    feed, live = config.gateway.feed, config.live
    if live is None:
        return
    if isinstance(feed, BrokerFeed) and live.broker == "paper":
        yield ("gateway", "feed", "kind"), "the paper broker has no market data; must be synthetic, files or journal"
    if isinstance(feed, FilesFeed | JournalFeed) and feed.start is not None and feed.end is not None and feed.end <= feed.start:
        yield ("gateway", "feed", "end"), "must be after start"
    if config.gateway.bars is not None and config.gateway.bars.interval == "1d":
        yield ("gateway", "bars", "interval"), "must be at most an hour"


def _calendars(config: Config) -> Findings:
    named: list[tuple[Loc, str | None]] = [(("instruments", symbol, "calendar"), item.calendar) for symbol, item in config.instruments.items()]
    if config.live is not None:
        named.append((("live", "calendar"), config.live.calendar))
    if isinstance(config.gateway.feed, SyntheticFeed):
        named.append((("gateway", "feed", "calendar"), config.gateway.feed.calendar))
    for path, name in named:
        try:
            Calendar.named(name or "24x7")
        except UnknownCalendar as error:
            yield path, str(error)


def _transport(config: Config) -> Findings:
    if config.bus.transport == "tcp":
        for key in ("endpoint", "keys_directory"):
            if getattr(config.bus, key) is None:
                yield ("bus", key), "required key is missing with `transport: tcp`"
    elif config.bus.endpoint is not None:
        yield ("bus", "endpoint"), "has no meaning with `transport: ipc`"


def _timing(config: Config) -> Findings:
    live = config.live
    if live is None:
        return
    if live.reconnect.max_ms < live.reconnect.initial_ms:
        yield ("live", "reconnect", "max_ms"), f"must be at least initial_ms ({live.reconnect.initial_ms})"
    gone_ms = live.risk.heartbeat_ms * live.risk.missed_max
    if live.deadman.after_s * 1_000 <= gone_ms:
        yield ("live", "deadman", "after_s"), f"must be longer than the heartbeat time-out, live.risk.heartbeat_ms x missed_max = {gone_ms} ms"


def _dates(config: Config) -> Findings:
    if config.start_date and config.end_date and config.end_date < config.start_date:
        yield ("end_date",), "must not be before start_date"


def _margin(config: Config) -> Findings:
    places: list[tuple[Loc, object]] = [(("account", "margin"), config.account.margin)]
    if config.live is not None and config.live.account is not None:
        places.append((("live", "account", "margin"), config.live.account.margin))
    for path, margin in places:
        initial, maintenance = getattr(margin, "initial_margin_ratio", None), getattr(margin, "maintenance_margin_ratio", None)
        if initial is not None and maintenance is not None and maintenance > initial:
            yield (*path, "maintenance_margin_ratio"), "must not be above initial_margin_ratio"


def _costs(config: Config) -> Findings:
    costs: list[tuple[Loc, CostKeys]] = [((), config), (("paper",), config.paper)]
    for path, keys in costs:
        for kind, model, params in (
            ("slippage", keys.slippage_model, keys.slippage_params),
            ("commission", keys.commission_model, keys.commission_params),
        ):
            need = NEEDS.get((kind, model))
            if need is not None and getattr(params, need) in (None, ()):
                yield (*path, f"{kind}_params", need), f"required key is missing with `{kind}_model: {model}`"


def _symbols(config: Config) -> Findings:
    """Every symbol named anywhere is one that is traded: a slip there would silently leave the real one at its defaults."""
    live = config.live
    traded = tuple(dict.fromkeys((*(live.symbols if live is not None else ()), *config.symbols)))
    lists: list[tuple[Loc, tuple[str, ...]]] = [(("symbols",), config.symbols)]
    if live is not None:
        lists.append((("live", "symbols"), live.symbols))
    for path, symbols in lists:
        for i, symbol in enumerate(symbols):
            if symbol in symbols[:i]:
                yield (*path, i), f"{symbol} is listed twice"
    named: list[Loc] = [("instruments", symbol) for symbol in config.instruments]
    feed = config.gateway.feed
    if isinstance(feed, SyntheticFeed):
        named += [("gateway", "feed", "prices", symbol) for symbol in feed.prices]
    for path, strategy in _strategies(config):
        named += [(*path, "symbols", i, symbol) for i, symbol in enumerate(strategy.symbols)]
    for path in named:
        if path[-1] not in traded:
            place = path[:-1] if isinstance(path[-2], int) else path
            yield place, f"{path[-1]} is not in live.symbols; nearest: {nearest(str(path[-1]), traded)[0]}"


def _strategies(config: Config) -> Iterator[tuple[Loc, StrategyConfig]]:
    if config.strategy is not None:
        yield ("strategy",), config.strategy
    if config.live is not None:
        for i, strategy in enumerate(config.live.strategies):
            yield ("live", "strategies", i), strategy


def _strategy_entries(config: Config) -> Findings:
    if config.strategy is not None and config.live is not None and config.live.strategies:
        yield ("strategy",), "is the short form of live.strategies; give one of them"
    seen: set[str] = set()
    for path, strategy in _strategies(config):
        if strategy.id in seen:
            yield (*path, "id"), f"{strategy.id} is used twice"
        seen.add(strategy.id)
        yield from (((*path, *at), text) for at, text in entry_faults(strategy))


def entry_faults(strategy: StrategyConfig) -> Findings:
    """What one entry cannot be by itself; paths within it."""
    if strategy.id in RESERVED_IDS:
        yield ("id",), f"{strategy.id} is the engine's own"
    if strategy.warmup_bars > strategy.history_bars_max:
        yield ("warmup_bars",), f"must be at most history_bars_max ({strategy.history_bars_max})"
    if (strategy.name is None) == (strategy.path is None):
        yield ("name",), "required key is missing (or `path`)" if strategy.name is None else "give `name` or `path`, not both"
    elif strategy.name is not None and strategy.name not in BUILTIN_PARAMS:
        near = nearest(strategy.name, BUILTIN_PARAMS)[0]
        yield ("name",), f"no strategy {strategy.name!r} is built in; nearest: {near} (your own: `path: module:Class`)"
    known = BUILTIN_PARAMS.get(strategy.name or "")
    for key, value in strategy.params.items() if known is not None else ():
        kinds = (known or {}).get(key)
        if kinds is None:
            yield ("params", key), f"unknown key; nearest: {nearest(key, known or {})[0]}"
        elif not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            yield ("params", key), f"must be {_KINDS.get(kinds, 'a number')}, got {value!r}"


_KINDS: Final[dict[tuple[type, ...], str]] = {(int,): "a whole number", (bool,): "true or false", (str,): "text"}


def _budgets(config: Config) -> Findings:
    if config.live is None or config.live.broker != "paper":
        return
    total = sum(strategy.budget for strategy in config.strategies if strategy.budget is not None)
    if total > config.paper.initial_cash:
        yield ("paper", "initial_cash"), f"is less than the budgets of the strategies, {total}"


def _balances(config: Config) -> Findings:
    own, rated = currencies.account_currency(config), {*config.currencies, *currencies.fixed_rates(config)}
    for name in config.paper.balances:
        if name == own:
            yield ("paper", "balances", name), "is the account's own currency; its money is paper.initial_cash"
        elif name not in rated:
            yield ("paper", "balances", name), f"nobody says what it is worth; give `currencies.{name}`"


CHECKS: Final[tuple[Callable[[Config], Findings], ...]] = (
    _something_to_do,
    _broker,
    _alpaca,
    _real_money,
    _feed,
    _calendars,
    _transport,
    _timing,
    _dates,
    _margin,
    _costs,
    _symbols,
    currencies.check,
    _strategy_entries,
    _budgets,
    _balances,
)


def missing_credentials(live: LiveConfig) -> Findings:
    """What the broker cannot do without and neither the file nor the environment gave."""
    for key, variable in CREDENTIALS.get(live.broker, {}).items():
        if getattr(live.broker_config, key) in (None, ""):
            yield (
                ("live", "broker_config", key),
                f"required key is missing with `broker: {live.broker}`; write it or set {variable} (or {variable}_FILE)",
            )
