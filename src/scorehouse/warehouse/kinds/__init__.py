"""The kinds of file that a load knows, each with its own module."""

from scorehouse.warehouse.loading import Kind

__all__ = ["Kind", "kinds"]


def kinds() -> tuple[Kind, ...]:
    """Every kind, in no order; imported when first asked for."""
    from importlib import import_module

    names = (
        "canonical",
        "entities",
        "exported",
        "mapped",
        "norms",
        "not_loaded",
        "oneroster",
        "packages",
        "references",
        "replacements",
        "responses",
        "results",
        "rosters",
        "scores",
        "simulated",
        "students",
        "subjects",
    )
    found: list[Kind] = []
    for name in names:
        found += import_module(f"scorehouse.warehouse.kinds.{name}").KINDS
    return tuple(found)
