"""Everything the risk engine knows, assembled; and its one canonical state.

The parts share the ledger, the reservations and the prices; what can be derived from them (exposure, valuations, estimates) is rebuilt
after a restore and is no state.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from shared.domain.cause_age import AgeState, CauseAges
from shared.domain.exact import ZERO, multiply, subtract
from shared.domain.instrument import Instrument
from shared.domain.ledger import Ledger, LedgerState
from shared.events import LimitOverridden, OrderSide, Reason, Scope, StrategyRevised, TradingState, TradingStateChanged

from .bands import Bands
from .book_value import BookValue
from .broker_line import BrokerLine
from .clock_offset import ClockOffset
from .correlation import Closes, Ranking
from .duplicates import Duplicates, DuplicateState
from .flatten import Flattening, FlattenState
from .gates import Gates
from .kin import Kin
from .legs import Leg, Legs
from .loss import Watches, WatchState
from .marking import Marking, MarkState
from .overrides import Overrides, effective, setting_of
from .presence import Presence
from .prices import MILLISECOND, Prices, PriceState
from .protective import Protective, ProtectiveState
from .regimes import in_regime
from .repeats import Repeats, RepeatState
from .reservations import Line, Reservations, ReservationState
from .revisions import Revisions, with_revisions
from .sectors import GroupSums
from .settings import FREE, AccountKind, RiskSettings
from .settlement import Settlement, SettlementState
from .states import TradingStates
from .throttle import Throttles, ThrottleState
from .unanswered import Asked, Unanswered
from .valuation import AccountValue
from .volume import Volumes
from .walk import Walks

LAYOUT: Final = 5  # of RiskState; grows when a snapshot of an older build cannot be read


class BuyingPower(msgspec.Struct):
    """reported: the broker's newest figure, None before it gave one. spent: money of opening fills since."""

    reported: Decimal | None = None
    spent: Decimal = ZERO


class RiskState(msgspec.Struct):
    """What a snapshot holds. duplicates, throttles, ages, ledger, reservations and unanswered are written from their parts when it is taken."""

    layout: int = LAYOUT
    ledger: LedgerState | None = None
    states: TradingStates = msgspec.field(default_factory=TradingStates)
    gates: Gates = msgspec.field(default_factory=Gates)
    prices: PriceState = msgspec.field(default_factory=PriceState)
    reservations: ReservationState = msgspec.field(default_factory=ReservationState)
    duplicates: DuplicateState = msgspec.field(default_factory=DuplicateState)
    throttles: ThrottleState = msgspec.field(default_factory=ThrottleState)
    ages: AgeState = msgspec.field(default_factory=AgeState)
    watches: dict[str, WatchState] = msgspec.field(default_factory=dict)
    marks: MarkState = msgspec.field(default_factory=MarkState)
    flatten: FlattenState = msgspec.field(default_factory=FlattenState)
    power: BuyingPower = msgspec.field(default_factory=BuyingPower)
    unanswered: dict[str, Asked] = msgspec.field(default_factory=dict)
    protective: ProtectiveState = msgspec.field(default_factory=ProtectiveState)
    overrides: Overrides = msgspec.field(default_factory=Overrides)
    presence: Presence = msgspec.field(default_factory=Presence)
    repeats: RepeatState = msgspec.field(default_factory=RepeatState)
    legs: dict[str, Leg] = msgspec.field(default_factory=dict)
    closes: Closes = msgspec.field(default_factory=Closes)
    volumes: Volumes = msgspec.field(default_factory=Volumes)
    bands: Bands = msgspec.field(default_factory=Bands)
    walks: Walks = msgspec.field(default_factory=Walks)
    settlement: SettlementState = msgspec.field(default_factory=SettlementState)
    regime: str = ""
    clock: ClockOffset = msgspec.field(default_factory=ClockOffset)
    revisions: Revisions = msgspec.field(default_factory=Revisions)
    rates: dict[str, int] = msgspec.field(default_factory=dict)  # by currency, ns of what told its newest rate; 0: fixed
    line: BrokerLine = msgspec.field(default_factory=BrokerLine)


# no set in the state, and no dict is sorted: what is said in order of arrival is said so after a restart too
_encode = msgspec.msgpack.Encoder(decimal_format="string").encode
_decode = msgspec.msgpack.Decoder(RiskState).decode


class Desk:
    """The parts, sharing one ledger, one set of reservations and one set of prices. file: as given; config: with the strategies there are now;
    settings: with the limits operators changed, as the regime tightens them."""

    def __init__(self, config: RiskSettings, state: RiskState | None = None) -> None:
        state = state if state is not None else RiskState()
        self.file = config
        self.revisions = state.revisions
        self.config = with_revisions(config, state.revisions)
        self.overrides = state.overrides
        self.regime = state.regime
        settings = in_regime(effective(self.config, state.overrides), state.regime)
        budgets = settings.budgets()
        self.settings = settings
        self.bounds = {s.id: s.limits for s in settings.strategies if s.limits != FREE}
        self.symbol_bounds = settings.symbol_limits
        self.traded = {s.id: frozenset(s.symbols) for s in settings.strategies}
        self.states = state.states
        self.gates = state.gates
        self.power = state.power
        self.presence = state.presence
        self.line = state.line
        self.repeats = Repeats(settings, state.repeats)
        self.closes = state.closes
        self.volumes = state.volumes
        self.bands = state.bands
        self.walks = state.walks
        self.rates = state.rates
        self.settlement = Settlement(settings.settlement_days if settings.account_kind is AccountKind.CASH else 0, state.settlement)
        self.clock = state.clock
        self.unanswered = Unanswered(state.unanswered)
        self.legs = Legs(state.legs)
        self.prices = Prices((settings.quote_age_ms_max or 0) * MILLISECOND, state.prices)
        self.ledger = Ledger(budgets) if state.ledger is None else Ledger.from_state(state.ledger, budgets)
        self.reservations = Reservations(self.ledger, state.reservations)
        self.duplicates = Duplicates(settings.duplicate_order_window_ms, state.duplicates)
        self.throttles = Throttles(settings, state.throttles)
        self.ages = CauseAges(settings.command_age_ms_max, state.ages)
        self.value = AccountValue(self.ledger, self.reservations, self.prices)
        self.books = {name: BookValue(name, self.ledger, self.reservations.strategy(name), self.prices, self.value) for name in self.bounds}
        self.kin = {name: Kin.of(book, self.bounds[name], settings, self.gates.instruments) for name, book in self.books.items()}
        self.group_sums = GroupSums(settings, self.gates.instruments, self.value.sums)
        self.ranking = Ranking(settings.correlation, self.value.sums)
        self.watches = Watches(settings, self.ledger, self.value, self.prices, state.watches)
        self.marking = Marking(settings.mark_interval_ms, self.ledger, self.value, self.watches, state.marks)
        self.flattening = Flattening(self.ledger, self.reservations, self.gates, state.flatten)
        self.protective = Protective(
            settings.stops, settings.sessions_allowed, self.ledger, self.prices, self.gates, state.protective, self.watches.lost
        )
        self._soft_counts: dict[int, int] = {}
        self._state = state
        self.rebuild()

    def rebuild(self) -> None:
        """Derive what is derived for every symbol: after a restore, or an event that concerns many."""
        for symbol in sorted({*self.ledger.positions(), *self.reservations.account.symbols(), *self._held(), *self.watches.active}):
            self.track(symbol)
        self.watches.settle()

    def track(self, symbol: str) -> None:
        """Orders or holdings of a symbol changed."""
        self.watches.track(symbol, working=self._is_live(symbol))

    def reorder(self, symbol: str) -> None:
        """Orders of a symbol changed, its holdings did not."""
        self.watches.reorder(symbol, working=self._is_live(symbol))

    def opening(self, symbol: str, side: OrderSide, added: Decimal) -> Decimal:
        """Units of an addition that open exposure, once the holding and the orders that may close it are used up."""
        return max(ZERO, subtract(added, self.reservations.account.room_to_reduce(symbol, side)))

    def soft_count(self, most: int) -> int:
        """Whole orders within the soft part of a limit on their number."""
        known = self._soft_counts.get(most)
        if known is None:
            known = self._soft_counts[most] = int(self.settings.soft_fraction * most)
        return known

    def flattened(self) -> list[Line]:
        """Of the symbols being flattened."""
        return [self.value.line(symbol) for symbol in sorted(self.flattening.state.symbols)]

    def restrict_strategy(self, strategy: str, state: TradingState, reason: Reason, why: str) -> list[TradingStateChanged]:
        """What a strategy's loss, failure or repetition stops: itself, and with it what `halt_scope` names, where that is not as strict already."""
        scope, entry = self.settings.halt_scope, self.settings.strategy(strategy)
        keys = [(Scope.STRATEGY, strategy)]
        if scope is Scope.GLOBAL:
            keys.append((scope, ""))
        elif scope is Scope.SYMBOL and entry is not None:
            keys += [(scope, symbol) for symbol in entry.symbols]
        changes = (self.states.restrict(*key, state, reason, why) for key in keys)
        return [change for change in changes if change is not None]

    def why_not_arm(self) -> str:
        """What stands in the way of arming, beside the books; empty where nothing does."""
        return "; ".join(filter(None, (self.presence.mismatch(), self.clock.why_not_arm())))

    def missing(self) -> tuple[Reason, str] | None:
        """Who or what is not there that says whether the books agree."""
        if self.presence.reconciler_gone:
            return Reason.RECONCILER_MISSING, "the reconciler is missing"
        why = self.line.why_not() if self.presence.wall else ""
        return (Reason.BROKER_DISCONNECTED, why) if why else None

    def compared(self) -> bool:
        """Whether somebody has compared the books with the broker since everything started, and since its line was away: they are not old."""
        return self.states.reconciled and (self.line.whole or not self.presence.wall)

    def why_not_short(self, instrument: Instrument) -> str:
        """The key that forbids to be short of it; empty where nothing does."""
        if not self.settings.short_allowed:
            return "short_allowed"
        if not instrument.shortable:
            return "shortable"
        return "require_easy_to_borrow" if self.settings.require_easy_to_borrow and not instrument.easy_to_borrow else ""

    def buying_power(self, currency: str = "") -> Decimal:
        """Before open orders. Where the broker's rule is known: that rule on our books at our marks, after every fill what the broker would say.
        Elsewhere its newest figure less what was opened since, or equity that is not bound in holdings. currency: of a cash account, which
        buys with settled money of the very currency, in it (empty: the account's); elsewhere it says nothing."""
        kind = self.settings.account_kind
        if kind is AccountKind.CASH:
            money = self.value.balance(currency) if currency else self.ledger.cash
            return subtract(money, self.settlement.unsettled_in(currency))
        if kind is AccountKind.MARGIN:
            return subtract(multiply(self.settings.margin_multiplier, self.value.equity()), self.value.sums.total().size)
        if self.power.reported is not None:
            return subtract(self.power.reported, self.power.spent)
        return subtract(self.value.equity(), self.value.sums.total().size)

    def limited_anew(self, e: LimitOverridden) -> Desk:
        """The same desk under the limits that stand now, as a restart would build it. A loss that met the old limit is judged anew; who has a
        loss limit for the first time starts its day here."""
        desk = Desk(self.file, self._gathered())
        desk.watches.forget(setting_of(e.key, Scope.STRATEGY))
        if desk.watches.account.state.base is not None:
            desk.watches.begin()
        return desk

    def revised(self, e: StrategyRevised, now: int) -> Desk:
        """The same desk with another list of strategies, as a restart would build it. What a removed one held is nobody's, so nothing guards it."""
        self.ledger.apply(e)
        desk = Desk(self.file, self._gathered())
        if desk.watches.account.state.base is not None:
            desk.watches.begin()
        for symbol in sorted(desk.ledger.positions()):
            desk.protective.rebooked(symbol, now)
        return desk

    def in_regime(self, name: str) -> Desk:
        """The desk in a regime: this one, where nothing changes, else as a restart would build it."""
        self._state.regime = self.regime = name
        if in_regime(effective(self.config, self.overrides), name) == self.settings:
            return self
        desk = Desk(self.file, self._gathered())
        if desk.watches.account.state.base is not None:
            desk.watches.begin()
        return desk

    def snapshot(self) -> bytes:
        return _encode(self._gathered())

    def _gathered(self) -> RiskState:
        state = self._state
        state.ledger = self.ledger.to_state()
        state.reservations = self.reservations.to_state()
        state.duplicates = self.duplicates.to_state()
        state.throttles = self.throttles.to_state()
        state.ages = self.ages.to_state()
        state.unanswered = self.unanswered.to_state()
        return state

    @classmethod
    def restored(cls, settings: RiskSettings, snapshot: bytes) -> Desk:
        """Raises ValueError when the bytes are of another layout."""
        try:
            state = _decode(snapshot)
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from None
        if state.layout != LAYOUT:
            raise ValueError(f"layout {state.layout}, this build has {LAYOUT}")
        return cls(settings, state)

    def _is_live(self, symbol: str) -> bool:
        """Whether prices of the symbol matter beside what the account and those with loss limits hold: it has orders, or one of the books with
        limits of their own holds it while the account's net is nothing. Called when either may have changed, so those books note it."""
        for book in self.books.values():
            book.note(symbol)
        return bool(self.reservations.account.open(symbol).orders) or any(self.ledger.quantity(name, symbol) for name in self.books)

    def _held(self) -> set[str]:
        return {symbol for book in self.ledger.books.values() for symbol, position in book.positions.items() if position.quantity}
