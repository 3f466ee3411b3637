"""Finding a strategy: a built-in or registered name, `module:Class`, or `file.py:Class`."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from .contract import Strategy, can_save
from .settings import StrategySettings
from .sources import source_digest

BUILTINS: Final = {
    "buy_and_hold": "shared.strategy.builtin.buy_and_hold:BuyAndHold",
    "moving_average_cross": "shared.strategy.builtin.moving_average_cross:MovingAverageCross",
    "pairs_trading": "shared.strategy.builtin.pairs_trading:PairsTrading",
    "harmonic_pattern": "shared.strategy.builtin.harmonic_pattern:HarmonicPattern",
}
_registered: dict[str, type[Strategy]] = {}


class StrategyNotFound(ValueError):
    """The spec names no strategy; the text says what was looked for."""


@dataclass(frozen=True, slots=True)
class LoadedStrategy:
    """digest: over its source. Calling it gives a fresh object."""

    name: str
    cls: type[Strategy]
    digest: str

    def __call__(self, params: Mapping[str, Any]) -> Strategy:
        """Constructor arguments are filled from params by name. Raises TypeError naming the one that is missing."""
        wanted = inspect.signature(self.cls).parameters.values()
        named = [p for p in wanted if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        missing = [p.name for p in named if p.default is p.empty and p.name not in params]
        if missing:
            raise TypeError(f"{self.name} needs params.{missing[0]}: its constructor takes it")
        return self.cls(**{p.name: params[p.name] for p in named if p.name in params})

    def fingerprint(self, settings: StrategySettings) -> str:
        """32 hex digits over source, parameters and everything else that can change a decision; another one starts a new run."""
        s = settings
        plain = [self.name, self.digest, s.id, s.symbols, dict(s.params), s.budget, s.warmup_bars, s.history_bars_max]
        plain += [s.since] if s.since else []
        return hashlib.blake2b(msgspec.json.encode(plain, order="deterministic"), digest_size=16).hexdigest()


def register_strategy(name: str, cls: type[Strategy]) -> None:
    """Give a class a name for this process, as notebooks do. Raises TypeError, ValueError for a name that is taken."""
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise TypeError(f"{cls!r} is not a subclass of shared.strategy.Strategy")
    if name in BUILTINS:
        raise ValueError(f"{name} is a built-in strategy")
    _registered[name] = cls


def load_strategy(spec: str, base: Path | None = None) -> LoadedStrategy:
    """base: folder a relative file is looked for in, the working directory when None. Raises StrategyNotFound; whatever the strategy's own
    module raises while it is imported comes through as it is."""
    if spec in _registered:
        cls, digest = _registered[spec], ""
    else:
        place, _, class_name = BUILTINS.get(spec, spec).rpartition(":")
        if spec.endswith(".py"):
            place, class_name = spec, ""
        if not place:
            raise StrategyNotFound(_unknown(spec))
        module = _from_file(Path(place), base) if place.endswith(".py") else _from_module(place, spec)
        cls, digest = _class_in(module, class_name, spec), _digest_of(module)
    can_save(cls)
    return LoadedStrategy(spec, cls, digest)


def _unknown(spec: str) -> str:
    near = difflib.get_close_matches(spec, [*BUILTINS, *_registered], 1)
    hint = f"; did you mean {near[0]}?" if near else f"; built in are {', '.join(BUILTINS)}"
    return f"{spec!r} is no strategy's name, module:Class or file.py:Class{hint}"


def _from_file(path: Path, base: Path | None) -> ModuleType:
    file = (path if path.is_absolute() else (base or Path()) / path).resolve()
    if not file.is_file():
        raise StrategyNotFound(f"{file} is no file")
    name = f"strategy_{file.stem}_{hashlib.blake2b(str(file).encode(), digest_size=6).hexdigest()}"
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))  # as when Python runs the file: it may import its neighbours
    module = sys.modules.get(name)
    if module is None:
        found = importlib.util.spec_from_file_location(name, file)
        assert found is not None
        assert found.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(found)
        try:
            found.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return module


def _from_module(name: str, spec: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise StrategyNotFound(f"{spec!r}: there is no module {error.name}") from None
        raise


def _digest_of(module: ModuleType) -> str:
    """Over the module and its neighbours: the rest of its package, or of its folder where it is in none."""
    if module.__file__ is None:
        return ""
    file = Path(module.__file__)
    depth = module.__name__.count(".") + (file.name == "__init__.py")
    root = file.parents[depth]
    if depth:
        return source_digest(file, root, file.parents[depth - 1])
    installed = root.name in ("site-packages", "dist-packages")  # its neighbours there are strangers
    return source_digest(file, root, file if installed else root)


def _class_in(module: ModuleType, name: str, spec: str) -> type[Strategy]:
    if name:
        cls = getattr(module, name, None)
        if isinstance(cls, type) and issubclass(cls, Strategy):
            return cls
        raise StrategyNotFound(f"{spec!r}: {name} is no subclass of shared.strategy.Strategy there")
    own = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Strategy) and c.__module__ == module.__name__]
    if len(own) != 1:
        raise StrategyNotFound(f"{spec!r} holds {len(own)} strategies; name one: {spec}:Class")
    return own[0]
