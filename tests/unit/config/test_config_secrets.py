"""Secrets: references resolved by the providers' own programs (fakes on PATH here), and credentials that appear nowhere."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import ConfigError, Redactor, is_secret_name, load
from shared.config.secrets import Unresolved, resolve

SECRET = "hunter2-very-secret"


@pytest.fixture
def programs(tmp_path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, body: str) -> None:
    """A provider's program: notes its arguments, then does what `body` says."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/calls"\n{body}\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}{os.pathsep}{os.defpath}"}


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("reference", "name", "answer", "arguments"),
    [
        ("vault://kv/trading/alpaca#key", "vault", SECRET, "kv get -mount=kv -field=key trading/alpaca"),
        ("vault://kv/trading", "vault", SECRET, "kv get -mount=kv -field=value trading"),
        (
            "aws-sm://prod/alpaca#key",
            "aws",
            json.dumps({"key": SECRET}),
            "secretsmanager get-secret-value --secret-id prod/alpaca --query SecretString --output text",
        ),
        ("aws-sm://prod/alpaca", "aws", SECRET, "secretsmanager get-secret-value --secret-id prod/alpaca --query SecretString --output text"),
        (
            "gcp-sm://quant/alpaca#a.key",
            "gcloud",
            json.dumps({"a": {"key": SECRET}}),
            "secrets versions access latest --secret=alpaca --project=quant",
        ),
        (
            "azure-kv://ops/alpaca#key",
            "az",
            json.dumps({"key": SECRET}),
            "keyvault secret show --vault-name ops --name alpaca --query value --output tsv",
        ),
    ],
)
def test_a_reference_is_asked_of_its_provider(programs, reference, name, answer, arguments):
    program(programs, name, f"printf '%s\\n' '{answer}'")
    assert resolve(reference, environment(programs)) == SECRET
    assert calls(programs) == [arguments]


def test_the_program_can_have_another_name(programs):
    program(programs, "bao", f"echo {SECRET}")
    assert resolve("vault://kv/x#k", environment(programs) | {"REGIMEFLOW_VAULT_BIN": "bao"}) == SECRET


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("echo permission denied >&2; exit 3", "`aws` ended with status 3: permission denied"),
        ("exit 1", "`aws` ended with status 1: it said nothing"),
        ("true", "`aws` gave an empty secret"),
        ("echo no-json", "the secret that `aws` gave has no field key"),
        ("echo '{}'", "the secret that `aws` gave has no field key"),
        ("echo '{\"key\": [1]}'", "the field key of the secret that `aws` gave is not text"),
    ],
)
def test_a_provider_that_fails_is_named(programs, body, expected):
    program(programs, "aws", body)
    with pytest.raises(Unresolved) as caught:
        resolve("aws-sm://id#key", environment(programs))
    assert str(caught.value) == expected


def test_a_missing_program_is_a_clear_refusal(programs):
    with pytest.raises(Unresolved, match="needs the command `gcloud`, which is not on PATH"):
        resolve("gcp-sm://p/s#f", {"PATH": str(programs)})


@pytest.mark.parametrize(
    "reference", ["vault://onlymount#f", "gcp-sm://-x/s#f", "azure-kv://a/--help", "aws-sm://a b", "vault://a/b#;rm", "aws-sm://"]
)
def test_a_malformed_reference_never_reaches_a_program(programs, reference):
    for name in ("vault", "aws", "gcloud", "az"):
        program(programs, name, "echo x")
    with pytest.raises(Unresolved, match="must be of the form"):
        resolve(reference, environment(programs))
    assert not (programs / "calls").exists()


FILE = """\
live:
  broker: alpaca
  symbols: [SPY]
  broker_config:
    api_key: aws-sm://prod/alpaca#key
    secret_key: aws-sm://prod/alpaca#secret
"""


def config_file(folder: Path, text: str = FILE) -> Path:
    path = folder / "live.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_configuration_is_resolved_at_start_and_shows_nothing(tmp_path, programs):
    program(programs, "aws", "echo '" + json.dumps({"key": "PKIA-12345", "secret": SECRET}) + "'")
    loaded = load(config_file(tmp_path), environment(programs))
    assert loaded.config.live is not None
    settings = loaded.config.live.broker_config
    assert settings.secret_key.get_secret_value() == SECRET
    assert len(calls(programs)) == 1  # one secret, two fields, one question
    for shown in (repr(loaded), str(loaded.config), loaded.config.model_dump_json(), str(loaded.config.model_dump())):
        assert SECRET not in shown
        assert "PKIA-12345" not in shown
    assert loaded.redactor.text(f"sent {SECRET} and PKIA-12345") == "sent *** and ***"


def test_offline_asks_nobody(tmp_path, programs):
    program(programs, "aws", "echo x")
    load(config_file(tmp_path), environment(programs), offline=True)
    assert not (programs / "calls").exists()


def test_nobody_is_asked_before_everything_else_is_right(tmp_path, programs):
    program(programs, "aws", "echo x")
    with pytest.raises(ConfigError, match="unknown key"):
        load(config_file(tmp_path, FILE + "  frobnicate: 1\n"), environment(programs))
    assert not (programs / "calls").exists()


def test_a_secret_that_cannot_be_had_is_refused_with_its_line(tmp_path, programs):
    with pytest.raises(ConfigError) as caught:
        load(config_file(tmp_path), {"PATH": str(programs)})
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (5, "live.broker_config.api_key"),
        (6, "live.broker_config.secret_key"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        f"  broker_config: {{api_key: [{SECRET}]}}",
        f"  broker_config: {{secret_key: {{a: {SECRET}}}}}",
        "  broker_config: {timeout_seconds: ${ALPACA_API_SECRET}}",
        "  broker_config: {base_url: '${ALPACA_API_SECRET}'}",
        "  log_dir: ok\n  topology: ${ALPACA_API_SECRET}",
    ],
)
def test_no_refusal_shows_a_secret(tmp_path, wrong):
    text = f"live:\n  broker: alpaca\n  symbols: [SPY]\n{wrong}\n"
    with pytest.raises(ConfigError) as caught:
        load(config_file(tmp_path, text), {"ALPACA_API_SECRET": SECRET, "ALPACA_API_KEY": "PK1"})
    assert SECRET not in str(caught.value)


def test_settings_of_a_third_party_keep_their_credentials_veiled(tmp_path):
    text = "live:\n  broker: binance\n  symbols: [BTCUSDT]\n  broker_config: {api_key: abcdefgh, deep: {token: ijklmnop}, recv_window_ms: 5000}\n"
    loaded = load(config_file(tmp_path, text), {})
    assert "abcdefgh" not in repr(loaded.config)
    assert "ijklmnop" not in repr(loaded.config)
    assert loaded.redactor.text("abcdefgh ijklmnop") == "*** ***"


def test_redaction_of_text():
    redactor = Redactor([SECRET, 'quo"te\\d', "ab"])
    encoded = base64.b64encode(SECRET.encode()).decode()
    assert redactor.text(f"<{SECRET}> {encoded}") == "<***> ***" + "=" * encoded.count("=")
    assert redactor.text(json.dumps({"x": 'quo"te\\d'})) == '{"x": "***"}'
    assert redactor.text("ab cab ab.") == "*** cab ***."
    assert redactor.text("api_key=zzz&other=1") == "api_key=***&other=1"
    assert redactor.text('{"APCA-API-SECRET-KEY": "zzz", "side": "buy"}') == '{"APCA-API-SECRET-KEY": ***, "side": "buy"}'
    assert redactor.text("Authorization: Bearer zzz.yyy rest") == "Authorization: *** rest"
    assert redactor.text("postgres://user:pass@host/db") == "postgres://user:***@host/db"
    assert redactor.text("nothing to hide, symbol=SPY") == "nothing to hide, symbol=SPY"


def test_redaction_of_structures():
    redactor = Redactor([SECRET, "424242"])
    assert redactor.value({"api_key": "x", "token": None, "n": 1, "list": [SECRET, ("a", 424242)], "nested": {"Password": 5}}) == {
        "api_key": "***",
        "token": None,
        "n": 1,
        "list": ["***", ("a", "***")],
        "nested": {"Password": "***"},
    }
    assert repr(redactor) == "Redactor(2 secrets)"


@settings(derandomize=True, max_examples=150)
@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_secret_as_a_word_of_any_text_is_gone(secret, before, after):
    shown = Redactor([secret]).text(f"{before} {secret} {after}")
    assert secret not in shown or secret in "***" or secret in f"{before} *** {after}"


def test_names_of_secrets():
    assert all(is_secret_name(name) for name in ("api_key", "ALPACA_API_SECRET", "X-Auth-Token", "db_password", "passphrase", "Authorization"))
    assert not any(is_secret_name(name) for name in ("symbol", "key", "monkey", "client_id"))
