"""Complementary suppression: what else has to be hidden so that the hidden stays hidden.

Each round asks how these hidden counts could have been some more or some less with as few of
the shown counts as possible moving; what had to move is hidden. Students are seen to first:
what hides a row hides its levels too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from scorehouse.disclosure.audit import find_witnesses, settle
from scorehouse.disclosure.neighborhoods import Neighborhoods
from scorehouse.disclosure.plan import Plan, aims_for, obstacles
from scorehouse.disclosure.system import Flags, Floats, Ints, System
from scorehouse.disclosure.witnesses import Widths, keep

_MARGINS = (0, 1, 2)  # beyond the interval: whole students can need more room than parts of them

Hide = Callable[[Ints], Ints]
"""Hides the units that cells stand in; returns all cells that became hidden by it."""


def protect(system: System, interval: int, hide: Hide, rename: Hide) -> Ints:
    """Hide until every protected count is safe; return those that nothing here can save.

    `rename` hides the reason of the rows that cells stand in, where the reason alone tells
    too much.
    """
    _protect_students(system, interval, hide)
    found = Widths.of(system)
    lost: set[int] = set()
    while True:
        pending = find_witnesses(system, found, interval)
        pending = pending[~np.isin(pending, list(lost))]
        if not len(pending):
            return np.array(sorted(lost), dtype=np.int64)
        if _round(system, found, pending, interval, hide, rename):
            continue
        failed = settle(system, found, interval)
        failed = failed[~np.isin(failed, list(lost))]
        lost |= _last_resort(system, failed, hide)


def _protect_students(system: System, interval: int, hide: Hide) -> None:
    """Hide what the students of hidden rows need, as if there were no levels: much is soon done."""
    cells = np.flatnonzero(system.layer == 0)
    students = system.part(cells)

    def hide_rows(touched: Ints) -> Ints:
        before = students.is_known.copy()
        hide(cells[touched])
        students.is_known[:] = system.is_known[cells]
        return np.flatnonzero(before & ~students.is_known)

    found = Widths.of(students)
    while len(pending := find_witnesses(students, found, interval)):
        if not _round(students, found, pending, interval, hide_rows, _no_renaming):
            return


def _no_renaming(cells: Ints) -> Ints:
    """Levels are there to say later whether a reason has to go."""
    return cells[:0]


def _round(
    system: System, widths: Widths, pending: Ints, interval: int, hide: Hide, rename: Hide
) -> bool:
    """Hide what the cells need, or find that they don't need it; False: no progress."""
    for margin in _MARGINS:
        left = _first(system, widths.pending(system, interval, pending))
        before = len(left), system.is_known.sum()
        for part in _parts(system, left):
            left = _reach(system, widths, left, part, interval, margin, hide)
        after = len(_first(system, widths.pending(system, interval, pending)))
        if (after, system.is_known.sum()) != before:
            return True
        renamed = [len(rename(obstacles(system, cell))) for cell in left.tolist()]
        if sum(renamed):
            return True
    return False


def _parts(system: System, cells: Ints) -> Iterator[Flags]:
    """Which cells may move for some: those of two levels, where that does, else more.

    Two levels, first those that are next to one another, are small programs; rows stay shown.
    Distances from standard come last: they rarely stand in the way.
    """
    levels = np.unique(system.layer[system.layer > 0]).tolist()
    always = system.is_count & ((system.layer < 0) | (system.layer == 0) & ~system.is_known)
    if (system.layer[cells] > 0).any():
        for pair in sorted(combinations(levels, 2), key=lambda pair: (pair[1] - pair[0], pair)):
            yield always | np.isin(system.layer, pair)
    yield system.is_count
    if not system.is_count.all():
        yield np.ones(system.size, dtype=bool)


def _reach(
    system: System, widths: Widths, cells: Ints, part: Flags, interval: int, margin: int, hide: Hide
) -> Ints:
    """Let cells of a part move, as many at a time as no sum has two of; return the rest."""
    left = cells[part[cells]]
    rest = [cells[~part[cells]]]
    while len(left):
        plan = Plan(system, part)
        aims = aims_for(system, left, interval + margin)
        tried = np.array([aim.cell for aim in aims] or left, dtype=np.int64)
        reached, moved = plan.cheapest(aims)
        is_done = bool(reached) and _take(system, widths, plan, moved, hide)
        done = [aim.cell for aim in reached] if is_done else []
        rest.append(widths.pending(system, interval, np.setdiff1d(tried, done)))
        left = widths.pending(system, interval, np.setdiff1d(left, tried))
    return np.concatenate(rest)


def _take(system: System, widths: Widths, plan: Plan, moved: Floats, hide: Hide) -> bool:
    """Hide the shown cells that a movement moves; without any it can be a witness."""
    touched = plan.touched(moved)
    if len(touched):
        return bool(len(hide(touched)))
    cells = plan.block.cells[system.is_count[plan.block.cells]]
    counts = system.value[plan.block.cells] + plan.whole_counts(moved)
    counts = counts[system.is_count[plan.block.cells]]
    keep(system, widths, ~system.is_known, cells, counts)
    return False


def _first(system: System, pending: Ints) -> Ints:
    """Students before their levels: what hides a row settles its levels too."""
    students = pending[system.layer[pending] == 0]
    return students if len(students) else pending


def _last_resort(system: System, failed: Ints, hide: Hide) -> set[int]:
    """Hide what is beside cells that are too narrow; return those with nothing beside."""
    around = Neighborhoods(system)
    lost = set()
    for cell in failed.tolist():
        shown = around.shown_near(cell)
        if not len(shown) or not len(hide(shown)):
            lost.add(cell)
    return lost
