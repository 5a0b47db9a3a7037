"""The attack on one's own release: whether every hidden count could still be another.

A count is safe when two ways to fill in everything hidden, both in whole numbers and both
agreeing with everything shown, differ in it by the smallest interval. Such witnesses are
found by programs with random aims, many cells at a time: first while only one level's counts
move, then two levels', then all. What is left can be decided cell by cell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np

from scorehouse.disclosure.bounds import propagated
from scorehouse.disclosure.neighborhoods import Neighborhoods
from scorehouse.disclosure.plan import Plan, level_pairs, ways
from scorehouse.disclosure.solver import block_of, components, tied_to
from scorehouse.disclosure.system import OTHER, Flags, Floats, Ints, System
from scorehouse.disclosure.witnesses import Search, Widths, keep

_SEED = 20
_BATCH = 4000
_ROUNDS = 150
_REACHES = (1000.0, 200.0, 40.0)
_SHARE = 0.3
_SOON, _LATE = 6, 12
_ENTITIES = 8
_FEW = 10  # cells for which another aim in turn is worth it
_NEAR = 600
_LARGE = 3000  # cells for which programs with many aims take long
_FOREMOST = 100.0


def find_witnesses(system: System, widths: Widths, interval: int) -> Ints:
    """Widen what is known to be possible; return the cells for which that wasn't enough.

    What single sums give away needs no search. Some of the others may be safe all the same:
    `settle` looks at them one by one.
    """
    pending = widths.pending(system, interval)
    if not len(pending):
        return pending
    narrow = given_away(system, pending, interval)
    if len(narrow):
        return narrow
    generator = np.random.default_rng(_SEED)
    stamina = min(_SOON, 1 + len(pending) // _FEW)
    near = tied_to(system, pending, ~system.is_known)
    for part in _parts(system, near):
        _many_at_once(Search(system, widths, part), interval, generator, stamina)
    counts = near & system.is_count
    for pair in level_pairs(system):
        _one_after_another(
            system, widths, counts & ((system.layer <= 0) | np.isin(system.layer, pair)), interval
        )
    _one_after_another(system, widths, counts, interval)
    for part in _batches(system, near):
        late = _LATE if part.sum() < _LARGE else 0
        _many_at_once(Search(system, widths, part), interval, generator, late)
    return widths.pending(system, interval)


def given_away(system: System, cells: Ints, interval: int) -> Ints:
    """Those of some cells that single sums, one after the other, narrow down."""
    low, high = propagated(system)
    return cells[high[cells] - low[cells] < interval]


def settle(system: System, widths: Widths, interval: int) -> Ints:
    """Look for the least and greatest value of each cell that isn't wide enough; the failed."""
    pending = widths.pending(system, interval)
    if not len(pending):
        return pending
    generator = np.random.default_rng(_SEED)
    counts = ~system.is_known & system.is_count
    plan = Plan(system, counts)
    failed = given_away(system, pending, interval).tolist()
    unsure = pending[counts[pending] & ~np.isin(pending, failed)]
    failed += [cell for cell in unsure.tolist() if plan.is_stuck(cell, interval)]
    for part in _batches(system, ~system.is_known):
        failed += _one_by_one(Search(system, widths, part), interval, generator, failed)
    return np.array(sorted(failed), dtype=np.int64)


def _parts(system: System, hidden: Flags) -> Iterator[Flags]:
    """Hidden cells of some entities, of one level at a time, then of two.

    Students who come to a row and leave another at the same level, or change their level
    with others: each is a small program, and most cells move by one of them.
    """
    levels = np.unique(system.layer[hidden & (system.layer > 0)])
    regions = list(_regions(system, hidden))
    for count in (1, 2):
        for chosen, region in product(combinations(levels, count), regions):
            yield region & ((system.layer <= 0) | np.isin(system.layer, chosen))


def _regions(system: System, hidden: Flags) -> Iterator[Flags]:
    """What is hidden of a few entities, and of those that they are parts of.

    In larger programs, one count that moves by parts of students spoils the whole.
    """
    parents = _parents(system)
    entities = np.setdiff1d(np.unique(system.entity[hidden]), [OTHER])
    count = -(-len(entities) // _ENTITIES)
    for few in np.array_split(entities, max(count, 1)):
        inside = set(few.tolist())
        while above := {up for each in inside for up in parents[each]} - inside:
            inside |= above
        yield hidden & np.isin(system.entity, [OTHER, *inside])


def _parents(system: System) -> dict[int, set[int]]:
    """For each entity those whose counts are sums of its own with others'."""
    entry_sum, entity = system.sum_of_entry(), system.entity[system.cells]
    is_first = np.zeros(len(entity), dtype=bool)
    is_first[system.starts[:-1]] = True
    total = entity[system.starts[:-1]][entry_sum]
    is_part = ~is_first & (total != entity) & (total != OTHER) & (entity != OTHER)
    found: dict[int, set[int]] = defaultdict(set)
    pairs = np.unique(np.stack([entity[is_part], total[is_part]], axis=1), axis=0)
    for part, whole in pairs.tolist():
        found[part].add(whole)
    return found


def _batches(system: System, free: Flags) -> list[Flags]:
    """Cells that are free in parts that no sum ties together, small ones joined."""
    block = block_of(system, free)
    labels, sizes = np.unique(components(block), return_inverse=True, return_counts=True)[1:]
    batch = np.cumsum(sizes) // _BATCH
    parts = []
    for number in np.unique(batch):
        part = np.zeros(system.size, dtype=bool)
        part[block.cells[batch[labels] == number]] = True
        parts.append(part)
    return parts


def _many_at_once(
    search: Search, interval: int, generator: np.random.Generator, stamina: int
) -> None:
    """Random aims for all cells that aren't wide enough, as long as they widen some.

    `stamina` aims in turn that widen nothing end the search.
    """
    idle = 0
    for number in range(_ROUNDS):
        pending = search.pending(interval)
        if not len(pending) or idle > stamina:
            return
        share = 1.0 if number % 2 == 0 else _SHARE
        chosen = pending[generator.random(len(pending)) < share]
        reach = _REACHES[number % len(_REACHES)]
        search.aim(_random(search.system, chosen, generator), reach, is_quick=True)
        idle = idle + 1 if len(search.pending(interval)) == len(pending) else 0


def _one_after_another(system: System, widths: Widths, part: Flags, interval: int) -> None:
    """The shortest movement for one cell after another: what else moves is little.

    So it seldom moves by parts of students, and often by that of others who are near.
    """
    plan = Plan(system, part)
    hidden, cells = ~system.is_known, plan.block.cells
    for cell in widths.pending(system, interval, np.flatnonzero(part)).tolist():
        for aim in ways(system, widths, cell, interval):
            moved = plan.shortest(aim)
            if moved is not None:
                counts = system.value[cells] + plan.whole_counts(moved)
                keep(system, widths, hidden, cells, counts)


def _one_by_one(
    search: Search, interval: int, generator: np.random.Generator, stuck: Sequence[int]
) -> list[int]:
    """Least and greatest value of each cell that is left and not stuck; the others come along."""
    failed: list[int] = []
    around = Neighborhoods(search.system)
    while True:
        pending = search.pending(interval)
        pending = pending[~np.isin(pending, [*stuck, *failed])]
        if not len(pending):
            return failed
        cell = int(pending[0])
        near = search.near(around.grown(cell, ~search.system.is_known, _NEAR, generator))
        tries = ((near, _REACHES[-1]), (search, _REACHES[-1]), (search, _REACHES[0]))
        for where, reach in tries:
            cost = _random(search.system, pending, generator)
            for cost[cell] in (_FOREMOST, -_FOREMOST):
                where.aim(cost, reach, is_quick=where is search)
            if search.widths.high[cell] - search.widths.low[cell] >= interval:
                break
        if search.widths.high[cell] - search.widths.low[cell] < interval:
            failed.append(cell)


def _random(system: System, cells: Ints, generator: np.random.Generator) -> Floats:
    cost = np.zeros(system.size)
    cost[cells] = generator.choice((-1.0, 1.0), size=len(cells))
    return cost
