"""The known key a person most likely meant."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

from .base import Section
from .root import Config
from .spellings import SECONDS, SPELLINGS
from .tree import Loc, dotted

SIMILAR: Final = 0.6


def nearest(word: str, candidates: Iterable[str]) -> tuple[str, float]:
    """The most similar candidate and its likeness from 0 to 1; ("", 0.0) without candidates."""
    ranked = ((SequenceMatcher(None, word.lower(), name.lower(), autojunk=False).ratio(), name) for name in candidates)
    likeness, name = max(ranked, default=(0.0, ""))
    return name, likeness


def suggest(section: Loc, key: str, also: type[Section] | None = None) -> str:
    """What to say of an unknown key in a section: a sibling's name, or the full path of a like key elsewhere."""
    siblings = {name for model in _models_at(section) for name in model.model_fields}
    siblings |= set(also.model_fields) if also is not None else set()
    siblings |= {str(path[-1]) for path, _ in (*SPELLINGS, *SECONDS) if path[:-1] == section}
    leaves = _all_keys()
    if key in leaves:
        return dotted(leaves[key])
    name, likeness = nearest(key, siblings)
    if likeness >= SIMILAR:
        return name
    away, elsewhere = nearest(key, leaves)
    if elsewhere > likeness and elsewhere >= SIMILAR:
        return dotted(leaves[away])
    return name or dotted(leaves[away])


def _sections(annotation: Any) -> Iterator[type[Section]]:
    """The sections an annotation may hold, through optional, union, tuple and mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, Annotated, tuple, dict):
        for argument in get_args(annotation):
            yield from _sections(argument)


def _is_mapping(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_mapping(get_args(annotation)[0])
    return get_origin(annotation) is dict


def _models_at(section: Loc) -> list[type[Section]]:
    models: list[type[Section]] = [Config]
    skip = False  # the name of a mapping's entry (a symbol, a regime)
    for part in section:
        if isinstance(part, int) or skip:
            skip = False
            continue
        annotations = [model.model_fields[part].annotation for model in models if part in model.model_fields]
        skip = any(_is_mapping(annotation) for annotation in annotations)
        models = [found for annotation in annotations for found in _sections(annotation)]
    return models


@lru_cache(maxsize=1)
def _all_keys() -> dict[str, Loc]:
    """Every key name with one place of it: in `live` where it is there, and the shortest."""

    def below(model: type[Section], path: Loc) -> Iterator[Loc]:
        for name, field in model.model_fields.items():
            here = (*path, name)
            yield here
            if not _is_mapping(field.annotation):
                for found in _sections(field.annotation):
                    yield from below(found, here)

    places = sorted(below(Config, ()), key=lambda path: (path[0] == "live", -len(path)))
    return {str(path[-1]): path for path in places}
