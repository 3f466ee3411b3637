"""An account as it lives: the real venue, router, reconciler, risk engine and auditor over one log, in one thread.

What the venue reports reaches the log when a test says so, so a reading can be newer than the stream, as it is with real processes. Orders
are approved by fiat: here the account is under test, not the limits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from services.auditor.core import AuditorCore
from services.backtest.venue_link import Venue, VenueLine
from services.order_router.answers import Asked, Witness
from services.order_router.core import RouterCore
from services.reconciler.core import ReconcilerCore
from services.reconciler.settings import ReconcilerSettings
from services.risk_engine.core import RiskCore
from services.risk_engine.settings import RiskSettings
from shared.brokers.contract import Cancellation, Outcome, Replacement, Submission
from shared.domain.calendar import Calendar
from shared.domain.ledger import Ledger, LedgerState
from shared.domain.order_group import BRACKET_ROLES
from shared.events import (
    Alert,
    BrokerStateReported,
    CancelSending,
    ClaimRequested,
    ClockTicked,
    CurrencyRate,
    Envelope,
    Event,
    InstrumentDefined,
    LeaseGranted,
    LogStarted,
    OrderApproved,
    OrderQuerySending,
    OrderSending,
    OrderSide,
    OrderTerms,
    OrderType,
    Quote,
    ReconcileCompleted,
    ReconcileNow,
    ReconcileRequested,
    ReplaceSending,
    RunStarted,
    SessionChanged,
    SessionPhase,
    TimeInForce,
)
from shared.runtime.actor import Core
from shared.venue import VenueSettings
from shared.venue import protocol as p
from shared.venue.settings import AccountKind

T0, SECOND = 1_700_000_000_000_000_000, 1_000_000_000  # a Tuesday, after the close in New York
DAY = 86_400 * SECOND
STRATEGIES = ("a", "b")
SYMBOLS = ("X", "Y", "Z")


class AccountWorld:
    """core: by source. log: every event. cash: of the account when it is found. settling: it is a cash account, and what a sale of X or Y brings
    settles on the next trading date in New York. currencies: of the instruments; balances: money of others than the dollar it is found with."""

    def __init__(
        self,
        cash: str = "1000000",
        lot: str = "1",
        multipliers: tuple[str, str, str] = ("1", "1", "1"),
        before: Callable[[AccountWorld], None] | None = None,
        *,
        settling: bool = False,
        currencies: tuple[str, str, str] = ("USD", "USD", "USD"),
        balances: dict[str, Decimal] | None = None,
        **risk: Any,
    ) -> None:
        if settling:
            risk |= {"account_kind": "cash", "settlement_days": 1}
        self.now, self.seq, self._n = T0, 0, 0
        self.log: list[Event] = []
        kind = {"account_kind": AccountKind.CASH, "settlement_days": 1} if settling else {"margin_multiplier": Decimal(100)}
        self.venue = Venue(VenueSettings(account="ACC", initial_cash=Decimal(cash), balances=balances or {}, **kind))  # type: ignore[arg-type]
        self.line = VenueLine(self.venue)
        self.witness = Witness("ACC", "venue.paper", "{}")
        self.undelivered: deque[Any] = deque()
        entries = [{"id": s, "symbols": SYMBOLS, "budget": "10000", "limits": {"day_loss_max": "100000"}} for s in STRATEGIES]
        self.risk = RiskSettings.of({"strategies": entries, "day_loss_pct_max": None, "drawdown_max": None, **risk})
        self._made: dict[str, Callable[[], Core]] = {
            "risk_engine": lambda: RiskCore(self.risk),
            "order_router": RouterCore,
            "reconciler": lambda: ReconcilerCore(ReconcilerSettings(interval_ns=0, grace_ns=0, cash_exact=True)),
            "auditor": AuditorCore,
        }
        self.cores = {source: make() for source, make in self._made.items()}
        self.foreign = any(currency != "USD" for currency in currencies)
        self.orders = dict.fromkeys(STRATEGIES, 0)
        self.commands = 0
        self.instruments = [
            InstrumentDefined(s, "equity", c, Decimal("0.01"), Decimal(lot), Decimal(m), "XNYS" if settling and s != "Z" else "24x7")
            for s, m, c in zip(SYMBOLS, multipliers, currencies, strict=True)
        ]
        for instrument in self.instruments:
            self.venue.service.advance(0, instrument, self.now)
        if before is not None:
            before(self)
        self.put(LogStarted("logid0", "feed", "process"))
        for source in self.cores:
            self.put(LeaseGranted(source, "h", 1))
        for instrument in self.instruments:
            self.put(instrument)
        self.put(RunStarted("risk_engine", 1, "f"))
        self.put(RunStarted("reconciler", 1, "f"))

    # the log

    def put(self, event: Event) -> None:
        """An event, and all that follows from it."""
        waiting = deque([(event, "outside", 0)])
        while waiting:
            event, source, cause = waiting.popleft()
            self.seq += 1
            self._n += 1
            self.log.append(event)
            envelope = Envelope(self.seq, self.now, event.topic, source, 1, self._n, cause, 1, event)
            for name, core in self.cores.items():
                if source == name:
                    continue  # its own output was folded when it was said
                outputs = core.decide(envelope)
                core.apply(envelope)
                for n, output in enumerate(outputs, 1):
                    core.apply(Envelope(0, self.now, output.topic, name, 1, n, self.seq, 1, output))
                    waiting.append((output, name, self.seq))
            waiting += [(e, "session", self.seq) for e in self._effects(event)]

    def _effects(self, event: Event) -> list[Event]:
        if isinstance(event, OrderSending):
            return self._told(Asked("submit", event.client_order_id), self.line.submit(Submission(event.client_order_id, event.terms, self.now)))
        if isinstance(event, CancelSending):
            cancel = Cancellation(event.client_order_id, event.broker_order_id, event.attempt, self.now)
            return self._told(Asked("cancel", event.client_order_id), self.line.cancel(cancel))
        if isinstance(event, ReplaceSending):
            there = next((row for row in self.line.open_orders() if row.broker_order_id == event.broker_order_id), None)
            name = there.client_order_id if there is not None else ""
            replacement = Replacement(event.client_order_id, name, event.broker_order_id, event.terms, self.now)
            return self._told(Asked("replace", event.client_order_id, event.replace_no), self.line.replace(replacement))
        if isinstance(event, OrderQuerySending):
            row = self.line.order_by_client_id(event.client_order_id)
            assert row is not None
            return []
        if isinstance(event, ReconcileRequested):
            s = self.line.whole_state(event.cursor)
            return [
                BrokerStateReported(
                    "ACC",
                    "reconciler",
                    event.query,
                    s.orders,
                    s.executions,
                    s.positions,
                    s.totals,
                    self.now,
                    s.report,
                    s.next_cursor,
                    s.actions,
                )
            ]
        return []

    def _told(self, asked: Asked, outcome: Outcome) -> list[Event]:
        return [e.event for e in self.witness.performed(asked, outcome).evidence]

    # what a test does

    def step(self, seconds: float = 1.0) -> None:
        self.now += round(seconds * SECOND)

    def deliver(self, most: int = 1_000) -> None:
        """So many of the venue's reports reach the log."""
        self.undelivered += self.line.stream(0.0)
        while self.undelivered and most:
            most -= 1
            self.put(self.witness.seen(self.undelivered.popleft()).event)

    def quote(self, symbol: str, price: float) -> None:
        quote = Quote(symbol, self.now, price, price, 1e6, 1e6)
        self.venue.service.advance(0, quote, self.now)
        self.put(quote)

    def rate(self, currency: str, rate: str) -> None:
        """The market says what a currency is worth."""
        told = CurrencyRate(currency, Decimal(rate), self.now)
        self.venue.service.advance(0, told, self.now)
        self.put(told)

    def restart(self, source: str) -> None:
        """The process goes on from its snapshot."""
        state = self.cores[source].snapshot()
        self.cores[source] = self._made[source]()
        self.cores[source].restore(state)

    def next_day(self) -> None:
        """The exchange in New York at this hour of tomorrow, open for as long as we are there."""
        self.now += DAY
        session = SessionChanged("XNYS", SessionPhase.OPEN, Calendar.named("XNYS").trading_date(self.now), self.now, self.now + DAY)
        self.venue.service.advance(0, session, self.now)
        self.put(session)

    def order(self, strategy: str, symbol: str, side: OrderSide, quantity: int, limit: str | None = None) -> str:
        self.orders[strategy] += 1
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        terms = OrderTerms(symbol, side, kind, Decimal(quantity), None if limit is None else Decimal(limit), tif=TimeInForce.GTC)
        order_id = f"{strategy}:1:{self.orders[strategy]}"
        self.put(OrderApproved(order_id, strategy, terms, self.now + 60 * SECOND, 0, 100.0, self.now))
        return order_id

    def bracket(self, strategy: str, symbol: str, quantity: int, target: str, stop: str) -> list[str]:
        """A purchase at the market with its two exits, held together by the router; ids of the three."""
        d, until, gtc = Decimal(quantity), self.now + 60 * SECOND, TimeInForce.GTC
        first = self.orders[strategy] + 1
        self.orders[strategy] += 3
        ids = [f"{strategy}:1:{first + k}" for k in range(3)]
        terms = (
            OrderTerms(symbol, OrderSide.BUY, OrderType.MARKET, d, tif=gtc),
            OrderTerms(symbol, OrderSide.SELL, OrderType.LIMIT, d, Decimal(target), tif=gtc),
            OrderTerms(symbol, OrderSide.SELL, OrderType.STOP, d, None, Decimal(stop), tif=gtc),
        )
        for order_id, t, role in zip(ids, terms, BRACKET_ROLES, strict=True):
            self.put(OrderApproved(order_id, strategy, t, until, 0, 100.0, self.now, ids[0], role, 3))
        return ids

    def by_hand(self, symbol: str, side: OrderSide, quantity: int, price: str = "100") -> None:
        """Somebody trades in the broker's app, and the log hears of it."""
        self.commands += 1
        self.act("external_trade", p.ExternalTrade(f"hand{self.commands}", symbol, side, Decimal(quantity), Decimal(price), self.now))
        self.deliver()

    def working(self, strategy: str) -> dict[str, Decimal]:
        """What a strategy's orders may still do at the venue, by side and type."""
        rows = (row for row in self.line.open_orders() if f"-{strategy}-" in row.client_order_id or "-risk-" in row.client_order_id)
        return {f"{row.terms.side.value} {row.terms.type.value}": row.terms.quantity - row.filled for row in rows}

    def act(self, method: str, request: p.Message) -> None:
        """Something at the broker's counter."""
        outcome = self.venue.service.ask(method, request)
        assert outcome.said is not None, outcome

    def claim(self, strategy: str, symbol: str, quantity: str = "") -> list[Event]:
        """What the log says to it."""
        self.commands += 1
        before = len(self.log)
        self.put(ClaimRequested(f"c{self.commands}", "me", "test", symbol, strategy, quantity))
        return self.log[before + 1 :]

    def read(self) -> ReconcileCompleted:
        """A reading now; its outcome."""
        self.put(ReconcileNow(f"r{self.seq}", "me", "test"))
        return next(e for e in reversed(self.log) if isinstance(e, ReconcileCompleted))

    def settle(self) -> ReconcileCompleted:
        """Everything is told, then read."""
        self.step()
        self.deliver()
        self.put(ClockTicked())
        self.deliver()
        return self.read()

    # what is so

    def ledger(self, source: str = "risk_engine") -> Ledger:
        core: Any = self.cores[source]
        return core._desk.ledger if source == "risk_engine" else core._ledger  # type: ignore[no-any-return]

    def held(self, owner: str, symbol: str) -> Decimal:
        return self.ledger().quantity(owner, symbol)

    def books(self, source: str) -> LedgerState:
        """The books of a ledger, its budgets aside, which only risk knows."""
        return self.ledger(source).to_state()

    def alerts(self, prefix: str) -> list[Alert]:
        return [e for e in self.log if isinstance(e, Alert) and e.key.startswith(prefix)]

    def assert_whole(self) -> None:
        """The account is the sum of its books, and both are the venue's to the last digit."""
        theirs = {row.symbol: row.quantity for row in self.venue.core.positions()}
        balances = {row.currency: row.amount for row in self.venue.core.account().balances}
        for source in ("risk_engine", "reconciler", "auditor"):
            ledger = self.ledger(source)
            assert ledger.positions() == theirs, source
            assert ledger.cash == self.venue.core.account().cash, source
            assert ledger.balances() == balances, source
        self.assert_sums()

    def assert_sums(self) -> None:
        for source in ("risk_engine", "reconciler", "auditor"):
            ledger = self.ledger(source)
            for symbol in {s for book in ledger.books.values() for s in book.positions}:
                assert ledger.net(symbol) == sum((b.quantity(symbol) for b in ledger.books.values()), Decimal(0)), (source, symbol)
            for name, book in ledger.books.items():
                assert book.cash + book.cost() == book.funding + book.realised - book.fees, (source, name)
        assert not self.alerts("invariant"), self.alerts("invariant")
