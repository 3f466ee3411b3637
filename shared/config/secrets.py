"""Secret references, resolved at start through the provider's own command line program.

`vault://mount/path#field`, `aws-sm://id#field`, `gcp-sm://project/secret#field`, `azure-kv://vault/secret#field`. A field names a member
of the secret's JSON; without one the secret is the whole text (Vault: the field `value`). Only the reference appears in a process list,
never a secret. Another program name can be given by `REGIMEFLOW_VAULT_BIN`, `_AWS_BIN`, `_GCLOUD_BIN`, `_AZ_BIN`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from .problems import Problem
from .redaction import Redactor
from .tree import Node, dotted

TIMEOUT_S: Final = 30.0

_REFERENCE: Final = re.compile(r"(?P<scheme>vault|aws-sm|gcp-sm|azure-kv)://(?P<place>[^#]*)(#(?P<field>.*))?", re.DOTALL)
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@:\-]*")  # never begins with a dash: it cannot become an option of the program


class Unresolved(Exception):
    """A reference that could not be resolved; says what to do."""


@dataclass(frozen=True, slots=True)
class Provider:
    """form: how a reference looks. command: arguments after the program, from container, name and field.
    in_program: the program itself picks the field. single: the place is one name, not container/name."""

    program: str
    variable: str
    form: str
    command: Callable[[str, str, str], list[str]]
    in_program: bool = False
    single: bool = False


def _vault(mount: str, path: str, field: str) -> list[str]:
    return ["kv", "get", f"-mount={mount}", f"-field={field or 'value'}", path]


def _aws(_: str, name: str, __: str) -> list[str]:
    return ["secretsmanager", "get-secret-value", "--secret-id", name, "--query", "SecretString", "--output", "text"]


def _gcloud(project: str, secret: str, _: str) -> list[str]:
    return ["secrets", "versions", "access", "latest", f"--secret={secret}", f"--project={project}"]


def _azure(vault: str, secret: str, _: str) -> list[str]:
    return ["keyvault", "secret", "show", "--vault-name", vault, "--name", secret, "--query", "value", "--output", "tsv"]


PROVIDERS: Final[dict[str, Provider]] = {
    "vault": Provider("vault", "REGIMEFLOW_VAULT_BIN", "vault://mount/path#field", _vault, in_program=True),
    "aws-sm": Provider("aws", "REGIMEFLOW_AWS_BIN", "aws-sm://id#field", _aws, single=True),
    "gcp-sm": Provider("gcloud", "REGIMEFLOW_GCLOUD_BIN", "gcp-sm://project/secret#field", _gcloud),
    "azure-kv": Provider("az", "REGIMEFLOW_AZ_BIN", "azure-kv://vault/secret#field", _azure),
}


def is_reference(value: object) -> bool:
    """Whether a value names a secret of a provider."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def resolve_all(root: Node, environment: Mapping[str, str], file: str, redactor: Redactor) -> list[Problem]:
    """Put secrets in place of references, and teach them to the redactor. Returns what could not be resolved."""
    problems: list[Problem] = []
    answers: dict[tuple[str, ...], str] = {}
    for node in root.walk():
        if not is_reference(node.value):
            continue
        try:
            secret = resolve(node.value, environment, answers)
        except Unresolved as error:
            problems.append(Problem(file, node.line, dotted(node.path), redactor.known(str(error))))
            continue
        redactor.add(secret)
        node.value = secret
    return problems


def resolve(reference: str, environment: Mapping[str, str], answers: dict[tuple[str, ...], str] | None = None) -> str:
    """The secret behind a reference. answers: what the programs already said, by command. Raises Unresolved."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise Unresolved("is not a secret reference")
    provider, field = PROVIDERS[match["scheme"]], match["field"] or ""
    head, tail = _place(provider, match["place"])
    if field and not all(_PART.fullmatch(part) for part in field.split(".")):
        raise Unresolved(f"must be of the form {provider.form}")
    name = environment.get(provider.variable) or provider.program
    program = shutil.which(name, path=environment.get("PATH"))
    if program is None:
        raise Unresolved(f"needs the command `{name}`, which is not on PATH")
    command = (program, *provider.command(head, tail, field))
    answers = {} if answers is None else answers
    if command not in answers:
        answers[command] = _ask(command, environment, name)
    answer = answers[command]
    return answer if provider.in_program or not field else _member(answer, field, name)


def _place(provider: Provider, place: str) -> tuple[str, str]:
    parts = place.split("/")
    if not all(_PART.fullmatch(part) for part in parts) or (not provider.single and len(parts) < 2):
        raise Unresolved(f"must be of the form {provider.form}")
    return ("", place) if provider.single else (parts[0], "/".join(parts[1:]))


def _ask(command: tuple[str, ...], environment: Mapping[str, str], name: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell; program found on PATH; every argument is checked above
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unresolved(f"`{name}` did not answer within {TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise Unresolved(f"`{name}` could not be run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unresolved(f"`{name}` ended with status {done.returncode}: {said[0][:200] if said else 'it said nothing'}")
    answer = done.stdout.decode("utf-8", "replace").rstrip("\r\n")
    if not answer:
        raise Unresolved(f"`{name}` gave an empty secret")
    return answer


def _member(answer: str, field: str, name: str) -> str:
    try:
        value: Any = orjson.loads(answer)
        for part in field.split("."):
            value = value[part]
    except (ValueError, KeyError, TypeError):
        raise Unresolved(f"the secret that `{name}` gave has no field {field}") from None
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise Unresolved(f"the field {field} of the secret that `{name}` gave is not text")
    return str(value)
