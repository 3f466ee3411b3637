"""`currencies`: what is worth how much is said once, by a number or by a symbol that is fed; everything else is one line that says where."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from shared.config import Config, ConfigError, config_hashes, load
from shared.config.currencies import fixed_rates
from shared.config.parity import compare
from shared.config.parity_rules import Verdict

FILE = """\
live:
  broker: paper
  symbols: [ACME, EURUSD, USDJPY]
  strategies: [{id: hold, name: buy_and_hold}]
"""


def config(folder: Path, text: str) -> Config:
    path = folder / "session.yaml"
    path.write_text(FILE + text, encoding="utf-8")
    return load(path, {}).config


def test_a_rate_is_a_number_or_the_data_of_a_pair(tmp_path: Path) -> None:
    found = config(tmp_path, "currencies:\n  GBP: {rate: 1.25}\n  EUR: {pair: EURUSD}\n  JPY: {pair: USDJPY, inverse: true}\n").currencies
    assert found["GBP"].rate == D("1.25")
    assert (found["EUR"].pair, found["EUR"].inverse, found["JPY"].inverse) == ("EURUSD", False, True)


def test_the_rate_of_an_instrument_is_its_currencys(tmp_path: Path) -> None:
    found = config(tmp_path, "currencies: {GBP: {rate: 1.25}}\ninstruments: {ACME: {currency: EUR, fx_rate: 1.0845}}")
    assert fixed_rates(found) == {"EUR": D("1.0845"), "GBP": D("1.25")}


def test_the_same_rate_twice_is_one(tmp_path: Path) -> None:
    found = config(tmp_path, "currencies: {EUR: {rate: 1.10}}\ninstruments: {ACME: {currency: EUR, fx_rate: 1.1}}")
    assert fixed_rates(found) == {"EUR": D("1.1")}


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("currencies:\n  EUR: {}", "6: currencies.EUR: required key is missing: `rate` or `pair`"),
        ("currencies:\n  EUR:\n    rate: 1\n    pair: EURUSD", "8: currencies.EUR.pair: give `rate` or `pair`, not both"),
        ("currencies:\n  EUR:\n    rate: 1\n    inverse: true", "8: currencies.EUR.inverse: has no meaning with `rate`"),
        ("currencies:\n  JPY:\n    rate: 0.00665530827388", "7: currencies.JPY.rate: has more than 12 places"),
        (
            "instruments:\n  ACME:\n    currency: JPY\n    fx_rate: 0.00665530827388",
            "8: instruments.ACME.fx_rate: has more than 12 places",
        ),
        ("currencies:\n  USD: {rate: 1}", "6: currencies.USD: is the account's own currency"),
        ("currencies:\n  EUR:\n    pair: EURUSDX", "7: currencies.EUR.pair: EURUSDX is not in live.symbols; nearest: EURUSD"),
        ("currencies:\n  EUR:\n    rate: 0", "7: currencies.EUR.rate: must be greater than 0, got '0'"),
        (
            "currencies:\n  JPY:\n    pair: USDJPY\ninstruments:\n  USDJPY: {currency: JPY}",
            "7: currencies.JPY.pair: USDJPY is priced in JPY, not in USD (its other way round: `inverse: true`)",
        ),
        (
            "currencies:\n  EUR: {pair: EURUSD}\ninstruments:\n  ACME:\n    currency: EUR\n    fx_rate: 1.1",
            "10: instruments.ACME.fx_rate: `currencies.EUR` gives EUR another rate; give one of them",
        ),
        (
            "instruments:\n  ACME: {currency: EUR, fx_rate: 1.1}\n  EURUSD:\n    currency: EUR\n    fx_rate: 1.2",
            "9: instruments.EURUSD.fx_rate: `instruments.ACME.fx_rate` gives EUR another rate; use `currencies.EUR`",
        ),
        (
            "instruments:\n  ACME:\n    fx_rate: 1.1",
            "7: instruments.ACME.fx_rate: has no meaning: its prices are in the account's currency, USD",
        ),
        (
            "instruments:\n  ACME:\n    currency: USD\n    fx_rate: 1.1",
            "8: instruments.ACME.fx_rate: has no meaning: its prices are in the account's currency, USD",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_line(tmp_path: Path, added: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config(tmp_path, added)
    assert [str(problem).removeprefix(f"{tmp_path / 'session.yaml'}:") for problem in refused.value.problems] == [expected]


def test_another_rate_is_another_backtest_and_other_settings_of_the_broker(tmp_path: Path) -> None:
    one, other = (config(tmp_path, f"currencies: {{EUR: {{rate: {rate}}}}}") for rate in ("1.1", "1.2"))
    row = next(row for row in compare(one, other).rows if row.live_key == "currencies.EUR.rate")
    assert (row.verdict, row.backtest, row.live) == (Verdict.FAIL, "1.1", "1.2")
    assert config_hashes(one)[0] != config_hashes(other)[0]
