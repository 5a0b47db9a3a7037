"""How an import of keyed rows ended, from what its merges found."""

from __future__ import annotations

from scorehouse.warehouse.loading import NO_UPDATE, PROCESSED, Ending
from scorehouse.warehouse.merge import Merged


def ending_of(*merged: Merged, prefixes: tuple[str, ...] = ()) -> Ending:
    """The ending of one or several merges; `prefixes` name them in the counts."""
    counts: dict[str, int] = {}
    for place, one in enumerate(merged):
        prefix = f"{prefixes[place]}_" if prefixes else ""
        for name, number in one.counts(prefix).items():
            counts[name] = counts.get(name, 0) + number
    said = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
    is_news = any(one.new or one.changed or one.gone for one in merged)
    return Ending(PROCESSED if is_news else NO_UPDATE, said or "nothing in it", counts)
