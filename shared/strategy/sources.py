"""A digest of a strategy's source, its own imports included: another digest starts another run.

Only files below the strategy's own folder or package count, found by reading import statements, not by importing: so the digest does not
depend on what else a worker has loaded. Other installed packages are not part of it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

FILES_MAX = 500


def source_digest(file: Path, root: Path, scope: Path) -> str:
    """32 hex digits over the file and what it imports from below scope. root: the folder absolute imports start from. Raises OSError,
    SyntaxError, ValueError past FILES_MAX files."""
    found: dict[str, bytes] = {}
    root, scope, waiting = root.resolve(), scope.resolve(), [file.resolve()]
    while waiting:
        path = waiting.pop()
        name = path.name if path == scope else path.relative_to(scope).as_posix()
        if name in found:
            continue
        if len(found) >= FILES_MAX:
            raise ValueError(f"{file} imports more than {FILES_MAX} files of its own")
        found[name] = path.read_bytes()
        waiting.extend(p for p in _imported(ast.parse(found[name], str(path)), path, root) if p.is_relative_to(scope))
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(found):
        digest.update(f"{name}\0{len(found[name])}\0".encode())
        digest.update(found[name])
    return digest.hexdigest()


def _imported(tree: ast.Module, path: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(root, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = root if not node.level else path.parents[node.level - 1]
            module = node.module or ""
            yield from _files(base, module)
            for alias in node.names:
                yield from _files(base, f"{module}.{alias.name}" if module else alias.name)


def _files(base: Path, module: str) -> Iterator[Path]:
    """The files a dotted name stands for, its packages' `__init__` included."""
    place = base
    for part in filter(None, module.split(".")):
        place = place / part
        for candidate in (place.with_suffix(".py"), place / "__init__.py"):
            if candidate.is_file():
                yield candidate.resolve()
