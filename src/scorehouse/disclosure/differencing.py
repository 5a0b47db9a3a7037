"""Reports that overlap: the same students a little later, or under one more condition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import DIFFERENCING, Decision
from scorehouse.disclosure.knowledge import Knowledge, Place, Quantity, counted
from scorehouse.disclosure.lines import Line, Scene
from scorehouse.disclosure.shapes import RowKey
from scorehouse.disclosure.system import INFINITE


def hide_small_differences(
    current: Sequence[Line], earlier: Iterable[Line], decisions: Sequence[Decision]
) -> None:
    """Hide rows that differ from an earlier release by the results of a few students.

    Whoever has both would read the few off the difference.
    """
    by_key: dict[RowKey, list[Line]] = defaultdict(list)
    for line in earlier:
        by_key[line.key].append(line)
    for line in current:
        decision = decisions[line.index]
        if decision.row or not line.rules.smallest_difference:
            continue
        for other in by_key.get(line.key, ()):
            if 0 < difference(line, other) < line.rules.smallest_difference:
                decision.row = DIFFERENCING
                break


def difference(line: Line, other: Line) -> float:
    """How many students two rows differ in at least, as far as both show it; 0: they don't."""
    is_related = line.scene.universe == other.scene.universe or (
        line.scene.universe.holds(other.scene.universe)
        or other.scene.universe.holds(line.scene.universe)
    )
    if not is_related or line.scene == other.scene or other.decision.row:
        return 0
    pairs = [(line.counts[name], other.counts[name]) for name in names.COUNTS]
    counts = [abs(a - b) for a, b in pairs if a is not None and b is not None]
    return max([*counts, _moved(line, other), _other_means(line, other)])


def _moved(line: Line, other: Line) -> float:
    """Students who changed their level, with those who came."""
    if line.decision.levels or other.decision.levels or other.decision.results:
        return 0
    gains = [max((a or 0) - (b or 0), 0) for a, b in zip(line.levels, other.levels, strict=False)]
    losses = [max((b or 0) - (a or 0), 0) for a, b in zip(line.levels, other.levels, strict=False)]
    return max(sum(gains), sum(losses))


def _other_means(line: Line, other: Line) -> float:
    pairs = [(line.figures.get(name), other.figures.get(name)) for name in names.MEANS]
    return float(any(a is not None and b is not None and a != b for a, b in pairs))


def add_links(knowledge: Knowledge) -> list[int]:
    """Tie what is the same in two scenes; return the cells of what came in between.

    Between two moments results are only added, as far as an outsider can tell; with more
    conditions there are no more students.
    """
    together: dict[tuple[RowKey, Quantity], list[Scene]] = defaultdict(list)
    for place, what in knowledge.cells:
        if what.name == "size" or what.name.startswith("level"):
            together[place.students, what].append(place.scene)
    added = []
    for (students, what), scenes in together.items():
        for small, large in _ordered_pairs(scenes):
            fewer = knowledge.cells[Place(small, students), what]
            more = knowledge.cells[Place(large, students), what]
            added.append(_link(knowledge, fewer, more, what.layer))
    return added


def _ordered_pairs(scenes: Sequence[Scene]) -> Iterable[tuple[Scene, Scene]]:
    """Pairs of scenes of which the first has no more students than the second."""
    if len(scenes) < 2:
        return
    by_universe: dict[object, list[Scene]] = defaultdict(list)
    for scene in scenes:
        by_universe[scene.universe].append(scene)
    for same in by_universe.values():
        yield from pairwise(sorted(same, key=lambda scene: scene.moment))
    for small in scenes:
        for large in scenes:
            if small.moment == large.moment and large.universe.holds(small.universe):
                yield small, large


def _link(knowledge: Knowledge, fewer: int, more: int, layer: int) -> int:
    first, second = knowledge.values[fewer], knowledge.values[more]
    came = None if first is None or second is None else second - first
    is_fewer = came is not None and came < 0
    cell = knowledge.unnamed(came, layer, low=-INFINITE if is_fewer else 0.0)
    knowledge.builder.total(more, [fewer, cell])
    return cell


def size_of(line: Line) -> int:
    """A row's students, 0 when the house doesn't know them any more."""
    return line.counts[counted(line)] or 0
