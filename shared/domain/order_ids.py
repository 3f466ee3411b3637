"""Names of orders: ours, the same in every replay, and the one the broker is given.

Order id: `<strategy>:<run>:<n>`, of its k-th part `<strategy>:<run>:<n>/<k>`. Client order id: `<log_id[:6]>-<strategy>-<run>-<n>`, of a
part with `_<k>` and for the k-th replacement with `.<k>` behind; at most
36 characters, so that every broker takes it. A client order id with another log's prefix, or of another shape, is not ours.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

CLIENT_ID_CHARS_MAX: Final = 36
LOG_PREFIX_CHARS: Final = 6
EXTERNAL_STRATEGY: Final = "external"
EXTERNAL_PREFIX: Final = "ext:"

_ORDER_ID: Final = re.compile(r"([a-z][a-z0-9_]{0,15}):([1-9][0-9]*):([1-9][0-9]*)(?:/([1-9][0-9]*))?")
_CLIENT_ID: Final = re.compile(r"([0-9a-zA-Z]{6})-([a-z][a-z0-9_]{0,15})-([1-9][0-9]*)-([1-9][0-9]*)(?:_([1-9][0-9]*))?(?:\.([1-9][0-9]*))?")


class ClientId(NamedTuple):
    """A client order id read back. replace_no: 0 for the order as first sent."""

    log_prefix: str
    strategy: str
    order_id: str
    replace_no: int


def order_id(strategy: str, run: int, n: int) -> str:
    return f"{strategy}:{run}:{n}"


def place_of(order: str) -> tuple[str, int, int] | None:
    """(strategy, run, n) of an order, of a part its order's; None for one that is not of this log."""
    match = _ORDER_ID.fullmatch(order)
    return (match[1], int(match[2]), int(match[3])) if match is not None else None


def client_order_id(log_id: str, order: str, replace_no: int = 0) -> str:
    """What the broker knows the order by. Raises ValueError when the order id has another shape or the name gets too long."""
    match = _ORDER_ID.fullmatch(order)
    if match is None:
        raise ValueError(f"{order!r} is no order id")
    prefix = log_id[:LOG_PREFIX_CHARS]
    name = f"{prefix}-{match[1]}-{match[2]}-{match[3]}" + (f"_{match[4]}" if match[4] else "") + (f".{replace_no}" if replace_no else "")
    if len(name) > CLIENT_ID_CHARS_MAX:
        raise ValueError(f"client order id {name!r} has {len(name)} characters, at most {CLIENT_ID_CHARS_MAX}")
    return name


def parse_client_id(name: str) -> ClientId | None:
    """The parts of a client order id of our shape, of whichever log; None for any other text."""
    match = _CLIENT_ID.fullmatch(name)
    if match is None:
        return None
    part = f"/{match[5]}" if match[5] else ""
    return ClientId(match[1], match[2], f"{match[2]}:{match[3]}:{match[4]}{part}", int(match[6] or 0))


def external_order_id(broker_order_id: str) -> str:
    """The order id of an order at the broker that is not of this log."""
    return f"{EXTERNAL_PREFIX}{broker_order_id}"


def is_external(order: str) -> bool:
    return order.startswith(EXTERNAL_PREFIX)
