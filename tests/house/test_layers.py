"""Imports go down only, and pure rooms don't touch the outside world."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from house.walk import Module, imports, modules, own_imports

GROUND = ("terms", "shapes", "result_shapes", "errors", "ids", "stop")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "terms": (),
    "shapes": (),
    "result_shapes": (),
    "errors": (),
    "ids": (),
    "stop": (),
    "rulebook": GROUND,
    "scoring": ("terms", "shapes", "errors"),
    "accountability": (*GROUND, "rulebook"),
    "accountability.academic": (*GROUND, "rulebook", "accountability"),
    "intake": (*GROUND, "rulebook"),
    "intake.readers": (*GROUND, "rulebook", "intake"),
    "simulate": (*GROUND, "rulebook", "scoring"),
    "verbs": (
        *GROUND,
        "accountability",
        "disclosure",
        "reports",
        "reports.charts",
        "accountability.academic",
        "rulebook",
        "warehouse",
        "scoring",
        "intake",
        "intake.readers",
        "intake.checks",
        "intake.writers",
        "intake.schema",
        "intake.compat",
        "transmit",
        "documents",
        "exports",
    ),
    "documents": (
        *GROUND,
        "rulebook",
        "intake",
        "intake.checks",
        "reports",
        "reports.charts",
        "disclosure",
    ),
    "exports": (*GROUND, "rulebook", "reports", "intake"),
    "intake.checks": (*GROUND, "rulebook", "intake"),
    "intake.writers": (*GROUND, "rulebook", "intake"),
    "intake.schema": GROUND,
    "intake.compat": (*GROUND, "intake", "intake.schema"),
    "transmit": (*GROUND, "rulebook", "intake"),
    "disclosure": (*GROUND, "rulebook"),
    "reports.charts": (),
    "reports": (*GROUND, "rulebook", "disclosure", "intake"),
    "warehouse": (
        *GROUND,
        "rulebook",
        "disclosure",
        "reports",
        "accountability.academic",
        "scoring",
        "intake",
        "intake.readers",
        "intake.checks",
        "transmit",
    ),
    "cli": (
        *GROUND,
        "reports",
        "documents",
        "exports",
        "accountability",
        "accountability.academic",
        "verbs",
        "warehouse",
        "transmit",
        "rulebook",
        "scoring",
        "intake",
        "intake.readers",
        "simulate",
    ),
}
"""Each room, and the rooms below it that it may use. The package's root may use all."""

PURE = (
    *GROUND,
    "rulebook",
    "scoring",
    "intake",
    "disclosure",
    "reports.charts",
    "reports",
    "accountability",
    "accountability.academic",
)

OUTSIDE_WORLD = re.compile(
    r"(os|pathlib|io|sys|logging|time|tempfile|shutil|glob|socket|subprocess|threading|sqlite3"
    r"|urllib|http|zipfile|gzip|csv|duckdb|lxml|rich|typer|importlib"
    r"|pyarrow\.(?:parquet|csv|dataset|fs|ipc))(?:\.|$)"
)

MAY_TOUCH: dict[str, tuple[str, ...]] = {
    "rulebook.load": ("pathlib", "csv"),
    "rulebook.counting": ("csv",),
    "rulebook.dashboard_load": ("pathlib", "csv"),
    "intake.catalogue": ("importlib",),
    "intake.long_cells": ("csv",),
    "intake.whole": ("pathlib", "os", "shutil"),
    "intake.findings": ("pathlib", "csv", "tempfile", "pyarrow.parquet"),
}
"""Modules of pure rooms that exist to read something, and what they need for it."""


def room(name: str) -> str:
    """Return the innermost declared room that a module stands in."""
    parts = name.split(".")
    inner_first = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((candidate for candidate in inner_first if candidate in MAY_IMPORT), "")


def wrong_ways(module: Module) -> Iterator[str]:
    here = room(module.name)
    for name, line in own_imports(module):
        there = room(name)
        if here and there != here and there not in MAY_IMPORT[here]:
            yield f"{module.where}:{line}: {here} may not import {name or 'the root'}"


def touches(module: Module) -> Iterator[str]:
    allowed = MAY_TOUCH.get(module.name, ())
    for name, line in imports(module):
        hit = OUTSIDE_WORLD.match(name)
        if hit and hit[1] not in allowed:
            yield f"{module.where}:{line}: a pure room imports {hit[1]}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == "open" and "pathlib" not in allowed:
            yield f"{module.where}:{node.lineno}: a pure room opens a file"
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "environ"):
            yield f"{module.where}:{node.lineno}: a pure room asks for {node.attr}"


def test_every_module_stands_in_a_declared_room() -> None:
    homeless = [module.where for module in modules() if module.name and not room(module.name)]
    assert homeless == []


def test_imports_go_down_only() -> None:
    assert [fault for module in modules() for fault in wrong_ways(module)] == []


def test_declared_order_has_no_cycle() -> None:
    assert list(TopologicalSorter(MAY_IMPORT).static_order())[-1] == "cli"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {m.name: {name for name, _ in own_imports(m) if name != m.name} for m in modules()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        order = error.args[1]
        raise AssertionError(f"imports run in a circle: {' -> '.join(order)}") from None
    assert len(order) >= len(graph)


def test_pure_rooms_import_no_outside_world() -> None:
    pure = [module for module in modules() if room(module.name) in PURE]
    assert [fault for module in pure for fault in touches(module)] == []


def test_exceptions_are_still_needed() -> None:
    unused = [
        f"{name} no longer imports {far}"
        for name, allowed in MAY_TOUCH.items()
        for far in allowed
        if not any(
            f"{found}.".startswith(f"{far}.")
            for module in modules()
            if module.name == name
            for found, _ in imports(module)
        )
    ]
    assert unused == []
