"""`bus` and `journal`: where the log lives, what it survives, how processes reach it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, FilePath, Millis, Section

Endpoint = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]+:\d{1,5}$")]


class BusConfig(Section):
    """The sequencer and its sockets."""

    clock: Literal["wall", "feed"] = Field(
        default="wall", description="`wall`: real time. `feed`: data time in lock-step; for replay, and for the synthetic market at speed."
    )
    durability: Literal["process", "orders", "disk"] = Field(
        default="orders",
        description="`process` survives the death of any process; `orders` also fsyncs batches with a non-market event (at least this with a "
        "real broker); `disk` fsyncs all.",
    )
    transport: Literal["ipc", "tcp"] = Field(
        default="ipc", description="`ipc` in a private directory on one machine; `tcp` with CURVE keys between containers."
    )
    endpoint: Endpoint | None = Field(
        default=None, description="host:port of the bus with `transport: tcp`; the two ports after it carry the events and the catch-up."
    )
    directory: FilePath | None = Field(default=None, description="Directory of the `ipc` sockets, mode 0700. Default: `<live.state_dir>/bus`.")
    keys_directory: FilePath | None = Field(default=None, description="CURVE keys with `transport: tcp`, as made by `regimeflow keys init`.")
    tick_ms: Millis = Field(default=100, description="Time between clock events under the wall clock.")
    lease_ms: Millis = Field(default=3_000, description="Silence after which another process may take over a name.")
    queue_append_max: Count = Field(
        default=4_096, description="Outputs of one actor that may wait for their acknowledgement; at the bound it pauses."
    )


class JournalConfig(Section):
    """The durable log."""

    path: FilePath | None = Field(default=None, description="The journal file. Default: `<live.state_dir>/journal.db`.")
    market_retention: Annotated[str, Field(pattern=r"^(forever|[1-9]\d{0,4}[hd])$")] = Field(
        default="forever",
        description="How long market data stays in the journal: `forever`, `12h`, `30d`. Orders, risk, control and account events always stay.",
    )
    snapshot_events: Count = Field(default=50_000, description="Events between two snapshots of an actor.")
