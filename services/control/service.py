"""`regimeflow service NAME`: one service in the foreground, as the supervisor and containers run it."""

from __future__ import annotations

import os
import socket
import sys
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from .errors import BUG, CliError, explain
from .options import ConfigFile

HASH_SEED: Final = "0"


class Service(StrEnum):
    BUS = "bus"
    PAPER_VENUE = "paper_venue"
    GATEWAY = "gateway"
    RISK_ENGINE = "risk_engine"
    ORDER_ROUTER = "order_router"
    RECONCILER = "reconciler"
    AUDITOR = "auditor"
    STRATEGY_RUNNER = "strategy_runner"
    SINGLE = "single"


AT_THE_BROKER: Final = frozenset({Service.GATEWAY, Service.ORDER_ROUTER, Service.RECONCILER, Service.SINGLE})
"""Who needs credentials; the others run without them, user code among them."""


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example: regimeflow service risk_engine --config configs/paper.yaml")(service)


def service(
    name: Annotated[
        Service,
        typer.Argument(
            help="bus, paper_venue, gateway, risk_engine, order_router, reconciler, auditor, strategy_runner; or single: all but paper_venue in one.",
            metavar="NAME",
        ),
    ],
    config: ConfigFile,
) -> None:
    """Run one service until SIGTERM or Ctrl-C.

    The process is the holder of the service's names: REGIMEFLOW_INSTANCE, or host and process number. Exit status 0 stopped, 2 configuration
    refused, 3 fenced, 4 invariant broken, 5 the bus is away.
    """
    _fix_hash_seed()
    from shared.config import load
    from shared.runtime import logs

    loaded = load(config, offline=name not in AT_THE_BROKER)
    if name is Service.PAPER_VENUE and (loaded.config.live is None or loaded.config.live.broker != "paper"):
        raise CliError("paper_venue serves live.broker: paper; this configuration trades elsewhere")
    logs.configure(loaded.redactor.value)
    instance = os.environ.get("REGIMEFLOW_INSTANCE") or f"{socket.gethostname()}:{os.getpid()}"
    try:
        status = int(_module(name).run(loaded, instance))
    except Exception as error:  # noqa: BLE001 - the process ends; its log, unlike stderr of a command, says where
        lines, status = explain(error)
        logs.logger(name).critical("ended", error="; ".join(lines), exit=status, exc_info=status == BUG)
    raise typer.Exit(status)


def _module(name: Service) -> Any:
    """What has `run(loaded, instance) -> exit status`; only the one that runs is imported."""
    import importlib

    return importlib.import_module("services.live.single" if name is Service.SINGLE else f"services.{name}.main")


def _fix_hash_seed() -> None:
    """Strategies must meet the same hash seed in every process; it can only be set before Python starts."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": HASH_SEED})  # noqa: S606 - ourselves
