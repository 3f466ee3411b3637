"""Random generators a strategy run: what user code draws from `random` and `numpy.random` is seeded, its own, and part of its snapshot.

Several strategies share a worker, and which ones is an accident of leases; so the modules' own functions, which draw from one generator a
process, are pointed at the generator of the strategy being called (a thread at a time; code outside a strategy keeps the process's).
Promise: the same run draws the same numbers whatever else its worker runs. Not covered: generators user code makes for itself without a
seed, `random.SystemRandom`, `secrets`, `uuid4`, and functions imported by name from numpy.random: `check-strategy` finds them.
"""

from __future__ import annotations

import hashlib
import random
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import msgspec

_current = threading.local()


class _State(msgspec.Struct, frozen=True, array_like=True):
    """Mersenne Twister states. standard: (version, words and position, next gauss). numpy: (key, position, has_gauss, cached gauss)."""

    standard: tuple[int, tuple[int, ...], float | None]
    numpy: tuple[bytes, int, int, float] | None


_decode: Final = msgspec.msgpack.Decoder(_State).decode


class SeededGenerators:
    """One strategy's generators: `random`'s, and numpy.random's where numpy was imported before (a strategy is loaded before its generators
    are made)."""

    def __init__(self) -> None:
        _install()
        self.standard = random.Random()  # noqa: S311 - simulation, not secrets
        self.legacy: Any = None  # numpy calls its module-level generator so
        if "numpy" in sys.modules:
            import numpy as np

            self.legacy = np.random.RandomState()

    def seed(self, text: str) -> None:
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        self.standard.seed(digest)
        if self.legacy is not None:
            self.legacy.seed(list(memoryview(digest).cast("I")))

    def enter(self) -> None:
        """Draws on this thread come from here until `leave`."""
        _current.generators = self

    def leave(self) -> None:
        _current.generators = None

    def save(self) -> bytes:
        version, words, gauss = self.standard.getstate()
        numpy = None
        if self.legacy is not None:
            _, key, position, has_gauss, cached = self.legacy.get_state()
            numpy = (key.astype("<u4").tobytes(), int(position), int(has_gauss), float(cached))
        return msgspec.msgpack.encode(_State((version, words, gauss), numpy))

    def load(self, state: bytes) -> None:
        s = _decode(state)
        self.standard.setstate(s.standard)
        if self.legacy is not None and s.numpy is not None:
            import numpy as np

            key, position, has_gauss, cached = s.numpy
            self.legacy.set_state(("MT19937", np.frombuffer(key, "<u4"), position, has_gauss, cached))


def _install() -> None:
    """Point the module-level functions at the current strategy's generator. Doing it again does nothing more."""
    _redirect(random, random._inst, lambda g: g.standard)  # noqa: SLF001 - the instance behind the module
    if "numpy" in sys.modules:
        import numpy as np

        shared = np.random.mtrand._rand  # noqa: SLF001 - the instance behind numpy.random's functions
        _redirect(np.random, shared, lambda g: g.legacy)
        if not hasattr(np.random.seed, "redirected"):
            np.random.seed = _redirected("seed", shared, lambda g: g.legacy)


def _redirect(module: ModuleType, shared: object, own: Callable[[SeededGenerators], object]) -> None:
    for name, value in list(vars(module).items()):
        if getattr(value, "__self__", None) is shared:
            setattr(module, name, _redirected(name, shared, own))


def _redirected(name: str, shared: object, own: Callable[[SeededGenerators], object]) -> Callable[..., Any]:
    def draw(*args: Any, **kwargs: Any) -> Any:
        generators = getattr(_current, "generators", None)
        return getattr(shared if generators is None else own(generators) or shared, name)(*args, **kwargs)

    draw.__name__ = name
    draw.redirected = True  # type: ignore[attr-defined]
    return draw


_install()  # with this module's import, so that a strategy's own `from random import random` takes what is redirected
