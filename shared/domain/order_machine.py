"""The order state machine: one table, every pair of state and happening decided, none raises.

Who may cause what:

- Risk approves or denies an intent. The router writes ahead what it sends (`sending`, `cancel_sending`, `replace_sending`), books what the
  broker said, calls an outcome `unknown` when nothing proves it, and abandons an order that is proven never to have reached the broker.
- Only the broker's word ends an order: fills, a cancel, an expiry, a rejection. A sent request ends nothing; neither does silence.
- A fill is a fact in any state. On an order thought done it is `LATE`: booked, and told to a person. A fill on an order we thought
  rejected or abandoned proves that it lives, so its outcome is unknown again. More filled than ordered is recorded as it is (`error`).
- News older than what is known (an accept after the end, a second cancel report) is `STALE`: nothing changes, nobody is alarmed.
- What its author had no right to cause is `ILLEGAL`: nothing changes and the auditor alarms; it is our bug.

A logical order keeps its id through replaces, so it is never in the state `replaced`; that word belongs to the broker's superseded ids.

Cells: `.` stays; a state moves there; `work` is new, partially filled or filled, as the fills say; `+` before a state marks LATE,
`~` STALE, `!` ILLEGAL.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from shared.events import OrderStatus


class Happening(StrEnum):
    """What can happen to an order. fill_*: an execution after which less than, exactly or more than the quantity is filled; fix_*: the
    same after the broker corrected or busted one."""

    APPROVED = "approved"
    DENIED = "denied"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    FILL_PART = "fill_part"
    FILL_LAST = "fill_last"
    FILL_OVER = "fill_over"
    FIX_PART = "fix_part"
    FIX_LAST = "fix_last"
    FIX_OVER = "fix_over"
    CANCEL_SENDING = "cancel_sending"
    CANCEL_REJECTED = "cancel_rejected"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACE_SENDING = "replace_sending"
    REPLACED = "replaced"
    REPLACE_REJECTED = "replace_rejected"
    ABANDONED = "abandoned"


class Verdict(StrEnum):
    OK = "ok"
    LATE = "late"
    STALE = "stale"
    ILLEGAL = "illegal"


class Step(NamedTuple):
    """Where an order goes and how that is to be taken."""

    status: OrderStatus
    verdict: Verdict


_COLUMNS: Final = {
    "pend": OrderStatus.PENDING_NEW,
    "new": OrderStatus.NEW,
    "part": OrderStatus.PARTIALLY_FILLED,
    "pcan": OrderStatus.PENDING_CANCEL,
    "prep": OrderStatus.PENDING_REPLACE,
    "unkn": OrderStatus.UNKNOWN,
    "filled": OrderStatus.FILLED,
    "canc": OrderStatus.CANCELLED,
    "rej": OrderStatus.REJECTED,
    "exp": OrderStatus.EXPIRED,
    "inact": OrderStatus.INACTIVE,
    "error": OrderStatus.ERROR,
}

TABLE: Final = """
                  pend    new     part    pcan    prep    unkn    filled   canc     rej      exp      inact    error
approved          .       !       !       !       !       !       !        !        !        !        !        !
denied            rej     !       !       !       !       !       !        !        !        !        !        !
sending           .       !       !       !       !       !       !        !        !        !        !        !
accepted          new     ~       .       .       .       work    ~        ~        ~        ~        +work    ~
rejected          rej     rej     rej     rej     rej     rej     ~        ~        ~        ~        rej      ~
unknown           unkn    ~       ~       ~       ~       .       ~        ~        ~        ~        ~        ~
fill_part         part    part    .       .       .       part    +filled  +canc    +unkn    +exp     +unkn    +error
fill_last         filled  filled  filled  filled  filled  filled  +filled  +filled  +filled  +filled  +filled  +filled
fill_over         error   error   error   error   error   error   +error   +error   +error   +error   +error   +error
fix_part          .       work    work    .       .       .       .        .        .        .        .        filled
fix_last          filled  filled  filled  filled  filled  filled  .        filled   filled   filled   filled   filled
fix_over          error   error   error   error   error   error   error    error    error    error    error    error
cancel_sending    .       pcan    pcan    .       pcan    .       !        !        !        !        !        !
cancel_rejected   .       ~       ~       work    .       .       ~        ~        ~        ~        ~        ~
canceled          canc    canc    canc    canc    canc    canc    ~        ~        ~        ~        canc     ~
expired           exp     exp     exp     exp     exp     exp     ~        ~        ~        ~        exp      ~
replace_sending   !       prep    prep    !       !       !       !        !        !        !        !        !
replaced          !       work    work    .       work    work    work     ~        ~        ~        ~        .
replace_rejected  .       .       .       .       work    .       ~        ~        ~        ~        ~        ~
abandoned         inact   !       !       !       !       inact   !        !        !        !        ~        !
"""

STATES: Final = tuple(_COLUMNS.values())
DONE: Final = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.INACTIVE, OrderStatus.ERROR}
)
WORKING: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE})
UNPROVEN: Final = frozenset({OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN})

_VERDICTS: Final = {"+": Verdict.LATE, "~": Verdict.STALE, "!": Verdict.ILLEGAL}


def _parse(table: str) -> dict[tuple[OrderStatus, Happening], tuple[OrderStatus | None, Verdict]]:
    """Cells as (status, verdict); status None stands for `work`. Fails at import when a pair is left undecided."""
    header, *rows = [line.split() for line in table.strip().splitlines()]
    columns = [_COLUMNS[name] for name in header]
    cells: dict[tuple[OrderStatus, Happening], tuple[OrderStatus | None, Verdict]] = {}
    for name, *row in rows:
        for status, cell in zip(columns, row, strict=True):
            word = cell.lstrip("+~!")
            target = status if word in {"", "."} else None if word == "work" else _COLUMNS[word]
            cells[status, Happening(name)] = (target, _VERDICTS.get(cell[0], Verdict.OK))
    if len(cells) != len(STATES) * len(Happening):
        raise AssertionError("the order table leaves a pair undecided")
    return cells


_FILL_LAST: Final = Happening.FILL_LAST
_STEPS: Final = {pair: None if target is None else Step(target, verdict) for pair, (target, verdict) in _parse(TABLE).items()}
_WORK: Final = {pair: verdict for pair, (target, verdict) in _parse(TABLE).items() if target is None}


def step(status: OrderStatus, happening: Happening, filled: Decimal, quantity: Decimal) -> Step:
    """What becomes of an order in `status`. filled, quantity: the order's, after the happening; they only resolve `work`."""
    made = _STEPS[status, happening]
    return Step(working_status(filled, quantity), _WORK[status, happening]) if made is None else made


def working_status(filled: Decimal, quantity: Decimal) -> OrderStatus:
    """Status of an order nothing is pending on."""
    if filled <= 0:
        return OrderStatus.NEW
    return OrderStatus.PARTIALLY_FILLED if filled < quantity else OrderStatus.FILLED


def fill_happening(filled: Decimal, quantity: Decimal, *, correction: bool = False) -> Happening:
    """Which happening an execution is, by what is filled after it."""
    if filled < quantity:
        return Happening.FIX_PART if correction else Happening.FILL_PART
    if filled == quantity:
        return Happening.FIX_LAST if correction else _FILL_LAST
    return Happening.FIX_OVER if correction else Happening.FILL_OVER
