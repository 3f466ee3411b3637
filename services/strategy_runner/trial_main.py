"""A trial process of `check-strategy`: a task on standard input, its result on standard output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from shared.events import StrategyBlocked, encode_body
from shared.strategy.loading import load_strategy

from .check import TrialResult, TrialTask, pack_rows, unpack_rows, unpack_settings
from .host import StrategyHost
from .saved import SaveError
from .trial import Trial, random_cuts
from .watchdog import Watchdog


def main() -> None:
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the strategy prints must not mix with the answer

    def reply(result: TrialResult) -> None:
        answer.write(msgspec.msgpack.encode(result))
        answer.flush()
        os._exit(0)  # a blocked callback would keep the process

    def blocked(event: StrategyBlocked) -> None:
        reply(TrialResult(saves=saves, deterministic=loaded.cls.deterministic, blocked=encode_body(event)))

    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=TrialTask)
    settings = unpack_settings(task.settings)
    try:
        loaded = load_strategy(task.spec, Path(task.base))
    except Exception as error:  # noqa: BLE001 - user code is imported; whatever it raises is the answer
        reply(TrialResult(error=f"{task.spec} does not load: {type(error).__name__}: {error}"))
        return
    watchdog = Watchdog(blocked)
    saves = hasattr(loaded.cls, "save")
    rows = unpack_rows(task.rows)
    cuts = random_cuts(len(rows), task.cuts, task.cut_seed) if task.cuts else frozenset()
    trial = Trial(lambda: StrategyHost(settings, loaded, watchdog, task.callback_ms_max), cuts)
    watchdog.start()
    try:
        said = trial.run(rows)
    except SaveError as error:
        reply(TrialResult(error=str(error)))
        return
    reply(TrialResult(pack_rows(said), saves, loaded.cls.deterministic))


if __name__ == "__main__":
    main()
