"""How a desk is folded: which event goes where. Calls no user code and says nothing, so it serves recovery by facts and every phase alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.events import (
    AccountOpened,
    AccountReported,
    Bar,
    CancelIntent,
    CashFlow,
    CorporateAction,
    CurrencyRate,
    EquityMarked,
    Event,
    HoldingAssigned,
    InstrumentDefined,
    OrderBook,
    OrderEvent,
    OrderIntent,
    Quote,
    RegimeChanged,
    ReplaceIntent,
    Trade,
    TradingStateChanged,
)
from shared.strategy.desk import Desk
from shared.strategy.own_orders import UPDATES

Handler = Callable[[Any], None]

_ACCOUNT: tuple[type[Event], ...] = (
    EquityMarked,
    AccountReported,
    TradingStateChanged,
    AccountOpened,
    CashFlow,
    CorporateAction,
    HoldingAssigned,
)


def facts_of(desk: Desk) -> dict[type[Event], Handler]:
    """Everything a desk shows, except the strategy's own intents: a living strategy's are folded as it says them."""
    own = desk.settings.id

    def order(event: OrderEvent) -> None:
        if event.strategy == own:
            desk.fold_order(event)

    table: dict[type[Event], Handler] = {
        Bar: desk.history.add_bar,
        Quote: desk.history.add_quote,
        Trade: desk.history.add_tick,
        OrderBook: desk.history.add_book,
        InstrumentDefined: desk.fold_instrument,
        CurrencyRate: desk.fold_rate,
        RegimeChanged: desk.fold_regime,
    }
    return table | dict.fromkeys(UPDATES, order) | dict.fromkeys(_ACCOUNT, desk.fold_account)


def intents_of(desk: Desk) -> dict[type[Event], Handler]:
    """Own intents read back from the log, where no living strategy says them."""
    own = desk.settings.id

    def intent(event: OrderIntent | CancelIntent | ReplaceIntent) -> None:
        if event.strategy == own:
            desk.fold_intent(event)

    return dict.fromkeys((OrderIntent, CancelIntent, ReplaceIntent), intent)
