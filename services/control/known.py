"""Whether a command names something there is, as far as the auditor says. Where it does not answer a command goes on: it may be the last resort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .errors import CliError

if TYPE_CHECKING:
    from .options import StackHere

ANSWER_S: Final = 1.0


def check_holding(stack: StackHere, symbol: str) -> None:
    """Raises CliError for a symbol that is neither traded here nor held: to flatten a mistyped one would flatten nothing."""
    live = stack.loaded.config.live
    symbols = live.symbols if live is not None else ()
    if symbol in symbols:
        return
    said = _ask(stack, "positions")
    held = [row["symbol"] for row in said.get("positions", ())] if said else [symbol]
    if symbol not in held:
        raise CliError(f"{symbol!r} is not held, nor in live.symbols: {', '.join(symbols)}")


def is_open(stack: StackHere, order_id: str) -> bool:
    """Whether the order is not done, for all that is known."""
    said = _ask(stack, "orders")
    return not said or any(row["order_id"] == order_id for row in said["orders"])


def _ask(stack: StackHere, view: str) -> dict[str, Any]:
    """Empty where nobody answers."""
    from services.live.asking import Auditor

    auditor = Auditor(stack.places)
    try:
        return auditor.try_ask(view, ANSWER_S) or {}
    finally:
        auditor.close()
