"""The summary on a terminal: tables side by side where there is room, plain aligned lines in a pipe, a log or a container."""

from __future__ import annotations

from collections.abc import Sequence

from rich.columns import Columns as SideBySide
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shared.metrics.breakdown import Row
from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary

from . import formats, key_figures
from .figure import Figure, Line
from .key_figures import Group
from .moments import Clock

_HEADERS = ("", "net", "contribution", "fees", "fills", "trades", "win rate", "profit factor")
_STYLES = {"up": "green", "down": "red", "": ""}


def print_summary(record: RunRecord, summary: Summary, console: Console) -> None:
    """Rich tables where `console` is a terminal, else one `label  value` a line."""
    shown = [Group("Result", key_figures.headline(record, summary)), *key_figures.groups(record, summary)]
    said = _title(record)
    if not console.is_terminal:
        _plain(said, shown, record, summary, console)
        return
    console.print()
    console.print(Text(said, style="bold"))
    console.print(SideBySide([_group(g) for g in shown], padding=(1, 3)))
    for title, rows in (("By strategy", summary.strategies), ("By symbol", summary.symbols)):
        if rows:
            console.print(_breakdown(title, rows, record.currency))
    if record.denials:
        console.print(Text(f"Denied by risk: {_denials(record)}"))


def _title(record: RunRecord) -> str:
    clock = Clock.of(record.calendars.values())
    dates = f"{clock.date(record.started_ns)} to {clock.date(record.ended_ns)}" if record.started_ns else "nothing came from the data"
    bars, wall = record.counts.get("bars", 0), record.wall_s
    speed = f", {bars:,} bars in {wall:.3g} s ({bars / wall:,.0f} bars/s)" if bars and wall else ""
    return f"{record.name}: {dates}{speed}"


def _denials(record: RunRecord) -> str:
    return ", ".join(f"{formats.words(code).lower()} {n:,}" for code, n in sorted(record.denials.items(), key=lambda item: (-item[1], item[0])))


def _group(group: Group) -> Table:
    table = Table(title=escape(group.title), title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for line in group.lines:
        table.add_row(escape(line.label), _styled(line))
    return table


def _styled(line: Line) -> Text:
    figure = line.figure
    return Text(_ascii(figure.text), style=_STYLES[figure.tone]) if isinstance(figure, Figure) else Text(_ascii(figure))


def _breakdown(title: str, rows: Sequence[Row], currency: str) -> Table:
    table = Table(title=f"{title} ({currency})", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for header in _HEADERS:
        table.add_column(header, justify="left" if header == _HEADERS[0] else "right", header_style="dim")
    for row in rows:
        name, *numbers = _cells(row)
        table.add_row(escape(name), *numbers, style=None)
    return table


def _cells(row: Row) -> list[str]:
    numbers = (
        formats.signed(row.net),
        formats.change(row.contribution),
        formats.number(row.fees),
        formats.count(row.fills),
        formats.count(row.trades),
        formats.percent(row.win_rate, 1),
        formats.number(row.profit_factor),
    )
    return [row.name, *(_ascii(n) for n in numbers)]


def _ascii(text: str) -> str:
    """A minus that a spreadsheet, a search and any terminal's encoding understand."""
    return text.replace(formats.MINUS, "-")


def _plain(title: str, groups: Sequence[Group], record: RunRecord, summary: Summary, console: Console) -> None:
    """No colour, no boxes, no wrapping: what grep and a log want."""
    lines = [title]
    for group in groups:
        lines += ["", group.title]
        for line in group.lines:
            text = line.figure.text if isinstance(line.figure, Figure) else str(line.figure)
            why = line.figure.why if isinstance(line.figure, Figure) and text == formats.DASH else ""
            remark = why or line.note
            lines.append(f"  {line.label:<30}{text:>20}" + (f"  ({remark})" if remark else ""))
    for name, rows in (("By strategy", summary.strategies), ("By symbol", summary.symbols)):
        lines += ["", f"{name} ({record.currency})"]
        lines += [f"  {row.name:<16}" + "".join(f"{h} {c}  " for h, c in zip(_HEADERS[1:], _cells(row)[1:], strict=True)).rstrip() for row in rows]
    if record.denials:
        lines += ["", f"Denied by risk: {_denials(record)}"]
    for text in lines:
        console.print(_ascii(text), markup=False, highlight=False, soft_wrap=True)
