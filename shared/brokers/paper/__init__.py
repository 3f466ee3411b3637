"""The embedded paper broker's adapter: the contract over a link to `services/paper_venue`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.brokers.contract import Capabilities

from .operator import PaperOperator
from .sessions import CAPABILITIES, TIMEOUT_S, PaperAccount, PaperExecution, PaperFeed


class PaperBroker:
    """settings: `endpoint` of the venue's link, `timeout_seconds`."""

    name: str = "paper"

    def capabilities(self, _settings: Mapping[str, Any]) -> Capabilities:
        return CAPABILITIES

    def execution(self, settings: Mapping[str, Any]) -> PaperExecution:
        return PaperExecution(settings["endpoint"], float(settings.get("timeout_seconds", TIMEOUT_S)))

    def account(self, settings: Mapping[str, Any]) -> PaperAccount:
        return PaperAccount(settings["endpoint"], float(settings.get("timeout_seconds", TIMEOUT_S)))

    def market_data(self, _settings: Mapping[str, Any]) -> None:
        """The paper venue brings no market data: the gateway shows it what there is."""
        return


BROKER: Final = PaperBroker()

__all__ = ["BROKER", "CAPABILITIES", "PaperAccount", "PaperBroker", "PaperExecution", "PaperFeed", "PaperOperator"]
