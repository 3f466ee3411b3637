"""A regime named in the middle of a run: risk sits at another desk from there, and the engine gives it what follows."""

from __future__ import annotations

from pathlib import Path

from services.backtest.engine import Engine
from services.backtest.play import play
from services.gateway.feeds.port import Block
from shared.events import Envelope, OrderApproved, OrderDenied, Reason, RegimeChanged
from tests.unit.backtest.test_backtest_is_lockstep import tree
from tests.unit.backtest.whole_run import config_at, made

CRISIS = {"live": {"risk": {"quote_age_ms_max": 60_000, "limits_by_regime": {"crisis": {"limits": {"order_qty_max": 4}}}}}}


def test_its_profile_holds_from_its_event_on_and_ends_with_the_next(tmp_path: Path) -> None:
    log: list[Envelope] = []
    roster, source, venue = made(config_at(tmp_path, tree(**CRISIS)))
    engine = Engine(roster.members, venue, "logid0", sink=log.append)
    engine.start()
    played = 0

    def seen(_block: Block) -> None:
        nonlocal played
        played += 1
        if played in (60, 120):  # of 150 minutes, a block each
            engine.command(RegimeChanged("crisis" if played == 60 else "bull", "", 1.0))

    play(source, engine, seen)
    first, second = (e.seq for e in log if isinstance(e.event, RegimeChanged))
    denied = [e.seq for e in log if isinstance(e.event, OrderDenied) and e.event.reason is Reason.ORDER_QUANTITY]
    approved = [e.seq for e in log if isinstance(e.event, OrderApproved)]
    assert denied
    assert all(first < seq < second for seq in denied)
    assert any(seq < first for seq in approved)
    assert any(seq > second for seq in approved)
