"""`regimeflow live`: the whole stack of one configuration on this machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .options import ConfigFile, seconds


class Topology(StrEnum):
    PROCESSES = "processes"
    SINGLE = "single"


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example: regimeflow live --config configs/paper.yaml --run-for 60s")(live)


def live(
    config: ConfigFile,
    topology: Annotated[
        Topology | None, typer.Option(help="One process a service, or all in one. Default: what the configuration says.", show_default=False)
    ] = None,
    run_for: Annotated[
        float | None, typer.Option(parser=seconds, metavar="DURATION", help="Stop after this long: 30s, 5m, 1h.", show_default=False)
    ] = None,
) -> None:
    """Start all services, watch them, show what they do.

    Ctrl-C stops cleanly (working orders by `live.stop_policy`); so does the end of a finite feed. A second Ctrl-C stops at once. Exit status
    0 after a clean stop, 1 when a service stayed down, 2 when the configuration or the start is refused.
    """
    from services.live.launch import launch

    raise typer.Exit(launch(config, topology.value if topology is not None else None, run_for))
