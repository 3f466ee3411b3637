"""The closed vocabularies of events. Values are the wire form; members are never renamed or re-used."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class OrderSide(StrEnum):
    BUY = "buy"
    SELL = "sell"


BUY: Final = OrderSide.BUY
"""For hot paths: until Python 3.12 an enumeration answers for a member twenty times slower than a module for a name."""


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    MARKET_ON_OPEN = "market_on_open"
    MARKET_ON_CLOSE = "market_on_close"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderStatus(StrEnum):
    """RegimeFlow's states, then ours (PENDING_REPLACE, REPLACED, UNKNOWN)."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending_cancel"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    ERROR = "error"
    PENDING_REPLACE = "pending_replace"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


class TradingState(StrEnum):
    DISARMED = "disarmed"
    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Scope(StrEnum):
    """What a trading state, lock or command applies to."""

    GLOBAL = "global"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


class ErrorClass(StrEnum):
    """Broker error taxonomy. `unknown` is an outcome not proven, never a rejection."""

    AUTH = "auth"
    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    REJECTION = "rejection"
    NETWORK = "network"
    SCHEMA = "schema"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class HealthState(StrEnum):
    STARTING = "starting"
    RECOVERING = "recovering"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"


class FeedStatus(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    STALE = "stale"
    DOWN = "down"
    ENDED = "ended"


class SessionPhase(StrEnum):
    """Phase of an instrument's trading calendar."""

    CLOSED = "closed"
    PRE = "pre"
    OPEN = "open"
    POST = "post"


class Reason(IntEnum):
    """Why risk denied, or a state changed. One range a family; numbers are never re-used."""

    # 100 trading state
    DISARMED = 100
    HALTED = 101
    REDUCING_ONLY = 102
    INSTRUMENT_LOCKED = 103
    STRATEGY_PAUSED = 104
    EXIT_WORKING = 105
    REGIME = 106
    # 200 authorisation and validity
    NOT_AUTHORISED = 200
    UNKNOWN_INSTRUMENT = 201
    OFF_TICK = 202
    OFF_LOT = 203
    BAD_QUANTITY = 204
    BAD_PRICE = 205
    UNSUPPORTED_TYPE = 206
    UNSUPPORTED_TIF = 207
    BAD_EXPIRY = 208
    UNKNOWN_ORDER = 209
    ORDER_DONE = 210
    GROUP = 211
    # 300 time
    EXPIRED = 300
    STALE_DATA = 301
    DATA_GAP = 302
    MARKET_CLOSED = 303
    INSTRUMENT_HALTED = 304
    CLOSE_BUFFER = 305
    # 400 duplicates and rate
    DUPLICATE_ID = 400
    DUPLICATE_MISMATCH = 401
    DUPLICATE_ORDER = 402
    THROTTLED = 403
    OPEN_ORDERS = 404
    REPEATED_EXECUTION = 405
    REPEATED_REJECTION = 406
    # 500 price and size
    NO_REFERENCE = 500
    ORDER_QUANTITY = 501
    ORDER_NOTIONAL = 502
    PRICE_COLLAR = 503
    ORDER_ADV = 504
    PRICE_WALK = 505
    PRICE_BAND = 506
    # 600 exposure
    POSITION = 600
    POSITION_NOTIONAL = 601
    GROSS_EXPOSURE = 602
    NET_EXPOSURE = 603
    LEVERAGE = 604
    BUYING_POWER = 605
    SHORT_SALE = 606
    SELF_TRADE = 607
    POSITION_PCT = 608
    SECTOR_EXPOSURE = 609
    INDUSTRY_EXPOSURE = 610
    PAIR_EXPOSURE = 611
    UNSETTLED_CASH = 612
    # 700 loss
    DAY_LOSS = 700
    DRAWDOWN = 701
    STOP_LOSS = 710
    TRAILING_STOP = 711
    ATR_STOP = 712
    TIME_STOP = 713
    # 800 operator and system
    OPERATOR = 800
    RECONCILE_BREAK = 801
    RECONCILER_MISSING = 802
    BROKER_DISCONNECTED = 803
    UNKNOWN_ORDER_AGE = 804
    BUILD_MISMATCH = 805
    STRATEGY_ERROR = 806
    STRATEGY_BLOCKED = 807
    RECONCILED = 808
    ROUTER_MISSING = 809
    FILL_MISMATCH = 810
    FEED_LOST = 811
    CHILD_OVER_PARENT = 812
    EXTERNAL_TRADE = 813
    CLOCK_OFFSET = 814
