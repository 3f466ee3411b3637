"""How the results of trades are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import axes, formats
from .markup import Markup, tag

BINS: Final = 24


def histogram(caption: str, values: Sequence[float], currency: str, about: str) -> Markup:
    """How many trades made how much, in BINS of equal width that meet at zero."""
    if not values:
        return tag(
            "figure", tag("figcaption", tag("b", caption)), tag("p", "No closed trades.", class_="none"), class_="chart low", id="chart-trades"
        )
    bins = _bins(values)
    most = max(n for _, _, n in bins)
    low, high = bins[0][0], bins[-1][1]
    bars = [
        tag(
            "rect",
            tag("title", f"{n:,} trades from {formats.gain(a, currency)} to {formats.gain(b, currency)}"),
            x=f"{(a - low) / (high - low) * 100 + 0.15:.3f}%",
            width=f"{(b - a) / (high - low) * 100 - 0.3:.3f}%",
            y=f"{(1 - n / most) * 96 + 4:.2f}%",
            height=f"{n / most * 96:.2f}%",
            class_="loss" if b <= 0 else None,
        )
        for a, b, n in bins
        if n
    ]
    marks = [tag("span", t.text, style=f"left:{t.at * 100:.3f}%") for t in axes.value_ticks(low, high, formats.short)]
    drawing = tag(
        "svg",
        tag("title", caption, id="title-trades"),
        tag("desc", about, id="about-trades"),
        tag("g", *bars, class_="bars"),
        role="img",
        aria_labelledby="title-trades about-trades",
        xmlns="http://www.w3.org/2000/svg",
    )
    ys = tag("div", tag("span", f"{most:,}", style="bottom:96%"), tag("span", "0", style="bottom:0%"), class_="ys", aria_hidden="true")
    frame = tag("div", tag("div", drawing, class_="plot still"), ys, tag("div", *marks, class_="xs", aria_hidden="true"), class_="frame")
    legend = tag("span", tag("span", f"number of trades by result in {currency}"), class_="legend")
    return tag("figure", tag("figcaption", tag("b", caption), legend), frame, class_="chart low", id="chart-trades")


def _bins(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """(from, to, count); zero is an edge wherever it lies inside."""
    low, high = min(0.0, *values), max(0.0, *values)
    width = (high - low) / BINS or 1.0
    below = -int(low // width) if low < 0 else 0
    above = int(high // width) + 1 if high >= 0 else 0
    counts = [0] * (below + above)
    for value in values:
        counts[min(int(value // width) + below, len(counts) - 1)] += 1
    return [((n - below) * width, (n - below + 1) * width, count) for n, count in enumerate(counts)]
