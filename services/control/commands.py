"""What an operator commands: one event in the log each, acknowledged before the command says it is done.

They work while risk or router are away: the router cancels on a halt by itself, and what is journaled is obeyed when its reader is back. A halt
also works without a bus (`halting.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .errors import NO, CliError
from .known import check_holding, check_strategy, is_open
from .options import AnyConfig, Json, StackHere, find_stack
from .output import print_json

if TYPE_CHECKING:
    from shared.events import Scope
    from shared.events.control import Command

ACKNOWLEDGE_S: Final = 10.0
REASON_MAX: Final = 500  # characters


def _one_line(reason: str) -> str:
    """As it is journaled. Nothing is refused for it: a halt in a hurry may have any reason."""
    from shared.runtime.printable import printable

    return printable(reason)[:REASON_MAX]


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit log.", callback=_one_line)]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit log.", show_default=False, callback=_one_line)]
Strategy = Annotated[str, typer.Option("--strategy", metavar="ID", help="Only this strategy.", show_default=False)]
Symbol = Annotated[str, typer.Option("--symbol", metavar="SYMBOL", help="Only this symbol.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    app.command(epilog='Example: regimeflow halt --reason "prices look wrong"')(halt)
    app.command(epilog='Example: regimeflow resume --strategy cross --reason "parameters fixed"')(resume)
    app.command(epilog='Example: regimeflow reduce --symbol ACME --reason "news at four"')(reduce)
    app.command(epilog="Example: regimeflow flatten --symbol ACME")(flatten)
    app.command(epilog="Example: regimeflow cancel cross:1:17")(cancel)


def halt(reason: Reason, strategy: Strategy = "", symbol: Symbol = "", config: AnyConfig = None, as_json: Json = False) -> None:
    """Block new orders and cancel the working ones: all, or those of one strategy or symbol.

    It stays until `resume`, restarts included. Positions are left as they are; `flatten` closes them, also while halted. It goes through the
    bus and, with or without it, through the reconciler's own broker session: it works with bus, risk and router dead. Exit status 1: orders
    still work at the broker; 5: nobody could be told.
    """
    from .halting import halt_everywhere

    stack = find_stack(config)
    scope, key = scope_of(stack, strategy, symbol)
    halt_everywhere(stack, reason, scope, key, f"halt of {words_of(scope, key)}", as_json=as_json)


def resume(reason: Reason, strategy: Strategy = "", symbol: Symbol = "", config: AnyConfig = None, as_json: Json = False) -> None:
    """Lift a halt, a reduce-only state or a lock; arms trading where `arm: manual`. A loss limit that stands is not lifted."""
    from shared.events import ResumeRequested

    stack = find_stack(config)
    scope, key = scope_of(stack, strategy, symbol)
    tell_bus(stack, lambda command, who: ResumeRequested(command, who, reason, scope, key), f"resume of {words_of(scope, key)}", as_json=as_json)


def reduce(reason: Reason, strategy: Strategy = "", symbol: Symbol = "", config: AnyConfig = None, as_json: Json = False) -> None:
    """From now on only orders that reduce exposure, until `resume`."""
    from shared.events import ReduceRequested

    stack = find_stack(config)
    scope, key = scope_of(stack, strategy, symbol)
    tell_bus(stack, lambda command, who: ReduceRequested(command, who, reason, scope, key), f"reduce-only of {words_of(scope, key)}", as_json=as_json)


def flatten(symbol: Symbol = "", reason: Why = "", config: AnyConfig = None, as_json: Json = False) -> None:
    """Cancel working orders and close positions, of one symbol or of all; allowed while halted.

    Strategies may trade again at once unless they are halted first.
    """
    from shared.events import FlattenRequested

    stack = find_stack(config)
    if symbol:
        check_holding(stack, symbol)
    tell_bus(stack, lambda command, who: FlattenRequested(command, who, reason, symbol), f"flatten of {symbol or 'everything'}", as_json=as_json)


def cancel(
    order_id: Annotated[str, typer.Argument(metavar="[ID]", help="The order, as `orders` shows it.", show_default=False)] = "",
    everything: Annotated[bool, typer.Option("--all", help="All working orders.")] = False,
    reason: Why = "",
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """Cancel one working order, or all; allowed while halted. Exit status 1: it is journaled, but no such order is open."""
    from shared.events import CancelRequested

    if bool(order_id) == everything:
        raise CliError("name one order, or say --all")
    stack = find_stack(config)
    there = not order_id or is_open(stack, order_id)  # asked first: afterwards it may be gone because of this command
    tell_bus(stack, lambda command, who: CancelRequested(command, who, reason, order_id), f"cancel of {order_id or 'all orders'}", as_json=as_json)
    if not there:
        raise CliError(f"no order that is open is called {order_id!r}; `regimeflow orders` shows which are", NO)


def scope_of(stack: StackHere, strategy: str, symbol: str) -> tuple[Scope, str]:
    """What a command applies to. A name that is not there is refused: a halt of a mistyped strategy would halt nothing."""
    from shared.events import Scope

    if strategy and symbol:
        raise CliError("name a strategy or a symbol, not both")
    if strategy:
        check_strategy(stack, strategy)
        return Scope.STRATEGY, strategy
    if symbol:
        check_holding(stack, symbol)
        return Scope.SYMBOL, symbol
    return Scope.GLOBAL, ""


def words_of(scope: Scope, key: str) -> str:
    return f"{scope} {key}" if key else "everything"


def tell_bus(stack: StackHere, make: Callable[[str, str], Command], what: str, *, as_json: bool) -> None:
    """Journal the command and say so."""
    from services.live.operator import new_command, operator, tell

    command, who = new_command(), operator()
    event = make(command, who)
    seq = tell(stack.places, command, [event], ACKNOWLEDGE_S)
    if as_json:
        fields = {name: str(getattr(event, name)) for name in event.__struct_fields__}
        print_json({"event": type(event).__name__, **fields, "seq": seq or None})
    else:
        print(f"{what}: journaled{f' at seq {seq}' if seq else ''}, command {command} by {who}")
