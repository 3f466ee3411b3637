"""Config parity: everything in two configurations that could make live trading differ from its backtest, named, with what it does.

Compared is what is in force: on one side the backtest of a file in the words of the live sections (`effective`), on the other the live
session of a file, often the same. Pure; nothing is connected and no file is read. `parity_rules` says what a difference in a key means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from .effective import effective, written_as
from .live import LiveConfig
from .parity_data import data_rows
from .parity_rules import Treatment, Verdict, rule_of
from .problems import Note
from .redaction import MASK, is_secret_name
from .root import Config
from .strategies import StrategyConfig

SECTIONS: Final = ("live", "currencies", "paper", "account", "gateway", "execution", "execution_model", "regime_detector", "regime_params", "regime")
BROKERS_OWN: Final = "the broker's own"
_NOT_GIVEN: Final = "not given"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that must agree. Values are JSON values. why: what the difference does; empty on pass."""

    topic: str
    backtest_key: str
    live_key: str
    backtest: Any
    live: Any
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True)
class Parity:
    rows: tuple[Row, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows."""
        found = {row.verdict for row in self.rows}
        return next((v for v in (Verdict.FAIL, Verdict.WARN) if v in found), Verdict.PASS)

    def count(self, verdict: Verdict) -> int:
        return sum(row.verdict is verdict for row in self.rows)


def compare(backtest: Config, live: Config, backtest_notes: Sequence[Note] = (), live_notes: Sequence[Note] = ()) -> Parity:
    """backtest: the file whose backtest is meant; live: the file whose live session is. Notes: keys of each that are accepted and not in
    force. Raises ValueError naming the key that a side cannot do without."""
    if live.live is None:
        raise ValueError("live: required key is missing in the live configuration")
    tested, traded = effective(backtest), _folded(live, live.live)
    rows = [
        *_strategies(backtest, tested, traded),
        *_symbols(backtest, tested, traded),
        *_instruments(tested, traded),
        *(Row("data", key, key, a, b, verdict, why) for key, a, b, verdict, why in data_rows(tested, traded)),
        *_time(traded),
        *_broker(live.live),
        *_sections(backtest, tested, traded),
        *_notes("backtest", backtest_notes),
        *_notes("live", live_notes),
    ]
    return Parity(tuple(rows))


def _folded(config: Config, live: LiveConfig) -> Config:
    """Second places of live settings in their first."""
    routing = {"routing": live.execution.routing} if live.execution is not None and "routing" in live.execution.model_fields_set else {}
    account = config.account.model_copy(update={"margin": config.margin})
    return config.model_copy(update={"live": live.model_copy(update={**routing, "account": None}), "account": account})


def _row(topic: str, keys: tuple[str, str], values: tuple[Any, Any], verdict: Verdict, why: str) -> Row:
    same = values[0] == values[1]
    return Row(topic, *keys, *values, Verdict.PASS if same else verdict, "" if same else why)


def _sections(backtest: Config, tested: Config, traded: Config) -> Iterator[Row]:
    """Every key that both sides have in the same place, by its rule."""
    a = _leaves({name: _plain(getattr(tested, name)) for name in SECTIONS})
    b = _leaves({name: _plain(getattr(traded, name)) for name in SECTIONS})
    broker = traded.live.broker if traded.live is not None else "paper"
    for key in sorted({*a, *b}):
        rule = rule_of(key)
        if rule is None or isinstance(rule.verdict, Treatment):
            continue
        verdict, why, values = rule.verdict, rule.why, (a.get(key, _NOT_GIVEN), b.get(key, _NOT_GIVEN))
        if broker != "paper" and key[0] in ("paper", "execution"):
            verdict, why, values = Verdict.WARN, "an assumption of the backtest: live it is the broker's", (values[0], BROKERS_OWN)
        yield _row(rule.topic, (written_as(backtest, key), ".".join(key)), values, verdict, why)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Values by path; an empty section is a value."""
    found: dict[tuple[str, ...], Any] = {}
    for name, value in tree.items():
        key = (*above, str(name))
        if isinstance(value, Mapping) and value:
            found.update(_leaves(value, key))
        else:
            found[key] = MASK if is_secret_name(str(name)) and value else value
    return found


def _strategies(backtest: Config, tested: Config, traded: Config) -> Iterator[Row]:
    a, b = {s.id: s for s in tested.strategies}, {s.id: s for s in traded.strategies}
    pairs = [(a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))]
    if len(a) == len(b) == 1:
        pairs = [(next(iter(a.values())), next(iter(b.values())))]  # the short form has an id nobody chose
    for mine, other in pairs:
        if mine is None or other is None:
            name = (mine or other).id  # type: ignore[union-attr]  # one of them is there
            values = ("trades", "absent") if mine is not None else ("absent", "trades")
            yield _row("strategy", (f"live.strategies.{name}",) * 2, values, Verdict.FAIL, "it trades on one side only")
            continue
        yield from _strategy(mine, other, (_place(backtest, mine), _place(traded, other)))
        yield from _budget(mine, other, tested, traded)
    if not pairs:
        yield Row("strategy", "strategy", "live.strategies", None, None, Verdict.WARN, "no strategy is configured on either side")


def _strategy(mine: StrategyConfig, other: StrategyConfig, places: tuple[str, str]) -> Iterator[Row]:
    """Every field of both, parameters one by one."""
    a, b = (_leaves(s.model_dump(mode="json", exclude={"budget", "symbols"})) for s in (mine, other))
    for key in sorted({*a, *b}):
        verdict, why = Verdict.FAIL, "the strategy decides otherwise"
        if key[0] == "id":
            verdict, why = Verdict.WARN, "orders have other ids, so they cannot be matched one to one"
        elif key[0] == "callback_ms_max":
            verdict, why = Verdict.WARN, "live a slow callback halts the strategy at another time; a backtest waits"
        elif key[0] == "limits":
            why = "an order that passes here is denied there"
        values = (a.get(key, _NOT_GIVEN), b.get(key, _NOT_GIVEN))
        if {} in values and _NOT_GIVEN in values:
            continue  # an empty section here, a filled one there: its keys have their own rows
        name = ".".join(key)
        yield _row("strategy", (f"{places[0]}.{name}", f"{places[1]}.{name}"), values, verdict, why)


def _place(config: Config, strategy: StrategyConfig) -> str:
    return "strategy" if config.strategy is not None else f"live.strategies.{strategy.id}"


def _budget(mine: StrategyConfig, other: StrategyConfig, tested: Config, traded: Config) -> Iterator[Row]:
    keys = (f"{_place(tested, mine)}.budget", f"{_place(traded, other)}.budget")
    a = str(tested.budgets(tested.paper.initial_cash)[mine.id])
    why = "its book opens with another cash"
    if traded.live is not None and traded.live.broker != "paper" and other.budget is None:
        yield Row("strategy", *keys, a, "a share of the account's cash", Verdict.WARN, why)
        return
    b = str(traded.budgets(traded.paper.initial_cash)[other.id])
    yield _row("strategy", keys, (a, b), Verdict.FAIL, why)


def _symbols(backtest: Config, tested: Config, traded: Config) -> Iterator[Row]:
    keys = (written_as(backtest, ("live", "symbols")), "live.symbols")
    yield from _listed("symbols", keys, _live(tested).symbols, _live(traded).symbols, "the same symbols are not watched or traded")
    mine, others = tested.strategies, traded.strategies
    for strategy in mine:
        other = others[0] if len(mine) == len(others) == 1 else next((s for s in others if s.id == strategy.id), None)
        if other is not None:
            names = (f"{_place(backtest, strategy)}.symbols", f"{_place(traded, other)}.symbols")
            yield from _listed("strategy", names, tested.strategy_symbols(strategy), traded.strategy_symbols(other), "it may trade other symbols")


def _listed(topic: str, keys: tuple[str, str], a: Sequence[str], b: Sequence[str], why: str) -> Iterator[Row]:
    """Another order alone is a warning: at equal times symbols come in that order."""
    verdict = Verdict.FAIL if set(a) != set(b) else Verdict.WARN
    order = "in another order: at equal times symbols are told in this order"
    yield _row(topic, keys, (list(a), list(b)), verdict, why if verdict is Verdict.FAIL else order)


def _instruments(tested: Config, traded: Config) -> Iterator[Row]:
    """Calendar, tick, lot and the rest, as in force, of each symbol both sides have."""
    traded_symbols = _live(traded).symbols
    for symbol in _live(tested).symbols:
        if symbol not in traded_symbols:
            continue
        a, b = (c.instrument(symbol).model_dump(mode="json") for c in (tested, traded))
        for name in a:
            why = "sessions, day ends and time zone are others" if name == "calendar" else "quantities, prices or values of orders are others"
            verdict = Verdict.FAIL if name not in ("sector", "industry", "easy_to_borrow", "average_daily_volume") else Verdict.WARN
            yield _row("instruments", (f"instruments.{symbol}.{name}",) * 2, (a[name], b[name]), verdict, why)


def _time(traded: Config) -> Iterator[Row]:
    why = "live goes by the wall clock: what takes time (callbacks, requests, risk's ages and windows) counts there and not in the backtest"
    yield _row("time", ("bus.clock",) * 2, ("feed", traded.bus.clock), Verdict.WARN, why)


def _broker(live: LiveConfig) -> Iterator[Row]:
    why = "fills, fees, margin and refusals are the broker's; the backtest's are a model"
    yield _row("fills", ("live.broker",) * 2, ("paper", live.broker), Verdict.WARN, why)


def _notes(side: str, notes: Sequence[Note]) -> Iterator[Row]:
    for note in notes:
        values = {"backtest": None, "live": None, side: "set, not in force"}
        yield Row("not in force", note.path, note.path, values["backtest"], values["live"], Verdict.WARN, f"{side}: {note.text}")


def _live(config: Config) -> LiveConfig:
    assert config.live is not None  # both sides have one by now
    return config.live
