"""HTML tables of figures: a cell without a figure says on hover why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .figure import Figure, Line
from .formats import DASH
from .markup import Markup, tag


def table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Figure | Markup]], none: str) -> Markup:
    """A table in a card; `none` stands where there are no rows. The first cell of a row names it. A row of one cell spans the table."""
    body = [_row(row, len(headers)) for row in rows]
    if not body:
        return tag("div", tag("h3", caption), tag("p", none, class_="none"), class_="card")
    first = next((row for row in rows if len(row) == len(headers)), ())
    right = [isinstance(cell, Figure) and cell.number for cell in first] or [False] * len(headers)
    head = [tag("th", text, scope="col", class_="n" if number else None) for text, number in zip(headers, right, strict=True)]
    parts = [tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body)]
    return tag("div", tag("div", tag("table", *parts), class_="scroll"), class_="card")


def _row(row: Sequence[Figure | Markup], width: int) -> Markup:
    if len(row) == 1 < width:
        cell = row[0]
        return tag("tr", tag("td", cell.text if isinstance(cell, Figure) else cell, colspan=width, class_="gap"))
    return tag("tr", *(_cell(cell, heading=index == 0) for index, cell in enumerate(row)))


def _cell(cell: Figure | Markup, *, heading: bool) -> Markup:
    name, scope = ("th", "row") if heading else ("td", None)
    if isinstance(cell, Markup):
        return tag(name, cell, scope=scope, class_="wide")
    classes = " ".join(part for part in ("n" if cell.number else "", cell.tone) if part)
    return tag(name, cell.text, scope=scope, class_=classes or None, title=cell.why or None)


def pairs(caption: str, lines: Iterable[Line], none: str = "") -> Markup:
    """Labels and figures in two columns, without a header row; a note stands beside its label."""
    body = [tag("tr", tag("th", line.label, _note(line), scope="row"), _value(line.figure)) for line in lines]
    if not body:
        return tag("div", tag("h3", caption), tag("p", none, class_="none"), class_="card")
    return tag("div", tag("div", tag("table", tag("caption", caption), tag("tbody", *body)), class_="scroll"), class_="card")


def _note(line: Line) -> Markup | str:
    """A remark on a figure that does not exist would explain nothing."""
    exists = not isinstance(line.figure, Figure) or line.figure.text != DASH
    return tag("small", line.note) if line.note and exists else ""


def _value(figure: Figure | Markup) -> Markup:
    if isinstance(figure, Markup):
        return tag("td", figure, class_="wide")
    classes = " ".join(part for part in ("n" if figure.number else "", figure.tone) if part)
    return tag("td", figure.text, class_=classes or None, title=figure.why or None)


def tiles(lines: Iterable[Line]) -> Markup:
    """The headline."""
    return tag("dl", *(_tile(line) for line in lines), class_="tiles")


def _tile(line: Line) -> Markup:
    figure = line.figure if isinstance(line.figure, Figure) else Figure(line.figure)
    return tag("div", tag("dt", line.label), tag("dd", figure.text, _note(line), class_=figure.tone or None, title=figure.why or None))
