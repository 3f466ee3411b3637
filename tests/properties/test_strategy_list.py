"""Whatever operators ask, with restarts of the engine between: everybody who folds the answers has one list of strategies and one set of books."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.auditor.core import AuditorCore
from services.auditor.settings import auditor_settings
from services.gateway.build import gateway_settings
from services.gateway.core import GatewayCore
from services.risk_engine.build import risk_settings
from services.risk_engine.core import SOURCE, RiskCore
from shared.config import Config, load
from shared.config.revised import fold, in_force
from shared.domain.ledger import UNASSIGNED
from shared.events import (
    AccountOpened,
    Envelope,
    Event,
    InstrumentDefined,
    LogStarted,
    OrderFilled,
    OrderSide,
    RunStarted,
    StrategyChanged,
    StrategyRevised,
    WarmupRequested,
)
from tests.support.risk_desk import replayed

FILE = """
live:
  broker: paper
  symbols: [X, Y]
  calendar: 24x7
  strategies:
    - {id: a, name: buy_and_hold, symbols: [X], budget: 30000, warmup_bars: 5}
    - {id: b, name: buy_and_hold}
    - {id: c, name: buy_and_hold, symbols: [Y], budget: 20000}
paper: {initial_cash: 100000}
"""
IDS = ("a", "b", "c", "d", "e")


def config() -> Config:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "live.yaml"
        path.write_text(FILE)
        return load(path, {}).config


CONFIG = config()
added = st.builds(
    lambda id_, budget, bars: ("add", id_, {"id": id_, "name": "buy_and_hold", "symbols": ["X"], "budget": str(budget), "warmup_bars": bars}),
    st.sampled_from(IDS),
    st.sampled_from([5_000, 25_000, 60_000]),
    st.sampled_from([0, 7]),
)
asked = st.one_of(
    added,
    st.tuples(st.just("remove"), st.sampled_from(IDS), st.just({})),
    st.tuples(st.just("set"), st.sampled_from(IDS), st.builds(lambda n: {"params": {"quantity": n}}, st.integers(1, 9))),
)
step = st.one_of(asked, st.tuples(st.just("fill"), st.sampled_from(IDS), st.integers(1, 20)), st.tuples(st.just("restart"), st.just(""), st.none()))


class Floor:
    """One log; risk decides, the others fold."""

    def __init__(self) -> None:
        self.risk = RiskCore(risk_settings(CONFIG))
        self.auditor = AuditorCore(auditor_settings(CONFIG))
        self.gateway = GatewayCore(gateway_settings(CONFIG))
        self.standing: dict[str, StrategyRevised] = {}
        self.seq = 0
        self.tell(LogStarted("log", "wall", "process"))
        self.tell(RunStarted(SOURCE, 1, "f"))
        for symbol in ("X", "Y"):
            self.tell(InstrumentDefined(symbol, "equity", "USD", Decimal("0.01"), Decimal(1), Decimal(1), "24x7"))
        self.tell(AccountOpened("acc", "USD", Decimal(100_000), Decimal(100_000), (), (), ()))

    def tell(self, event: Event) -> list[Event]:
        self.seq += 1
        e = Envelope(self.seq, self.seq, event.topic, "outside", 1, self.seq, 0, 0, event)
        said = [*replayed(self.risk, e)]
        for one in (event, *said):
            if isinstance(one, StrategyRevised):
                fold(self.standing, one)
            self.seq += 1
            for core in (self.auditor, self.gateway):
                core.apply(Envelope(self.seq, self.seq, one.topic, "log", 1, self.seq, 0, 0, one))
        return said

    def do(self, action: str, strategy: str, what: Any) -> None:
        if action == "restart":
            again = RiskCore(risk_settings(CONFIG))
            again.restore(self.risk.snapshot())
            assert again.snapshot() == self.risk.snapshot()
            self.risk = again
        elif action == "fill":
            q = Decimal(what)
            self.tell(
                OrderFilled(
                    f"{strategy}:1:{self.seq}",
                    strategy,
                    "X",
                    OrderSide.BUY,
                    q,
                    Decimal("33.3"),
                    Decimal(1),
                    "USD",
                    f"e{self.seq}",
                    "b",
                    q,
                    Decimal(0),
                    0,
                )
            )
        else:
            self.tell(StrategyChanged(f"c{self.seq}", "ann", "why", strategy, action, json.dumps(what) if what else ""))

    def warms(self, strategy: str) -> int:
        """Bars of history the gateway would ask for."""
        run = RunStarted(f"strategy.{strategy}", 9, "f")
        asks = self.gateway.decide(Envelope(self.seq + 1, self.seq + 1, run.topic, "bus", 1, 1, 0, 0, run))
        return sum(e.bars for e in asks if isinstance(e, WarmupRequested))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(step, min_size=1, max_size=14))
def test_everybody_has_the_same_list_and_the_same_books(steps: list[tuple[str, str, Any]]) -> None:
    floor = Floor()
    for one in steps:
        floor.do(*one)
        desk, forms = floor.risk._desk, {form.entry.id: form for form in in_force(CONFIG, floor.standing)}
        assert {s.id: (s.symbols, s.budget) for s in desk.settings.strategies} == {
            key: (CONFIG.strategy_symbols(form.entry), form.budget) for key, form in forms.items()
        }
        for id_ in IDS:
            assert floor.warms(id_) == (forms[id_].entry.warmup_bars if id_ in forms else 0)
        states = {row["strategy"]: row["state"] for row in floor.auditor.view("status")["strategies"]}
        assert {key for key, state in states.items() if state == "removed"} == {k for k, e in floor.standing.items() if e.outcome == "removed"}
        books, theirs = desk.ledger.to_state(), floor.auditor._ledger.to_state()
        assert books == theirs
        assert all(b.cash + b.cost() == b.funding + b.realised - b.fees for b in desk.ledger.books.values())
        held = sum((b.quantity("X") for b in desk.ledger.books.values()), Decimal(0))
        assert held == desk.ledger.net("X")
        gone = [key for key, book in desk.ledger.books.items() if key not in forms and key != UNASSIGNED and (book.cash or book.quantity("X"))]
        assert all(key not in floor.standing for key in gone), "only who was never known may hold something"
