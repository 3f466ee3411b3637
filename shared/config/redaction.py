"""Keeping credentials out of every log, event, journal, audit line and error: `***`.

Two rules: a value known to be secret is replaced wherever it appears, also JSON-escaped, URL-quoted or as base64 of it; and what stands
behind a name that says it is a secret (`api_key`, `token`, ...) is replaced whatever it is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

MASK: Final = "***"
SHORT: Final = 4  # shorter secrets are replaced as whole words only, or every log line would be stars

_NAMES: Final = ("api_key", "apikey", "secret", "token", "password", "passphrase", "authorization")
# Every repetition is bounded, so the time is linear in the text whatever it is.
_BEHIND_A_NAME: Final = re.compile(
    rf"""(?ix) ( (?: api[_-]?key | {"|".join(_NAMES[2:])} ) [\w-]{{0,40}} ["']? \s{{0,8}} [:=] \s{{0,8}} ) (?: (?:bearer|basic) \s{{1,8}} )?
    (?: "(?:[^"\\]|\\.)*" | '[^']*' | [^\s"',;&}}\]]+ )"""
)
_IN_A_URL: Final = re.compile(r"(?<=://)([^/:@\s]{0,200}):[^@/\s]{1,500}@")


def is_secret_name(name: str) -> bool:
    """Whether a key or variable of this name holds a credential."""
    lowered = name.lower().replace("-", "_")
    return any(part in lowered for part in _NAMES)


class Redactor:
    """Knows the secrets of one configuration. Give it every text that leaves the process."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def add(self, secret: str) -> None:
        """From here on this value is replaced."""
        if not secret or secret in self._secrets:
            return
        self._secrets.add(secret)
        forms = sorted({form for value in self._secrets for form in _forms(value)}, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(re.escape(f) if len(f) >= SHORT else rf"(?<!\w){re.escape(f)}(?!\w)" for f in forms))

    def learn(self, value: object) -> None:
        """Add every SecretStr of a configuration model."""
        if isinstance(value, SecretStr):
            self.add(value.get_secret_value())
        elif isinstance(value, BaseModel):
            for _, child in value:
                self.learn(child)
        elif isinstance(value, dict):
            for child in value.values():
                self.learn(child)
        elif isinstance(value, list | tuple):
            for child in value:
                self.learn(child)

    def known(self, text: str) -> str:
        """The text without the values known to be secret."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def text(self, text: str) -> str:
        """The text without secrets: known values, what stands behind a telling name, the password of a URL."""
        text = self.known(text)
        text = _BEHIND_A_NAME.sub(lambda match: match[1] + MASK, text)
        return _IN_A_URL.sub(rf"\1:{MASK}@", text)

    def value(self, value: Any) -> Any:
        """A structure of dicts, lists and scalars without secrets; other objects pass as their redacted text."""
        if isinstance(value, dict):
            return {key: MASK if is_secret_name(str(key)) and child not in (None, "") else self.value(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(child) for child in value) if type(value) in (list, tuple) else [self.value(child) for child in value]
        if value is None or isinstance(value, bool | int | float):
            return MASK if str(value) in self._secrets else value
        return MASK if isinstance(value, SecretStr) else self.text(str(value))


def _forms(secret: str) -> set[str]:
    forms = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret)}
    if len(secret) >= 2 * SHORT:
        forms.add(base64.b64encode(secret.encode()).decode().rstrip("="))
    return forms
