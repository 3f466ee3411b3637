"""What the router holds: its orders, how to find them, which halts bind, what awaits an answer. Plain data, encoded as its own snapshot."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from shared.domain.exact import ZERO
from shared.domain.order_fold import OrderRecord
from shared.domain.order_machine import UNPROVEN, WORKING
from shared.events import ActionRow, CashRow, ExecutionRow, Market, OrderStatus, OrderTerms

SUBMIT: Final = "submit"
CANCEL: Final = "cancel"
REPLACE: Final = "replace"
QUERY: Final = "query"


class Fact(msgspec.Struct, array_like=True, frozen=True):
    """One booked execution. cumulative: the broker's, of that broker order (0: not told). void: busted or corrected into another id. currency: of
    the commission."""

    quantity: Decimal
    price: Decimal
    commission: Decimal
    cumulative: Decimal
    broker_order_id: str
    void: bool = False
    currency: str = ""


class Lookup(msgspec.Struct, array_like=True):
    """A question about one client_order_id. answered: newest attempt that was; not_found: definite ones; next_at: ns of the next try; held:
    the next one waits for room."""

    attempts: int = 0
    answered: int = 0
    not_found: int = 0
    waiting: bool = False
    next_at: int = 0
    held: bool = False


class Cancel(msgspec.Struct, array_like=True):
    """wanted: somebody wants the order gone; latched: a refusal does not change that. again_at: not before this ns; check_at: an
    unanswered request counts as lost."""

    wanted: bool = False
    latched: bool = False
    in_flight: bool = False
    attempts: int = 0
    again_at: int = 0
    check_at: int = 0


class Replace(msgspec.Struct, array_like=True, frozen=True):
    """The replace in flight. epoch: lease epoch that journaled it."""

    replace_no: int
    client_order_id: str
    terms: OrderTerms
    deadline_ns: int
    check_at: int
    epoch: int


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """A replace that risk approved and that is neither sent nor refused."""

    terms: OrderTerms
    deadline_ns: int
    halt_epoch: int


class Ending(msgspec.Struct, array_like=True, frozen=True):
    """The broker's word that an order is over with `filled` done; booked when our fills have reached that."""

    status: OrderStatus
    filled: Decimal
    code: str
    text: str


class RouterOrder(msgspec.Struct, omit_defaults=True):
    """One order. epoch: lease epoch that journaled its OrderSending (0: never sent). halt_epoch: the one it was approved in. told: broker
    cumulatives of executions reported but not yet booked; disputed: execution id to the differing report. seen_report: newest numbered
    report about it. replace_asked: number of an approved replace that is neither sent nor refused, 0 for none; asked: what it is. held:
    requests that wait for room under the broker's limits (`throttle`). market: what it may be routed by; grouped: it is one of a group.
    parent: of a part, the order it is one of; children: the parts of an order that is worked in parts, and never sent itself; sequential:
    one after the other; replaced: number of its newest replace that the broker took; venue: where a part is directed to. names: all the broker
    knows, or knew, it by.

    Of an order of a group: group and role (empty: a plain order); approved_quantity: what it may come to in all; window_ns: how long its
    approval holds once it is released; spared: what the other legs had filled when the broker took it; resizes: replaces for another
    quantity so far; resize_at: none before this ns; taken: of the first, units the exits protected that are gone without them."""

    record: OrderRecord
    halt_epoch: int = 0
    deadline_ns: int = 0
    epoch: int = 0
    sent: bool = False
    acknowledged: bool = False
    check_at: int = 0
    seen_report: int = 0
    cancel: Cancel = msgspec.field(default_factory=Cancel)
    replace: Replace | None = None
    replace_asked: int = 0
    ending: Ending | None = None
    lookups: dict[str, Lookup] = msgspec.field(default_factory=dict)
    executions: dict[str, Fact] = msgspec.field(default_factory=dict)
    told: dict[str, Decimal] = msgspec.field(default_factory=dict)
    disputed: dict[str, str] = msgspec.field(default_factory=dict)
    asked: Asked | None = None
    held: tuple[str, ...] = ()
    group: str = ""
    role: str = ""
    approved_quantity: Decimal = ZERO
    window_ns: int = 0
    spared: Decimal = ZERO
    resizes: int = 0
    resize_at: int = 0
    taken: Decimal = ZERO
    market: Market | None = None
    grouped: bool = False
    parent: str = ""
    children: tuple[str, ...] = ()
    sequential: bool = False
    replaced: int = 0
    venue: str = ""
    names: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """The broker has, or had, it."""
        return self.acknowledged or bool(self.executions)

    @property
    def unsent(self) -> bool:
        """A part nobody sent yet."""
        return bool(self.parent) and not self.sent and not self.record.done

    @property
    def out(self) -> bool:
        """Whether some of it is at the broker, or about to be."""
        return self.sent or bool(self.held or self.children) or self.unsent

    @property
    def held_back(self) -> bool:
        """Whether it waits for others of its group: all but the first, which the group is named after."""
        return bool(self.group) and self.group != self.record.order_id

    @property
    def working(self) -> bool:
        return self.record.status in WORKING

    def due(self) -> int:
        """Earliest ns at which something about it must be done, 0 for none. Every due time leads to an output that moves it."""
        lookups, replace, cancel = self.lookups, self.replace, self.cancel
        if self.children:
            return 0
        if not lookups and replace is None and not cancel.wanted and not self.held:  # the common case, without a list
            return self.check_at if self.sent and self.record.status in UNPROVEN else 0
        times = [lookup.next_at for lookup in lookups.values()]
        if self.sent and self.record.status in UNPROVEN and not lookups:
            times.append(self.check_at)
        if replace is not None and replace.client_order_id not in lookups:
            times.append(replace.check_at)
        if self.working and cancel.wanted and CANCEL not in self.held:
            times.append(cancel.check_at if cancel.in_flight else cancel.again_at)
        if self.holds(SUBMIT):
            times.append(self.deadline_ns + 1)
        if self.holds(REPLACE) and self.asked is not None:
            times.append(self.asked.deadline_ns + 1)
        return min((t for t in times if t), default=0)

    def holds(self, request: str) -> bool:
        """Whether a request of it waits for room and is still wanted."""
        if request not in self.held:
            return False
        if request == SUBMIT:
            return not self.sent and not self.record.done
        return self.cancel.wanted and self.working if request == CANCEL else self.replace_asked != 0

    def copy(self) -> RouterOrder:
        replaced = msgspec.structs.replace
        return replaced(
            self,
            record=replaced(self.record),
            cancel=replaced(self.cancel),
            lookups={name: replaced(lookup) for name, lookup in self.lookups.items()},
            executions=dict(self.executions),
            told=dict(self.told),
            disputed=dict(self.disputed),
        )


class Early(msgspec.Struct, array_like=True, frozen=True):
    """A fact told before the account was opened: one of the three, and the number of its report."""

    report: int
    cash: CashRow | None = None
    action: ActionRow | None = None
    execution: ExecutionRow | None = None

    @property
    def broker_ns(self) -> int:
        row = self.cash or self.action or self.execution
        return row.broker_ns if row is not None else 0


class Standing(msgspec.Struct):
    """Facts that are no order's. epoch: of the router's newest lease. halts: scope to the halt epoch an approval of that scope must have
    reached; halted: scopes that are. opened_*, reading_*: time and report of the reading the account was opened from and of the newest:
    what happened up to the opening is in the opening holdings. cash_booked, actions_booked: references of cash movements and corporate actions;
    early: those told before the opening. retired: by strategy, newest (run, n) of an order that is kept no more; retired_ns: log time by which all
    of them had ended; beyond: executions told since of which nobody can tell whether they were booked, newest last. stranger_report: of the
    newest row that was of no order known then."""

    log_id: str = ""
    epoch: int = 0
    halt_epoch: int = 0
    halts: dict[str, int] = msgspec.field(default_factory=dict)
    halted: dict[str, bool] = msgspec.field(default_factory=dict)
    opened: bool = False
    opened_as_of: int = 0
    opened_report: int = 0
    reading_as_of: int = 0
    reading_report: int = 0
    cash_booked: dict[str, bool] = msgspec.field(default_factory=dict)
    actions_booked: dict[str, bool] = msgspec.field(default_factory=dict)
    early: dict[str, Early] = msgspec.field(default_factory=dict)
    retired: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    retired_ns: int = 0
    beyond: dict[str, bool] = msgspec.field(default_factory=dict)
    stranger_report: int = 0

    def before_opening(self, broker_ns: int, report: int) -> bool:
        """Whether what the broker did is in the opening holdings: by report number where there is one, by the broker's time elsewhere."""
        if not self.opened:
            return True
        return report <= self.opened_report if report else broker_ns <= self.opened_as_of

    def copy(self) -> Standing:
        return msgspec.structs.replace(
            self,
            halts=dict(self.halts),
            halted=dict(self.halted),
            cash_booked=dict(self.cash_booked),
            actions_booked=dict(self.actions_booked),
            early=dict(self.early),
            retired=dict(self.retired),
            beyond=dict(self.beyond),
        )


class Buckets(msgspec.Struct):
    """What is left under the broker's limits: for each bucket the log time, ns, at which it is full again. slowed: how often its rate was
    halved because the broker said it is too much, at slowed_at for the last time."""

    orders: int = 0
    messages: int = 0
    cancels: int = 0
    slowed: int = 0
    slowed_at: int = 0


class RouterState(msgspec.Struct):
    """Everything. open: orders not done, in order of arrival; due: those with a time to keep; held, held_cancels: those with a message, or a
    cancel, that waits for room, in order of arrival; groups: orders by group, in order of approval; routed: some order was ever worked in
    parts; ended: orders done with all they belong to (their group, their parts), and when, ns, oldest first."""

    version: int
    standing: Standing = msgspec.field(default_factory=Standing)
    orders: dict[str, RouterOrder] = msgspec.field(default_factory=dict)
    by_client: dict[str, str] = msgspec.field(default_factory=dict)
    by_broker: dict[str, str] = msgspec.field(default_factory=dict)
    open: dict[str, bool] = msgspec.field(default_factory=dict)
    due: dict[str, int] = msgspec.field(default_factory=dict)
    buckets: Buckets = msgspec.field(default_factory=Buckets)
    held: dict[str, bool] = msgspec.field(default_factory=dict)
    held_cancels: dict[str, bool] = msgspec.field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    routed: bool = False
    ended: dict[str, int] = msgspec.field(default_factory=dict)
