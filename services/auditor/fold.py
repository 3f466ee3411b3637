"""How events change the picture the queries show. Market data costs one lookup and one assignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.config import revised
from shared.events import (
    AccountReported,
    Alert,
    Bar,
    BrokerConnectionChanged,
    CashFlow,
    CurrencyRate,
    EquityMarked,
    Event,
    FeedStateChanged,
    FeedStatus,
    HealthReported,
    HoldingAssigned,
    InstrumentLocked,
    InstrumentUnlocked,
    LeaseEnded,
    LeaseGranted,
    LimitBreached,
    LimitOverridden,
    LogStarted,
    OrderDenied,
    OrderFilled,
    Quote,
    ReconcileCompleted,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    RegimeChanged,
    ReplaceDenied,
    StrategyBlocked,
    StrategyFailed,
    StrategyPaused,
    StrategyRevised,
    StrategyStarted,
    StrategyStopped,
    Trade,
    TradingStateChanged,
)

from . import denials
from .settings import AuditorSettings
from .state import Claim, Denied, Fill, Flow, Lease, Line, Met, Picture, Raised, Reconciled, StrategyLife


def fold(picture: Picture, event: Event, now: int, settings: AuditorSettings) -> None:
    """Fold one event; types the queries do not show change nothing but the time."""
    picture.now_ns = now
    handler = _FOLDS.get(type(event))
    if handler is not None:
        handler(picture, event, now, settings)


def _bar(p: Picture, e: Bar, now: int, _s: AuditorSettings) -> None:
    p.market_ns, p.marks[e.symbol] = now, e.close


def _quote(p: Picture, e: Quote, now: int, _s: AuditorSettings) -> None:
    p.market_ns, p.marks[e.symbol] = now, e.mid


def _trade(p: Picture, e: Trade, now: int, _s: AuditorSettings) -> None:
    p.market_ns, p.marks[e.symbol] = now, e.price


def _log_started(p: Picture, e: LogStarted, _now: int, _s: AuditorSettings) -> None:
    p.log_id = e.log_id


def _lease_granted(p: Picture, e: LeaseGranted, now: int, _s: AuditorSettings) -> None:
    p.leases[e.name] = Lease(e.holder, e.lease_epoch, held=True, since_ns=now)


def _lease_ended(p: Picture, e: LeaseEnded, now: int, _s: AuditorSettings) -> None:
    known = p.leases.get(e.name)
    if known is not None and known.epoch == e.lease_epoch:
        p.leases[e.name] = Lease(known.holder, known.epoch, held=False, since_ns=now)


def _health(p: Picture, e: HealthReported, now: int, _s: AuditorSettings) -> None:
    p.health[e.service], p.health_ns[e.service] = e, now


def _connection(p: Picture, e: BrokerConnectionChanged, now: int, _s: AuditorSettings) -> None:
    _line(p, f"broker.{e.session}", e.connected, e.text, now, e.attempts, given_up=e.given_up)


def _feed(p: Picture, e: FeedStateChanged, now: int, _s: AuditorSettings) -> None:
    up = e.status in {FeedStatus.UP, FeedStatus.ENDED}
    _line(p, f"feed.{e.feed}", up, f"{e.status} {e.detail}".strip(), now, e.attempts, given_up=e.given_up)


def _line(p: Picture, name: str, up: bool, text: str, now: int, attempts: int, *, given_up: bool) -> None:
    known = p.lines.get(name) or Line(not up, "", now, 0)
    since = known.since_ns if known.up is up else now
    tried = now if up or attempts else known.tried_ns
    p.lines[name] = Line(up, text, since, now if up else known.last_up_ns, tried, attempts, given_up)


def _trading(p: Picture, e: TradingStateChanged, _now: int, _s: AuditorSettings) -> None:
    p.trading[f"{e.scope}:{e.key}"] = e


def _locked(p: Picture, e: InstrumentLocked, _now: int, _s: AuditorSettings) -> None:
    p.locks[e.symbol] = e


def _unlocked(p: Picture, e: InstrumentUnlocked, _now: int, _s: AuditorSettings) -> None:
    p.locks.pop(e.symbol, None)


def _overridden(p: Picture, e: LimitOverridden, _now: int, _s: AuditorSettings) -> None:
    name = f"{e.scope}:{e.scope_key}:{e.key}"
    if e.outcome == "set":
        p.overrides[name] = e
    elif e.outcome != "refused":
        p.overrides.pop(name, None)


def _revised(p: Picture, e: StrategyRevised, _now: int, s: AuditorSettings) -> None:
    p.revisions.append(e)
    del p.revisions[: -s.notes_kept]
    revised.fold(p.revised, e)


def _reconciled(p: Picture, e: ReconcileCompleted, now: int, s: AuditorSettings) -> None:
    r = p.reconciled
    r.at_ns, r.clean, r.pending, r.breaks, r.failure = now, e.clean, e.pending, e.breaks, ""
    if e.clean:
        r.clean_ns = now
    _answered(r, s)


def _reconcile_failed(p: Picture, e: ReconcileFailed, _now: int, s: AuditorSettings) -> None:
    p.reconciled.failure = e.text
    _answered(p.reconciled, s)


def _reconcile_now(p: Picture, e: ReconcileNow, _now: int, s: AuditorSettings) -> None:
    p.reconciled.wanted.append(e.command)
    del p.reconciled.wanted[: -s.notes_kept]


def _reconcile_requested(p: Picture, _e: ReconcileRequested, _now: int, s: AuditorSettings) -> None:
    """Whatever it is asked for, it is made after the commands before it. One whose outcome nobody told serves none: its successor does."""
    r = p.reconciled
    r.asked, r.wanted = [*r.asked, *r.wanted][-s.notes_kept :], []


def _answered(r: Reconciled, s: AuditorSettings) -> None:
    """An outcome is told of the newest reading alone."""
    r.answered, r.asked = [*r.answered, *r.asked][-s.notes_kept :], []


def _equity(p: Picture, e: EquityMarked, _now: int, _s: AuditorSettings) -> None:
    p.equity = e


def _totals(p: Picture, e: AccountReported, _now: int, _s: AuditorSettings) -> None:
    p.totals = e


def _rated(p: Picture, e: CurrencyRate, _now: int, _s: AuditorSettings) -> None:
    p.rates[e.currency] = e


def _regime(p: Picture, e: RegimeChanged, _now: int, _s: AuditorSettings) -> None:
    p.regime = e.regime


def _filled(p: Picture, e: OrderFilled, now: int, s: AuditorSettings) -> None:
    p.fills.append(Fill(now, e))
    del p.fills[: -s.fills_kept]
    _count(p, "fills")


def _denied(p: Picture, e: OrderDenied, now: int, s: AuditorSettings) -> None:
    p.denials.append(Denied(now, e))
    del p.denials[: -s.notes_kept]
    _count(p, "denials")
    denials.note(p.denied, e, now)


def _replace_denied(p: Picture, e: ReplaceDenied, now: int, _s: AuditorSettings) -> None:
    _count(p, "denials")
    denials.note(p.denied, e, now)


def _met(p: Picture, e: LimitBreached, now: int, s: AuditorSettings) -> None:
    p.met.append(Met(now, e))
    del p.met[: -s.notes_kept]


def _alert(p: Picture, e: Alert, now: int, s: AuditorSettings) -> None:
    subject, _, command = e.key.partition(":")
    if subject == "claim":
        _claimed(p, Claim(now, command, refused=e.text), s)
    p.alerts.append(Raised(now, e))
    del p.alerts[: -s.notes_kept]
    _count(p, "alerts")


def _flowed(p: Picture, e: CashFlow, now: int, s: AuditorSettings) -> None:
    p.flows.append(Flow(now, e))
    del p.flows[: -s.notes_kept]


def _assigned(p: Picture, e: HoldingAssigned, now: int, s: AuditorSettings) -> None:
    if e.command:
        _claimed(p, Claim(now, e.command, e.symbol, e.strategy, e.quantity, e.price), s)


def _claimed(p: Picture, claim: Claim, s: AuditorSettings) -> None:
    p.claims.append(claim)
    del p.claims[: -s.notes_kept]


def _count(p: Picture, name: str) -> None:
    p.counts[name] = p.counts.get(name, 0) + 1


def _started(p: Picture, e: StrategyStarted, now: int, _s: AuditorSettings) -> None:
    p.strategies[e.strategy] = StrategyLife(e.strategy_run, e.name, "running", "", now)


def _stopped(p: Picture, e: StrategyStopped, now: int, _s: AuditorSettings) -> None:
    _life(p, e.strategy, "stopped", e.reason, now)


def _failed(p: Picture, e: StrategyFailed, now: int, _s: AuditorSettings) -> None:
    _life(p, e.strategy, "failed", f"{e.callback}: {e.text}", now)


def _blocked(p: Picture, e: StrategyBlocked, now: int, _s: AuditorSettings) -> None:
    _life(p, e.strategy, "blocked", f"{e.callback} did not return within {e.blocked_ms} ms", now)


def _paused(p: Picture, e: StrategyPaused, now: int, _s: AuditorSettings) -> None:
    _life(p, e.strategy, "paused" if e.paused else "running", e.text, now)


def _life(p: Picture, strategy: str, state: str, text: str, now: int) -> None:
    known = p.strategies.get(strategy)
    run, name = (known.run, known.name) if known is not None else (0, "")
    p.strategies[strategy] = StrategyLife(run, name, state, text, now)


_FOLDS: Final[dict[type[Event], Callable[[Picture, Any, int, AuditorSettings], None]]] = {
    Bar: _bar,
    Quote: _quote,
    Trade: _trade,
    LogStarted: _log_started,
    LeaseGranted: _lease_granted,
    LeaseEnded: _lease_ended,
    HealthReported: _health,
    BrokerConnectionChanged: _connection,
    FeedStateChanged: _feed,
    TradingStateChanged: _trading,
    InstrumentLocked: _locked,
    InstrumentUnlocked: _unlocked,
    LimitOverridden: _overridden,
    StrategyRevised: _revised,
    ReconcileCompleted: _reconciled,
    ReconcileFailed: _reconcile_failed,
    ReconcileNow: _reconcile_now,
    ReconcileRequested: _reconcile_requested,
    EquityMarked: _equity,
    AccountReported: _totals,
    CurrencyRate: _rated,
    RegimeChanged: _regime,
    OrderFilled: _filled,
    OrderDenied: _denied,
    ReplaceDenied: _replace_denied,
    LimitBreached: _met,
    Alert: _alert,
    CashFlow: _flowed,
    HoldingAssigned: _assigned,
    StrategyStarted: _started,
    StrategyStopped: _stopped,
    StrategyFailed: _failed,
    StrategyBlocked: _blocked,
    StrategyPaused: _paused,
}
