"""The order machine: every pair decided; the scenarios of RISK_AND_FAULTS.md section 6, one by one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.domain.order_machine import DONE, STATES, UNPROVEN, WORKING, Happening, Verdict, fill_happening, step
from shared.events import OrderStatus as S

H = Happening
TEN = Decimal(10)


def run(*happenings: Happening | int) -> tuple[S, list[Verdict]]:
    """Walk one order of 10 from its approval. A number is an execution of that quantity (a correction when negative)."""
    status, filled, verdicts = S.PENDING_NEW, Decimal(0), []
    for item in happenings:
        if isinstance(item, Happening):
            happening = item
        else:
            filled += item
            happening = fill_happening(filled, TEN, correction=item < 0)
        status, verdict = step(status, happening, filled, TEN)
        verdicts.append(verdict)
    return status, verdicts


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("happening", list(Happening))
def test_every_pair_is_decided_and_stays_within_the_states(status: S, happening: Happening) -> None:
    made = step(status, happening, Decimal(4), TEN)

    assert made.status in STATES
    if made.verdict in {Verdict.STALE, Verdict.ILLEGAL}:
        assert made.status is status


def test_the_states_are_split_into_unproven_working_and_done() -> None:
    assert set(STATES) == UNPROVEN | WORKING | DONE
    assert not UNPROVEN & WORKING
    assert not WORKING & DONE


@pytest.mark.parametrize("status", sorted(WORKING | UNPROVEN))
@pytest.mark.parametrize("happening", [H.SENDING, H.CANCEL_SENDING, H.REPLACE_SENDING, H.UNKNOWN, H.CANCEL_REJECTED, H.REPLACE_REJECTED])
def test_what_we_do_never_ends_an_order(status: S, happening: Happening) -> None:
    assert step(status, happening, Decimal(0), TEN).status not in DONE


@pytest.mark.parametrize("status", STATES)
def test_a_fill_is_a_fact_in_any_state(status: S) -> None:
    for happening in (H.FILL_PART, H.FILL_LAST, H.FILL_OVER):
        made = step(status, happening, Decimal(4), TEN)
        assert made.verdict is (Verdict.LATE if status in DONE else Verdict.OK)


@pytest.mark.parametrize(
    ("name", "happenings", "status", "last"),
    [
        ("plain life", (H.SENDING, H.ACCEPTED, 4, 6), S.FILLED, Verdict.OK),
        ("cancel then fill", (H.SENDING, H.ACCEPTED, H.CANCEL_SENDING, 10), S.FILLED, Verdict.OK),
        ("fill after the cancel's confirmation", (H.SENDING, H.ACCEPTED, H.CANCEL_SENDING, H.CANCELED, 10), S.FILLED, Verdict.LATE),
        ("part fill after the cancel's confirmation", (H.SENDING, H.ACCEPTED, H.CANCELED, 4), S.CANCELLED, Verdict.LATE),
        ("fill before accept", (H.SENDING, 4), S.PARTIALLY_FILLED, Verdict.OK),
        ("accept after the fill", (H.SENDING, 4, H.ACCEPTED), S.PARTIALLY_FILLED, Verdict.OK),
        ("accept after the last fill", (H.SENDING, 10, H.ACCEPTED), S.FILLED, Verdict.STALE),
        ("partial after pending cancel", (H.SENDING, H.ACCEPTED, H.CANCEL_SENDING, 4), S.PENDING_CANCEL, Verdict.OK),
        ("cancel refused after a partial", (H.SENDING, H.ACCEPTED, H.CANCEL_SENDING, 4, H.CANCEL_REJECTED), S.PARTIALLY_FILLED, Verdict.OK),
        ("overfill", (H.SENDING, H.ACCEPTED, 11), S.ERROR, Verdict.OK),
        ("overfill taken back by a correction", (H.SENDING, H.ACCEPTED, 11, -1), S.FILLED, Verdict.OK),
        ("reject after accept", (H.SENDING, H.ACCEPTED, H.REJECTED), S.REJECTED, Verdict.OK),
        ("fill after a reject: it lives", (H.SENDING, H.REJECTED, 4), S.UNKNOWN, Verdict.LATE),
        ("expire at the close with partial fills", (H.SENDING, H.ACCEPTED, 4, H.EXPIRED), S.EXPIRED, Verdict.OK),
        ("unknown, then found", (H.SENDING, H.UNKNOWN, H.ACCEPTED), S.NEW, Verdict.OK),
        ("unknown, then found filled", (H.SENDING, H.UNKNOWN, 10), S.FILLED, Verdict.OK),
        ("unknown, then proven absent", (H.SENDING, H.UNKNOWN, H.ABANDONED), S.INACTIVE, Verdict.OK),
        ("abandoned, then it shows", (H.SENDING, H.UNKNOWN, H.ABANDONED, H.ACCEPTED), S.NEW, Verdict.LATE),
        ("abandoned, then it fills", (H.SENDING, H.UNKNOWN, H.ABANDONED, 4), S.UNKNOWN, Verdict.LATE),
        ("nobody abandons what the broker has", (H.SENDING, H.ACCEPTED, H.ABANDONED), S.NEW, Verdict.ILLEGAL),
        ("replace acknowledged", (H.SENDING, H.ACCEPTED, H.REPLACE_SENDING, H.REPLACED), S.NEW, Verdict.OK),
        ("replace refused", (H.SENDING, H.ACCEPTED, H.REPLACE_SENDING, H.REPLACE_REJECTED), S.NEW, Verdict.OK),
        ("replace, fill before", (H.SENDING, H.ACCEPTED, 4, H.REPLACE_SENDING, H.REPLACED), S.PARTIALLY_FILLED, Verdict.OK),
        ("replace, fill between", (H.SENDING, H.ACCEPTED, H.REPLACE_SENDING, 4, H.REPLACED), S.PARTIALLY_FILLED, Verdict.OK),
        ("replace, filled during, refused", (H.SENDING, H.ACCEPTED, H.REPLACE_SENDING, 10, H.REPLACE_REJECTED), S.FILLED, Verdict.STALE),
        ("cancel while a replace is in flight", (H.SENDING, H.ACCEPTED, H.REPLACE_SENDING, H.CANCEL_SENDING), S.PENDING_CANCEL, Verdict.OK),
        ("replaced while a cancel is in flight", (H.SENDING, H.ACCEPTED, H.CANCEL_SENDING, H.REPLACED), S.PENDING_CANCEL, Verdict.OK),
        ("denied", (H.DENIED,), S.REJECTED, Verdict.OK),
        ("never sent twice", (H.SENDING, H.ACCEPTED, H.SENDING), S.NEW, Verdict.ILLEGAL),
        ("second cancel report", (H.SENDING, H.ACCEPTED, H.CANCELED, H.CANCELED), S.CANCELLED, Verdict.STALE),
    ],
)
def test_scenario(name: str, happenings: tuple[Happening | int, ...], status: S, last: Verdict) -> None:
    end, verdicts = run(*happenings)

    assert (end, verdicts[-1]) == (status, last), name
    assert all(v is Verdict.OK for v in verdicts[:-1] if v is not Verdict.LATE), name


def test_a_replace_timeout_that_is_found_later_takes_the_new_terms() -> None:
    """A filled order whose replace to a larger quantity the broker confirms afterwards works again."""
    made = step(S.FILLED, H.REPLACED, TEN, Decimal(15))

    assert made == (S.PARTIALLY_FILLED, Verdict.OK)
