"""One chart against time: an SVG that needs no script, and the numbers the page's script zooms and reads out.

The drawing stretches with the page while its labels, strokes and markers keep their size: curves live in a unit box (`BOX`) that is
stretched, everything else stands at percentages of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import axes, formats
from .markup import Markup, empty, join, tag

BOX: Final = 1_000.0
_NS: Final = "http://www.w3.org/2000/svg"

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """A curve. style: a class of the style sheet. area: filled down to zero."""

    name: str
    style: str
    values: Floats
    area: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """A point on the chart. kind: `buy` or `sell`; rank may lie between two moments."""

    rank: float
    value: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Moments:
    """What a chart's points stand at: ranks on an axis of `size` moments, and their wall clock in ms."""

    ranks: Floats
    wall: Indexes
    size: int


@dataclass(frozen=True, slots=True)
class Chart:
    """unit: how values read, `money`, `percent`, `price` or `ratio`. about: one sentence for who cannot see it. group: charts of one group
    zoom together."""

    id: str
    title: str
    about: str
    at: Moments
    series: Sequence[Series]
    unit: str
    currency: str = ""
    zero: bool = False
    group: str = "run"
    markers: Sequence[Marker] = field(default=())

    def markup(self) -> Markup:
        """The figure."""
        if not len(self.at.ranks):
            return tag(
                "figure", tag("figcaption", tag("b", self.title)), tag("p", "No data: nothing was marked in this run.", class_="none"), class_="chart"
            )
        low, high = self._bounds()
        rows = axes.value_ticks(low, high, AXIS_TEXT[self.unit])
        columns = axes.time_ticks(self.at.ranks, self.at.wall, self.at.size)
        return tag(
            "figure",
            tag("figcaption", tag("b", self.title), self._legend()),
            tag(
                "div",
                tag(
                    "div",
                    self._drawing(low, high, rows, columns),
                    class_="plot",
                    tabindex=0,
                    role="group",
                    aria_label=f"{self.title}: arrow keys read values",
                ),
                tag("div", *(tag("span", t.text, style=f"bottom:{t.at * 100:.3f}%") for t in rows), class_="ys", aria_hidden="true"),
                tag("div", *(tag("span", t.text, style=f"left:{t.at * 100:.3f}%") for t in columns), class_="xs", aria_hidden="true"),
                class_="frame",
            ),
            class_="chart",
            id=f"chart-{self.id}",
            data_chart=self.id,
        )

    def data(self) -> dict[str, Any]:
        """What the script needs, less the moments, which charts share (`page_data`)."""
        places = {"money": 2, "percent": 6, "price": 6, "ratio": 4}[self.unit]
        return {
            "id": self.id,
            "group": self.group,
            "unit": self.unit,
            "currency": self.currency,
            "zero": self.zero,
            "series": [{"name": s.name, "style": s.style, "area": s.area, "y": _rounded(s.values, places)} for s in self.series],
            "markers": [[round(m.rank, 3), round(m.value, places), m.kind, m.text] for m in self.markers],
        }

    def _bounds(self) -> tuple[float, float]:
        values = np.concatenate([*(s.values for s in self.series), np.array([m.value for m in self.markers], dtype=np.float64)])
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
        return axes.bounds(low, high, zero=self.zero)

    def _legend(self) -> Markup:
        kinds = {m.kind for m in self.markers}
        keys = [tag("span", tag("i", class_=f"key {s.style}"), s.name) for s in reversed(self.series)]  # as they lie, top first
        keys += [tag("span", tag("i", class_=f"key {kind}"), f"{kind} fill") for kind in ("buy", "sell") if kind in kinds]
        return tag("span", *keys, class_="legend")

    def _drawing(self, low: float, high: float, rows: Sequence[axes.Tick], columns: Sequence[axes.Tick]) -> Markup:
        x = self.at.ranks / max(self.at.size - 1, 1) * BOX
        curves: list[Markup] = []
        for s in self.series:
            d = path(x, (high - s.values) / (high - low) * BOX)
            if s.area:
                base = min(max(high / (high - low), 0.0), 1.0) * BOX
                curves.append(empty("path", d=closed(d, x, base), class_=f"area {s.style}"))
            curves.append(empty("path", d=d, class_=f"line {s.style}"))
        lines = [empty("line", x1="0", x2="100%", y1=f"{(1 - t.at) * 100:.3f}%", y2=f"{(1 - t.at) * 100:.3f}%") for t in rows]
        lines += [empty("line", y1="0", y2="100%", x1=f"{t.at * 100:.3f}%", x2=f"{t.at * 100:.3f}%") for t in columns]
        marks = [
            tag(
                "use",
                tag("title", m.text),
                href=f"#{m.kind}",
                class_=m.kind,
                x=f"{m.rank / max(self.at.size - 1, 1) * 100:.3f}%",
                y=f"{(high - m.value) / (high - low) * 100:.3f}%",
            )
            for m in self.markers
        ]
        return tag(
            "svg",
            tag("title", self.title, id=f"title-{self.id}"),
            tag("desc", self.about, id=f"about-{self.id}"),
            tag("g", *lines, class_="grid"),
            tag("svg", join(curves), viewBox=f"0 0 {BOX:g} {BOX:g}", preserveAspectRatio="none", width="100%", height="100%", class_="curves"),
            tag("g", *marks, class_="marks"),
            xmlns=_NS,
            role="img",
            aria_labelledby=f"title-{self.id} about-{self.id}",
        )


def page_data(charts: Sequence[Chart]) -> dict[str, Any]:
    """Every chart's numbers; `at` of each is an index into `moments`."""
    moments: dict[int, Moments] = {}
    for chart in charts:
        moments.setdefault(id(chart.at), chart.at)
    places = {key: index for index, key in enumerate(moments)}
    return {
        "moments": [{"size": m.size, "x": [round(x, 3) for x in m.ranks.tolist()], "t": m.wall.tolist()} for m in moments.values()],
        "charts": [chart.data() | {"at": places[id(chart.at)]} for chart in charts if len(chart.at.ranks)],
    }


def path(x: Floats, y: Floats) -> str:
    """SVG path data; the line breaks where y is not finite."""
    parts: list[str] = []
    pen = "M"
    for at, value, real in zip(x.tolist(), y.tolist(), np.isfinite(y).tolist(), strict=True):
        if not real:
            pen = "M"
            continue
        parts.append(f"{pen}{at:.1f} {value:.1f}")
        pen = "L"
    return "".join(parts)


def closed(d: str, x: Floats, base: float) -> str:
    """The area between a path and the height `base`."""
    return f"{d}L{x[-1]:.1f} {base:.1f}L{x[0]:.1f} {base:.1f}Z" if d else ""


def _rounded(values: Floats, places: int) -> list[float | None]:
    """Plain numbers, null where there is none."""
    return [value if real else None for value, real in zip(np.round(values, places).tolist(), np.isfinite(values).tolist(), strict=True)]


AXIS_TEXT: Final[Mapping[str, Callable[[float], str]]] = {
    "money": formats.short,
    "price": formats.short,
    "ratio": formats.short,
    "percent": lambda value: f"{formats.short(round(value * 100, 10))} %",
}
