"""Limits an operator changed while running: which stand beside the configuration, what they make of it, and when they end.

An override is a fact (`LimitOverridden`), in force from the sequence number of the command it answers. It outlives restarts: a run with the
same or another configuration starts from that configuration with what still stands laid over it. It ends when it is cleared, or with the
first clock event at or past its time. A scope's override stands beside the account's limit: the stricter one decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.config.changes import AMONG, LimitValue, Value, limit_key, limit_value, shown
from shared.events import LimitChanged, LimitOverridden, Scope

from .settings import FREE, OF_ONE, RENAMED, Bounds, RiskSettings

SET: Final = "set"
CLEARED: Final = "cleared"
EXPIRED: Final = "expired"
REFUSED: Final = "refused"

_ZERO_IS_NONE: Final = frozenset({"msgs_per_s_max", "msgs_per_min_max", "duplicate_order_window_ms"})  # RegimeFlow's 0: no bound


class Overrides(msgspec.Struct):
    """standing: by "scope:scope_key:key"."""

    standing: dict[str, LimitOverridden] = msgspec.field(default_factory=dict)

    def fold(self, e: LimitOverridden) -> bool:
        """Whether a limit is another one now."""
        if e.outcome == SET:
            self.standing[_name(e)] = e
        elif e.outcome != REFUSED:
            self.standing.pop(_name(e), None)
        return e.outcome != REFUSED

    def next_end(self) -> int:
        """ns at which the next override ends, 0: none does."""
        return min((o.expires_at for o in self.standing.values() if o.expires_at), default=0) if self.standing else 0


def effective(config: RiskSettings, overrides: Overrides) -> RiskSettings:
    """The configuration with what stands. An override of a strategy that is gone waits for its return."""
    settings = config
    for o in overrides.standing.values():
        if o.scope is not Scope.STRATEGY or settings.strategy(o.scope_key) is not None:
            settings = _with(settings, o.scope, o.scope_key, limit_value(o.key, o.new, AMONG[o.scope]))
    return settings


def answer(e: LimitChanged, now: int, config: RiskSettings, overrides: Overrides) -> LimitOverridden:
    """What becomes of a command."""
    text = f"{e.operator}: {e.reason}"[:200]
    try:
        return _answer(e, now, config, overrides, text)
    except ValueError as error:
        return LimitOverridden(e.command, REFUSED, e.scope, e.scope_key[:64], e.key[:64], "", e.value[:64], e.expires_at, str(error)[:200])


def _answer(e: LimitChanged, now: int, config: RiskSettings, overrides: Overrides, text: str) -> LimitOverridden:
    if e.scope is Scope.STRATEGY and config.strategy(e.scope_key) is None:
        raise ValueError(f"no strategy is called {e.scope_key[:32]!r}")
    if (e.scope is Scope.GLOBAL) is not (e.scope_key == ""):
        raise ValueError(f"a limit of {e.scope} names {'none' if e.scope is Scope.GLOBAL else 'which'}")
    settings = effective(config, overrides)
    if not e.value:
        key = limit_key(e.key, AMONG[e.scope])
        standing = overrides.standing.get(f"{e.scope}:{e.scope_key}:{key}")
        if standing is None:
            raise ValueError(f"{key}: nothing was changed that could be cleared")
        new = shown(_value(config, e.scope, e.scope_key, key))
        return LimitOverridden(e.command, CLEARED, e.scope, e.scope_key, key, standing.new, new, 0, text)
    if e.expires_at and e.expires_at <= now:
        raise ValueError(f"{e.key[:64]}: ends before it begins")
    limit = limit_value(e.key, e.value, AMONG[e.scope])
    _with(settings, e.scope, e.scope_key, limit)
    old = shown(_value(settings, e.scope, e.scope_key, limit.key))
    return LimitOverridden(e.command, SET, e.scope, e.scope_key, limit.key, old, limit.text, e.expires_at, text)


def ended(now: int, config: RiskSettings, overrides: Overrides) -> Iterator[LimitOverridden]:
    """Overrides whose time is over."""
    for o in overrides.standing.values():
        if 0 < o.expires_at <= now:
            new = shown(_value(config, o.scope, o.scope_key, o.key))
            yield msgspec.structs.replace(o, outcome=EXPIRED, old=o.new, new=new)


def _name(e: LimitOverridden) -> str:
    return f"{e.scope}:{e.scope_key}:{e.key}"


def setting_of(key: str, scope: Scope) -> str:
    """Our name of a configuration key: of `RiskSettings`, or of `Bounds` where it is one strategy's or symbol's."""
    name = key.rpartition(".")[2]
    name = RENAMED.get(name, name)
    return OF_ONE.get(name, name) if scope is Scope.STRATEGY else name


def _bounds(settings: RiskSettings, scope: Scope, scope_key: str) -> Bounds:
    if scope is Scope.SYMBOL:
        return settings.symbol_limits.get(scope_key, FREE)
    entry = settings.strategy(scope_key)
    return FREE if entry is None else entry.limits


def _value(settings: RiskSettings, scope: Scope, scope_key: str, key: str) -> Value:
    holder: object = settings if scope is Scope.GLOBAL else _bounds(settings, scope, scope_key)
    value: Value = getattr(holder, setting_of(key, scope))
    return value


def _with(settings: RiskSettings, scope: Scope, scope_key: str, limit: LimitValue) -> RiskSettings:
    """Raises ValueError where the engine knows it for no limit."""
    name, value = setting_of(limit.key, scope), limit.value
    changed: dict[str, Any] = {name: None if value == 0 and name in _ZERO_IS_NONE else value}
    if scope is Scope.GLOBAL:
        return msgspec.structs.replace(settings, **changed)
    bounds = msgspec.structs.replace(_bounds(settings, scope, scope_key), **changed)
    if scope is Scope.SYMBOL:
        return msgspec.structs.replace(settings, symbol_limits={**settings.symbol_limits, scope_key: bounds})
    entries = [msgspec.structs.replace(s, limits=bounds) if s.id == scope_key else s for s in settings.strategies]
    return msgspec.structs.replace(settings, strategies=tuple(entries))
