"""A real writer process: `python -m tests.unit.bus.journal_writer PATH DURABILITY [BATCHES]`. Says each seq on stdout once it is acknowledged;
says how it ended: `failed TEXT` when the journal failed it, `closed` when all batches were written."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.bus.journal import Journal
from shared.bus.journal_errors import JournalFailed
from shared.bus.port import Durability
from tests.unit.bus.journal_builders import FEED, STRATEGY, order, quote


def main(path: str, durability: str, batches: str = "1000000") -> int:
    journal = Journal.open(Path(path), Durability(durability))
    say(f"open {journal.head_seq}")
    last = journal.last_n()
    quotes, orders = last.get((FEED, 1), 0), last.get((STRATEGY, 1), 0)
    try:
        for number in range(int(batches)):
            seq = journal.head_seq
            rows = [quote(seq + 1, quotes + 1), order(seq + 2, orders + 1), quote(seq + 3, quotes + 2)]
            journal.append(rows)
            say(f"{journal.head_seq}")
            quotes, orders = quotes + 2, orders + 1
            if number % 50 == 49:
                journal.idle()
    except JournalFailed as error:
        say(f"failed {error}")
        refused = False
        try:
            journal.append(rows)
        except JournalFailed:
            refused = True
        say(f"refuses {refused}")
        journal.close()
        return 3
    journal.close()
    say("closed")
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
