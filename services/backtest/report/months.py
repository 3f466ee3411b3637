"""The heat map of monthly returns: a table, so that it reads aloud and on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import formats
from .markup import Markup, tag

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADE_FULL: Final = 0.10  # a month's return that gets the darkest shade


def heat_map(months: Mapping[tuple[int, int], float], years: Mapping[int, float]) -> Markup:
    """Monthly returns, one row a year, and the year's own. Shade and sign say the same."""
    if not months:
        return tag(
            "div",
            tag("h3", "Monthly returns"),
            tag("p", "None: nothing was marked, or capital was used up, after which returns have no meaning.", class_="none"),
            class_="card",
            id="months",
        )
    head = tag("tr", tag("th", "", aria_label="Year", scope="col"), *(tag("th", m, scope="col") for m in MONTHS), tag("th", "Year", scope="col"))
    rows = [
        tag(
            "tr",
            tag("th", year, scope="row"),
            *(_month(months.get((year, month)), f"{MONTHS[month - 1]} {year}") for month in range(1, 13)),
            _month(years.get(year), str(year), total=True),
        )
        for year in sorted({year for year, _ in months})
    ]
    parts = [tag("caption", "Monthly returns"), tag("thead", head), tag("tbody", *rows)]
    return tag("div", tag("div", tag("table", *parts, class_="months"), class_="scroll"), class_="card", id="months")


def _month(value: float | None, when: str, *, total: bool = False) -> Markup:
    if value is None or formats.missing(value):
        return tag("td", "", aria_label=f"{when}: no data")
    shade = min(abs(value) / SHADE_FULL, 1.0) * 0.55 + 0.06 if value else 0.0
    colour = f"background:rgb(var(--{'up' if value > 0 else 'down'}-cell) / {shade:.2f})" if shade else None
    sign = "+" if value > 0 else ""
    text = f"{sign}{formats.percent(value, 1).removesuffix(' %')}"
    return tag("td", text, style=colour, title=f"{when}: {formats.change(value)}", class_="total" if total else None)
