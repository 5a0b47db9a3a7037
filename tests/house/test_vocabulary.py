"""Identifiers and published columns hold none of the words that the glossary bans."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Iterator

import pyarrow as pa
import pytest

from house.walk import ROOT, Module, modules
from scorehouse import shapes

REFERENCE = ROOT / "docs" / "reference"
GLOSSARY = tomllib.loads((REFERENCE / "glossary.toml").read_text(encoding="utf-8"))
BANNED = {word for term in GLOSSARY["term"] for word in term.get("never", [])}


def words(identifier: str) -> str:
    """Return an identifier as plain words: `SomeExamIds` becomes `_some_exam_ids_`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower()
    return f"_{snake.strip('_')}_"


def banned_in(identifier: str) -> set[str]:
    """Return the banned words that an identifier contains, in singular or plural."""
    text = words(identifier)
    return {word for word in BANNED if f"_{word}_" in text or f"_{word}s_" in text}


def identifiers(module: Module) -> Iterator[tuple[str, int]]:
    """Give every name that a module makes up itself, with its line."""
    for node in ast.walk(module.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def schemas() -> dict[str, pa.Schema]:
    return {name: value for name, value in vars(shapes).items() if isinstance(value, pa.Schema)}


def test_identifiers_hold_no_banned_word() -> None:
    faults = {
        f"{module.where}:{line} {name} ({', '.join(sorted(banned))})"
        for module in modules()
        for name, line in identifiers(module)
        if name not in GLOSSARY["allowed"] and (banned := banned_in(name))
    }
    assert sorted(faults) == []


@pytest.mark.parametrize("table", sorted(schemas()))
def test_published_columns_hold_no_banned_word(table: str) -> None:
    assert [column for column in schemas()[table].names if banned_in(column)] == []


def test_module_names_hold_no_banned_word() -> None:
    assert [m.where for m in modules() if banned_in(m.name.replace(".", "_"))] == []


def test_every_allowed_identifier_is_still_used() -> None:
    used = {name for module in modules() for name, _ in identifiers(module)}
    assert sorted(set(GLOSSARY["allowed"]) - used) == []


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ("exam_id", {"exam"}),
        ("ExamIds", {"exam"}),
        ("example", set()),
        ("below_thresholds", {"threshold"}),
        ("assembled", set()),
        ("entity_level_code", {"entity_level"}),
    ],
)
def test_the_search_finds_words_and_not_parts_of_words(identifier: str, found: set[str]) -> None:
    assert banned_in(identifier) == found


def test_each_term_stands_once() -> None:
    names = [name for term in GLOSSARY["term"] for name in term["name"].split(", ")]
    assert sorted(names) == sorted(set(names))


def test_the_glossary_page_is_fresh() -> None:
    place = REFERENCE / "glossary_page.py"
    spec = importlib.util.spec_from_file_location("glossary_page", place)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert (REFERENCE / "glossary.md").read_text(encoding="utf-8") == page.render(GLOSSARY)
