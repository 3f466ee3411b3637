"""RegimeFlow keys that mean nothing here: accepted, so that its files load unchanged, and named as ignored.

What would change results if it were left out (a delimiter, an offset of the clock) is not among them: that is refused.
"""

from __future__ import annotations

from typing import Final

from .problems import Note
from .strategies import BUILTIN_PARAMS
from .tree import Loc, Node, dotted

_PLUGINS: Final = "C++ plugins cannot be loaded; name a Python strategy by `path`, a broker adapter by its entry point"

IGNORED: Final[tuple[tuple[Loc, str], ...]] = (
    *((key, _PLUGINS) for key in (("plugins",), ("plugins_search_paths",), ("plugins_load",))),
    (("engine", "audit_log_path"), "the audit log is `<live.log_dir>/audit.log`"),
    (("data", "date_format"), "times are recognised by themselves"),
    (("data", "datetime_format"), "times are recognised by themselves"),
    (("data", "collect_validation_report"), "every bad row is always reported"),
    (("data", "validation"), "rows are always checked; `data.on_error` says what follows"),
    (("live", "broker_config", "stream_auth_template"), "the adapter speaks the broker's protocol itself"),
    (("live", "broker_config", "stream_subscribe_template"), "the adapter speaks the broker's protocol itself"),
    (("live", "broker_config", "stream_unsubscribe_template"), "the adapter speaks the broker's protocol itself"),
    (("live", "broker_config", "stream_ca_bundle_path"), "TLS trusts the system's store, or SSL_CERT_FILE"),
    (("live", "broker_config", "stream_expected_hostname"), "TLS always checks the host's name"),
)


def drop_ignored(root: Node) -> list[Note]:
    """Take what means nothing out of the tree. Returns it, in order of lines."""
    notes = [Note(node.line, dotted(node.path), f"ignored: {why}") for path, why in IGNORED if (node := root.take(path)) is not None]
    if (engine := root.get(("engine",))) is not None and engine.value == {}:
        root.take(("engine",))
    return sorted([*notes, *_unknown_parameters(root)], key=lambda note: note.line)


def _unknown_parameters(root: Node) -> list[Note]:
    """Parameters that a built-in strategy does not have, in the short form only: RegimeFlow's examples carry some. The list form refuses them."""
    name, params = root.get(("strategy", "name")), root.get(("strategy", "params"))
    known = BUILTIN_PARAMS.get(str(name.value)) if name is not None else None
    if known is None or params is None or not isinstance(params.value, dict):
        return []
    unknown = [key for key in params.value if key not in known]
    return [Note(node.line, dotted(node.path), "ignored: the strategy has no such parameter") for key in unknown if (node := params.value.pop(key))]
