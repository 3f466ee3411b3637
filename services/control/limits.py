"""`regimeflow limit set|clear|list`: a risk limit changed while running, from a sequence number everyone can name.

What is asked is judged by the rules of the file before it is sent, and again by the risk engine, whose answer stands in the audit log and
in `status`. An override outlives restarts; it stands beside what the file says until it is cleared or ends.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from .commands import Reason, Strategy, Symbol, scope_of, tell_bus, words_of
from .errors import CliError
from .options import AnyConfig, Json, find_stack, seconds
from .output import columns, print_json

if TYPE_CHECKING:
    from shared.events import Scope

Key = Annotated[str, typer.Argument(metavar="KEY", help="The limit, as in the file below live.risk: limits.max_notional, collar_bps.")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="A number, true, false, or null: no limit.")]
Expires = Annotated[str, typer.Option("--expires", metavar="TIME", help="End by itself after 30s, 5m, 2h or 1d.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Change a risk limit while running; see what is changed.", no_args_is_help=True, epilog="Example: regimeflow limit list")
    group.command("set", epilog='Example: regimeflow limit set limits.max_notional 25000 --expires 2h --reason "thin market"')(set_limit)
    group.command("clear", epilog='Example: regimeflow limit clear limits.max_notional --reason "market is back"')(clear)
    group.command("list", epilog="Example: regimeflow limit list --json")(listed)
    app.add_typer(group, name="limit")


def set_limit(
    key: Key,
    value: Value,
    reason: Reason,
    strategy: Strategy = "",
    symbol: Symbol = "",
    expires: Expires = "",
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """Another value for a limit: of the account, or of one strategy or symbol beside it (the stricter one decides).

    It holds until `limit clear` or its time, restarts included; over another configuration too.
    """
    from shared.config.changes import limit_value
    from shared.events import LimitChanged

    stack = find_stack(config)
    scope, name = scope_of(stack, strategy, symbol)
    try:
        changed = limit_value(key, value, _among(scope))
    except ValueError as error:
        raise CliError(str(error)) from None
    ends = time.time_ns() + int(seconds(expires) * 1e9) if expires else 0
    if expires and stack.loaded.config.bus.clock == "feed":
        raise CliError("--expires: the log's clock is the feed's; clear the limit by hand")
    what = f"limit {changed.key} = {changed.text} of {words_of(scope, name)}"
    tell_bus(stack, lambda command, who: LimitChanged(command, who, reason, changed.key, changed.text, ends, scope, name), what, as_json=as_json)


def clear(key: Key, reason: Reason, strategy: Strategy = "", symbol: Symbol = "", config: AnyConfig = None, as_json: Json = False) -> None:
    """The configuration's value again."""
    from shared.config.changes import limit_key
    from shared.events import LimitChanged

    stack = find_stack(config)
    scope, name = scope_of(stack, strategy, symbol)
    try:
        known = limit_key(key, _among(scope))
    except ValueError as error:
        raise CliError(str(error)) from None
    what = f"limit {known} as configured of {words_of(scope, name)}"
    tell_bus(stack, lambda command, who: LimitChanged(command, who, reason, known, "", 0, scope, name), what, as_json=as_json)


def _among(scope: Scope) -> tuple[str, ...]:
    """Keys that may change for the account, one strategy, one symbol."""
    from shared.config.changes import AMONG

    return AMONG[scope]


def listed(config: AnyConfig = None, as_json: Json = False) -> None:
    """What operators changed and still stands, as the auditor knows it."""
    from services.live.asking import Auditor

    from .queries import ANSWER_S

    auditor = Auditor(find_stack(config).places)
    try:
        rows = auditor.ask("status", ANSWER_S)["overrides"]
    finally:
        auditor.close()
    headers = ("scope", "scope_key", "key", "value", "before", "expires", "text")
    if as_json:
        print_json(rows)
    elif rows:
        print(columns([h.replace("_", " ") for h in headers], [["" if row[h] is None else str(row[h]) for h in headers] for row in rows]))
    else:
        print("no limit is changed: the configuration holds")
