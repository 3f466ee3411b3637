"""JSON Schema of the configuration, for editors: the models, the second spellings, the ignored keys, and `${}` wherever a value may stand."""

from __future__ import annotations

from typing import Any, Final

from .brokers import SETTINGS, BrokerSettings, OtherSettings
from .legacy import IGNORED
from .root import Config
from .spellings import SECONDS, SPELLINGS
from .tree import Loc, dotted

EXPANSION: Final = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) as plain data."""
    out = Config.model_json_schema()
    definitions = out["$defs"]
    choices = []
    models: list[type[BrokerSettings]] = [*SETTINGS.values(), OtherSettings]
    for model in models:
        made = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(made.pop("$defs", {}))
        definitions[model.__name__] = made
        choices.append({"$ref": f"#/$defs/{model.__name__}"})
    definitions["LiveConfig"]["properties"]["broker_config"] = {"anyOf": choices, "description": "The broker's own settings."}
    for feed in ("SyntheticFeed", "FilesFeed", "BrokerFeed"):  # `kind` is chosen where it is left out
        definitions[feed]["required"] = [key for key in definitions[feed]["required"] if key != "kind"]
    definitions["GatewayConfig"].pop("required", None)
    for property_ in definitions["LimitOverrides"]["properties"].values():  # the account's defaults are not theirs
        property_.pop("default", None)
    for written, place in (*SPELLINGS, *SECONDS):
        _add(out, written, {"description": f"Another spelling of `{dotted(place)}`."})
    for path, why in IGNORED:
        _add(out, path, {"description": f"Ignored: {why}."})
    for node in (out, *definitions.values()):
        node["properties"] = {key: _expandable(value, definitions) for key, value in node.get("properties", {}).items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **out, "title": "regimeflow configuration"}


def _add(root: dict[str, Any], path: Loc, leaf: dict[str, Any]) -> None:
    """Put a property where the models have none, through references, making open sections on the way."""
    nodes = [root]
    for part in path[:-1]:
        below = []
        for node in nodes:
            below += _objects(node.setdefault("properties", {}).setdefault(str(part), {"type": "object", "properties": {}}), root["$defs"])
        nodes = below
    for node in nodes:
        node.setdefault("properties", {}).setdefault(str(path[-1]), dict(leaf))


def _objects(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        return [definitions[node["$ref"].rsplit("/", 1)[1]]]
    if "anyOf" in node:
        return [found for choice in node["anyOf"] for found in _objects(choice, definitions)]
    return [node] if node.get("type") == "object" else []


def _expandable(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A scalar that is no free text may also be `${VAR}`."""
    kinds = {choice.get("type") for choice in node.get("anyOf", [node])}
    scalars = kinds & {"integer", "number", "boolean"} or "enum" in node or "const" in node
    if not scalars or _objects(node, definitions):
        return node
    described: dict[str, Any] = {key: node[key] for key in ("description", "default", "title") if key in node}
    return {**described, "anyOf": [{key: value for key, value in node.items() if key not in described}, EXPANSION]}
