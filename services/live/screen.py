"""The live screen of a terminal: services, money, positions, newest lines. Loud lines also scroll by above it, to stay."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.runtime.printable import printable

from .console import Redact, moment
from .narrator import Said
from .view import View

LINES_SHOWN: Final = 12
POSITIONS_SHOWN: Final = 10
_COLOURS: Final = {"ready": "green", "active": "green", "halted": "bold red", "down": "bold red", "reducing": "yellow", "disarmed": "yellow"}


class Screen:
    """Implements `console.Console`."""

    def __init__(self, redact: Redact, console: Console | None = None) -> None:
        self._redact = redact
        self._console = console if console is not None else Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def say(self, line: Said) -> None:
        if line.loud:
            self._live.console.print(self._line(line), soft_wrap=True)

    def show(self, view: View) -> None:
        self._live.update(Group(_head(view), _services(view), _positions(view), *map(self._line, view.said[-LINES_SHOWN:])), refresh=True)

    def close(self) -> None:
        self._live.stop()

    def _line(self, line: Said) -> Text:
        return Text(self._redact(f"{moment(line.time)}  {line.word:<10}  {printable(line.text)}"), style="yellow" if line.loud else "")


def _head(view: View) -> Text:
    status = view.status
    state = str(status.get("trading_state", "starting"))
    text = Text.assemble("trading ", (state, _COLOURS.get(state, "")))
    for key, name in (("equity", "equity"), ("daily_pnl", "day P&L"), ("cash", "cash"), ("open_orders", "open orders")):
        if status.get(key) is not None:
            text.append(f"   {name} {status[key]}")
    for row in status.get("balances", ()):
        text.append(f"   {row['currency']} {row['amount']}")
    if status.get("now"):
        text.append(f"   {moment(str(status['now']))}", style="dim")
    return text


def _services(view: View) -> Table:
    table = Table(box=None, pad_edge=False)
    for header, side in (("service", "left"), ("state", "left"), ("epoch", "right"), ("cursor", "right"), ("lag", "right"), ("MB", "right")):
        table.add_column(header, justify="right" if side == "right" else "left")
    table.add_column("restarts", justify="right")
    for s in view.services:
        state = Text(s.state, style=_COLOURS.get(s.state, "yellow"))
        table.add_row(s.service, state, str(s.epoch), str(s.cursor), str(s.lag), f"{s.memory_mb:.0f}", str(s.restarts or ""))
    return table


def _positions(view: View) -> Table:
    table = Table(box=None, pad_edge=False)
    for header in ("position", "quantity", "average", "mark", "in", "unrealised"):
        table.add_column(header, justify="left" if header in {"position", "in"} else "right")
    rows: list[dict[str, Any]] = list(view.positions.get("positions", ()))
    for row in rows[:POSITIONS_SHOWN]:
        table.add_row(*(str(row.get(key, "")) for key in ("symbol", "quantity", "average_price", "mark", "currency", "unrealised")))
    if not rows:
        table.add_row("none")
    return table
