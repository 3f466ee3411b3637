"""What of the market each side sees: rows of `parity` that follow from a feed rather than from one key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .gateway import FilesFeed, JournalFeed, SyntheticFeed
from .parity_rules import Verdict
from .root import Config

DataRow = tuple[str, Any, Any, Verdict, str]
"""(key, backtest's value, live's value, verdict, why)."""

_BROKERS: Final = "the broker's"
_FEEDS: Final = "the feed's own"
_SEEN: Final[tuple[tuple[str, Verdict, str], ...]] = (
    ("bar_type", Verdict.FAIL, "bars of another length: every indicator and every on_bar differs"),
    ("bars_from", Verdict.FAIL, "bars made of other prices have other opens, highs, lows and closes"),
    ("bar_timestamp", Verdict.FAIL, "a file's bars are taken for earlier or later ones: look-ahead, or a bar late"),
    ("hours", Verdict.FAIL, "bars outside regular hours are told on one side only"),
    ("quotes", Verdict.WARN, "with quotes a market order fills against the standing quote at once, without at the next bar's open"),
    ("trades", Verdict.WARN, "with prints stops and limits are judged print by print, without by the bar's range"),
    ("bands", Verdict.FAIL, "orders outside price bands are denied where bands are known; with `luld_required` all where they are not"),
    ("market", Verdict.WARN, "it is another market"),
    ("on_error", Verdict.WARN, "a bad row ends one side and is left out on the other"),
)


def data_rows(tested: Config, traded: Config) -> Iterator[DataRow]:
    """By what is seen, in a fixed order. Values that only one kind of feed has are compared where both are of that kind."""
    a, b = _seen(tested), _seen(traded)
    for name, verdict, why in _SEEN:
        if name in a and name in b:
            same = a[name] == b[name]
            yield f"data.{name}", a[name], b[name], Verdict.PASS if same else verdict, "" if same else why
    same = a["kind"] == b["kind"]
    why = "" if same else "recorded, made or streamed data differ in gaps, order and lateness"
    yield "gateway.feed.kind", a["kind"], b["kind"], Verdict.PASS if same else Verdict.WARN, why


def _seen(config: Config) -> dict[str, Any]:
    feed, bars = config.gateway.feed, config.gateway.bars
    made = {"bar_type": bars.interval, "bars_from": bars.source} if bars is not None else {}
    if isinstance(feed, JournalFeed):
        return {"kind": "journal", "market": str(feed.path)}  # its bars and quotes are whatever was recorded
    if isinstance(feed, FilesFeed):
        files = {
            "kind": "files",
            "bar_type": feed.bar_type,
            "bars_from": _FEEDS,
            "bar_timestamp": feed.bar_timestamp,
            "hours": feed.hours,
            "quotes": feed.quotes_pattern is not None,
            "trades": feed.trades_pattern is not None,
            "bands": feed.bands_pattern is not None,
            "market": [str(feed.data_directory), feed.file_pattern, feed.quotes_pattern, feed.trades_pattern, feed.bands_pattern],
            "on_error": feed.on_error,
        }
        return files | made
    if isinstance(feed, SyntheticFeed):
        drawn = feed.model_dump(mode="json", include={"seed", "calendar", "prices", "quotes_per_minute", "trades_per_minute", "spread_ticks"})
        source = _FEEDS if feed.bars else "none"
        return {
            "kind": "synthetic",
            "bar_type": "1m",
            "bars_from": source,
            "hours": "regular",
            "quotes": True,
            "trades": True,
            "market": drawn,
        } | made
    return {"kind": "broker", "bar_type": "1m", "bars_from": _FEEDS, "hours": "all", "quotes": True, "trades": True, "market": _BROKERS} | made
