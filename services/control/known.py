"""Whether a command names something there is, as far as the auditor says. Where it does not answer a command goes on: it may be the last resort."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .answers import heard
from .errors import CliError

if TYPE_CHECKING:
    from .options import StackHere


def check_strategy(stack: StackHere, strategy: str) -> None:
    """Raises CliError for a name that neither the file nor a command brought in; one that nobody can tell of is said to be so."""
    known = [s.id for s in stack.loaded.config.strategies]
    if strategy in known:
        return
    said = heard(stack.places, "status")
    if said is None:
        print(f"the file lists no strategy {strategy!r}, and the auditor does not answer: nobody says whether it was added since", file=sys.stderr)
        return
    known += [row["strategy"] for row in said["strategies"] if row["changed"] and row["strategy"] not in known]
    if strategy not in known:
        raise CliError(f"no strategy is called {strategy!r}; there are {', '.join(known) or 'none'}")


def check_holding(stack: StackHere, symbol: str) -> None:
    """Raises CliError for a symbol that is neither traded here nor held: a command about a mistyped one would do nothing; one that nobody
    can tell of is said to be so."""
    live = stack.loaded.config.live
    symbols = live.symbols if live is not None else ()
    if symbol in symbols:
        return
    said = heard(stack.places, "positions")
    if said is None:
        print(f"live.symbols does not list {symbol!r}, and the auditor does not answer: nobody says whether it is held", file=sys.stderr)
    elif symbol not in {row["symbol"] for row in said["positions"]}:
        raise CliError(f"{symbol!r} is not held, nor in live.symbols: {', '.join(symbols)}")


def is_open(stack: StackHere, order_id: str) -> bool:
    """Whether the order is not done, for all that is known."""
    said = heard(stack.places, "orders")
    return said is None or any(row["order_id"] == order_id for row in said["orders"])
