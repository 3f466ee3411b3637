"""`audit.log` as files know it: csv `timestamp,Type,details[,k=v...]` or jsonl `{timestamp_us,timestamp,type,details,metadata}`.

Both end with the journal's seq and the running hash, as `seq=` and `hash=` fields in csv and as metadata in jsonl.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from shared.domain.exact import ZERO
from shared.events import CurrencyRate, Envelope, FillCorrected, OrderFilled

from .chain import ChainedWriter, Format, Opened, Verification, verify_chain
from .line import Line
from .lines import audit_lines
from .reconciliation_journal import Row, TsvFormat, journal_rows
from .times import iso, microseconds

DAY_NS: Final = 86_400 * 1_000_000_000
_HASH: Final = ",hash="
_SEQ: Final = ",seq="


class CsvFormat:
    """RFC 4180 quoting; an end of line inside a field is written as backslash and n, so that one line is one record."""

    header: str = ""

    def body(self, row: Line) -> str:
        fields = (iso(row.ts_ns), row.type, row.details, *(f"{k}={v}" for k, v in row.metadata), f"seq={row.seq}")
        return ",".join(_quoted(f) for f in fields)

    def seal(self, body: str, digest: str) -> str:
        return f"{body}{_HASH}{digest}"

    def open(self, line: str) -> Opened:
        body, found, digest = line.rpartition(_HASH)
        seq = body.rpartition(_SEQ)[2]
        if not found or not seq.isdigit():
            raise ValueError("no audit line: it does not end with seq and hash")
        return Opened(body, int(seq), digest)


class JsonlFormat:
    """One object a line, keys in a fixed order."""

    header: str = ""

    def body(self, row: Line) -> str:
        metadata = {**dict(row.metadata), "seq": str(row.seq)}
        return _json(
            {
                "timestamp_us": microseconds(row.ts_ns),
                "timestamp": iso(row.ts_ns),
                "type": row.type,
                "details": row.details,
                "metadata": metadata,
            }
        )

    def seal(self, body: str, digest: str) -> str:
        return f'{body.removesuffix("}}")},"hash":"{digest}"}}}}'

    def open(self, line: str) -> Opened:
        try:
            record: dict[str, Any] = orjson.loads(line)
            digest, seq = str(record["metadata"].pop("hash")), int(record["metadata"]["seq"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            raise ValueError("no audit line: not an object with seq and hash in its metadata") from None
        body = _json(record)
        if self.seal(body, digest) != line:
            raise ValueError("an audit line, but not written so")
        return Opened(body, seq, digest)


FORMATS: Final[dict[str, Callable[[], Format[Line]]]] = {"csv": CsvFormat, "jsonl": JsonlFormat}


class AuditFiles:
    """Both files of a log directory. observe: given every envelope of the auditor's lane in order, before it is folded; net: the account's
    holding of a symbol then; rated: the newest rate of a currency then."""

    def __init__(self, log_dir: Path, audit_format: str, net: Callable[[str], Decimal], rated: Callable[[str], CurrencyRate | None]) -> None:
        """Raises KeyError for a format that does not exist, ChainBroken, OSError."""
        self._net, self._rated = net, rated
        self.log = ChainedWriter(log_dir / "audit.log", FORMATS[audit_format]())
        self.journal: ChainedWriter[Row] = ChainedWriter(log_dir / "reconciliation_journal.tsv", TsvFormat())

    def observe(self, e: Envelope) -> None:
        event = e.event
        if isinstance(event, CurrencyRate) and not _is_first(event, self._rated(event.currency)):
            return
        net = self._net(event.symbol) if isinstance(event, OrderFilled | FillCorrected) else ZERO
        for line in audit_lines(e, net):
            self.log.write(line)
        for row in journal_rows(e):
            self.journal.write(row)

    def sync(self) -> None:
        """Both survive the machine from here on."""
        self.log.sync()
        self.journal.sync()

    def close(self) -> None:
        self.log.close()
        self.journal.close()


def _is_first(rate: CurrencyRate, before: CurrencyRate | None) -> bool:
    """A rate may move with every datum: a file for people has the fixed ones and the first of a day, UTC; the journal has all."""
    return not rate.timestamp or before is None or rate.timestamp // DAY_NS != before.timestamp // DAY_NS


def verify(path: Path) -> Verification:
    """An audit log of either format, or a reconciliation journal: told apart by how it begins."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(TsvFormat.header))
    except OSError as error:
        return Verification(0, 0, f"cannot read: {error.strerror or error}", unreadable=True)
    layout: Any = JsonlFormat() if begin.startswith(b"{") else TsvFormat() if begin == TsvFormat.header.encode() else CsvFormat()
    return verify_chain(path, layout)


def _json(record: dict[str, Any]) -> str:
    return orjson.dumps(record).decode()


def _quoted(field: str) -> str:
    text = field.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') else text
