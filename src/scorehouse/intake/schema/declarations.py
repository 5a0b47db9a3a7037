"""The transmission format as data: its elements, attributes and types, by revision.

The tables beside this module were read from the published schema in its revisions 1.2 to
1.11 (revision 1.11 is the one in force since 2017, and the text of version 3 names no
other), and from the variant that the incumbent warehouse loads by.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

CURRENT = "1.11"
INCUMBENT = "rdw"
ANY = "any"


@dataclass(frozen=True, slots=True)
class ElementDeclaration:
    """One element: where it stands, how often, and what it may contain.

    `content` is `nothing`, `text`, `anything`, `sequence`, `choice`, or the name of a
    reusable type after `as `.
    """

    path: str
    least: str
    most: str
    content: str

    @property
    def name(self) -> str:
        """The element's own name."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the element it stands in; blank for the root and for reusable types."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class AttributeDeclaration:
    """One attribute in one revision; `default` is None where there is none."""

    name: str
    is_required: bool
    default: str | None
    type_name: str


@dataclass(frozen=True, slots=True)
class TypeDeclaration:
    """The values an attribute may have; `words` end the sentence "the value must be"."""

    name: str
    words: str
    base: str = ""
    one_of: tuple[str, ...] = ()
    keeps_spaces: bool = False
    either: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    longest: int | None = None
    pattern: str = ""


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_text(name).splitlines(), strict=True))


@cache
def elements() -> tuple[ElementDeclaration, ...]:
    """All elements in document order, reusable types last; the same in every revision."""
    return tuple(
        ElementDeclaration(row["element"], row["least"], row["most"], row["content"])
        for row in _rows("elements.csv")
    )


@cache
def revisions() -> tuple[str, ...]:
    """Every revision there is a table for, oldest first, the incumbent's variant last."""
    return tuple(
        name for name in _rows("attributes.csv")[0] if name not in ("element", "attribute")
    )


@cache
def attributes(revision: str) -> Mapping[str, tuple[AttributeDeclaration, ...]]:
    """The attributes of each element, by its path; an unknown revision is a `KeyError`."""
    found: dict[str, list[AttributeDeclaration]] = {}
    for row in _rows("attributes.csv"):
        if cell := row[revision]:
            found.setdefault(row["element"], []).append(_attribute(row["attribute"], cell))
    return {path: tuple(declared) for path, declared in found.items()}


def _attribute(name: str, cell: str) -> AttributeDeclaration:
    use, _, type_name = cell.partition(" ")
    use, has_default, default = use.partition("=")
    return AttributeDeclaration(
        name, use == "required", default if has_default else None, type_name
    )


@cache
def types() -> Mapping[str, TypeDeclaration]:
    """Every type by its name."""
    declared = tomllib.loads(_text("types.toml"))
    return {name: _type(name, entry) for name, entry in declared.items()}


def _type(name: str, entry: Mapping[str, object]) -> TypeDeclaration:
    given = dict(entry)
    base = str(given.pop("is", ""))
    one_of = tuple(map(str, _listed(given.pop("one_of", ()))))
    either = tuple(map(str, _listed(given.pop("either", ()))))
    words = str(given.pop("words", "") or _listing(one_of))
    return TypeDeclaration(name, words, base, one_of, either=either, **given)  # type: ignore[arg-type]


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _listing(values: tuple[str, ...]) -> str:
    shown = [value or "blank" for value in sorted(values, key=lambda value: value == "")]
    return f"one of {', '.join(shown)}" if len(shown) > 1 else shown[0]
