"""Message throttles: token buckets on log time, with a budget that only cancels may use.

A bucket of rate r holds r tokens and refills evenly; kept as one integer, the log time at which it is full again (the generic cell rate
algorithm), so no rounding builds up and equal histories give equal states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from .settings import FREE, RiskSettings

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
ACCOUNT: Final = ""


class Bucket(msgspec.Struct):
    """full_at: ns log time at which all tokens are back. rate: tokens per `period_ns`, and the most it holds."""

    rate: int
    period_ns: int
    full_at: int = 0

    def has_tokens(self, now: int, count: int = 1) -> bool:
        return max(self.full_at, now) - now + count * (self.period_ns // self.rate) <= self.period_ns

    def crossed(self, now: int, count: int, soft_ns: int) -> int:
        """Messages it holds with so many more, where these take it past its soft part; else 0."""
        used, each = max(self.full_at, now) - now, self.period_ns // self.rate
        return -(-used // each) + count if used <= soft_ns < used + count * each else 0

    def take(self, now: int) -> None:
        """Take one token, also where there is none: what must pass is counted against what comes later."""
        self.full_at = max(self.full_at, now) + self.period_ns // self.rate


class ThrottleState(msgspec.Struct):
    """full_at of every bucket, by its name."""

    full_at: dict[str, int] = msgspec.field(default_factory=dict)


class Throttles:
    """New orders and replaces draw on the account's and their strategy's buckets; cancels on their own first."""

    def __init__(self, settings: RiskSettings, state: ThrottleState) -> None:
        self._settings = settings
        self._buckets: dict[str, Bucket] = {}
        self._strategies: dict[str, list[tuple[str, Bucket]]] = {}
        for name, full_at in state.full_at.items():
            bucket = self._bucket(name)
            if bucket is not None:
                bucket.full_at = full_at

    def blocking(self, strategy: str, now: int, count: int = 1) -> tuple[str, int] | None:
        """The limit (key, value) that has no tokens for so many messages of this strategy at now."""
        for name, bucket in self._of(strategy):
            if not bucket.has_tokens(now, count):
                return name.split(":", 1)[0], bucket.rate
        return None

    def crossing(self, strategy: str, now: int, count: int = 1) -> Iterator[tuple[str, int, int]]:
        """(key, limit, messages) of each limit whose soft part so many messages cross."""
        for name, bucket in self._of(strategy):
            held = bucket.crossed(now, count, int(self._settings.soft_fraction * bucket.period_ns))
            if held:
                yield name.split(":", 1)[0], bucket.rate, held

    def spend(self, strategy: str, now: int) -> None:
        """A new order or replace was approved."""
        for _, bucket in self._of(strategy):
            bucket.take(now)

    def spend_cancel(self, strategy: str, now: int) -> None:
        """A cancel was approved, as every cancel is; past the reserve it uses up what new orders could have had."""
        reserve = self._bucket("cancel_reserve_per_s")
        assert reserve is not None
        if reserve.has_tokens(now):
            reserve.take(now)
        else:
            self.spend(strategy, now)

    def to_state(self) -> ThrottleState:
        """By name: buckets are made as they are asked for, and that is no part of the state."""
        return ThrottleState({name: bucket.full_at for name, bucket in sorted(self._buckets.items()) if bucket.full_at})

    def _of(self, strategy: str) -> list[tuple[str, Bucket]]:
        """The buckets a message of the strategy draws on, by name."""
        found = self._strategies.get(strategy)
        if found is None:
            own = (f"strategies.{strategy}.msgs_per_s_max", f"strategies.{strategy}.msgs_per_min_max")
            names = ("msgs_per_s_max", "msgs_per_min_max", f"strategy_msgs_per_s_max:{strategy}", *own)
            found = self._strategies[strategy] = [(name, bucket) for name in names if (bucket := self._bucket(name)) is not None]
        return found

    def _bucket(self, name: str) -> Bucket | None:
        """The bucket of a name, None where its limit is switched off. Made on first use: strategies come and go."""
        bucket = self._buckets.get(name)
        if bucket is None:
            rate = self._rate(name)
            if rate is None:
                return None
            bucket = self._buckets[name] = Bucket(rate, MINUTE if name.endswith("msgs_per_min_max") else SECOND)
        return bucket

    def _rate(self, name: str) -> int | None:
        """Of the account, of any strategy, or of one strategy's own limit; None where there is none."""
        owner, _, key = name.removeprefix("strategies.").rpartition(".")
        holder: object = self._settings
        if owner:
            entry = self._settings.strategy(owner)
            holder = FREE if entry is None else entry.limits
        rate: int | None = getattr(holder, key.split(":", 1)[0])
        return rate
