"""The page's account of what was run: dates, strategies with their parameters, data with digests, counts, and what was refused."""

from __future__ import annotations

import orjson

from shared.metrics.record import RunRecord

from . import formats
from .figure import Figure, Line, words
from .markup import Markup, join, tag
from .moments import Clock
from .tables import pairs, table


def run_table(record: RunRecord, clock: Clock) -> Markup:
    """What makes the run repeatable."""
    ran = f"{clock.moment(record.started_ns)} to {clock.moment(record.ended_ns)}" if record.started_ns else "nothing came from the data"
    bars = formats.span(record.interval_ns) if record.interval_ns else formats.DASH
    calendars = ", ".join(sorted(set(record.calendars.values()))) or formats.DASH
    return pairs(
        "What was run",
        (
            Line("Name", words(record.name)),
            Line("Data from and to", words(f"{ran} ({clock.zone.key})")),
            Line("Symbols", words(", ".join(record.symbols) or formats.DASH)),
            Line("Bar length", Figure(bars, "" if record.interval_ns else "no bars in this run", number=False)),
            Line("Calendars", words(calendars)),
            Line("Configuration hash", tag("code", record.config_hash or formats.DASH)),
            Line("Data hash", tag("code", record.data_hash or formats.DASH)),
            Line(
                "Time it took",
                Figure(
                    formats.span(round(record.wall_s * 1e9)) if record.wall_s else formats.DASH, "" if record.wall_s else "not measured", number=False
                ),
            ),
        ),
    )


def strategy_table(record: RunRecord) -> Markup:
    """Each strategy with its parameters as they were in force."""
    rows: list[list[Figure | Markup]] = [
        [words(identity), words(about.get("name", "")), tag("span", ", ".join(_names(about.get("symbols")))), _parameters(about.get("params"))]
        for identity, about in sorted(record.strategies.items())
    ]
    return table("Strategies", ("Id", "Name", "Symbols", "Parameters"), rows, "None: nothing could trade.")


def _names(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)] if value else []


def _parameters(value: object) -> Markup:
    """`name = value` in fixed width, one a line."""
    if not isinstance(value, dict) or not value:
        return tag("span", "defaults")
    return join((tag("div", tag("code", f"{key} = {_literal(item)}")) for key, item in value.items()))


def _literal(value: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def data_table(record: RunRecord) -> Markup:
    """Every file with its digest: the same digests and hashes give the same run."""
    rows: list[list[Figure | Markup]] = [
        [words(d.name), Figure(formats.count(d.rows)), Figure(formats.count(d.skipped)), tag("code", d.digest)] for d in record.data
    ]
    return table("Data", ("Source", "Rows used", "Rows skipped as bad", "Digest (BLAKE2b)"), rows, "No data source.")


def count_table(record: RunRecord) -> Markup:
    """What passed through the engine."""
    rows = [Line(formats.words(key).capitalize(), Figure(formats.count(n))) for key, n in record.counts.items()]
    return pairs("Events and orders", rows, "Nothing was counted.")


def denial_table(record: RunRecord) -> Markup:
    """Orders risk refused, most frequent reason first."""
    rows = [
        [words(formats.words(code).lower()), Figure(formats.count(n))]
        for code, n in sorted(record.denials.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table("Orders denied by risk", ("Reason", "Orders"), rows, "None was denied.")
