"""How one venue behaves: account, prices, liquidity, delays, costs. Immutable; the same settings and the same inputs give the same reports.

Read from JSON or built in code; an impossible value raises `ValueError` naming the key (as `msgspec.ValidationError` when decoded).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

ZERO = Decimal(0)
HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 24 * HOUR_MINUTES
CLOCK_CHARS: Final = 5


class BarMode(StrEnum):
    """What a bar says about the prices inside it.

    close_only: one print, the close, at the end. open_only: one print, the open, at the start. intrabar_ohlc: a continuous path from the
    open through the nearer extreme, then the other one, to the close (`path.py`). Opening and closing auctions use the bar's open and
    close in every mode.
    """

    CLOSE_ONLY = "close_only"
    OPEN_ONLY = "open_only"
    INTRABAR_OHLC = "intrabar_ohlc"


class StopTrigger(StrEnum):
    """What elects a stop: prints, the quote's far side, or prints where the symbol has had one and quotes elsewhere."""

    LAST = "last"
    QUOTE = "quote"
    AUTO = "auto"


class RestPolicy(StrEnum):
    """What becomes of what a fill leaves of an order that is neither IOC nor FOK: it works on, it is cancelled, or the order trades whole at its
    first chance or not at all."""

    RETURN = "return"
    IOC = "ioc"
    FOK = "fok"


class DriftAction(StrEnum):
    """What becomes of a taker whose price moved too far against it: it trades, it waits for the next datum at the new price, it is cancelled."""

    IGNORE = "ignore"
    REQUOTE = "requote"
    REJECT = "reject"


class AccountKind(StrEnum):
    """cash: buys within settled cash (`settlement_days`), no short sales. margin: gross exposure within equity x multiplier."""

    CASH = "cash"
    MARGIN = "margin"


class SlippageModel(StrEnum):
    NONE = "none"
    FIXED_BPS = "fixed_bps"
    SPREAD = "spread"
    VOLUME_IMPACT = "volume_impact"


class CommissionModel(StrEnum):
    NONE = "none"
    FIXED = "fixed"
    PER_SHARE = "per_share"
    IB_FIXED = "ib_fixed"
    IB_TIERED = "ib_tiered"
    ALPACA = "alpaca"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structures below."""


def _not_negative(settings: Settings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must not be negative: {value}")


class SlippageSettings(Settings, frozen=True):
    """bps: of price, against the taker (fixed_bps). spread_bps: whole spread assumed where no quote is known (spread). impact_bps: at 100 %
    participation, scaled by its square root, at most impact_bps_max (volume_impact)."""

    model: SlippageModel = SlippageModel.NONE
    bps: Decimal = ZERO
    spread_bps: Decimal = ZERO
    impact_bps: Decimal = ZERO
    impact_bps_max: Decimal = Decimal(100)

    def __post_init__(self) -> None:
        _not_negative(self, "bps", "spread_bps", "impact_bps", "impact_bps_max")


class CommissionSettings(Settings, frozen=True):
    """amount: an order (fixed). rate: a share, with minimum and maximum_fraction of value an order (per_share; None: no maximum). Rates of the
    broker schedules have the defaults of `costs.py`; those that change by decree can be given here."""

    model: CommissionModel = CommissionModel.NONE
    amount: Decimal = ZERO
    rate: Decimal = ZERO
    minimum: Decimal = ZERO
    maximum_fraction: Decimal | None = None
    sec_rate: Decimal | None = None
    taf_rate: Decimal | None = None
    taf_maximum: Decimal | None = None
    cat_rate: Decimal | None = None

    def __post_init__(self) -> None:
        _not_negative(self, "amount", "rate", "minimum", "maximum_fraction", "sec_rate", "taf_rate", "taf_maximum", "cat_rate")


class SessionWindow(Settings, frozen=True):
    """Hours of the simulation within those of the calendar. start, end: `HH:MM` on the exchange's own clock; weekdays: 0 is Monday;
    closed_dates: `YYYY-MM-DD`. open_auction_minutes, close_auction_minutes: a first print later than this is no opening price, a last one
    earlier than this no closing price (0: any of the session)."""

    start: str = "00:00"
    end: str = "24:00"
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    closed_dates: tuple[str, ...] = ()
    open_auction_minutes: int = 0
    close_auction_minutes: int = 0

    def __post_init__(self) -> None:
        _not_negative(self, "open_auction_minutes", "close_auction_minutes")
        for name in ("start", "end"):
            _minutes(name, getattr(self, name))

    @property
    def start_minute(self) -> int:
        """Minutes after midnight."""
        return _minutes("start", self.start)

    @property
    def end_minute(self) -> int:
        return _minutes("end", self.end)


def _minutes(name: str, clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    if not (len(clock) == CLOCK_CHARS and hours.isdigit() and minutes.isdigit() and int(minutes) < HOUR_MINUTES):
        raise ValueError(f"{name} must be HH:MM, not {clock!r}")
    total = int(hours) * HOUR_MINUTES + int(minutes)
    if total > DAY_MINUTES:
        raise ValueError(f"{name} must be at most 24:00, not {clock!r}")
    return total


class VenueSettings(Settings, frozen=True):
    """account: the broker's account number. initial_cash: in `currency`; balances: of other currencies, what a new account starts with.
    displayed_size: a taker gets no more than the quoted size, each unit of it once.
    volume_share_max: our share of a bar's or print's volume, 0 < share <= 1 (None: all we want). limit_needs_through: a resting limit order
    fills only when the price goes beyond it, not when it touches. settlement_days: trading dates of its calendar until what a sale in a cash
    account brings may be spent; crypto and 24x7 instruments settle at once. latency_ns: submit, cancel and replace take effect this much later.
    quote_age_ns_max: an older quote is not traded against (0: any age). close_grace_ns: how long after the close late bars of the session
    are awaited before day orders expire (0 under the feed clock). session: narrows the hours calendars tell (None: as told). halted_symbols:
    never trade. deviation_bps_max: None: any move. defined_only: orders of instruments nobody defined are refused. tick_size .. calendar: of those."""

    account: str = "paper"
    currency: str = "USD"
    initial_cash: Decimal = Decimal(100_000)
    balances: dict[str, Decimal] = {}
    account_kind: AccountKind = AccountKind.MARGIN
    margin_multiplier: Decimal = Decimal(2)
    settlement_days: int = 0
    short_allowed: bool = True
    bar_mode: BarMode = BarMode.INTRABAR_OHLC
    stop_trigger: StopTrigger = StopTrigger.AUTO
    displayed_size: bool = False
    volume_share_max: Decimal | None = None
    limit_needs_through: bool = False
    latency_ns: int = 0
    quote_age_ns_max: int = 0
    close_grace_ns: int = 0
    session: SessionWindow | None = None
    halted_symbols: tuple[str, ...] = ()
    rest_policy: RestPolicy = RestPolicy.RETURN
    drift_action: DriftAction = DriftAction.IGNORE
    deviation_bps_max: Decimal | None = None
    slippage: SlippageSettings = SlippageSettings()
    commission: CommissionSettings = CommissionSettings()
    defined_only: bool = False
    tick_size: Decimal = Decimal("0.0001")
    lot_size: Decimal = Decimal("0.000000001")
    multiplier: Decimal = Decimal(1)
    calendar: str = "24x7"

    def __post_init__(self) -> None:
        _not_negative(self, "initial_cash", "settlement_days", "latency_ns", "quote_age_ns_max", "close_grace_ns", "deviation_bps_max")
        for name in ("margin_multiplier", "tick_size", "lot_size", "multiplier"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.volume_share_max is not None and not 0 < self.volume_share_max <= 1:
            raise ValueError(f"volume_share_max must be above 0 and at most 1, not {self.volume_share_max}")
        for currency, amount in self.balances.items():
            if currency == self.currency or amount < 0:
                raise ValueError(f"balances: {currency} {amount} is below 0 or of the account's own currency")
        if not self.account:
            raise ValueError("account must not be empty")
