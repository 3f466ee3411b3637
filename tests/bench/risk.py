"""What risk costs: an order's judgement and folding with every control on, and a market event nothing follows from.

Orders are limits that rest, some of each side, of four strategies; ten symbols' quotes come between two orders, so a judgement also values anew what
moved. `us` an order is decide and apply of the intent and of the approval. Each pair of worlds takes turns in one run.
"""

from __future__ import annotations

from collections.abc import Iterator

from .risk_world import World
from .table import Row, Size, percentile

SYMBOLS = 50
MANY = 500
WORKING = (10, 100, 1_000)


def run(size: Size) -> Iterator[Row]:
    symbols, many, working = (SYMBOLS, MANY, WORKING) if size.full else (4, 8, (1, 2, 4))
    yield from _orders(size, symbols, many, working)
    yield from _market(size, symbols, many, working[-1])


def _orders(size: Size, symbols: int, many: int, working: tuple[int, ...]) -> list[Row]:
    worlds = {(on, symbols, n): World(symbols, n, every_control=on) for on in (True, False) for n in working}
    worlds |= {(True, n, working[0]): World(n, working[0], every_control=True) for n in (1, many)}
    taken = _in_turns(size, worlds)
    rows = []
    for on, what in ((True, "every control"), (False, "defaults")):
        base = taken[on, symbols, working[0]]
        rows += [_row(f"risk, an order, {what}, {n:,} working", taken[on, symbols, n], base, f"{working[0]} working") for n in working[1:]]
    rows.append(_row("risk, an order, every control", taken[True, symbols, working[0]], taken[False, symbols, working[0]], "defaults"))
    rows += [
        _row(f"risk, an order, every control, {n} symbols", taken[True, n, working[0]], taken[True, 1, working[0]], "1 symbol")
        for n in (symbols, many)
    ]
    return rows


def _market(size: Size, symbols: int, many: int, working: int) -> list[Row]:
    rows = []
    for on, what in ((True, "every control"), (False, "defaults")):
        worlds = {(n, 0): World(n, 0, every_control=on) for n in (1, symbols, many)}
        worlds[symbols, working] = World(symbols, working, every_control=on)
        taken: dict[tuple[int, int], list[float]] = {key: [] for key in worlds}
        for n in range(size.of(20, 1)):
            for key, world in worlds.items():
                taken[key] += [world.datum(n * 500 + k) for k in range(size.of(500, 5))]
        rows += [_row(f"risk, a quote, {what}, {n} symbols held", taken[n, 0], taken[1, 0], "1 symbol") for n in (symbols, many)]
        rows.append(_row(f"risk, a quote, {what}, {working:,} orders working", taken[symbols, working], taken[symbols, 0], "none"))
    return rows


def _in_turns(size: Size, worlds: dict[tuple[bool, int, int], World]) -> dict[tuple[bool, int, int], list[float]]:
    taken: dict[tuple[bool, int, int], list[float]] = {key: [] for key in worlds}
    for turn in range(size.of(40, 1)):
        for key, world in worlds.items():
            taken[key] += [world.order(turn * 25 + k) for k in range(size.of(25, 3))]
    return taken


def _row(what: str, ours: list[float], against: list[float], name: str) -> Row:
    half, base = percentile(ours, 0.5), percentile(against, 0.5)
    return Row(
        what, f"p50 {half:.1f} us, p99 {percentile(ours, 0.99):.1f} us", f"{name} {base:.1f} us, p99 {percentile(against, 0.99):.1f} us", half / base
    )
