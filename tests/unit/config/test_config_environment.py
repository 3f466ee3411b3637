"""Where values come from: the file, `${}`, the real environment, two `.env` files, `NAME_FILE`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import ConfigError, load

ALPACA = "live:\n  broker: alpaca\n  symbols: [SPY]\n"
KEYS = {"ALPACA_API_KEY": "PKreal", "ALPACA_API_SECRET": "s3cr3t-value"}


@pytest.fixture
def beside(tmp_path, monkeypatch) -> Path:
    """The folder of the configuration; the working directory is another one."""
    elsewhere = tmp_path / "working"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    folder = tmp_path / "configs"
    folder.mkdir()
    return folder


def write(folder: Path, text: str) -> Path:
    path = folder / "live.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def broker_config(folder: Path, text: str, env: dict[str, str], **options):
    live = load(write(folder, text), env, **options).config.live
    assert live is not None
    return live.broker_config


def test_broker_settings_that_the_file_leaves_out_come_from_the_environment(beside):
    urls = {"ALPACA_PAPER_BASE_URL": "http://127.0.0.1:9000", "ALPACA_STREAM_URL": "ws://127.0.0.1:9001/v2/iex"}
    settings = broker_config(beside, ALPACA, KEYS | urls)
    assert settings.api_key.get_secret_value() == "PKreal"
    assert settings.secret_key.get_secret_value() == "s3cr3t-value"
    assert (settings.base_url, settings.stream_url) == tuple(urls.values())


def test_the_file_goes_before_the_environment(beside):
    assert broker_config(beside, ALPACA + "  broker_config: {api_key: PKfile}\n", KEYS).api_key.get_secret_value() == "PKfile"


def test_the_paper_root_is_not_taken_for_real_orders(beside):
    env = KEYS | {"ALPACA_API_KEY": "AKreal", "ALPACA_PAPER_BASE_URL": "http://127.0.0.1:9000"}
    assert broker_config(beside, ALPACA + "  paper: false\n", env).base_url is None


def test_ib_settings_are_numbers_where_they_are_numbers(beside):
    settings = broker_config(beside, ALPACA.replace("alpaca", "ib"), {"IB_HOST": "127.0.0.1", "IB_PORT": "7497", "IB_CLIENT_ID": "7"})
    assert (settings.host, settings.port, settings.client_id) == ("127.0.0.1", 7497, 7)


def test_a_wrong_value_from_the_environment_names_its_variable(beside):
    env = {"IB_HOST": "h", "IB_PORT": "seven", "IB_CLIENT_ID": "7"}
    with pytest.raises(ConfigError, match=r":1: live\.broker_config\.port: must be a whole number, got 'seven' \(from IB_PORT\)"):
        broker_config(beside, ALPACA.replace("alpaca", "ib"), env)


def test_missing_credentials_refuse_a_start_and_are_listed_offline(beside):
    path = write(beside, ALPACA)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert [problem.path for problem in caught.value.problems] == ["live.broker_config.api_key", "live.broker_config.secret_key"]
    assert "set ALPACA_API_KEY (or ALPACA_API_KEY_FILE)" in str(caught.value)
    assert [problem.path for problem in load(path, {}, offline=True).missing] == ["live.broker_config.api_key", "live.broker_config.secret_key"]


def test_real_environment_then_env_beside_the_file_then_env_in_the_working_directory(beside):
    (beside / ".env").write_text("A=beside\nB=beside\n# comment\nexport D='quoted text'\n", encoding="utf-8")
    Path(".env").write_text("A=working\nB=working\nC=working\n", encoding="utf-8")
    text = "live: {broker: paper, symbols: [ACME], log_dir: '${A}/${B}/${C}/${D}'}\n"
    loaded = load(write(beside, text), {"A": "real"})
    assert loaded.config.live is not None
    assert loaded.config.live.log_dir == Path("real/beside/working/quoted text")
    assert loaded.files == (beside / "live.yaml", beside / ".env", Path.cwd() / ".env")


def test_a_file_variable_stands_in_for_a_missing_one(beside, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("PKmounted\n", encoding="utf-8")
    env = {"ALPACA_API_KEY_FILE": str(secret), "ALPACA_API_SECRET": "s3cr3t-value"}
    settings = broker_config(beside, ALPACA, env)
    assert settings.api_key.get_secret_value() == "PKmounted"
    assert broker_config(beside, ALPACA, env | {"ALPACA_API_KEY": "PKplain"}).api_key.get_secret_value() == "PKplain"
    expanded = broker_config(beside, ALPACA + "  broker_config:\n    api_key: ${ALPACA_API_KEY}\n", env)
    assert expanded.api_key.get_secret_value() == "PKmounted"


def test_a_file_variable_without_its_file_is_refused(beside):
    with pytest.raises(ConfigError, match="ALPACA_API_KEY_FILE names a file that cannot be read: No such file or directory: /absent/key"):
        load(write(beside, ALPACA), {"ALPACA_API_KEY_FILE": "/absent/key"})


def test_an_unreadable_env_file_is_one_clear_line(beside):
    (beside / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(ConfigError, match=r"live\.yaml: .*/\.env is not UTF-8 text"):
        load(write(beside, ALPACA), KEYS)


def test_an_unquoted_expansion_in_braces_is_no_yaml_and_the_cure_is_named(beside):
    with pytest.raises(ConfigError, match=r":1: not YAML: .*; quote \$\{\.\.\.\} inside"):
        load(write(beside, "live: {broker: paper, symbols: [ACME], log_dir: ${X}}\n"), {"X": "x"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${NOWHERE}", ":4: live.log_dir: the variable NOWHERE is not set (nor NOWHERE_FILE), and ${NOWHERE} has no default"),
        ("${NO WHERE}", ":4: live.log_dir: ${NO WHERE} is not of the form ${NAME} or ${NAME:-default}"),
        ("${OPEN", ":4: live.log_dir: ${OPEN is not of the form ${NAME} or ${NAME:-default}"),
    ],
)
def test_what_cannot_be_expanded_is_refused_with_its_line(beside, written, expected):
    with pytest.raises(ConfigError) as caught:
        load(write(beside, f"live:\n  broker: paper\n  symbols: [ACME]\n  log_dir: '{written}'\n"), {})
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("${A:-x}", "x"), ("${B:-x}", "x"), ("${C:-x}", "c"), ("a${C}b${C}", "acbc"), ("$${C}", "${C}"), ("${A:-}d", "d"), ("$C", "$C")],
)
def test_expansion(beside, written, expected):
    live = load(write(beside, f"live: {{broker: paper, symbols: [ACME], log_dir: '{written}'}}\n"), {"B": "", "C": "c"}).config.live
    assert live is not None
    assert live.log_dir == Path(expected)


def test_an_unquoted_expansion_takes_the_kind_its_key_asks_for(beside):
    text = "live:\n  broker: paper\n  symbols: [ACME]\n  paper: ${P}\n  heartbeat:\n    interval_ms: ${N}\ninstruments:\n  ACME:\n    sector: ${N}\n"
    config = load(write(beside, text), {"P": "true", "N": "4000"}).config
    assert config.live is not None
    assert config.live.heartbeat.interval_ms == 4_000
    assert config.instruments["ACME"].sector == "4000"


def test_a_value_cannot_smuggle_in_structure(beside):
    live = load(write(beside, "live:\n  broker: paper\n  symbols: [ACME]\n  log_dir: ${X}\n"), {"X": "a\nrisk: {limits: null}"}).config.live
    assert live is not None
    assert str(live.log_dir) == "a\nrisk: {limits: null}"
