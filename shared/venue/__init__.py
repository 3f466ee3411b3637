"""The venue: a matching core with its account and costs, and the fault modes tests can set. Pure; serves backtest, paper broker, local server."""

from .core import MatchingCore
from .market import Newest
from .reports import NOTHING, Report, Verdict
from .settings import (
    AccountKind,
    BarMode,
    CommissionModel,
    CommissionSettings,
    DriftAction,
    RestPolicy,
    SessionWindow,
    SlippageModel,
    SlippageSettings,
    StopTrigger,
    VenueSettings,
)
from .state import StateIncompatible, dump, load

__all__ = [
    "NOTHING",
    "AccountKind",
    "BarMode",
    "CommissionModel",
    "CommissionSettings",
    "DriftAction",
    "MatchingCore",
    "Newest",
    "Report",
    "RestPolicy",
    "SessionWindow",
    "SlippageModel",
    "SlippageSettings",
    "StateIncompatible",
    "StopTrigger",
    "VenueSettings",
    "Verdict",
    "dump",
    "load",
]
