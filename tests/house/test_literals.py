"""No number that a government decides stands in Python: it belongs to the rulebook.

Docstrings, their examples and sentences for people may name such numbers; tests may; the
rulebook's data must.
"""

from __future__ import annotations

import ast
import csv
import re
import tomllib
from collections.abc import Iterator
from functools import cache

import pytest

from house.walk import PACKAGE, Module, modules

DATA = PACKAGE / "rulebook" / "data"
PLAIN = {0.5}  # a half is a half, whatever the half-point rule says
NUMERICAL = {"scoring.solver": {1.5}}  # midway between grid nodes, not the claims' band
SCORES_AND_YEARS = frozenset(range(2001, 3000)) - {2048}  # not: two thousand, 2^11
SCHOOL_YEAR = re.compile(r"\S*(?<!\d)20\d{2}[-_]\d{2}(?!\d)\S*")
DECIDED = re.compile(r"(?:^|_)(?:cut|cuts|group|groups|minimum|smallest|lowest|highest|ceiling)_?")


def leaves(value: object) -> Iterator[object]:
    """Give every value inside nested tables and lists."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


@cache
def decided_numbers() -> frozenset[float]:
    """Return every number with a fraction that the rulebook holds."""
    cells: list[object] = []
    for path in DATA.rglob("*.csv"):
        cells += [
            c for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) for c in row
        ]
    for path in DATA.rglob("*.toml"):
        cells += leaves(tomllib.loads(path.read_text(encoding="utf-8")))
    numbers = {float(cell) for cell in map(str, cells) if re.fullmatch(r"-?\d+\.\d+", cell)}
    return frozenset({abs(n) for n in numbers if not n.is_integer()} - PLAIN)


def docstrings(tree: ast.AST) -> set[int]:
    """Return the nodes that are texts standing for themselves: docstrings."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def is_forbidden(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value in SCORES_AND_YEARS
    if isinstance(value, float):
        is_score = not value.is_integer() and int(value) in SCORES_AND_YEARS
        return is_score or abs(value) in decided_numbers()
    return isinstance(value, str) and SCHOOL_YEAR.fullmatch(value) is not None


def forbidden(tree: ast.AST) -> Iterator[tuple[int, object]]:
    """Give the line and the value of every literal that belongs to the rulebook."""
    exempt = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in exempt and is_forbidden(node.value):
            yield node.lineno, node.value


def named(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None, int]]:
    """Give each name that gets a value, with the value: assigned, defaulted or passed."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value, node.lineno
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield name, value, node.lineno
            case ast.keyword(arg=str(name), value=value):
                yield name, value, value.lineno
            case ast.arguments(args=args, defaults=defaults) if defaults:
                pairs = zip(args[-len(defaults) :], defaults, strict=True)
                yield from ((arg.arg, value, value.lineno) for arg, value in pairs)


def decided_here(module: Module) -> Iterator[str]:
    """Give names such as `smallest_group = 11`: a decision, wherever its number is from."""
    for name, value, line in named(module.tree):
        is_number = isinstance(value, ast.Constant) and type(value.value) in (int, float)
        if is_number and value.value not in (0, 1) and DECIDED.search(name.lower()):
            yield f"{module.where}:{line} {name} = {value.value}"


def test_no_decided_number_in_python() -> None:
    faults = [
        f"{module.where}:{line} {value!r}"
        for module in modules()
        for line, value in forbidden(module.tree)
        if value not in NUMERICAL.get(module.name, ())
    ]
    assert faults == []


def test_no_minimum_or_cut_gets_its_number_in_python() -> None:
    assert [fault for module in modules() for fault in decided_here(module)] == []


@pytest.mark.parametrize(
    "line",
    ["cut = 2432", "f('2018-19')", "slope = 85.8", "x = -1.646", "year > 2019", "d = 1.7 * a"],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert list(forbidden(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["'''the cut was 2432'''", "x = 0.5", "f('2018-190')", "n = 10", "'as in 2018-19'"]
)
def test_the_search_leaves_the_rest_alone(line: str) -> None:
    assert not list(forbidden(ast.parse(line)))
