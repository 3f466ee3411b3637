"""The page, read by a real browser without a network: it draws everything, runs its own script alone, and shows data as text."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from services.backtest.report import benchmark_symbol, write_html
from services.backtest.report.html_report import page
from shared.metrics.record import DataFile, RunRecord
from shared.metrics.summary import summary
from tests.support import run_records

HOSTILE = "</script><script>document.documentElement.dataset.hacked='1'</script><img src=x onerror=alert(1)>"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--virtual-time-budget=4000",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PROBE = """<script>
const log = (key, value) => { document.documentElement.dataset[key] = String(value); };
const figure = document.querySelector('#chart-equity'), plot = figure.querySelector('.plot'), line = figure.querySelector('path.line.equity');
const press = (key) => plot.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
const drawn = line.getAttribute('d'), labels = figure.querySelector('.xs').textContent;
press('End'); press('ArrowLeft');
log('tip', plot.querySelector('.tip').textContent);
press('+');
log('zoomed', line.getAttribute('d') !== drawn && document.querySelector('#chart-drawdown .reset').hidden === false);
press('Escape');
log('same', line.getAttribute('d') === drawn);
log('labels', figure.querySelector('.xs').textContent === labels);
log('resources', performance.getEntriesByType('resource').length);
</script>"""


def report(record: RunRecord) -> str:
    return page(record, summary(record, record.prices.get(benchmark_symbol(record))))


@pytest.fixture(scope="module")
def browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium on PATH: apt-get install chromium")


def run(browser: str, file: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """What the browser printed, and what its console said."""
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={profile}", *flags, file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def data_of(dom: str, key: str) -> str:
    found = re.search(rf'<html[^>]* data-{key}="([^"]*)"', dom)
    return found.group(1) if found else ""


def pixels(png: bytes) -> int:
    """How many different bytes the picture is made of."""
    chunks, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            chunks += png[at + 8 : at + 8 + size]
        at += size + 12
    return len(set(zlib.decompress(chunks)))


def test_a_browser_draws_every_chart_and_complains_of_nothing(browser: str, tmp_path: Path) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "page.png"
    record = run_records.usual()
    write_html(file, record, summary(record, record.prices["AAPL"]))
    dom, console = run(browser, file, tmp_path / "profile", "--dump-dom")
    assert console == []
    assert data_of(dom, "ready") == "7"  # equity, drawdown, exposure, rolling Sharpe, three symbols
    assert dom.count("<figure") == 8  # and the results of trades
    assert dom.count('role="img"') == 8
    run(browser, file, tmp_path / "profile", f"--screenshot={picture}", "--window-size=1200,2400")
    assert pixels(picture.read_bytes()) > 60


def test_zooming_in_and_out_again_gives_the_drawing_it_began_with(browser: str, tmp_path: Path) -> None:
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report(run_records.usual()))  # which forbids the probe, as it should
    file = tmp_path / "report.html"
    file.write_text(text.replace("</body>", PROBE + "</body>"))
    dom, console = run(browser, file, tmp_path / "profile", "--dump-dom")
    assert console == []
    assert [data_of(dom, key) for key in ("zoomed", "same", "labels", "resources")] == ["true", "true", "true", "0"]
    assert re.fullmatch(r"2021-06-29.*equity: 8\d,\d{3}\.\d\d USD", data_of(dom, "tip"))


def hostile() -> RunRecord:
    times = run_records.daily_times(200)
    record = run_records.traded({HOSTILE: run_records.walk(times, 1)}, name=HOSTILE)
    return run_records.replace(
        record,
        currency=HOSTILE,
        strategies={HOSTILE: {"name": HOSTILE, "params": {HOSTILE: HOSTILE}, "symbols": [HOSTILE]}},
        denials={HOSTILE: 1},
        data=[DataFile(HOSTILE, HOSTILE, 1)],
        counts={HOSTILE: 1},
        fills=[run_records.replace(f, strategy=HOSTILE) for f in record.fills],
    )


def no_number() -> RunRecord:
    """An equity that is no number, a price that is none: a bug upstream must not take the report with it."""
    record = run_records.flat()
    record.curve.equity[7], record.curve.gross[8] = float("nan"), float("inf")
    record.prices["AAPL"].closes[0] = 0.0
    return record


def test_data_is_text_to_a_browser(browser: str, tmp_path: Path) -> None:
    text = report(hostile())
    assert "<img" not in text
    assert text.count("<script") == 2  # data and the page's own
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)  # escaping must hold alone
    file = tmp_path / "report.html"
    file.write_text(without_policy)
    dom, console = run(browser, file, tmp_path / "profile", "--dump-dom")
    assert console == []
    assert data_of(dom, "ready") == "5"
    assert data_of(dom, "hacked") == ""


def test_the_policy_alone_stops_a_foreign_script(browser: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(run_records.flat()).replace("</body>", "<script>document.documentElement.dataset.hacked = '1'</script></body>"))
    dom, console = run(browser, file, tmp_path / "profile", "--dump-dom")
    assert data_of(dom, "hacked") == ""
    assert len(console) == 1


class Tags(HTMLParser):
    """Checks that tags nest, and gathers what could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [v or "" for k, v in attrs if k in {"src", "href", "data", "action"} and not (v or "").startswith(("#", "data:,"))]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [v or "" for k, v in attrs if k in {"src", "href"} and not (v or "").startswith(("#", "data:,"))]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "make",
    [run_records.usual, run_records.intraday, run_records.empty, run_records.flat, run_records.one_fill, run_records.ruined, hostile, no_number],
)
def test_every_run_has_a_well_formed_page_that_loads_nothing(make: object) -> None:
    record = make()
    text = report(record)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.loads == []
    assert "nan" not in re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL).lower().replace("finance", "")
    assert record.config_hash in text
    assert re.findall(r"https?://[^\"'<\s]+", text).count("http://www.w3.org/2000/svg") == len(re.findall(r"https?://", text))


def test_a_dash_says_why() -> None:
    text = report(run_records.one_fill())
    assert re.search(r'<td class="n" title="no closed trade">-</td>', text)
    assert "still open at the end" in text


def test_a_long_run_says_how_much_of_it_is_drawn() -> None:
    times = run_records.minute_times(20)
    record = run_records.traded({"SPY": run_records.walk(times, 3, 510.0, 0.0, 0.0004)}, every=900, interval_ns=run_records.MINUTE_NS)
    assert re.search(r"Drawn are [\d,]+ of 7,800 marks", report(record))
