"""When the paper venue's stream counts as lost: not at the first silence, and at once where the venue is gone or is another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.brokers.contract import ReadFailed, StreamDown, StreamUp
from shared.brokers.paper.stream import QUIET_S, ReportStream
from shared.events import ErrorClass
from shared.venue import protocol as p

KNOWN = 3
TIMEOUT, NETWORK = ErrorClass.TIMEOUT, ErrorClass.NETWORK


class Asked:
    """A venue that pushes nothing and answers what is asked of it one after the other: its newest report, or not at all."""

    def __init__(self, answers: Sequence[int | ErrorClass]) -> None:
        self.link = self
        self.answers = list(answers)

    def pushes(self, _timeout_s: float) -> list[bytes]:
        return []

    def read(self, query: str, *_: Any) -> p.ReportsAnswer:
        answer = self.answers.pop(0)
        if isinstance(answer, ErrorClass):
            raise ReadFailed(query, answer, "no")
        return p.ReportsAnswer((), answer)


def heard(*answers: int | ErrorClass) -> list[type]:
    """Of a stream that was up at report 3 and is quiet since."""
    now = [10.0]
    venue = Asked([KNOWN, KNOWN, *answers])
    stream = ReportStream(venue, lambda: now[0])  # type: ignore[arg-type]
    stream.resume(KNOWN)
    assert [type(item) for item in stream.take(0.0)] == [StreamUp]
    told = []
    while venue.answers:
        now[0] += QUIET_S
        told += [type(item) for item in stream.take(0.0)]
    return told


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([KNOWN, KNOWN], []),
        ([TIMEOUT], []),
        ([TIMEOUT, KNOWN, TIMEOUT, KNOWN], []),
        ([TIMEOUT, TIMEOUT], [StreamDown]),
        ([TIMEOUT, NETWORK], [StreamDown]),
        ([NETWORK], [StreamDown]),
        ([KNOWN - 1], [StreamDown]),
    ],
)
def test_one_silence_is_no_loss_and_two_are(answers: list[int | ErrorClass], told: list[type]) -> None:
    assert heard(*answers) == told
