"""Each benchmark runs, at a size that says nothing about speed, and compares what it says it compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench.main import BENCHMARKS, main
from tests.bench.peers.environment import NotThere, Peer
from tests.bench.risk_world import EVERY_CONTROL
from tests.bench.table import AT_LEAST, AT_MOST, Row, Size, Target, percentile
from tests.tidy.test_risk_controls_page import quoted, rows


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_runs(name: str) -> None:
    made = list(BENCHMARKS[name](Size(full=False)))
    assert made
    for row in made:
        assert row.ratio is None or row.ratio > 0
        assert row.target is None or row.verdict in {"met", "MISSED"}


def test_the_risk_benchmark_sets_every_control() -> None:
    """What docs/risk_controls.md names, and nothing of it switched off."""
    for key in (quoted(row[1])[0] for row in rows() if row[1] != "-"):
        value: Any = EVERY_CONTROL
        for part in key.split("."):
            assert value[part] not in (None, {}), key
            value = value[part]


def test_a_target_is_met_or_missed_by_its_own_figure_where_the_row_has_one() -> None:
    assert Row("x", "", ratio=0.3, target=Target(AT_LEAST, 0.25, "")).verdict == "met"
    assert Row("x", "", ratio=1.4, target=Target(AT_MOST, 1.3, "")).verdict == "MISSED"
    assert Row("x", "", ratio=9.0, target=Target(AT_MOST, 100.0, ""), value=80.0).verdict == "met"
    assert Row("x", "", ratio=9.0).verdict == ""


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0, 2.0], 0.99) == 2.0


def test_a_benchmark_nobody_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codecs"]) == 2
    assert "codec" in capsys.readouterr().err


def test_a_peer_that_cannot_be_installed_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="cannot be installed"):
        Peer("nobody", ("nothing==1",)).python(tmp_path, using=str(tmp_path / "no-python"))
