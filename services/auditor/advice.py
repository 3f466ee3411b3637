"""What to do about it: one line a reason, a break, an unknown order, a strategy's end. Shown beside each in every query.

`{resume}` is the command that lifts what the advice is about, with the scope it stands in.
"""

from __future__ import annotations

from typing import Final

from shared.events import Reason, Scope

_BY_REASON: Final[dict[Reason, str]] = {
    Reason.DISARMED: "trading arms itself after a clean reconciliation; see `status` for what it waits for, or {resume} where `arm: manual`",
    Reason.HALTED: "find out why it was halted, then {resume}",
    Reason.REDUCING_ONLY: "only orders that reduce exposure pass; {resume} lifts it",
    Reason.EXIT_WORKING: "risk closes the holding by an order of its own, which is named beside it; wait for it, or look at it in `orders`",
    Reason.REGIME: "the market's regime forbids it; the key beside it names the rule. It passes again in another regime",
    Reason.INSTRUMENT_LOCKED: "see `status` for the lock's cause; compare with the broker, then {resume}",
    Reason.STRATEGY_PAUSED: "its worker is gone or behind; it goes on by itself when a worker has caught up",
    Reason.NOT_AUTHORISED: "the strategy may not trade this symbol: `live.strategies[].symbols`",
    Reason.UNKNOWN_INSTRUMENT: "the symbol is not defined: `live.symbols` or `instruments.yaml`",
    Reason.GROUP: "a bracket or OCO pair is taken whole or not at all: another leg's denial says why, or its legs do not fit together",
    Reason.STALE_DATA: "no fresh data for the symbol, or with key rate_age_ms_max for its currency's pair; see `health` for the feed. Trading comes back with the data",
    Reason.DATA_GAP: "the feed missed data; trading comes back after the back-fill",
    Reason.MARKET_CLOSED: "the symbol's session is closed; check `live.calendar` if it should be open",
    Reason.INSTRUMENT_HALTED: "the venue halted the instrument; wait for its resume and a fresh quote",
    Reason.EXPIRED: "the order waited longer than `command_age_ms_max`; look for a slow or stopped service in `health`",
    Reason.CLOSE_BUFFER: "it is too close to the close, or past it, for this order; the key beside it says how close is allowed",
    Reason.DUPLICATE_ID: "the order was asked for already and its answer stands; nothing was sent again",
    Reason.DUPLICATE_MISMATCH: "one order id was used for two orders: a bug of the strategy or a mixed-up state; nothing was sent again",
    Reason.REPEATED_EXECUTION: "the strategy executes without end; look at what it does, then {resume}",
    Reason.REPEATED_REJECTION: "the broker rejects order after order of the strategy; read its words in `orders` and the audit log, then {resume}",
    Reason.NO_REFERENCE: "no price to value the order at: wait for data; with key currencies: give its currency a `rate` or a `pair` there, and wait for the pair's data",
    Reason.PRICE_BAND: "the price is outside the venue's published bands, or there are none; wait for other bands, or ask for another price",
    Reason.SHORT_SALE: "it would sell more than is held, which the key beside it does not allow; cancel a working sale, or ask for less",
    Reason.SELF_TRADE: "it would meet a resting order of our own, which is named beside it; `cancel` that one first, or set `live.risk.self_trade: cancel_old`",
    Reason.BUYING_POWER: "the broker's buying power is spent; reduce or cancel something. A cash account buys with money of the instrument's own currency",
    Reason.UNSETTLED_CASH: "what the last sales brought is not settled yet: `status` tells when each part is; nothing is bought with it before",
    Reason.DAY_LOSS: "the day's loss limit is met; only closing orders pass. Raise it with `limit set`, or wait for the next day; then {resume}",
    Reason.DRAWDOWN: "the drawdown limit is met. Raise it with `limit set limits.max_drawdown`, then {resume}",
    Reason.RECONCILE_BREAK: "the broker disagrees with the log; compare with its statement, then {resume}",
    Reason.RECONCILER_MISSING: "start the reconciler: `regimeflow service reconciler`",
    Reason.ROUTER_MISSING: "start the router: `regimeflow service order_router`",
    Reason.BROKER_DISCONNECTED: "a line to the broker is down (`health` says which): orders that reduce pass, no others, until it is back and a reading"
    " agrees. It is tried again by itself, and once it was given up by {resume}",
    Reason.UNKNOWN_ORDER_AGE: "look the order up at the broker; the router asks on and books the answer",
    Reason.BUILD_MISMATCH: "services run different code or settings; restart all from one image",
    Reason.STRATEGY_ERROR: "read the strategy's error, fix it, then {resume}",
    Reason.STRATEGY_BLOCKED: "a callback did not return; fix it, then {resume}",
    Reason.FILL_MISMATCH: "two reports of one execution differ; take the broker's statement for the truth, then {resume}",
    Reason.EXTERNAL_TRADE: "somebody traded it by hand; see `positions`, then `claim` or `flatten`, then {resume}",
    Reason.FEED_LOST: "the market data feed is gone; it is tried again by itself",
    Reason.CHILD_OVER_PARENT: "the router made parts that are more than was approved: a bug of ours. Cancel at the broker what is too much, then {resume}",
    Reason.CLOCK_OFFSET: "set this machine's clock by NTP or chrony; trading arms itself at the first reading of the broker within the limit",
    Reason.OPERATOR: "an operator asked for it; {resume} lifts it",
}
_BY_FAMILY: Final[dict[int, str]] = {
    1: "see `status` for the trading state",
    2: "correct the order; nothing was sent",
    3: "wait, or check the clock and the feed in `health`",
    4: "the strategy asks too often or again; `limit set` raises the limit, if that is meant",
    5: "the order is outside a price or size limit; the limit is named beside it; `limit set` changes it, if that is meant",
    6: "the exposure limit is named beside it; reduce, `cancel` a working order, or `limit set`",
    7: "a loss limit is met; only closing orders pass until {resume}",
    8: "see `status` and `health`",
}
_BY_BREAK: Final[dict[str, str]] = {
    "order_missing": "the broker does not show the order as working; the router looks it up and books how it ended",
    "order_external": "an order at the broker is not of this log; cancel it there or with `cancel`",
    "execution_missing": "the broker shows an execution that is not booked; if it stays, restart the router and compare",
    "execution_differs": "an execution differs from what is booked; take the broker's statement for the truth",
    "overfill": "more is booked than the broker says; stop trading the symbol and compare every execution",
    "position": "nobody reported what changed the position; look for manual trades, then claim or flatten it",
    "action_missing": "a corporate action at the broker is not booked; if it stays, restart the router and compare holdings",
    "rival_log": "another engine trades this account: stop it, cancel its orders, then `regimeflow resume --reason TEXT`; one log, one account",
    "cash": "cash moved without an event; look for fees, transfers or dividends in the broker's statement",
}


def for_reason(reason: Reason, scope: Scope = Scope.GLOBAL, key: str = "") -> str:
    """key: the strategy or symbol it concerns, where it is known."""
    text = _BY_REASON.get(reason) or _BY_FAMILY[reason // 100]
    return text.replace("{resume}", resume(scope, key))


def resume(scope: Scope, key: str) -> str:
    """The command that lifts a state or lock of a scope."""
    of = "" if scope is Scope.GLOBAL else f" --{scope} {key or scope.upper()}"
    return f"`regimeflow resume{of} --reason TEXT`"


def for_denial(reason: Reason, key: str, strategy: str) -> str:
    """key: the limit or state that denied."""
    if key == "state.strategy":
        return for_reason(reason, Scope.STRATEGY, strategy)
    if key in {"state.symbol", "lock"}:
        return for_reason(reason, Scope.SYMBOL)
    return for_reason(reason)


def for_rate(currency: str) -> str:
    """Of a currency whose rate nobody told."""
    return f"no rate of {currency} is known and it counts one to one: give `currencies.{currency}`, and see `health` for the feed that tells it"


def for_break(kind: str) -> str:
    return _BY_BREAK.get(kind, "compare with the broker's statement")


def for_unknown(order_id: str) -> str:
    return (
        f"its outcome is not proven and its exposure is counted; the router asks the broker for it until it knows. Do not send it again: look"
        f" it up at the broker, `regimeflow cancel {order_id}` if it should not work"
    )


def for_line(name: str, *, given_up: bool) -> str:
    """A broker session or a feed that is down."""
    if given_up:
        return f"{name} is not tried again by itself: see that the broker can be reached, then {resume(Scope.GLOBAL, '')}, or restart its service"
    return f"{name} is tried again by itself; if it stays away, look at the broker's status page, this machine's network and the key"


def for_strategy(strategy: str, state: str) -> str:
    if state == "failed":
        return for_reason(Reason.STRATEGY_ERROR, Scope.STRATEGY, strategy)
    if state == "blocked":
        return for_reason(Reason.STRATEGY_BLOCKED, Scope.STRATEGY, strategy)
    return for_reason(Reason.STRATEGY_PAUSED) if state == "paused" else ""
