"""The paper venue as a process: `kill -9` in a loop while orders are sent again and again under the same ids.

Every second kill waits until a request has gone without its answer, so that some fall there however quick the machine is.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time

import pytest

from services.paper_venue.main import main
from shared.brokers import Accepted, Ambiguous, NotSent, ReadFailed, Submission
from shared.brokers.paper import PaperAccount, PaperExecution, PaperFeed
from tests.unit.venue.venue_process import VenueProcess
from tests.unit.venue.world import at, quote, terms

KILLS = 8
BUY = terms("buy", "market", 10)
REST = terms("buy", "limit", 10, limit=90, tif="gtc")


def order_of(number):
    return BUY if number % 2 else REST


def send_until_answered(session, number, answered, unsure):
    """What the router may do with a venue that answers repeats: the same id until somebody answers. Sets one event or the other."""
    while True:
        outcome = session.submit(Submission(f"o{number}", order_of(number), at(number)))
        if isinstance(outcome, Accepted):
            answered.set()
            return outcome
        assert isinstance(outcome, Ambiguous | NotSent), outcome
        if isinstance(outcome, Ambiguous):
            unsure.set()


def kill_repeatedly(venue, answered, unsure, done):
    generator = random.Random(7)
    for number in range(KILLS):
        time.sleep(generator.uniform(0.05, 0.25))
        seen = number % 2 == 0 or (happens(answered) and frozen(venue, unsure))
        venue.kill()
        venue.start(wait=False)
        if not seen:
            return
    done.set()


def happens(event):
    event.clear()
    return event.wait(30)


def frozen(venue, unsure):
    """Whether a request found it frozen and was left without an answer."""
    venue.freeze()
    return happens(unsure)


@pytest.fixture
def venue(tmp_path):
    made = VenueProcess(tmp_path, initial_cash="100000000").start()
    yield made
    made.end()


def test_killed_again_and_again_it_holds_each_order_once_and_keeps_its_word(venue):
    feed, session = PaperFeed(venue.endpoint, timeout_s=0.4), PaperExecution(venue.endpoint, timeout_s=0.4)
    assert feed.advance(1, quote(0, 99, 100)) == 0
    answered, unsure, done = threading.Event(), threading.Event(), threading.Event()
    thread = threading.Thread(target=kill_repeatedly, args=(venue, answered, unsure, done))
    thread.start()
    answers, row = {}, 1
    while thread.is_alive() or len(answers) < 50:
        number = len(answers) + 1
        answers[number] = send_until_answered(session, number, answered, unsure)
        if number % 5 == 0:
            row += shown(feed, row + 1)
    assert done.is_set(), "a restarted venue did not answer, or no request was left without an answer"
    session.close()
    feed.close()
    venue.kill()
    venue.start()
    check_answers(venue, answers)
    check_books(venue, len(answers))
    assert venue.stop() == 0
    check_file(venue, len(answers))


def check_answers(venue, answers):
    session = PaperExecution(venue.endpoint)
    for number, outcome in answers.items():
        assert session.submit(Submission(f"o{number}", order_of(number), at(99_999))) == outcome, number
    session.close()


def check_books(venue, orders):
    reader = PaperAccount(venue.endpoint)
    state = reader.whole_state("")
    reader.close()
    bought = (orders + 1) // 2
    assert len(state.executions) == len({e.execution_id for e in state.executions}) == bought
    assert state.positions[0].quantity == 10 * bought
    assert state.totals.cash == 100_000_000 - 1000 * bought
    assert len(state.orders) == orders - bought


def check_file(venue, orders):
    db = sqlite3.connect(venue.ledger)
    assert db.execute("SELECT count(*) FROM orders").fetchone() == (orders,)
    low, high, count = db.execute("SELECT min(n), max(n), count(*) FROM reports").fetchone()
    assert (low, high) == (1, count), "reports are dense"
    db.close()


def shown(feed, row):
    """Whether the venue says it has the row; one that does not is shown again."""
    try:
        feed.advance(row, quote(row, 99, 100))
    except ReadFailed:
        return False
    return True


def test_a_clean_stop_and_a_second_one_on_the_same_ledger(venue, tmp_path):
    other = VenueProcess(tmp_path)
    other.start(wait=False)
    assert other.wait() == 2
    assert "LedgerInUse" in venue.log.read_text()
    assert venue.stop() == 0


@pytest.mark.parametrize("settings", ['{"latency_ns": -1}', "{", '{"no_such_key": 1}'])
def test_bad_settings_end_it_before_it_opens_anything(tmp_path, capsys, settings):
    path = tmp_path / "venue.json"
    path.write_text(settings)
    status = main(["--endpoint", f"ipc://{tmp_path}/v", "--ledger", str(tmp_path / "l.db"), "--settings", str(path)])
    assert status == 2
    assert "venue.json" in capsys.readouterr().err
    assert not (tmp_path / "l.db").exists()
