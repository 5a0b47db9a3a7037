"""What the house tests look at: every module of the package, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "scorehouse"


@dataclass(frozen=True)
class Module:
    """One module: its dotted name inside the package ("scoring.kernel"; "" is the root)."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def where(self) -> str:
        """The path as a reader writes it."""
        return str(self.path.relative_to(ROOT))


def dotted(path: Path) -> str:
    """Return a module's name inside the package."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> tuple[Module, ...]:
    """Parse every module of the package, in the order of their names."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple(Module(dotted(p), p, ast.parse(p.read_text(encoding="utf-8"))) for p in paths)


@cache
def module_names() -> frozenset[str]:
    """Return the names of all modules and packages."""
    return frozenset(module.name for module in modules())


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Give every import as (dotted name, line), wherever in the module it stands.

    `from a import b` gives `a.b`; whether `b` is a module is for the caller to decide.
    Relative imports are refused by ruff's TID rules, so they aren't resolved here.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def own_imports(module: Module) -> Iterator[tuple[str, int]]:
    """Give the modules of ours that a module imports, as (name inside the package, line).

    The version isn't counted: it stands in the root, where the build looks for it.
    """
    for name, line in imports(module):
        is_ours = name == "scorehouse" or name.startswith("scorehouse.")
        if is_ours and name != "scorehouse.__version__":
            inside = name.removeprefix("scorehouse").removeprefix(".")
            while inside not in module_names():
                inside = inside.rpartition(".")[0]
            yield inside, line
