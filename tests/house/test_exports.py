"""What a package says it exports is what it exports, each name once and in order."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from house.walk import modules

PACKAGES = [
    ".".join(filter(None, ("scorehouse", module.name)))
    for module in modules()
    if module.path.name == "__init__.py"
]


def public_names(package: ModuleType) -> list[str]:
    """Return what the package's own text binds: not its submodules, not private names."""
    return [
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and name != "annotations"
        and not (isinstance(value, ModuleType) and value.__name__ == f"{package.__name__}.{name}")
    ]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_exactly_the_public_names(name: str) -> None:
    package = importlib.import_module(name)
    declared = getattr(package, "__all__", [])
    own_modules = {n for n in declared if isinstance(getattr(package, n, None), ModuleType)}
    lazy = set(declared) - set(vars(package)) if hasattr(package, "__getattr__") else set()
    assert all(callable(getattr(package, name)) for name in lazy)
    assert sorted(set(declared) - own_modules - lazy) == sorted(public_names(package))
    assert len(declared) == len(set(declared))
