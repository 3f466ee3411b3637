"""Answers one request at a time: the core acts, the ledger commits, and only then there is an answer. No socket here.

A request that changes something is named; a name said again is answered from the ledger, so an answer never changes. Faults a test has set
work around that: before acting (silence, an error), or on the answer and the stream after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Final

from msgspec.structs import replace

from shared.events import (
    Bar,
    CodecError,
    CurrencyRate,
    DayEnded,
    Event,
    InstrumentDefined,
    MarketEvent,
    OrderBook,
    Quote,
    SessionChanged,
    Trade,
    decode_body,
)
from shared.runtime import killpoints
from shared.venue import MatchingCore, Newest, Report, Verdict, dump
from shared.venue import protocol as p
from shared.venue.desk import ID_CHARS_MAX
from shared.venue.faults import FaultPlan, FaultSpec, Mode, executions_in, fills_first, repeats
from shared.venue.prices import reasonable, sane_bar, sane_trade

from .books import Answer, Books, Write
from .outcome import Outcome, Refusal
from .readings import Readings

_MARKET: Final = (MarketEvent, InstrumentDefined, CurrencyRate, SessionChanged, DayEnded)
_SERVER_ERROR: Final = ("server_error", "internal error; what became of the request is not said")


class VenueService:
    """clock: wall-clock ns, for requests that bring no time; under a feed clock a constant 0, which leaves it at the newest time told.
    Raises only what must end the process (a ledger that cannot be written)."""

    def __init__(self, core: MatchingCore, ledger: Books, clock: Callable[[], int]) -> None:
        self._core = core
        self._ledger = ledger
        self._clock = clock
        self._read = clock()
        self._now = core.now_ns
        self._version = core.version
        self._requests: Final[dict[str, tuple[type[p.Message], Callable[[Any], Outcome]]]] = {
            **{name: (kind, _answering(reading)) for name, (kind, reading) in Readings(core, ledger, lambda: self._now, clock).methods.items()},
            "advance": (p.Advance, self._advance),
            "submit": (p.Submit, self._submit),
            "cancel": (p.Cancel, self._cancel),
            "replace": (p.Replace, self._replace),
            "external_order": (p.Submit, self._external_order),
            "external_trade": (p.ExternalTrade, self._external_trade),
            "cash_flow": (p.CashFlowRequest, self._cash_flow),
            "corporate_action": (p.ActionRequest, self._corporate_action),
            "fault": (p.FaultRequest, self._fault),
        }
        self.faults = FaultPlan()

    def handle(self, method: str, payload: bytes) -> Outcome:
        """One request over the link. What is malformed or unknown is refused."""
        known = self._requests.get(method)
        if known is None:
            return Outcome(code="unknown_method", text=f"known: {', '.join(sorted(self._requests))}")
        kind, act = known
        return _guarded(act, lambda: p.decode(kind, payload))

    def ask(self, method: str, request: p.Message) -> Outcome:
        """A request of the same process, of the method's type: as `handle` would answer it, without its bytes."""
        return _guarded(self._requests[method][1], lambda: p.checked(request))

    def tick(self) -> Outcome:
        """The wall clock moved: what was due by now happens."""
        now = self._time(0)
        if self._core.next_due() >= now:
            return Outcome()
        reports = self._doubled(self._core.on_time(now))
        self._commit(reports)
        return self._told(None, reports)

    def _advance(self, request: p.Advance) -> Outcome:
        """A market event; a row that was already taken changes nothing."""
        if request.row and request.row <= self._ledger.last_row:
            return Outcome(p.Advanced(self._ledger.head_at(request.row)))
        head, reports = self.advance(request.row, _market_event(request), request.now_ns)
        return self._told(p.Advanced(head), reports)

    def advance(self, row: int, event: Event, now_ns: int = 0) -> tuple[int, Sequence[Report]]:
        """A market event that was not taken before: the newest report rows up to this one caused, and the reports of this one."""
        reports = self._doubled(self._core.on_market(event, self._time(now_ns or _own_ns(event))))
        self._commit(reports, row, self._newest(event))
        return (reports[-1].n if reports else self._ledger.head_at(row)), reports

    def reached(self, now_ns: int) -> None:
        """Market data up to this moment was shown to the core itself, and nothing came of it."""
        self._now = max(self._now, now_ns)

    def shown(self, row: int, reports: Sequence[Report]) -> None:
        """Commit what came of a row that was shown to the core itself."""
        self._commit(reports, row)

    def _submit(self, r: p.Submit) -> Outcome:
        def act(reject: FaultSpec | None) -> Verdict:
            refusal = (reject.code, reject.text) if reject else None
            return self._core.submit(r.client_order_id, r.terms, self._time(r.now_ns), r.group, refusal)

        return self._change("submit", _order_name(r.client_order_id), p.encode(p.Submit("", r.terms, 0, r.group)), act)

    def _cancel(self, r: p.Cancel) -> Outcome:
        client_id = r.client_order_id or self._core.client_of(r.broker_order_id)

        def act(reject: FaultSpec | None) -> Verdict:
            return _refused(reject) or self._core.cancel(client_id, self._time(r.now_ns))

        name = f"cancel:{r.attempt}:{_order_name(client_id)}" if r.attempt and (client_id or not r.broker_order_id) else ""
        return self._change("cancel", name, b"", act)

    def _replace(self, r: p.Replace) -> Outcome:
        def act(reject: FaultSpec | None) -> Verdict:
            return _refused(reject) or self._core.replace(r.client_order_id, r.replaces, r.terms, self._time(r.now_ns))

        return self._change("replace", _order_name(r.client_order_id), p.encode(p.Replace("", r.replaces, r.terms)), act)

    def _change(self, method: str, name: str, asked: bytes, act: Callable[[FaultSpec | None], Verdict]) -> Outcome:
        """Answer from the ledger, or act, commit and answer; with the faults set for this kind of request."""
        if self.faults.for_request(Mode.TIMEOUT_BEFORE_ACCEPT, method):
            return Outcome()
        error = self.faults.for_request(Mode.SERVER_ERROR, method)
        if error is not None and not error.acts:
            return Outcome(code=_SERVER_ERROR[0], text=_SERVER_ERROR[1])
        known = self._ledger.answer(name) if name else None
        if known is not None and known.asked != asked:
            no = p.OrderAnswer(None, self._core.report_number, "duplicate", f"{name} was used for something else")
            return Outcome(no)
        if known is not None:
            outcome = Outcome(p.decode(p.OrderAnswer, known.body))
        else:
            outcome = self._settled(name, asked, act(self.faults.for_request(Mode.REJECT, method)))
        if error is not None:
            return replace(outcome, said=None, code=_SERVER_ERROR[0], text=_SERVER_ERROR[1])
        if self.faults.for_request(Mode.ACCEPT_THEN_TIMEOUT, method):
            return replace(outcome, said=None, code="", text="")
        delay = self.faults.for_request(Mode.DELAYED_ANSWER, method)
        return replace(outcome, delay_ms=delay.delay_ms) if delay else outcome

    def _external_order(self, r: p.Submit) -> Outcome:
        return self._settled("", b"", self._core.submit(r.client_order_id, r.terms, self._time(r.now_ns), r.group))

    def _external_trade(self, r: p.ExternalTrade) -> Outcome:
        if r.quantity <= 0 or r.price <= 0:
            raise Refusal("malformed", "quantity and price must be above 0")
        return self._settled("", b"", self._core.trade_outside(r.client_order_id, r.symbol, r.side, r.quantity, r.price, self._time(r.now_ns)))

    def _cash_flow(self, r: p.CashFlowRequest) -> Outcome:
        asked = p.encode(replace(r, now_ns=0))

        def act(now: int) -> Verdict:
            return self._core.cash_flow(r.kind, r.amount, r.reference, now, r.symbol, r.currency)

        return self._outside(f"cash:{r.reference}", asked, act, r.now_ns)

    def _corporate_action(self, r: p.ActionRequest) -> Outcome:
        symbols = (r.action.symbol, r.action.new_symbol)
        asked = p.encode(replace(r, now_ns=0))
        return self._outside(f"action:{r.action.reference}", asked, lambda now: self._core.corporate_action(r.action, now), r.now_ns, symbols)

    def _outside(self, name: str, asked: bytes, act: Callable[[int], Verdict], now_ns: int, symbols: Sequence[str] = ()) -> Outcome:
        """An act of the operator, once a reference. symbols: whose prices it may have changed."""
        known = self._ledger.answer(name)
        if known is not None and known.asked != asked:
            raise Refusal("duplicate", f"{name} was used for something else")
        if known is not None:
            return Outcome(p.decode(p.Done, known.body))
        verdict = act(self._time(now_ns))
        if verdict.code:
            raise Refusal(verdict.code, verdict.text)
        done = p.Done(self._core.report_number)
        restated = [event for symbol in symbols for event in self._core.market.newest(symbol)]
        self._commit(verdict.reports, name=name, answer=Answer(asked, p.encode(done)), restated=restated)
        return self._told(done, verdict.reports)

    def _fault(self, request: p.FaultRequest) -> Outcome:
        spec = request.spec
        if spec is None:
            self.faults.clear()
        else:
            self.faults.set(spec)
        return Outcome(p.Done(self._core.report_number))

    def _settled(self, name: str, asked: bytes, verdict: Verdict) -> Outcome:
        """Commit what the core did together with the answer it gets."""
        fills_before = self.faults.any and bool(executions_in(verdict.reports)) and self.faults.for_reports(Mode.FILL_BEFORE_ACK) is not None
        reports = self._doubled(fills_first(verdict.reports) if fills_before else verdict.reports)
        answer = p.OrderAnswer(verdict.order, self._core.report_number, verdict.code, verdict.text)
        if killpoints.passed is not None and name:
            killpoints.passed("venue_acted", name.partition(":")[0])
        self._commit(reports, name=name, answer=Answer(asked, p.encode(answer)) if name else None)
        return self._told(answer, reports, push_first=fills_before)

    def _doubled(self, reports: Sequence[Report]) -> Sequence[Report]:
        """The reports, with each execution once more when that fault is set."""
        executions = executions_in(reports) if self.faults.any else 0
        if executions and self.faults.for_reports(Mode.DUPLICATE_FILLS):
            return (*reports, *repeats(reports, self._core.skip_numbers(executions)))
        return reports

    def _commit(
        self,
        reports: Sequence[Report],
        row: int = 0,
        newest: Newest | None = None,
        name: str = "",
        answer: Answer | None = None,
        restated: Sequence[Newest] = (),
    ) -> None:
        state = dump(self._core) if self._ledger.keeps_state and self._core.version != self._version else None
        self._version = self._core.version
        self._ledger.commit(Write(row, newest, reports, state, name, answer, restated))

    def _told(self, answer: p.Message | None, reports: Sequence[Report], *, push_first: bool = False) -> Outcome:
        """The answer, and what listeners hear of it."""
        if not reports or self.faults.for_reports(Mode.MUTE_STREAM):
            return Outcome(answer, push_first=push_first)
        if self.faults.for_reports(Mode.DROPPED_STREAM):
            return Outcome(answer, push_first=push_first, drop_stream=True)
        return Outcome(answer, push=reports, push_first=push_first)

    def _newest(self, event: Event) -> Newest | None:
        if isinstance(event, OrderBook):
            return self._core.market.quotes.get(event.symbol)
        return event if isinstance(event, Bar | Quote | Trade | CurrencyRate) else None

    def _time(self, now_ns: int) -> int:
        """The request's own time, else the wall clock's, which here never goes back; while it is behind what was told it goes on from there, so that
        nothing that is due waits for it to catch up."""
        read = self._clock()
        self._now = max(self._now + max(read - self._read, 0), now_ns or read)
        self._read = read
        return now_ns or self._now


def _guarded(act: Callable[[Any], Outcome], request: Callable[[], p.Message]) -> Outcome:
    """What is malformed is refused."""
    try:
        return act(request())
    except p.ProtocolError as error:
        return Outcome(code="malformed", text=str(error))
    except Refusal as refusal:
        return Outcome(code=refusal.code, text=refusal.text)


def _answering(reading: Callable[[Any], p.Message]) -> Callable[[Any], Outcome]:
    return lambda request: Outcome(reading(request))


def _refused(reject: FaultSpec | None) -> Verdict | None:
    return Verdict(None, (), reject.code, reject.text) if reject else None


def _order_name(client_order_id: str) -> str:
    if not 0 < len(client_order_id) <= ID_CHARS_MAX:
        raise Refusal("bad_client_order_id", f"client_order_id must have 1 to {ID_CHARS_MAX} characters")
    return f"order:{client_order_id}"


def _own_ns(event: Event) -> int:
    """When the event could be known, 0 where it does not say."""
    if isinstance(event, Bar):
        return event.end
    return event.timestamp if isinstance(event, Quote | Trade | OrderBook) else 0


def _market_event(request: p.Advance) -> Event:
    """Raises Refusal for what is no market event or carries numbers no market has."""
    try:
        event = decode_body(request.tag, request.body)
    except CodecError as error:
        raise Refusal("malformed", str(error)) from None
    if not isinstance(event, _MARKET):
        raise Refusal("malformed", f"{type(event).__name__} is no market event")
    if not _sane(event):
        raise Refusal("bad_market_data", str(event)[:200])
    return event


def _sane(event: Event) -> bool:
    """Numbers a market can have. A crossed or one-sided quote can be; nobody trades against it."""
    if isinstance(event, Bar):
        return sane_bar(event)
    if isinstance(event, Trade):
        return sane_trade(event)
    if isinstance(event, CurrencyRate):
        return reasonable(event.rate) and event.rate > 0
    if isinstance(event, Quote):
        return all(map(isfinite, (event.bid, event.ask, event.bid_size, event.ask_size)))
    if isinstance(event, OrderBook):
        return all(isfinite(number) for level in (*event.bids[:1], *event.asks[:1]) for number in level)
    return True
