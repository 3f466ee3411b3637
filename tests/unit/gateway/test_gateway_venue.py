"""The gateway's line to the paper venue under the feed clock: what the venue refuses stops the feed aloud, what it takes goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from structlog.testing import capture_logs

from services.gateway.venue import LockStepVenue
from tests.unit.venue.venue_process import VenueThread
from tests.unit.venue.world import quote


def test_a_row_the_venue_refuses_is_named_once_and_the_feed_stands(tmp_path: Path) -> None:
    paper = VenueThread(tmp_path).start()
    venue, heads = LockStepVenue(paper.endpoint), []
    with capture_logs() as logs:
        assert venue.advance(1, quote(1, 99, 100)) == 0
        stuck = threading.Thread(target=lambda: heads.append(venue.advance(2, quote(2, 99, float("nan")))))
        stuck.start()
        end = time.monotonic() + 60
        while not logs and time.monotonic() < end:
            time.sleep(0.01)
        stuck.join(1.0)  # several tries more
        assert stuck.is_alive()
        venue.close()
        stuck.join(60)
    paper.end()
    assert heads == [0]
    [said] = logs
    assert (said["log_level"], said["about"]) == ("critical", "row 2, Quote")
