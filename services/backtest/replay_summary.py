"""What a journal came to, in RegimeFlow's words: the account as risk last marked it, and how many events of which kind there were."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from shared.domain.exact import add, multiply
from shared.domain.money import Units
from shared.events import AccountOpened, CashFlow, CurrencyRate, Envelope, EquityMarked, StrategyLogged

_MARKET: Final = range(100, 200)
_ORDER: Final = range(200, 300)
_COMMAND: Final = range(400, 450)


class Tally:
    """Fold of every event of a journal.

    market: data and what the gateway says of it, warm-up included; order: the order path and the broker's evidence; user: operator commands
    and what strategies logged; system: all else. Return and drawdown are fractions; money that moved without a trade is no return, and the
    peak moves along with it, at the rate of its moment where it is of another currency. Equity between two marks (`live.risk.mark_interval_ms`) is not seen.
    """

    def __init__(self) -> None:
        self._counts = {"market": 0, "order": 0, "system": 0, "user": 0}
        self._opened: Decimal | None = None
        self._equity: Decimal | None = None
        self._flows = Decimal(0)
        self._peak = Decimal(0)
        self._drawdown = 0.0
        self._units = Units()

    def add(self, e: Envelope) -> None:
        event, tag = e.event, e.event.TAG
        if tag in _MARKET:
            self._counts["market"] += 1
            if isinstance(event, CurrencyRate):
                self._units.move(event.currency, event.rate)
            return
        user = tag in _COMMAND or tag == StrategyLogged.TAG
        self._counts["order" if tag in _ORDER else "user" if user else "system"] += 1
        if isinstance(event, EquityMarked):
            self._mark(event.equity)
        elif isinstance(event, AccountOpened):
            if self._opened is None:
                self._units.open(event.currency)
                self._mark(event.equity)
        elif isinstance(event, CashFlow):
            foreign = self._units.foreign(event.currency)
            amount = multiply(event.amount, self._units.rate(foreign)) if foreign else event.amount
            self._flows = add(self._flows, amount)
            self._peak = add(self._peak, amount)

    def _mark(self, equity: Decimal) -> None:
        if self._opened is None:
            self._opened = equity - self._flows
        self._equity = equity
        self._peak = max(self._peak, equity)
        if self._peak > 0:
            self._drawdown = max(self._drawdown, float((self._peak - equity) / self._peak))

    def summary(self) -> Mapping[str, object]:
        """Keys as RegimeFlow names them, in its order. Money is text, exact; None where no account was seen."""
        returned = None
        if self._opened and self._equity is not None:
            returned = float((self._equity - self._flows - self._opened) / self._opened)
        return {
            "portfolio.final_equity": None if self._equity is None else format(self._equity, "f"),
            "portfolio.total_return": returned,
            "portfolio.max_drawdown": None if self._equity is None else self._drawdown,
            "events.total": sum(self._counts.values()),
            **{f"events.{kind}": count for kind, count in self._counts.items()},
        }
