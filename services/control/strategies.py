"""`regimeflow strategy add|remove|set|list`: which strategies trade, changed while the stack runs, from a sequence number everyone can name.

What is asked is judged by the rules of the file before it is sent, and again by the risk engine, whose answer is what is said. It outlives restarts and
lies over what the file says; docs/operating.md tells what becomes of orders, holdings and cash.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .answers import awaited, row_of
from .commands import ACKNOWLEDGE_S, Reason
from .errors import AWAY, NO, CliError
from .options import AnyConfig, Json, StackHere, find_stack
from .output import columns, print_json

if TYPE_CHECKING:
    from shared.config.strategies import StrategyConfig

ANSWER_S: Final = 10.0
HEADERS: Final = ("strategy", "name", "symbols", "budget", "params", "run", "state", "changed", "in_force_from", "text")

Id = Annotated[str, typer.Option("--id", metavar="ID", help="Its name in orders, logs and commands.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="The strategy.")]
Name = Annotated[str, typer.Option("--name", metavar="BUILTIN", help="A built-in strategy.", show_default=False)]
Source = Annotated[
    str, typer.Option("--path", metavar="FILE:Class", help="Or your own; a file is looked for beside the configuration.", show_default=False)
]
Params = Annotated[
    list[str] | None, typer.Option("--params", metavar="FILE|K=V", help="A YAML file, or one parameter; may be repeated.", show_default=False)
]
Changes = Annotated[list[str], typer.Argument(metavar="K=V...", help="Parameters and their new values.")]
SymbolList = Annotated[str, typer.Option("--symbols", metavar="A,B", help="What it may trade. Default: all of live.symbols.", show_default=False)]
Budget = Annotated[str, typer.Option("--budget", metavar="N", help="Cash of its book, out of what is unassigned.", show_default=False)]
Limit = Annotated[list[str] | None, typer.Option("--limit", metavar="K=V", help="A limit of its own book; may be repeated.", show_default=False)]
Warmup = Annotated[int, typer.Option("--warmup-bars", min=0, help="Bars of history before it starts.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Add, remove and set strategies while running; see which trade.", no_args_is_help=True, epilog="Example: regimeflow strategy list"
    )
    example = "regimeflow strategy add --id swing --name moving_average_cross --params fast_period=5 --params slow_period=20"
    group.command("add", epilog=f'Example: {example} --symbols ACME --budget 20000 --reason "trial"')(add)
    group.command("remove", epilog='Example: regimeflow strategy remove swing --reason "trial is over"')(remove)
    group.command("set", epilog='Example: regimeflow strategy set cross fast_period=8 slow_period=30 --reason "slower"')(set_params)
    group.command("list", epilog="Example: regimeflow strategy list --json")(listed)
    app.add_typer(group, name="strategy")


def add(
    id_: Id,
    reason: Reason,
    name: Name = "",
    path: Source = "",
    params: Params = None,
    symbols: SymbolList = "",
    budget: Budget = "",
    limit: Limit = None,
    warmup_bars: Warmup = 0,
    config: AnyConfig = None,
    as_json: Json = False,
) -> None:
    """A strategy more, with a book of its own: it warms up and trades, as if the file listed it, until it is removed; restarts included.

    With neither `--name` nor `--path`: the file's own entry, after it was removed. Exit status 2: it cannot be so; 1: risk refused it.
    """
    from shared.config.revised import ADD, definition_of, entry_of

    stack = find_stack(config)
    _wall(stack)
    live = stack.loaded.config.live
    assert live is not None  # `Places.of` refuses a configuration without it
    listed_here = next((s for s in stack.loaded.config.strategies if s.id == id_), None)
    tree: dict[str, Any] = {"id": id_, "params": _params(params or []), "limits": _pairs(limit or [], "--limit"), "warmup_bars": warmup_bars}
    tree |= {key: value for key, value in (("name", name), ("path", path), ("budget", budget)) if value}
    tree |= {"symbols": [s.strip() for s in symbols.split(",")]} if symbols else {}
    try:
        if name or path:
            entry = _entry(tree)
            given = entry.budget
        elif listed_here is None:
            raise CliError(f"name: required key is missing (or `path`); the file lists no {id_!r}")
        else:
            entry, given = listed_here, stack.loaded.config.budgets(stack.loaded.config.paper.initial_cash)[id_]
        if given is None:
            raise CliError("--budget: required; cash of its book, out of what is unassigned")
        wanted = entry.symbols or live.symbols
        for symbol in wanted:
            if symbol not in live.symbols:
                raise CliError(f"symbols: no feed subscribes {symbol}; live.symbols: {', '.join(live.symbols)}")
        definition = definition_of(entry, wanted, given)
        _fits(stack, entry_of(definition))
    except ValueError as error:
        raise CliError(str(error)) from None
    _ask(stack, id_, ADD, definition, reason, as_json=as_json)


def remove(which: Which, reason: Reason, config: AnyConfig = None, as_json: Json = False) -> None:
    """End a strategy: halted, its working orders cancelled, its cash and holdings unassigned. It stays removed, though the file lists it.

    Close its holdings first (`halt`, `flatten`) where nobody is to hold them: what is unassigned has no stop behind it. Exit status 1: refused.
    """
    from shared.config.revised import REMOVE

    stack = find_stack(config)
    _wall(stack)
    _ask(stack, which, REMOVE, "", reason, as_json=as_json)


def set_params(which: Which, changes: Changes, reason: Reason, config: AnyConfig = None, as_json: Json = False) -> None:
    """Other parameters: the strategy begins anew with them, as another run with the book and the working orders it has.

    Values as in the file; what is not named stays. Limits are `limit set`'s. Exit status 2: it cannot be so; 1: risk refused it.
    """
    from shared.config.revised import SET, checked, written

    stack = find_stack(config)
    _wall(stack)
    change = _pairs(changes, "parameter")
    entry = _known(stack, which)
    try:
        _fits(stack, checked(entry.model_copy(update={"params": {**entry.params, **change}})))
        definition = written({"params": change})
    except ValueError as error:
        raise CliError(str(error)) from None
    _ask(stack, which, SET, definition, reason, as_json=as_json)


def listed(config: AnyConfig = None, as_json: Json = False) -> None:
    """Which strategies trade and from where in the log: the file's, with what commands made of them."""
    stack = find_stack(config)
    rows = _rows(stack)
    if as_json:
        print_json(rows)
    elif rows:
        print(columns([h.replace("_", " ") for h in HEADERS], [["" if row[h] is None else str(row[h]) for h in HEADERS] for row in rows]))
    else:
        print("no strategy")


def _wall(stack: StackHere) -> None:
    if stack.loaded.config.bus.clock == "feed":
        raise CliError("the log's clock is the feed's: strategies change with the file")


def _entry(tree: dict[str, Any]) -> StrategyConfig:
    from shared.config.revised import entry_of, written

    return entry_of(written(tree))


def _fits(stack: StackHere, entry: StrategyConfig) -> None:
    """It can be loaded here and takes its parameters. Raises ValueError, CliError."""
    from shared.strategy.loading import load_strategy

    try:
        load_strategy(entry.path or entry.name or "", base=stack.loaded.files[0].parent).cls.check_params(entry.params)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{entry.id}: {error}") from None
    except Exception as error:  # noqa: BLE001 - the strategy's own module, as it is imported
        raise CliError(f"{entry.path}: {type(error).__name__}: {error}") from None


def _params(given: list[str]) -> dict[str, Any]:
    """Files first to last, single parameters over them."""
    import yaml

    found: dict[str, Any] = {}
    for item in given:
        if "=" in item:
            continue
        try:
            tree = yaml.safe_load(Path(item).read_text())
        except OSError as error:
            raise CliError(f"--params: {item}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise CliError(f"--params: {item}: {' '.join(str(error).split())}") from None
        if not isinstance(tree, dict):
            raise CliError(f"--params: {item}: not a mapping of parameters")
        found |= tree
    return found | _pairs([item for item in given if "=" in item], "--params")


def _pairs(given: list[str], what: str) -> dict[str, Any]:
    """`k=v` as the file would read `k: v`. Raises CliError."""
    import json

    from shared.config.tree import scalar

    found: dict[str, Any] = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise CliError(f"{what}: {item!r} is not KEY=VALUE")
        if value[:1] in '[{"' and value:
            try:
                found[key] = json.loads(value)
            except ValueError:
                raise CliError(f"{what}: {key}: {value!r} is not JSON") from None
        else:
            found[key] = scalar(value)
    return found


def _known(stack: StackHere, which: str) -> StrategyConfig:
    """The entry as it trades now. Raises CliError."""
    from shared.config.revised import entry_of, in_force, is_whole, params_of

    said = awaited(stack.places, "status", lambda status: status, ANSWER_S)
    row = next((r for r in said["strategies"] if r["strategy"] == which), None) if said is not None else None
    definition = "" if row is None else row["definition"]
    if definition and is_whole(definition):
        return entry_of(definition)
    entry = next((form.entry for form in in_force(stack.loaded.config, {}) if form.entry.id == which), None)
    if entry is None and said is None:
        raise CliError(f"the file lists no strategy {which!r}, and the auditor does not answer: what was added since is not known", AWAY)
    if entry is None or (row is not None and row["state"] == "removed"):
        raise CliError(f"no strategy is called {which!r}; `regimeflow strategy list` shows which there are")
    return entry.model_copy(update={"params": {**entry.params, **(params_of(definition) if definition else {})}})


def _rows(stack: StackHere) -> list[dict[str, Any]]:
    """The auditor's rows with what stands in the file or in the command."""
    from services.live.asking import Auditor
    from shared.config.revised import entry_of, in_force, is_whole, params_of

    auditor = Auditor(stack.places)
    try:
        said = {row["strategy"]: row for row in auditor.ask("status", ANSWER_S)["strategies"]}
    finally:
        auditor.close()
    config = stack.loaded.config
    file = {form.entry.id: form for form in in_force(config, {})}
    rows = []
    for key in (*file, *sorted(said.keys() - file.keys())):
        row = said.get(key, {})
        definition = row.get("definition", "")
        entry, budget = (file[key].entry, file[key].budget) if key in file else (None, None)
        if definition and is_whole(definition):
            entry = entry_of(definition)
            budget = entry.budget
        params = {} if entry is None else {**entry.params, **(params_of(definition) if definition else {})}
        rows.append(
            {
                "strategy": key,
                "name": row.get("name", "") if entry is None else entry.path or entry.name,
                "symbols": "" if entry is None else " ".join(config.strategy_symbols(entry)),
                "budget": None if budget is None or row.get("state") == "removed" else format(budget, "f"),
                "params": " ".join(f"{k}={v}" for k, v in params.items()),
                "run": row.get("run"),
                "state": row.get("state", "waiting"),
                "changed": row.get("changed", ""),
                "in_force_from": row.get("in_force_from"),
                "text": row.get("text", ""),
            }
        )
    return rows


def _ask(stack: StackHere, strategy: str, action: str, definition: str, reason: str, *, as_json: bool) -> None:
    """Journal the command and say what became of it."""
    from services.live.operator import new_command, operator, tell
    from shared.events import StrategyChanged

    command, who = new_command(), operator()
    seq = tell(stack.places, command, [StrategyChanged(command, who, reason, strategy, action, definition)], ACKNOWLEDGE_S)
    outcome = awaited(stack.places, "status", row_of("strategy_changes", command), ANSWER_S)
    if outcome is not None and outcome["outcome"] == "refused":
        raise CliError(f"strategy {action} {strategy}: {outcome['text']}", NO)
    if as_json:
        print_json({"event": "StrategyChanged", "command": command, "strategy": strategy, "seq": seq or None, "outcome": outcome})
    elif outcome is None:
        print(
            f"strategy {action} {strategy}: journaled{f' at seq {seq}' if seq else ''}, command {command} by {who}; "
            f"risk has not answered within {ANSWER_S:g} s, see `strategy list`"
        )
    else:
        print(f"strategy {strategy} {outcome['outcome']}: in force from seq {outcome['in_force_from']}, command {command} by {who}")
