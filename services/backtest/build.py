"""From a configuration to what a backtest of it runs: one tree in, one tree inside (`shared.config.effective`), with a stated answer to what a
backtest cannot do.

Every control is as live. Two intervals that mostly cost time where the broker is in the same process are others in a file without a `live` section:
the account is read once a day, every `FILLS_UNREAD_MAX` fills and at the end, in place of every ten seconds of data (risk keeps buying power by itself),
and after every fill once a strategy has looked at `ctx.account`, which is then never older than it would be; and equity is journaled at day ends only
(`risk.mark_interval_ms: 0`, unless it is written; the curve of the report does not depend on it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.config import Config, ConfigError, Loaded, Note, Problem
from shared.config.effective import effective, trading
from shared.config.gateway import SyntheticFeed
from shared.config.strategies import BUILTIN_PARAMS
from shared.strategy.loading import load_strategy

if TYPE_CHECKING:
    from .strategies import InlineStrategy

DAY_MS: Final = 86_400_000
FILLS_UNREAD_MAX: Final = 100  # a reading tells so many executions in one event
REFUSED: Final = ("execution", "regime", "regime_detector", "regime_params", "slippage_model", "paper.slippage_model")
"""Keys that say how a backtest trades; one that is not in force would make its figures wrong, so it is refused and not only noted."""


def backtest_of(loaded: Loaded, strategy: str = "", params: Mapping[str, Any] | None = None) -> Loaded:
    """The same file with the configuration a backtest of it runs. strategy: a built-in name, `module:Class` or `file.py:Class` in place of the
    file's; params: its parameters. Raises ConfigError, ValueError naming the key, StrategyNotFound."""
    if refused := [note for note in loaded.not_in_force if _is_refused(note)]:
        file = str(loaded.files[0])
        raise ConfigError(
            [Problem(file, note.line, note.path, "not in force yet: a backtest without it would not be what it asks for") for note in refused]
        )
    config = loaded.config
    if strategy:
        config = trading(config, _spec(strategy), None if params is None else dict(params))
    elif params is not None:
        raise ValueError("--strategy-params: they are the parameters of --strategy, which is not given")
    if not config.strategies:
        raise ValueError("strategy: nothing trades; name one here, in live.strategies or with --strategy")
    ready = _as_backtest(config)
    feed = ready.gateway.feed
    if isinstance(feed, SyntheticFeed) and not feed.minutes and config.data_source != "journal":
        raise ValueError("gateway.feed.minutes: 0 is a market without an end, and a backtest needs one (or end_date)")
    return replace(loaded, config=ready)


def sparse_readings(config: Config) -> bool:
    """Whether the account of a backtest of this file is read once a day, and so has to be read at other moments too."""
    return config.live is None


def reading_wanted(fills: int, strategies: Sequence[InlineStrategy]) -> bool:
    """Whether the account of such a backtest is read now. fills: since the newest reading, more than none."""
    if fills >= FILLS_UNREAD_MAX:
        return True
    for strategy in strategies:  # noqa: SIM110 - asked after every fill: any() costs three times as much
        if strategy.consults_account:
            return True
    return False


def notes_of(loaded: Loaded) -> Sequence[Note]:
    """What a person should know: keys without a meaning here, and controls that are not in force, live neither."""
    return [*loaded.ignored, *loaded.not_in_force]


def _is_refused(note: Note) -> bool:
    return any(note.path == key or note.path.startswith(f"{key}.") for key in REFUSED)


def _spec(strategy: str) -> str:
    """As the configuration takes it; a file is meant from the working directory. Raises StrategyNotFound."""
    place, colon, name = strategy.partition(":")
    if place.endswith(".py"):
        return f"{Path(place).resolve()}{colon}{name}"
    if strategy not in BUILTIN_PARAMS and not colon:
        load_strategy(strategy)
    return strategy


def _as_backtest(config: Config) -> Config:
    made = effective(config)
    assert made.live is not None, "what is effective has a live section"
    live, risk = made.live, made.live.risk.model_copy(update={"arm": "auto"})
    changes: dict[str, Any] = {}
    if sparse_readings(config):
        changes = {"order_reconcile_interval_ms": DAY_MS, "position_reconcile_interval_ms": DAY_MS}
        if "mark_interval_ms" not in risk.model_fields_set:
            risk = risk.model_copy(update={"mark_interval_ms": 0})
    return made.model_copy(update={"live": live.model_copy(update={**changes, "risk": risk})})
