"""Complementary suppression: what else has to be hidden so that the hidden stays hidden.

Each round asks how these hidden counts could have been some more or some less with as few of
the shown counts as possible moving; what had to move is hidden. Students are seen to first:
what hides a row hides its levels too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scorehouse.disclosure.audit import find_witnesses, given_away, settle
from scorehouse.disclosure.neighborhoods import Neighborhoods
from scorehouse.disclosure.plan import Plan, aims_for, level_pairs, obstacles
from scorehouse.disclosure.solver import tied_to
from scorehouse.disclosure.system import Flags, Floats, Ints, System
from scorehouse.disclosure.witnesses import Widths, keep

_MARGINS = (0, 1, 2)  # beyond the interval: whole students can need more room than parts of them

_BESIDE = 2  # counts beside one that are hidden for it
_TURNS = 6  # in which the last resort sees to what is left

Hide = Callable[[Ints], Ints]
"""Hides the units that cells stand in; returns all cells that became hidden by it."""


def protect(
    system: System, interval: int, hide: Hide, rename: Hide, past: System | None = None
) -> Ints:
    """Hide until every protected count is safe; return those that nothing here can save.

    `rename` hides the reason of the rows that cells stand in, where the reason alone tells
    too much. `past` is what is known before this release: what is too narrow there isn't
    looked after any more.
    """
    _protect_students(system, interval, hide)
    found = Widths.of(system)
    lost: set[int] = set()
    while True:
        pending = find_witnesses(system, found, interval)
        pending = pending[~np.isin(pending, list(lost))]
        if not len(pending):
            return settle(system, found, interval)  # what was lost can have been saved since
        if _round(system, found, pending, interval, hide, rename):
            continue
        failed = given_away(system, pending, interval)
        if not len(failed):
            failed = settle(system, found, interval)
            failed = failed[~np.isin(failed, list(lost))]
        given_up = _stuck_before(past, failed, interval)
        lost |= given_up or _last_resort(system, failed, hide)


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


@dataclass(frozen=True)
class Round:
    """Cells of which too much is known, and how far they should be able to move."""

    system: System
    widths: Widths
    interval: int
    cells: Ints
    margin: int = 0

    def left(self, cells: Ints) -> Ints:
        """Those of some cells that still need help, students before their levels.

        While single sums give cells away, only that is looked at: it is soon seen.
        """
        given = given_away(self.system, self.cells, self.interval)
        wanted = given if len(given) else self.cells
        wanted = self.widths.pending(self.system, self.interval, wanted[np.isin(wanted, cells)])
        students = wanted[self.system.layer[wanted] == 0]
        return students if len(students) else wanted


def _round(
    system: System, widths: Widths, pending: Ints, interval: int, hide: Hide, rename: Hide
) -> bool:
    """Hide what the cells need, or find that they don't need it; False: no progress."""
    for margin in _MARGINS:
        this = Round(system, widths, interval, pending, margin)
        left = this.left(pending)
        before = len(left), system.is_known.sum()
        tied = tied_to(system, left, ~system.is_fixed | ~system.is_known)
        for part in _parts(system, left):
            left = _reach(this, left, part & tied, hide)
        if (len(this.left(pending)), system.is_known.sum()) != before:
            return True
        if len(left) and len(rename(obstacles(system, left))):
            return True
        if len(given_away(system, left, interval)):
            return False  # more room is no help to what single sums tell
    return False


def _parts(system: System, cells: Ints) -> Iterator[Flags]:
    """Which cells may move for some: those of two levels, where that does, else more.

    Two levels, first those that are next to one another, are small programs; rows stay shown.
    Distances from standard come last: they rarely stand in the way.
    """
    always = system.is_count & ((system.layer < 0) | (system.layer == 0) & ~system.is_known)
    if (system.layer[cells] > 0).any():
        for pair in level_pairs(system):
            yield always | np.isin(system.layer, pair)
    yield system.is_count
    if not system.is_count.all():
        yield np.ones(system.size, dtype=bool)


def _reach(this: Round, cells: Ints, part: Flags, hide: Hide) -> Ints:
    """Let cells of a part move, as many at a time as no sum has two of; return the rest."""
    left = this.left(cells[part[cells]])
    rest = [cells[~part[cells]]]
    while len(left):
        plan = Plan(this.system, part)
        aims = aims_for(this.system, left, this.interval + this.margin)
        tried = np.array([aim.cell for aim in aims] or left, dtype=np.int64)
        reached, moved = plan.cheapest(aims)
        is_done = bool(reached) and _take(this, plan, moved, hide)
        rest.append(np.setdiff1d(tried, [aim.cell for aim in reached] if is_done else []))
        left = this.left(np.setdiff1d(left, tried))
    return this.left(np.concatenate(rest))


def _take(this: Round, plan: Plan, moved: Floats, hide: Hide) -> bool:
    """Hide the shown cells that a movement moves; what is left of it can be a witness."""
    touched = plan.touched(moved)
    is_hiding = len(touched) > 0 and len(hide(touched)) > 0
    whole, cells = plan.whole_counts(moved), plan.block.cells
    hidden, is_count = ~this.system.is_known, this.system.is_count[cells]
    if not (whole[~hidden[cells]] != 0).any():
        counts = this.system.value[cells] + whole
        keep(this.system, this.widths, hidden, cells[is_count], counts[is_count])
    return is_hiding


def _stuck_before(past: System | None, failed: Ints, interval: int) -> set[int]:
    """Those of some cells that couldn't be saved if nothing were released now."""
    if past is None or not len(failed):
        return set()
    plan = Plan(past, tied_to(past, failed, ~past.is_known) & past.is_count)
    return {cell for cell in failed.tolist() if plan.is_stuck(cell, interval)}


def _last_resort(system: System, failed: Ints, hide: Hide) -> set[int]:
    """Hide what is beside some cells that are too narrow; return those with nothing beside.

    Of many only a part is seen to at a time: that can help the others too.
    """
    around = Neighborhoods(system)
    lost, helped = set(), 0
    for cell in failed.tolist():
        shown = around.shown_near(cell)
        least = shown[np.argsort(system.weight[shown], kind="stable")[:_BESIDE]]
        if not (len(shown) and (len(hide(least)) or len(hide(shown)))):
            lost.add(cell)
            continue
        helped += 1
        if helped * _TURNS >= len(failed):
            break
    return lost
