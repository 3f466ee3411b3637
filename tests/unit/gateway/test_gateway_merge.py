"""The merge: one order of rows whatever the chunks, and the same rows again from any number on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.feeds.columns import Columns, Kind
from services.gateway.feeds.merge import merge
from services.gateway.feeds.port import Block, End
from shared.events import Event

STREAMS = [(Kind.QUOTE, "SPY"), (Kind.QUOTE, "IBM"), (Kind.TRADE, "SPY"), (Kind.TRADE, "IBM"), (Kind.BAR, "SPY"), (Kind.BAR, "IBM")]
moments = st.lists(st.integers(0, 12), max_size=25).map(sorted)
cases = st.tuples(*(st.tuples(moments, st.integers(1, 7)) for _ in STREAMS))


def chunks(kind: Kind, symbol: str, times: Sequence[int], size: int) -> Iterator[Columns]:
    width = {Kind.QUOTE: 4, Kind.TRADE: 2, Kind.BAR: 5}[kind]
    for low in range(0, len(times), size):
        part = np.array(times[low : low + size], dtype=np.int64)
        yield Columns(symbol, kind, part, part, tuple(np.arange(low, low + len(part), dtype=np.float64) for _ in range(width)))


def read(case: Sequence[tuple[list[int], int]], skip: int) -> tuple[list[tuple[int, int, Event]], End]:
    """(row, time, event) of each row after `skip`."""
    merged = merge([chunks(kind, symbol, times, size) for (kind, symbol), (times, size) in zip(STREAMS, case, strict=True)], skip)
    found: list[tuple[int, int, Event]] = []
    while True:
        try:
            block: Block = next(merged)
        except StopIteration as stop:
            return found, stop.value
        assert len(block.times) == len(block.events) > 0
        found += [(block.first + i, time, event) for i, (time, event) in enumerate(zip(block.times, block.events, strict=True))]


@settings(max_examples=150, derandomize=True, deadline=None)
@given(case=cases, skip=st.integers(0, 160))
def test_rows_are_in_time_then_quotes_prints_bars_then_symbols_and_numbered_densely(case: Sequence[tuple[list[int], int]], skip: int) -> None:
    rows, end = read(case, 0)
    single = [
        (time, rank, index)
        for rank, (times, _) in enumerate(case)  # a stream's place is its rank: kinds first, symbols within
        for index, time in enumerate(times)
    ]
    expected = [
        next(iter(chunks(*STREAMS[rank], case[rank][0], len(case[rank][0])))).events(index, index + 1)[0] for _, rank, index in sorted(single)
    ]
    assert [event for _, _, event in rows] == expected
    assert [row for row, _, _ in rows] == list(range(1, len(single) + 1))
    assert [time for _, time, _ in rows] == sorted(time for time, _, _ in single)
    assert end == End(len(single), max((time for time, _, _ in single), default=0))
    again, end_again = read(case, skip)
    assert again == rows[skip:]
    assert end_again == end


def test_the_chunks_of_a_stream_do_not_show() -> None:
    times = [1, 1, 1, 2, 2, 5, 5, 5, 5, 9]
    wanted = read([(times, 100)] * len(STREAMS), 0)[0]
    for size in range(1, 11):
        found = read([(times, size)] + [(times, 3)] * (len(STREAMS) - 1), 0)[0]
        assert [(row, time, type(event), event.symbol) for row, time, event in found] == [
            (row, time, type(event), event.symbol) for row, time, event in wanted
        ]
