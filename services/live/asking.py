"""Questions to the auditor, which knows what the stack is doing. Answers are JSON, made by `services/auditor/views.py`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import orjson

from shared.bus.link import LinkClient, LinkError
from shared.runtime.places import Places

METHODS: Final = ("status", "orders", "positions", "fills", "health", "summary")


class Auditor:
    """Used by one thread. `ask` raises LinkDown, LinkTimeout, LinkRefused; `try_ask` gives None instead."""

    def __init__(self, places: Places) -> None:
        self._client = LinkClient(places.endpoint("queries"))

    def ask(self, method: str, timeout_s: float) -> Any:
        return orjson.loads(self._client.request(method, b"", timeout_s))

    def try_ask(self, method: str, timeout_s: float) -> Any:
        with suppress(LinkError, orjson.JSONDecodeError):
            return self.ask(method, timeout_s)
        return None

    def close(self) -> None:
        self._client.close()
