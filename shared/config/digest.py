"""Digests of what services must agree on before trading may be armed. Credentials and local paths are no part of them: each container has
its own, and a digest must not be a way to guess a secret."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel

from .root import Config

_PATHS = {"path", "directory", "keys_directory"}


def config_hashes(config: Config) -> tuple[str, str]:
    """(broker settings, bus settings), 32 hex digits each. Limits and strategies are left out: they change by journaled operator events."""
    live = config.live
    broker = {
        "broker": live.broker if live else "",
        "asset_class": live.broker_asset_class if live else "",
        "paper": live.paper if live else True,
        "dry_run": live.dry_run if live else False,
        "settings": _plain(live.broker_config) if live else {},
        "instruments": {symbol: _plain(item) for symbol, item in config.instruments.items()},
        "currencies": {name: _plain(item) for name, item in config.currencies.items()},
        "venue": _plain(config.paper),
    }
    bus = {"bus": _plain(config.bus), "journal": _plain(config.journal)}
    return _digest(broker), _digest(bus)


def _plain(section: BaseModel) -> dict[str, Any]:
    """JSON values; a SecretStr dumps as stars whatever it holds."""
    return {key: value for key, value in section.model_dump(mode="json").items() if key not in _PATHS}


def _digest(value: dict[str, Any]) -> str:
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
