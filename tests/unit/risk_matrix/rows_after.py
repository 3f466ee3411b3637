"""Rows of losses and of protective exits: what follows of a price. A holding of 100 is bought at 101 (sold short at 99): a point against it is 100."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.events import OrderApproved, Reason, Scope, TradingState, TradingStateChanged

from .row import AT, Breach, Denied, Row
from .rows_exposure import limits
from .scene import Act, Ask, Candle, Price, Wait

REDUCING, HALTED = TradingState.REDUCING, TradingState.HALTED


def against(buy: float, sell: float, before: Sequence[Act] = (), spread: float = 2.0) -> object:
    """A holding, and the price of its side a cent better, there, a cent worse."""

    def acts(side: str, step: int) -> Sequence[Act]:
        cents = step / 100
        price = Price("X", round(buy - cents, 2), buy + spread) if side == "buy" else Price("X", sell - spread, round(sell + cents, 2))
        return [Ask(side, 100), *before, price]

    return acts


def state(reason: Reason, of: TradingState, scope: Scope = Scope.GLOBAL, key: str = "") -> dict[str, object]:
    return {"scope": scope, "key": key, "state": of, "reason": reason}


def cents(whole: str, a_cent_more: str) -> object:
    return lambda _side, step: a_cent_more if step > 0 else whole


def loss(
    page: str,
    key: str,
    limit: object,
    value: object,
    configured: dict[str, Any],
    then: dict[str, object],
    reason: Reason = Reason.DAY_LOSS,
    own: dict[str, Any] | None = None,
) -> Row:
    expected = Breach(reason, key, str(limit), value, TradingStateChanged, then)  # type: ignore[arg-type]  # by side and step
    return Row(page, against(91.0, 109.0), expected, configured, own or {}, met=AT, soft=-201)


MONEY, PART = cents("1000", "1001"), cents("0.001", "0.001001")
LOSSES = [
    loss("limits.daily_loss_limit", "day_loss_max", 1_000, MONEY, limits(daily_loss_limit=1_000), state(Reason.DAY_LOSS, REDUCING)),
    loss("limits.daily_loss_limit_pct", "day_loss_pct_max", 0.001, PART, limits(daily_loss_limit_pct=0.001), state(Reason.DAY_LOSS, REDUCING)),
    loss(
        "limits.strategy_day_loss_max",
        "strategies.a.day_loss_max",
        1_000,
        MONEY,
        limits(strategy_day_loss_max=1_000),
        state(Reason.DAY_LOSS, REDUCING, Scope.STRATEGY, "a"),
    ),
    loss(
        "day_loss_state", "day_loss_max", 1_000, MONEY, {"day_loss_state": "halted", **limits(daily_loss_limit=1_000)}, state(Reason.DAY_LOSS, HALTED)
    ),
    loss("limits.max_drawdown", "drawdown_max", 0.001, PART, limits(max_drawdown="0.001"), state(Reason.DRAWDOWN, HALTED), Reason.DRAWDOWN),
    loss(
        "drawdown_state",
        "drawdown_max",
        0.001,
        PART,
        {"drawdown_state": "reducing", **limits(max_drawdown="0.001")},
        state(Reason.DRAWDOWN, REDUCING),
        Reason.DRAWDOWN,
    ),
    Row(
        "limits.daily_loss_limit",  # what adds is denied from then on
        lambda side, step: [*against(91.0, 109.0)(side, step), Ask(side, 1, 80 if side == "buy" else 120)],  # type: ignore[operator]  # a scene
        Denied(Reason.REDUCING_ONLY, "state.global", "0", "1"),
        limits(daily_loss_limit=1_000),
        met=AT,
    ),
]


def stop(page: str, reason: Reason, key: str, configured: dict[str, object], level: dict[str, str], acts: object, value: object) -> list[Row]:
    """Both keys of a stop: on, and how far."""
    return [
        Row(
            page_,
            acts,  # type: ignore[arg-type]  # a scene
            Breach(reason, f"{key}.a.X", level[side], value, OrderApproved, {"order_id": "risk:1:1", "strategy": "a"}),  # type: ignore[arg-type]
            {key: {"enable": True, **configured}},
            met=AT,
            sides=(side,),
        )
        for page_, side in ((page, "buy"), (page, "sell"), (f"{key}.enable", "buy"))
    ]


def price(buy: float, sell: float) -> object:
    return lambda side, step: (
        f"{buy - step / 100:.2f}".rstrip("0").rstrip(".") if side == "buy" else f"{sell + step / 100:.2f}".rstrip("0").rstrip(".")
    )


def best(side: str, step: int) -> Sequence[Act]:
    """Ten points for the holding first."""
    better = Price("X", 110.0, 112.0) if side == "buy" else Price("X", 88.0, 90.0)
    return [Ask(side, 100), better, *against(99.0, 99.0)(side, step)[1:]]  # type: ignore[operator]  # a scene


def ranged(side: str, step: int) -> Sequence[Act]:
    """Two bars of a range of two, then the entry."""
    known: list[Act] = []
    for _ in range(2):
        known += [Wait(1_000), Candle("X", 101.0, 99.0, 100.0)]
    return [*known, Price("X", 99.0, 101.0), *against(97.0, 103.0)(side, step)]  # type: ignore[operator]  # a scene


def held(side: str, step: int) -> Sequence[Act]:
    """A good price so many ms after the fill that opened."""
    return [Ask(side, 100), Wait(59_999 + step), Price("X", 99.0, 101.0)]


STOPS = [
    *stop("stop_loss.pct", Reason.STOP_LOSS, "stop_loss", {"pct": 0.1}, {"buy": "90.9", "sell": "108.9"}, against(90.9, 108.9), price(90.9, 108.9)),
    *stop("trailing_stop.pct", Reason.TRAILING_STOP, "trailing_stop", {"pct": "0.1"}, {"buy": "99", "sell": "99"}, best, price(99.0, 99.0)),
    *stop("atr_stop.window", Reason.ATR_STOP, "atr_stop", {"window": 2, "multiplier": 2}, {"buy": "97", "sell": "103"}, ranged, price(97.0, 103.0)),
    *stop(
        "atr_stop.multiplier", Reason.ATR_STOP, "atr_stop", {"window": 2, "multiplier": 2}, {"buy": "97", "sell": "103"}, ranged, price(97.0, 103.0)
    )[:2],
]
TIMED = [
    Row(
        page,
        held,
        Breach(Reason.TIME_STOP, "time_stop.a.X", "?", "?", OrderApproved, {"order_id": "risk:1:1", "strategy": "a"}),
        {"time_stop": {"enable": True, "max_holding_seconds": 60}},
        met=AT,
    )
    for page in ("time_stop.enable", "time_stop.max_holding_seconds")
]

FLATTENED = [
    Row(
        "loss_flattens",
        against(91.0, 109.0),
        Breach(Reason.DAY_LOSS, "day_loss_max", "1000", MONEY, OrderApproved, {"order_id": "risk:1:1", "strategy": "a", "halt_epoch": epoch}),  # type: ignore[arg-type]
        {"loss_flattens": True, "day_loss_state": state_, **limits(daily_loss_limit=1_000)},
        met=AT,
    )
    for epoch, state_ in ((0, "reducing"), (1, "halted"))
]
ROWS = [*FLATTENED, *LOSSES, *STOPS, *TIMED]
