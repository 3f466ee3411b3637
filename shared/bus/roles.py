"""Who may append what: the role table, checked by the bus on every append (invariant I14).

A role's outputs carry its own source; outside facts carry a source below it. A type that stands in no row can be appended by nobody.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from shared import events as ev
from shared.events import Event

from .port import Refused, Role

SOURCES_REMEMBERED: Final = 1_024  # verdicts on names; patterns decide the rest anew

_SOURCES: Final[dict[Role, re.Pattern[str]]] = {
    Role.GATEWAY: re.compile(r"gateway"),
    Role.STRATEGY: re.compile(r"strategy\.[a-z][a-z0-9_]{0,15}"),
    Role.RISK: re.compile(r"risk_engine"),
    Role.ROUTER: re.compile(r"order_router"),
    Role.RECONCILER: re.compile(r"reconciler"),
    Role.AUDITOR: re.compile(r"auditor"),
    Role.CONTROL: re.compile(r"control\.[a-z0-9]{1,32}"),
    Role.BUS: re.compile(r"bus"),
}

_OUTSIDE: Final[dict[Role, re.Pattern[str]]] = {
    Role.GATEWAY: re.compile(r"gateway\.(feed|session|warmup\.[a-z][a-z0-9_]{0,15})"),
    Role.STRATEGY: re.compile(r"strategy\.[a-z][a-z0-9_]{0,15}\.watchdog"),
    Role.ROUTER: re.compile(r"order_router\.session|venue\.[a-z0-9_]{1,24}"),
    Role.RECONCILER: re.compile(r"reconciler\.(session|outbox)"),
    Role.AUDITOR: re.compile(r"auditor\.session"),
    Role.CONTROL: re.compile(r"control\.[a-z0-9]{1,32}"),
}

_COMMON: Final[frozenset[type[Event]]] = frozenset({ev.HealthReported, ev.Alert, ev.ServiceAnnounced})
_MARKET: Final[frozenset[type[Event]]] = frozenset(
    {
        ev.Bar,
        ev.Quote,
        ev.Trade,
        ev.OrderBook,
        ev.DataGap,
        ev.InstrumentHalted,
        ev.PriceBandsChanged,
        ev.FeedStateChanged,
        ev.WarmupBar,
        ev.WarmupEnded,
    }
)
_EVIDENCE: Final[frozenset[type[Event]]] = frozenset(
    {
        ev.BrokerOrderReported,
        ev.BrokerExecutionReported,
        ev.BrokerRequestRefused,
        ev.BrokerRequestAmbiguous,
        ev.BrokerRequestNotSent,
        ev.BrokerOrderNotFound,
        ev.BrokerQueryFailed,
        ev.BrokerStateReported,
        ev.BrokerCashReported,
        ev.BrokerActionReported,
        ev.BrokerConnectionChanged,
        ev.CashFlow,
        ev.CorporateAction,
    }
)

_EVENTS: Final[dict[Role, frozenset[type[Event]]]] = {
    Role.GATEWAY: _COMMON
    | _MARKET
    | {ev.InstrumentDefined, ev.CurrencyRate, ev.SessionChanged, ev.DayEnded, ev.FreshnessChanged, ev.WarmupRequested, ev.RegimeChanged},
    Role.STRATEGY: _COMMON
    | {
        ev.OrderIntent,
        ev.CancelIntent,
        ev.ReplaceIntent,
        ev.StrategyStarted,
        ev.StrategyStopped,
        ev.StrategyFailed,
        ev.StrategyBlocked,
        ev.StrategyLogged,
        ev.StrategyPaused,
    },
    Role.RISK: _COMMON
    | {
        ev.OrderApproved,
        ev.OrderDenied,
        ev.OrderIntent,
        ev.CancelApproved,
        ev.ReplaceApproved,
        ev.ReplaceDenied,
        ev.ExitsReduced,
        ev.TradingStateChanged,
        ev.EquityMarked,
        ev.LimitBreached,
        ev.LimitOverridden,
        ev.StrategyRevised,
        ev.InstrumentLocked,
        ev.InstrumentUnlocked,
        ev.HoldingAssigned,
    },
    Role.ROUTER: _COMMON
    | _EVIDENCE
    | {
        ev.OrderSending,
        ev.CancelSending,
        ev.ReplaceSending,
        ev.OrderQuerySending,
        ev.OrderHeld,
        ev.OrderRouted,
        ev.OrderAccepted,
        ev.OrderRejected,
        ev.OrderUnknown,
        ev.OrderFilled,
        ev.OrderCanceled,
        ev.OrderExpired,
        ev.OrderReplaced,
        ev.OrderAbandoned,
        ev.CancelRejected,
        ev.ReplaceRejected,
        ev.FillMismatch,
        ev.FillCorrected,
        ev.ExternalOrderSeen,
        ev.OrdersRetired,
        ev.InstrumentLocked,
    },
    Role.RECONCILER: _COMMON
    | _EVIDENCE
    | {
        ev.ReconcileRequested,
        ev.ReconcileCompleted,
        ev.ReconcileFailed,
        ev.AccountOpened,
        ev.AccountReported,
        ev.InstrumentLocked,
        ev.InstrumentUnlocked,
        ev.HaltRequested,
        ev.OrdersCanceledDirectly,
    },
    Role.AUDITOR: _COMMON,
    Role.CONTROL: frozenset(
        {
            ev.HaltRequested,
            ev.ResumeRequested,
            ev.ReduceRequested,
            ev.FlattenRequested,
            ev.CancelRequested,
            ev.LimitChanged,
            ev.StrategyChanged,
            ev.ReconcileNow,
            ev.ClaimRequested,
            ev.SystemStarted,
            ev.SystemStopped,
            ev.ServiceAnnounced,
            ev.Alert,
        }
    ),
    Role.BUS: frozenset(
        {
            ev.LogStarted,
            ev.BusStarted,
            ev.ClockTicked,
            ev.LeaseGranted,
            ev.LeaseEnded,
            ev.RunStarted,
            ev.MarketPruned,
            ev.DeterminismFault,
            ev.Alert,
        }
    ),
}


@functools.lru_cache(SOURCES_REMEMBERED)
def role_of(source: str) -> Role | None:
    """The role whose sources look like this."""
    return next((role for role, pattern in _SOURCES.items() if pattern.fullmatch(source)), None)


def check_source(role: Role, source: str) -> None:
    """Raises Refused(role) unless the role may hold this name."""
    if not _SOURCES[role].fullmatch(source):
        raise Refused("role", f"{role} may not be called {source[:64]!r}")


def check_outside(role: Role, source: str) -> None:
    """Raises Refused(role) unless the role brings facts of this outside source; each brings its own `<name>.health`."""
    if not _brings(role, source):
        raise Refused("role", f"{role} brings no facts of {source[:64]!r}")


@functools.lru_cache(SOURCES_REMEMBERED)
def _brings(role: Role, source: str) -> bool:
    if source.endswith(".health") and _SOURCES[role].fullmatch(source.removesuffix(".health")):
        return True
    pattern = _OUTSIDE.get(role)
    return pattern is not None and pattern.fullmatch(source) is not None


def check_event(role: Role, source: str, event: Event) -> None:
    """Raises Refused(role) unless the role may append this event; a strategy speaks for itself alone."""
    if type(event) not in _EVENTS[role]:
        raise Refused("role", f"{source} ({role}) may not append {type(event).__name__}")
    if role is Role.STRATEGY:
        owner = getattr(event, "strategy", None)
        if owner is not None and f"strategy.{owner}" != source.removesuffix(".watchdog"):
            raise Refused("role", f"{source} may not append for strategy {owner!r}")
