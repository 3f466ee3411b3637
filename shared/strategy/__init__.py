"""What a strategy is written with: `from shared.strategy import Strategy, Order, OrderSide, OrderType, TimeInForce`.

The names are RegimeFlow's, so a strategy written for its Python package needs another import line and nothing else. docs/strategies.md
tells how to write one.
"""

from shared.events import Bar, InstrumentDefined, OrderBook, OrderSide, OrderStatus, OrderType, Quote, TimeInForce, TradingState
from shared.events import Trade as Tick

from .account import Account
from .context import Bracket, Context
from .contract import Strategy
from .loading import LoadedStrategy, StrategyNotFound, load_strategy, register_strategy
from .orders import Fill, Order, OrderError
from .portfolio import Portfolio, Position
from .regime import RegimeState, RegimeTransition, RegimeType
from .settings import StrategySettings
from .times import Timestamp

StrategyContext = Context  # RegimeFlow's name

__all__ = [
    "Account",
    "Bar",
    "Bracket",
    "Context",
    "Fill",
    "InstrumentDefined",
    "LoadedStrategy",
    "Order",
    "OrderBook",
    "OrderError",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "Portfolio",
    "Position",
    "Quote",
    "RegimeState",
    "RegimeTransition",
    "RegimeType",
    "Strategy",
    "StrategyContext",
    "StrategyNotFound",
    "StrategySettings",
    "Tick",
    "TimeInForce",
    "Timestamp",
    "TradingState",
    "load_strategy",
    "register_strategy",
]
