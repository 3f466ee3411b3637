"""The chain: two running digests that make every earlier byte of a journal part of its newest batch.

    market_i = H(market_{i-1} | prunable records of batch i)
    kept_i   = H(kept_{i-1} | market_i | first_i, last_i | kept records of batch i)

Kept events cover market_i, so a batch whose market data was pruned still proves its market digest. The start is the log's identity
(`Identity`), and so is each later change of it (a restore that lost events), so neither can be swapped. No key is involved: the chain finds damage,
and tampering by whoever cannot rewrite everything after it; it does not stop an owner of the disk who recomputes all of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

DIGEST_BYTES: Final = 32
_LOG_ID: Final = re.compile(r"[0-9a-f]{16}")
_encode = msgspec.msgpack.Encoder().encode


class Identity(NamedTuple):
    """Who the log is after seq `since`. The newest row counts; row 1 has since 0. log_id: 16 hex digits; created_ns: wall clock."""

    id: int
    since: int
    log_id: str
    schema: int
    created_ns: int
    note: str


class Link(NamedTuple):
    """The chain's state after the batch that ends at seq."""

    seq: int
    kept: bytes
    market: bytes


ORIGIN: Final = Link(0, bytes(DIGEST_BYTES), bytes(DIGEST_BYTES))


def check_log_id(log_id: str) -> str:
    """Raises ValueError unless it is 16 lower-case hex digits."""
    if not _LOG_ID.fullmatch(log_id):
        raise ValueError(f"a log_id is 16 lower-case hex digits, not {log_id[:40]!r}")
    return log_id


def identify(link: Link, identity: Identity) -> Link:
    """The chain continues under this identity."""
    content = _encode(identity)
    return Link(link.seq, _digest(b"identity.kept", link.kept, content), _digest(b"identity.market", link.market, content))


def identify_all(link: Link, identities: Sequence[Identity]) -> Link:
    """Apply those that begin exactly where the link ends, in order."""
    for identity in identities:
        if identity.since == link.seq:
            link = identify(link, identity)
    return link


def extend(link: Link, last: int, kept: Iterable[bytes], market: Iterable[bytes]) -> Link:
    """The state after a batch of seqs link.seq + 1 .. last; records in seq order."""
    return seal(link, last, kept, _digest(b"batch.market", link.market, *market))


def seal(link: Link, last: int, kept: Iterable[bytes], market: bytes) -> Link:
    """As `extend`, for a batch whose market digest is taken from the journal because its records were pruned."""
    span = (link.seq + 1).to_bytes(8, "big") + last.to_bytes(8, "big")
    return Link(last, _digest(b"batch.kept", link.kept, market, span, *kept), market)


def _digest(person: bytes, *parts: bytes) -> bytes:
    """One hash over the joined parts: digests and spans have fixed sizes, records are self-delimiting, so the joining is unambiguous."""
    return hashlib.blake2b(b"".join(parts), digest_size=DIGEST_BYTES, person=person).digest()
