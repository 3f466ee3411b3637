"""docs/configuration.md, drawn from the models: `python -m shared.config.reference > docs/configuration.md`."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .base import Section
from .brokers import AlpacaSettings, BrokerSettings, IbSettings
from .legacy import IGNORED
from .pending import PENDING
from .root import Config
from .spellings import SECONDS, SPELLINGS
from .tree import dotted

_INTRODUCTION: Final = """# Configuration

Drawn from the models in `shared/config` (`python -m shared.config.reference > docs/configuration.md`); a test compares.

One YAML file. `regimeflow config check FILE` says what is in it, what is ignored and what is not yet in force; `regimeflow config schema`
prints a JSON Schema for editors. A file is refused before anything connects, one line a problem:

```
configs/paper.yaml:12: live.risk.limits.max_notionl: unknown key; nearest: max_notional
```

* **Environment.** `.env` beside the file and in the working directory are read; the real environment goes before the first, the first
  before the second. In each, `NAME_FILE` stands in for a missing `NAME`: the file's content is the value.
* **Expansion.** `${VAR}` and `${VAR:-default}` (used also when `VAR` is empty) in values; `$${` is a literal `${`. Unquoted, the result may
  be a number or a boolean; quoted, it is text. A variable that is set nowhere and has no default is refused.
* **Secrets.** A value `vault://mount/path#field`, `aws-sm://id#field`, `gcp-sm://project/secret#field` or `azure-kv://vault/secret#field` is
  asked of the provider's own program (`vault`, `aws`, `gcloud`, `az`, or what `REGIMEFLOW_VAULT_BIN`, `REGIMEFLOW_AWS_BIN`,
  `REGIMEFLOW_GCLOUD_BIN`, `REGIMEFLOW_AZ_BIN` name) at start. Secrets are shown as `***` everywhere.
* **Kinds.** Strict: `"10"` is not a whole number, `1` is not `true`. Amounts and fractions are exact, and `50000`, `50000.0` and `"50000"`
  are one value. Only `true` and `false` are booleans, so the symbols `ON` and `NO` are text. Fractions are of equity: `0.2` is 20 %.
* **Limits.** Every limit has a conservative default; `null` switches one off, which is logged and audited.
* **Paths** are taken from the working directory.
"""


def render() -> str:
    """The page."""
    parts = [_INTRODUCTION]
    for name, model in _parts():
        if model is Section:
            parts.append(f"\n## {name}\n\nRisk of a backtest, with the keys of `live.risk`; in force live too where `live.risk` is not given.\n")
            continue
        parts.append(f"\n## {name}\n\n{(model.__doc__ or '').strip().splitlines()[0]}\n\n| key | kind | default | meaning |\n|---|---|---|---|\n")
        parts += [f"| `{key}` | {_kind(field)} | {_default(field)} | {field.description} |\n" for key, field in _fields(model)]
    parts.append("\n## Second spellings\n\nOne setting each; where both are written they must agree.\n\n| written | is |\n|---|---|\n")
    parts += [
        f"| `{dotted(written)}` | `{dotted(place)}`{' (in seconds)' if (written, place) in SECONDS else ''} |\n" for written, place in _spellings()
    ]
    parts.append(
        "\nEvery key of `live.risk.limits` may also stand in `live.risk` itself, and `risk` (`risk_params`) has the same second spellings.\n"
    )
    parts.append("\n## Ignored\n\nRegimeFlow keys without a meaning here: accepted, and named by `config check`.\n\n| key | why |\n|---|---|\n")
    parts += [f"| `{dotted(path)}` | {why} |\n" for path, why in IGNORED]
    parts.append(
        "\n## Not yet in force\n\nAccepted and checked; the feature comes later, and `config check` says so.\n\n| key | feature |\n|---|---|\n"
    )
    parts += [f"| `{dotted(row.path)}`{_values(row.values)} | {row.feature} |\n" for row in PENDING]
    return "".join(parts)


def _spellings() -> list[tuple[Any, Any]]:
    return [
        (written, place)
        for written, place in (*SPELLINGS, *SECONDS)
        if written[0] != "risk" and (written[-1] != place[-1] or written[:2] != place[:2])
    ]


def _values(values: tuple[object, ...] | None) -> str:
    return "" if values is None else ": " + ", ".join(f"`{value}`" for value in values)


def _parts() -> Iterator[tuple[str, type[BaseModel]]]:
    """Each top-level section, `live` split by its own."""
    top = {name: next(iter(_sections(field.annotation)), None) for name, field in Config.model_fields.items()}
    yield "Top level (backtest)", Config
    for name, model in top.items():
        if model is None:
            continue
        if name == "risk":
            yield "`risk`", Section  # the same keys as `live.risk`
            continue
        yield f"`{name}`", model
        if name == "live":
            yield "`live.broker_config` of `alpaca`", AlpacaSettings
            yield "`live.broker_config` of `ib`", IbSettings


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Leaves; sections below are walked, except what has a part of its own."""
    for name, field in model.model_fields.items():
        key = prefix + name
        below = list(_sections(field.annotation))
        if model is Config and below:
            continue
        if not below or any(issubclass(found, BrokerSettings) for found in below):
            yield key, field
            continue
        shape = get_origin(_bare(field.annotation))
        key += "[]" if shape is tuple else ".<name>" if shape is dict else ""
        if any(found.__name__ == "LimitOverrides" for found in below):
            yield key, field
            continue
        seen: set[str] = set()
        for found in below:
            for child, child_field in _fields(found, f"{key}."):
                if child not in seen:
                    yield child, child_field
                seen.add(child)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, Annotated, tuple, dict):
        for argument in get_args(annotation):
            yield from _sections(argument)


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


_NAMES: Final[dict[Any, str]] = {
    bool: "true / false", int: "whole number", float: "number", Decimal: "exact number", str: "text", Path: "path",
    datetime: "time", date: "date", SecretStr: "secret",
}  # fmt: skip


def _kind(field: FieldInfo) -> str:
    bare = _bare(field.annotation)
    origin = get_origin(bare)
    if origin is Literal:
        return ", ".join(f"`{_yaml(value)}`" for value in get_args(bare))
    if origin is tuple:
        return "list"
    if origin is dict or (isinstance(bare, type) and issubclass(bare, BaseModel)):
        return "section"
    return _NAMES[bare]


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "**required**"
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel) or value in ({}, (), ""):
        return ""
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return str(value.value if isinstance(value, Enum) else value)


if __name__ == "__main__":
    sys.stdout.write(render())
