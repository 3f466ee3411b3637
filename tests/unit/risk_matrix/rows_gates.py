"""Rows of trading states, and of who may trade what and when. Controls that say yes or no pass below and at: where the control is off, and
where it is on and does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.events import (
    Break,
    CancelApproved,
    ClockTicked,
    CurrencyRate,
    DataGap,
    Event,
    HaltRequested,
    InstrumentHalted,
    InstrumentLocked,
    LeaseEnded,
    LeaseGranted,
    OrderAbandoned,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderTerms,
    PriceBandsChanged,
    Reason,
    ReconcileCompleted,
    ReconcileFailed,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    ServiceAnnounced,
    SessionChanged,
    SessionPhase,
    StrategyPaused,
    TimeInForce,
)

from .row import Denied, Follows, Row, other
from .rows_exposure import at_price, limits
from .scene import MS, START, Act, Ask, Bracket, Cancel, Price, Replace, Wait

GLOBAL, STRATEGY, SYMBOL = Scope.GLOBAL, Scope.STRATEGY, Scope.SYMBOL
CORE = ("core",)
WHOLE = ("backtest", "live")
LIVE = ("live",)


def halt(scope: Scope, key: str, another: str, state: str) -> Row:
    def acts(side: str, step: int) -> Sequence[Act]:
        asked = {-1: (), 0: (HaltRequested("c", "ann", "r", scope, another),) if another else (), 1: (HaltRequested("c", "ann", "r", scope, key),)}
        return [*asked[step], Ask(side, 1, 100)]

    return Row("halt, latched", acts, Denied(Reason.HALTED, state, "", "halted"))


def reduced(scope: Scope, key: str, state: str) -> Row:
    """A holding of 100 is closed short of nothing, to nothing, and through it."""
    return Row(
        "only what reduces",
        lambda side, step: [Ask(other(side), 100), ReduceRequested("c", "ann", "r", scope, key), Ask(side, 100 + step, 100)],
        Denied(Reason.REDUCING_ONLY, state, "100", "101"),
    )


def working_at_the_halt(side: str, step: int) -> Sequence[Act]:
    """Of another scope, of another symbol's, of its own."""
    command = HaltRequested("c", "ann", "r", SYMBOL, "X" if step > 0 else "Y")
    return [Ask(side, 1, 100), *([command] if step >= 0 else ()), Wait(10), Price("X", 99.0, 101.0)]


def same(step: int) -> ServiceAnnounced:
    return ServiceAnnounced("order_router", "other" if step > 0 else "build", "broker", "bus")


STATES = [
    Row(
        "arm",
        lambda side, step: [*([ResumeRequested("c", "ann", "r", GLOBAL, "")] if step == 0 else ()), Ask(side, 1, 100)],
        Denied(Reason.DISARMED, "state.global", "", "disarmed"),
        lambda step: {"arm": "auto" if step < 0 else "manual"},
    ),
    Row(
        "arm_requires_reconcile",
        lambda side, step: [
            *([RunStarted("risk_engine", 2, "g")] if step >= 0 else ()),
            *([ReconcileCompleted(1, step == 0, (), 0, 0)] if step >= 0 else ()),
            Ask(side, 1, 100),
        ],
        Denied(Reason.DISARMED, "state.global", "", "disarmed"),
        where=CORE,
    ),
    halt(GLOBAL, "", "", "state.global"),
    halt(STRATEGY, "a", "b", "state.strategy"),
    halt(SYMBOL, "X", "Y", "state.symbol"),
    Row("halt_cancels_open", working_at_the_halt, Follows(OrderCanceled, {"order_id": "a:1:1"}), where=WHOLE),
    Row(
        "halt_scope",
        lambda side, step: [Ask("buy", 100), Price("X", 89.0, 91.0), Ask(side, 1, 50, "Y", "b")],
        Denied(Reason.REDUCING_ONLY, "state.global", "0", "1"),
        lambda step: {"halt_scope": "global" if step > 0 else "strategy", **limits(strategy_day_loss_max=1_000)},
    ),
    reduced(GLOBAL, "", "state.global"),
    reduced(STRATEGY, "a", "state.strategy"),
    reduced(SYMBOL, "X", "state.symbol"),
    Row(
        "a locked instrument",
        lambda side, step: [*([InstrumentLocked("X" if step else "Y", Reason.RECONCILE_BREAK, "r")] if step >= 0 else ()), Ask(side, 1, 100)],
        Denied(Reason.INSTRUMENT_LOCKED, "lock", "", "RECONCILE_BREAK"),
        where=CORE,
    ),
    Row(
        "a paused strategy",
        lambda side, step: [*([StrategyPaused("a" if step else "b", paused=True, text="lags")] if step >= 0 else ()), Ask(side, 1, 100)],
        Denied(Reason.STRATEGY_PAUSED, "state.strategy", "", "paused"),
        where=CORE,
    ),
    Row(
        "require_same_build",
        lambda side, step: [ServiceAnnounced("risk_engine", "build", "broker", "bus"), *([same(step)] if step >= 0 else ()), Ask(side, 1, 100)],
        Denied(Reason.DISARMED, "state.global", "", "disarmed"),
        where=CORE,
        clock="wall",
    ),
    Row(
        "nobody is there to send",
        lambda side, step: [
            *([LeaseEnded("order_router", 1, expired=True)] if step >= 0 else ()),
            *([LeaseGranted("order_router", "p", 2)] if step == 0 else ()),
            Ask(side, 1, 100),
        ],
        Denied(Reason.ROUTER_MISSING, "lease.order_router", "", "ended"),
        where=CORE,
        clock="wall",
    ),
    *(
        Row(
            page,
            lambda side, step: [LeaseEnded("reconciler", 1, expired=True), Wait(1_199 + step), ClockTicked(), Ask(side, 1, 100)],
            Denied(Reason.REDUCING_ONLY, "state.global", "0", "1"),
            {"heartbeat_ms": 400, "missed_max": 3},
            met=0,
            where=CORE,
            clock="wall",
        )
        for page in ("heartbeat_ms", "missed_max")
    ),
    Row(
        "a break with the broker, readings that fail (`live.reconciliation`)",
        lambda side, step: [
            *([ReconcileCompleted(2, False, (Break("position", "X", "1", "2"),), 0, 0)] if step >= 0 else ()),
            *([ReconcileCompleted(3, True, (), 0, 0)] if step == 0 else ()),
            Ask(side, 1, 100),
        ],
        Denied(Reason.REDUCING_ONLY, "state.global", "0", "1"),
        where=CORE,
        clock="wall",
        more={"live": {"reconciliation": {"disable_trading_on_error": True}}},
    ),
    Row(
        "a break with the broker, readings that fail (`live.reconciliation`)",
        lambda side, step: [*[ReconcileFailed(9, "broker away") for _ in range(2 + (step > 0))][: 1 if step < 0 else None], Ask(side, 1, 100)],
        Denied(Reason.REDUCING_ONLY, "state.global", "0", "1"),
        where=CORE,
        clock="wall",
        more={"live": {"reconciliation": {"disable_trading_on_error": True}}},
    ),
]


# New York: 14:30 to 21:00 UTC
ABROAD = {"instruments": {"X": {"currency": "EUR"}}, "currencies": {"EUR": {"pair": "Y"}}}
UNRATED = {"instruments": {"X": {"currency": "EUR"}}}
NY = {"instruments": {"X": {"calendar": "XNYS"}}}
CLOSE = START + 5 * 3_600_000 * MS + 30 * 60_000 * MS
ACT = 2 * MS  # after the opening prices


def in_new_york(phase: SessionPhase) -> list[Event]:
    return [SessionChanged("XNYS", phase, "2024-01-03", CLOSE - 23_400_000 * MS, CLOSE)]


def halted(side: str, step: int) -> list[Act]:
    stop = InstrumentHalted("X" if step else "Y", halted=True, reason="T1")
    return [*([stop] if step >= 0 else ()), Ask(side, 1, 100)]


def resumed(side: str, step: int) -> list[Act]:
    """The first word after a halt is the market's."""
    over: list[Act] = [InstrumentHalted("X", halted=True, reason="T1"), InstrumentHalted("X", halted=False, reason="")]
    return [*(over if step >= 0 else ()), *([Price("X", 99.0, 101.0)] if step == 0 else ()), Ask(side, 1, 100)]


def working_when_the_venue_halts(side: str, step: int) -> list[Act]:
    return [Ask(side, 1, 100), InstrumentHalted("X" if step else "Y", halted=True, reason="T1"), Wait(10), Price("Y", 49.0, 51.0)]


def bands(lower: float, upper: float) -> object:
    return lambda now: PriceBandsChanged("X", now, lower, upper)


def gap(side: str, step: int) -> list[Act]:
    """Of another symbol; with data after it; with none."""
    made = lambda now: DataGap("X" if step >= 0 else "Y", now - MS, now, "reconnect")  # noqa: E731 - an act that names its time
    return [made, *([Price("X", 99.0, 101.0)] if step <= 0 else ()), Ask(side, 1, 100)]


ADMISSION = [
    Row(
        "a strategy speaks for itself, in its symbols",
        lambda side, step: [Ask(side, 1, *((50, "Y", "b") if step < 0 else (100, "X") if not step else (50, "Y")))],
        Denied(Reason.NOT_AUTHORISED, "strategies.a.symbols", "X T", "Y"),
        {},
        more={"symbols_of_a": ["X", "T"]},
    ),
    Row(
        "an instrument nobody defined",
        lambda side, step: [Ask(side, 1, 100, "Q" if step > 0 else "X")],
        Denied(Reason.UNKNOWN_INSTRUMENT, "instruments", "", "Q"),
        more={"live": {"symbols": ["X", "Y", "Q", "T"]}, "undefined": "Q"},
        where=CORE,
    ),
    Row(
        "numbers on their grid",
        lambda side, step: [Ask(side, 1, {-1: "99.95", 0: 100, 1: "100.02"}[step])],
        Denied(Reason.OFF_TICK, "tick_size", "0.05", "100.02"),
        more={"instruments": {"X": {"tick_size": 0.05}}},
    ),
    Row(
        "numbers on their grid",
        lambda side, step: [Ask(side, {-1: 5, 0: 10, 1: 11}[step], 100)],
        Denied(Reason.OFF_LOT, "lot_size", "5", "11"),
        more={"instruments": {"X": {"lot_size": 5}}},
    ),
    Row(
        "order_types_allowed",
        lambda side, step: [Ask(side, 1, None if step > 0 else 100)],
        Denied(Reason.UNSUPPORTED_TYPE, "order_types_allowed", "limit", "market"),
        {"order_types_allowed": ["limit"]},
    ),
    Row(
        "tifs_allowed",
        lambda side, step: [Ask(side, 1, 100, tif="gtc" if step > 0 else "day")],
        Denied(Reason.UNSUPPORTED_TIF, "tifs_allowed", "day", "gtc"),
        {"tifs_allowed": ["day"]},
    ),
    Row(
        "default_tif",
        lambda side, step: [Ask(side, 1, 100, tif=None if step > 0 else "day")],
        Follows(OrderApproved, {"terms": OrderTerms("X", "buy", "limit", Decimal(1), Decimal(100), tif=TimeInForce.GTC)}),  # type: ignore[arg-type]  # equal as text
        {"default_tif": "gtc"},
        sides=("buy",),
        where=WHOLE,
    ),
    Row(
        "replace of an order nobody has, or that is done",
        lambda side, step: [Ask(side, 1, 100), *([Cancel(1)] if step > 0 else ()), Replace(1, 2)],
        Denied(Reason.ORDER_DONE, "order_id", "", "a:1:1"),
        where=CORE,
    ),
    Row(
        "a bracket or pair is approved or denied whole",
        lambda side, step: [Bracket(side, 100 + step, 100, 110 if side == "buy" else 90, 90 if side == "buy" else 110)],
        Follows(OrderDenied, {"order_id": "a:1:2", "reason": Reason.GROUP}),  # the entry with its own reason, the exits with it
        limits(order_qty_max=100),
    ),
    Row(
        "command_age_ms_max",
        lambda side, step: [Ask(side, 1, 100)],
        Denied(Reason.EXPIRED, "command_age_ms_max", "2000", "2001"),
        {"command_age_ms_max": 2_000},
        where=LIVE,
        stalled=("strategy.", lambda step: 2_000 + step),
    ),
    Row(
        "deadline_ms",
        lambda side, step: [Ask(side, 1, 100)],
        Follows(OrderAbandoned, {"order_id": "a:1:1"}),
        {"deadline_ms": 2_000},
        where=LIVE,
        stalled=("order_router", lambda step: 2_000 + step),
    ),
    Row(
        "sessions_allowed",
        lambda side, step: [Ask(side, 1, 100)],
        Denied(Reason.MARKET_CLOSED, "sessions_allowed", "open", "post"),
        more=NY,
        told=lambda step: in_new_york(SessionPhase.POST if step > 0 else SessionPhase.OPEN),
        start=lambda step: START if step < 0 else CLOSE - ACT - MS if step == 0 else CLOSE + 1_000 * MS,
    ),
    Row(
        "close_buffer_s",
        lambda side, step: [Ask(side, 1, 100)],
        Denied(Reason.CLOSE_BUFFER, "close_buffer_s", "30", "29.999 left"),
        {"close_buffer_s": 30},
        more=NY,
        told=lambda _: in_new_york(SessionPhase.OPEN),
        start=lambda step: CLOSE - 30_000 * MS - ACT + step * MS,
    ),
    Row(
        "quote_age_ms_max",
        lambda side, step: [Price("X", 99.0, 101.0), Wait(4_999 + step), Ask(side, 1, 100)],
        Denied(Reason.STALE_DATA, "quote_age_ms_max", "5000", "5001"),
        {"quote_age_ms_max": 5_000},
    ),
    Row(
        "rate_age_ms_max",
        lambda side, step: [Wait(4_999 + step), Ask(side, 1, 100)],  # the opening price of Y, a millisecond after X's, told the rate
        Denied(Reason.STALE_DATA, "rate_age_ms_max", "5000", "5001"),
        {"rate_age_ms_max": 5_000},
        more=ABROAD,
        told=lambda _: [CurrencyRate("EUR", Decimal(50), START + MS)],
    ),
    Row(
        "a currency without a rate",
        lambda side, step: [Ask(side, 1, 100)],
        Denied(Reason.NO_REFERENCE, "currencies", "USD", "EUR"),
        more=UNRATED,
        told=lambda step: [CurrencyRate("EUR", Decimal(2))] if step <= 0 else [],
        where=CORE,
    ),
    Row(
        "gap_blocks_trading",
        gap,
        Denied(Reason.DATA_GAP, "gap_blocks_trading", "true", str(START + 2 * MS)),
    ),
    Row("a venue halt", halted, Denied(Reason.INSTRUMENT_HALTED, "halt", "", "T1")),
    Row("a venue halt", resumed, Denied(Reason.INSTRUMENT_HALTED, "halt", "a price since the halt", "none")),
    Row(
        "halt_policy",
        working_when_the_venue_halts,
        Follows(CancelApproved, {"order_id": "a:1:1", "reason": Reason.INSTRUMENT_HALTED}),
        lambda step: {"halt_policy": "leave" if step < 0 else "cancel"},
    ),
    Row(
        "luld_required",
        lambda side, step: [*([bands(95.0, 105.0)] if step == 0 else ()), Ask(side, 1, 100)],
        Denied(Reason.PRICE_BAND, "luld_required", "published bands", "none"),
        lambda step: {"luld_required": step >= 0},
    ),
    Row(
        "luld_required",
        at_price("105", "95", lambda _: [bands(95.0, 105.0)]),
        Denied(Reason.PRICE_BAND, "luld", "95 to 105", {"buy": "105.01", "sell": "94.99"}),
    ),
]

ROWS = [*STATES, *ADMISSION]
