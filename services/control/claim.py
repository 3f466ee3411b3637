"""`claim`: give unassigned holdings to a strategy, or take them back. The command is journaled; risk decides, and its answer is what is said."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from .answers import awaited, row_of
from .commands import ACKNOWLEDGE_S, Reason
from .errors import NO, CliError
from .known import check_strategy
from .options import AnyConfig, Json, find_stack
from .output import print_json

ANSWER_S: Final = 10.0


def add_to(app: typer.Typer) -> None:
    app.command(epilog='Example: regimeflow claim --symbol ACME --strategy cross --reason "it manages the old holding now"')(claim)


def claim(
    symbol: Annotated[str, typer.Option("--symbol", metavar="SYMBOL", help="What is held.")],
    strategy: Annotated[str, typer.Option("--strategy", metavar="ID", help="Who gets it, or gives it back.")],
    reason: Reason,
    quantity: Annotated[
        str, typer.Option("--quantity", metavar="UNITS", help="How much; negative gives back. Default: all that is unassigned.", show_default=False)
    ] = "",
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """Move unassigned units of a symbol into a strategy's book at their average price, or back with a negative quantity.

    The account does not change: the book pays the average price out of its cash. More than there is, is refused.
    """
    from services.live.operator import new_command, operator, tell
    from shared.domain.instrument import exact_number
    from shared.events import ClaimRequested

    stack = find_stack(config)
    check_strategy(stack, strategy)
    if quantity:
        try:
            exact_number(quantity)
        except ValueError as error:
            raise CliError(f"--quantity: {error}") from None
    command, who = new_command(), operator()
    seq = tell(stack.places, command, [ClaimRequested(command, who, reason, symbol, strategy, quantity)], ACKNOWLEDGE_S)
    outcome = awaited(stack.places, "positions", row_of("claims", command), ANSWER_S)
    if outcome is not None and outcome["refused"]:
        raise CliError(outcome["refused"], NO)
    if as_json:
        print_json({"event": "ClaimRequested", "command": command, "seq": seq or None, "outcome": outcome})
    elif outcome is None:
        print(
            f"claim of {symbol} for {strategy}: journaled, command {command} by {who}; risk has not answered within {ANSWER_S:g} s, see `positions`"
        )
    else:
        print(f"claim: {outcome['quantity']} {symbol} for {strategy} at {outcome['price']}, command {command} by {who}")
