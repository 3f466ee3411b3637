"""The broker's side of the counter, for tests and drills: faults, and acts on the account that are not ours."""

from __future__ import annotations

from decimal import Decimal

from shared.events import ActionRow, OrderRow, OrderSide, OrderTerms
from shared.venue import protocol as p
from shared.venue.faults import FaultSpec

from .client import VenueClient


class PaperOperator:
    """Each call raises ReadFailed when the venue did not say that it happened."""

    def __init__(self, endpoint: str, timeout_s: float = 5.0) -> None:
        self._client = VenueClient(endpoint, timeout_s=timeout_s)

    def fault(self, spec: FaultSpec | None) -> None:
        """Put a fault in force; None clears all."""
        self._client.read("fault", p.FaultRequest(spec), p.Done)

    def external_order(self, client_order_id: str, terms: OrderTerms, now_ns: int = 0) -> OrderRow | None:
        """An order somebody else placed on the account."""
        return self._client.read("external_order", p.Submit(client_order_id, terms, now_ns), p.OrderAnswer).order

    def external_trade(
        self, client_order_id: str, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, now_ns: int = 0
    ) -> OrderRow | None:
        """A trade somebody else made on the account."""
        request = p.ExternalTrade(client_order_id, symbol, side, quantity, price, now_ns)
        return self._client.read("external_trade", request, p.OrderAnswer).order

    def cash_flow(self, kind: str, amount: Decimal, reference: str, now_ns: int = 0, symbol: str = "", currency: str = "") -> int:
        """Money in (positive) or out, once a reference; the report that says so. symbol: of a dividend. currency: empty for the symbol's, or else the
        account's."""
        return self._client.read("cash_flow", p.CashFlowRequest(kind, amount, reference, now_ns, symbol, currency), p.Done).head

    def split(self, symbol: str, ratio: Decimal, per: Decimal, reference: str, now_ns: int = 0) -> int:
        """ratio new units for `per` old ones. The newest report it caused."""
        return self._action(ActionRow("split", symbol, reference, 0, ratio, per), now_ns)

    def rename(self, symbol: str, new_symbol: str, reference: str, now_ns: int = 0) -> int:
        """A symbol change."""
        return self._action(ActionRow("symbol_change", symbol, reference, 0, new_symbol=new_symbol), now_ns)

    def expire(self, symbol: str, price: Decimal, reference: str, now_ns: int = 0) -> int:
        """The instrument ends and is settled at a price, 0: worthless."""
        return self._action(ActionRow("expiry", symbol, reference, 0, price=price), now_ns)

    def _action(self, action: ActionRow, now_ns: int) -> int:
        return self._client.read("corporate_action", p.ActionRequest(action, now_ns), p.Done).head

    def close(self) -> None:
        self._client.close()
