"""What changed since the last look, in lines for people. Pure: answers and audit entries in, lines out.

Two sources, so that nothing is said twice: the auditor's answers tell states (services, feeds, heartbeat), the audit log tells events (orders,
trading states, broker connections, reconciliations, errors).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .audit_tail import Entry

HEARTBEAT_S: Final = 30.0
ENTRIES_MAX: Final = 40  # of one look; what is more is counted, the audit log has it all

_WORDS: Final[Mapping[str, str]] = {
    "OrderSubmitted": "order",
    "OrderAcknowledged": "accepted",
    "OrderFilled": "fill",
    "OrderCancelled": "cancelled",
    "OrderRejected": "REJECTED",
    "OrderHeld": "waits",
    "OrderRouted": "routed",
    "OrderDenied": "DENIED",
    "OrderUnknown": "UNKNOWN",
    "OrderReplaced": "replaced",
    "DryRunOrder": "dry run",
    "PositionOpened": "position",
    "PositionClosed": "position",
    "TradingState": "trading",
    "Reconnect": "connection",
    "Reconciliation": "reconcile",
    "RiskLimitBreached": "LIMIT",
    "DataGap": "DATA GAP",
    "OperatorCommand": "operator",
    "RegimeChange": "regime",
    "Error": "ERROR",
}

_COMMANDED: Final = ("order_id", "key", "scope_key", "symbol", "strategy")  # what a command is about


class Said(NamedTuple):
    """One console line. time: log time, empty for now; word: what kind; loud: a person should look."""

    time: str
    word: str
    text: str
    loud: bool = False


class Narrator:
    """Remembers what was said."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[bool, str]] = {}
        self._reconciled = ""
        self._heartbeat_at: float | None = None

    def audit(self, entries: Iterable[Entry]) -> list[Said]:
        """Lines for new audit entries."""
        said = [line for entry in entries if (line := self._entry(entry)) is not None]
        if len(said) <= ENTRIES_MAX:
            return said
        return [*said[:ENTRIES_MAX], Said("", "...", f"{len(said) - ENTRIES_MAX} more lines in the audit log")]

    def health(self, answer: Mapping[str, Any]) -> list[Said]:
        """Feeds that came or went; broker connections are in the audit log."""
        said = []
        for line in answer.get("lines", ()):
            name, up, text = str(line["name"]), bool(line["up"]), str(line["text"])
            if self._lines.get(name) != (up, text):
                self._lines[name] = (up, text)
                if not name.startswith("broker."):
                    said.append(Said("", "connection", f"{name} {text or ('up' if up else 'down')}", loud=not up))
        return said

    def heartbeat(self, answer: Mapping[str, Any], now_s: float) -> list[Said]:
        """A sign of life every HEARTBEAT_S, so that silence means something."""
        if self._heartbeat_at is not None and now_s - self._heartbeat_at < HEARTBEAT_S:
            return []
        self._heartbeat_at = now_s
        facts = [str(answer.get("trading_state", "unknown"))]
        facts += [f"{name} {answer[key]}" for key, name in (("equity", "equity"), ("daily_pnl", "day P&L")) if answer.get(key) is not None]
        facts += [f"{answer.get('open_orders', 0)} open orders", f"{answer.get('positions', 0)} positions"]
        return [Said("", "heartbeat", ", ".join(facts))]

    def _entry(self, entry: Entry) -> Said | None:
        word = _WORDS.get(entry.type)
        if word is None:
            return None
        if entry.type == "Reconciliation":
            if entry.details == self._reconciled:
                return None  # every few seconds the same
            self._reconciled = entry.details
        about = _about(entry)
        text = f"{about} {entry.details}" if about else entry.details
        loud = word.isupper() or entry.metadata.get("state") == "halted" or "given_up" in entry.metadata
        return Said(entry.time, word, text, loud=loud)


def _about(entry: Entry) -> str:
    """What its details do not name already."""
    metadata, details = entry.metadata, entry.details
    if entry.type == "OperatorCommand":
        named = details.partition(":")[0].split()  # by us: what follows are an operator's own words, and a symbol may be one letter
        return " ".join(word for key in _COMMANDED if (word := metadata.get(key, "")) and word not in named)
    if entry.type == "TradingState" and (state := metadata.get("state")) is not None:
        about = " ".join(part for part in (metadata.get("scope", ""), metadata.get("key", ""), f"{state}:") if part)
    else:
        about = metadata.get("order_id", "")
    return about if about not in details else ""


def feeds_ended(health: Mapping[str, Any]) -> bool:
    """Whether there are feeds and every one has come to its end."""
    feeds: Sequence[Mapping[str, Any]] = [line for line in health.get("lines", ()) if str(line["name"]).startswith("feed.")]
    return bool(feeds) and all(str(line["text"]).startswith("ended") for line in feeds)
