"""Small functions, modules that fit in a head."""

from __future__ import annotations

import ast
from statistics import median

from house.walk import modules

MODULE_LINES = 500
FUNCTION_LINES = 60
MEDIAN_LINES = 10


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def signature_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines above the body: a command's options, each with its help."""
    return function.body[0].lineno - function.lineno


def functions() -> list[tuple[str, int]]:
    return [
        (
            f"{module.where}:{node.lineno} {node.name}",
            code_lines(node) - (signature_lines(node) if module.name.startswith("cli") else 0),
        )
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_modules_stay_short() -> None:
    lengths = {m.where: len(m.path.read_text(encoding="utf-8").splitlines()) for m in modules()}
    assert {where: lines for where, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_long() -> None:
    assert [found for found in functions() if found[1] > FUNCTION_LINES] == []


def test_most_functions_are_short() -> None:
    assert median(lines for _, lines in functions()) < MEDIAN_LINES
