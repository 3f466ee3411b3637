"""A recorded session as a source: the market data of a journal, at their log times, in the order they were sequenced.

Rows are what came from outside: the feed's own facts and a broker's stream. What the gateway made of them - built bars, gaps, freshness,
sessions, rates - is made again by whoever reads this; a feed that went down and came up says so again, so a gap is where it was. The log as it
ended when the source was opened is what is read, however long it is written on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from services.gateway.settings import JournalSettings
from shared.bus.head import head_path, newest, read_slots
from shared.bus.journal_errors import JournalError
from shared.bus.journal_reader import JournalReader
from shared.bus.record import Record
from shared.events import (
    Bar,
    CodecError,
    DataGap,
    Event,
    FeedStateChanged,
    FeedStatus,
    InstrumentDefined,
    InstrumentHalted,
    OrderBook,
    PriceBandsChanged,
    Quote,
    Trade,
    WarmupBar,
    decode_body,
    topic_market,
)
from shared.metrics.record import DataFile

from .port import Block, End, FeedError

OUTSIDE: Final = frozenset({"gateway.feed", "gateway.session"})  # a feed that can be read again, a broker's stream
PAGE_ROWS: Final = 4_096
_DATA: Final = frozenset(kind.TAG for kind in (Bar, Quote, Trade, OrderBook, DataGap, InstrumentHalted, PriceBandsChanged))
_BARS: Final = frozenset({Bar.TAG, WarmupBar.TAG})


class JournalSource:
    """A `Source` over a journal. Raises FeedError at once when there is none that can be read."""

    name: Final = "journal"

    def __init__(self, settings: JournalSettings, instruments: Sequence[InstrumentDefined]) -> None:
        self._settings: Final = settings
        self._path: Final = Path(settings.path)
        self._symbols: Final = frozenset(i.symbol for i in instruments)
        self._topics: Final = tuple(topic_market(i.symbol) for i in instruments)
        self._used = 0
        try:
            head = newest(read_slots(head_path(self._path)))
            reader = JournalReader(self._path)
            try:
                last, self._pruned, self._log_id = reader.head(), reader.pruned_upto(), reader.log_id
            finally:
                reader.close()
        except (JournalError, OSError) as error:
            raise FeedError(str(error)) from None
        if head is None or head.link.seq > last:
            raise FeedError(f"{self._path}: its head is missing or ahead of it; run `journal verify`")
        self._upto: Final = head.link.seq
        self._chain: Final = head.link.kept + head.link.market

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        """As `Source.blocks`; a block a page of the log."""
        rows, time = 0, 0
        self._used = 0
        begun = False
        for page in self._pages((*self._topics, "c."), self._is_row):
            block = Block(rows + 1, [], [])
            for record, event in page:
                if not self._wanted(event, record.ts_ns, begun=begun):
                    continue
                begun = True
                time = record.ts_ns
                rows += 1
                if rows > skip:
                    block.times.append(time)
                    block.events.append(event)
            self._used = rows
            if block.times:
                yield Block(rows + 1 - len(block.times), block.times, block.events)
        return End(rows, time)

    def history(self, symbols: Sequence[str], bars: int, until: int) -> Sequence[Bar]:
        """As `Source.history`: bars that were in the log by then, whoever made them, and those that strategies were warmed up with."""
        found: dict[tuple[int, str], Bar] = {}
        for page in self._pages((*self._topics, "w."), lambda record: record.tag in _BARS):
            for record, event in page:
                if isinstance(event, WarmupBar):
                    bar = event.bar
                elif isinstance(event, Bar) and record.ts_ns <= until:
                    bar = event
                else:
                    continue
                if bar.symbol in symbols and bar.end <= until:
                    found.setdefault((bar.end, bar.symbol), bar)
        order = sorted(found)
        chosen = {key for symbol in symbols for key in [key for key in order if key[1] == symbol][-bars:]}
        return [found[key] for key in order if key in chosen]

    def notes(self) -> str:
        """Market data that retention took."""
        return f"{self._path.name}: market data up to seq {self._pruned} may have been pruned" if self._pruned else ""

    def digests(self) -> Sequence[DataFile]:
        """As `Source.digests`: the log's identity and the chain's digests at its end cover every byte of it."""
        digest = blake2b(self._log_id.encode() + self._upto.to_bytes(8, "big") + self._chain, digest_size=32).hexdigest()
        return [DataFile(f"{self._path.name}:{self._log_id}:{self._upto}", digest, self._used)]

    def _wanted(self, event: Event, ts_ns: int, *, begun: bool) -> bool:
        """Whether it is a row within the bounds. What a feed said of itself before its first datum, and that it ended, the replay says anew."""
        settings = self._settings
        if ts_ns < settings.start_ns or (settings.end_ns and ts_ns > settings.end_ns):
            return False
        if isinstance(event, FeedStateChanged):
            return begun and event.status is not FeedStatus.ENDED
        return getattr(event, "symbol", "") in self._symbols

    @staticmethod
    def _is_row(record: Record) -> bool:
        return record.source in OUTSIDE and (record.tag in _DATA or record.tag == FeedStateChanged.TAG)

    def _pages(self, prefixes: tuple[str, ...], wanted: Callable[[Record], bool]) -> Iterator[list[tuple[Record, Event]]]:
        """Events of the log, page by page, in order. Raises FeedError."""
        seq = 0
        try:
            reader = JournalReader(self._path)
            try:
                while seq < self._upto:
                    records, seq = reader.page(seq, prefixes, PAGE_ROWS, self._upto)
                    yield [(record, decode_body(record.tag, record.body)) for record in records if wanted(record)]
            finally:
                reader.close()
        except (JournalError, CodecError) as error:
            raise FeedError(f"{self._path}: {error}") from None
