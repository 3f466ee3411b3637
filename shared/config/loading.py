"""From a path to a configuration in force, or to every reason against it.

Order: read with line numbers; expand `${}`; fill broker settings from the environment; settle second spellings; leave out what means
nothing here; check against the models and against each other; and only when nothing is wrong ask secret providers. Nothing is connected,
bound or written before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .checks import CHECKS, Findings, missing_credentials
from .env import Environment, Unreadable
from .expand import expand
from .legacy import drop_ignored
from .pending import not_in_force
from .problems import ConfigError, Note, Problem
from .redaction import Redactor
from .root import Config
from .secrets import is_reference, resolve_all
from .spellings import settle
from .tree import Node, dotted, read
from .validate import validate


@dataclass(frozen=True, slots=True)
class Loaded:
    """config: what is in force. ignored: RegimeFlow keys without a meaning here. not_in_force: keys whose feature is still to come.
    files: what was read, the configuration first. redactor: knows every secret of it. missing: credentials that a start would ask for
    (`load(..., offline=True)` only)."""

    config: Config
    ignored: tuple[Note, ...]
    not_in_force: tuple[Note, ...]
    files: tuple[Path, ...]
    redactor: Redactor
    missing: tuple[Problem, ...] = ()


def load(path: str | Path, env: Mapping[str, str] | None = None, *, offline: bool = False) -> Loaded:
    """The configuration of a file. env: the real environment (default: this process's). Raises ConfigError with all problems found.

    offline: for `config check` and editors. Secret references stay unresolved, and credentials that neither file nor environment has are
    listed in `missing` where a start would refuse them.
    """
    source = Path(path)
    file = str(path)
    redactor = Redactor()
    root, problems = read(source)
    if problems:
        raise ConfigError(problems)
    try:
        environment = Environment.collect(os.environ if env is None else env, source, Path.cwd())
    except Unreadable as error:
        raise ConfigError([Problem(file, 0, "", str(error))]) from None
    problems = _prepare(root, environment, file, redactor)
    ignored = drop_ignored(root)
    _choose_feed(root)
    config, found = validate(root, file, redactor)
    if config is None or problems or found:
        raise ConfigError([*problems, *found])
    if problems := _check(config, root, file, redactor):
        raise ConfigError(problems)
    missing = _located(missing_credentials(config.live), root, file, redactor) if config.live is not None else []
    if missing and not offline:
        raise ConfigError(missing)
    if not offline and any(is_reference(node.value) for node in root.walk()):
        config = _with_secrets(root, environment, file, redactor)
    redactor.learn(config)
    pending = not_in_force(root)
    return Loaded(config, tuple(ignored), tuple(pending), (source, *environment.files), redactor, tuple(missing))


def _prepare(root: Node, environment: Environment, file: str, redactor: Redactor) -> list[Problem]:
    problems = expand(root, environment, file, redactor)
    try:
        environment.fill_broker_config(root, redactor)
    except Unreadable as error:
        problems.append(Problem(file, root.nearest(("live", "broker_config")).line, "live.broker_config", str(error)))
    return [*problems, *settle(root, file)]


def _choose_feed(root: Node) -> None:
    """A feed without a `kind` is one of files where it names a directory; without anything: the broker's, synthetic for paper and backtests."""
    broker, feed = root.get(("live", "broker")), root.get(("gateway", "feed"))
    place = feed or broker
    if place is None or root.get(("gateway", "feed", "kind")) is not None:
        return
    if feed is not None and not isinstance(feed.value, dict):
        return
    kind = "synthetic" if broker is None or broker.value == "paper" else "broker"
    if feed is not None and "data_directory" in feed.value:
        kind = "files"
    line = place.line
    root.put(("gateway", "feed", "kind"), Node(line, ("gateway", "feed", "kind"), kind, text=kind))


def _check(config: Config, root: Node, file: str, redactor: Redactor) -> list[Problem]:
    return [problem for check in CHECKS for problem in _located(check(config), root, file, redactor)]


def _located(findings: Findings, root: Node, file: str, redactor: Redactor) -> list[Problem]:
    problems = []
    for path, text in findings:
        node = root.get(path)
        problems.append(Problem(file, root.nearest(path).line, dotted(node.path if node is not None else path), redactor.known(text)))
    return problems


def _with_secrets(root: Node, environment: Environment, file: str, redactor: Redactor) -> Config:
    problems = resolve_all(root, environment.merged(), file, redactor)
    config, found = validate(root, file, redactor)
    problems += [*found, *(_check(config, root, file, redactor) if config is not None and not found else [])]
    if config is None or problems:
        raise ConfigError(problems)
    return config
