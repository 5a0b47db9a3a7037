"""Several sittings of one test in one batch: count what each holds, choose, score as one.

Every sitting is matched with the bank under its own assessment; the rows of parts that
don't count are set aside before, so they can't keep a test from being scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.scoring.assemble import Assembler
from scorehouse.scoring.attemptedness import INCOMPLETE_STATUSES
from scorehouse.scoring.bank import DIMENSIONS, PARTS, ItemBank
from scorehouse.scoring.batch import Batch, Flags, Ints, Problem, TraitRows
from scorehouse.scoring.kernel import Tests
from scorehouse.scoring.merge import Merge, TakenPart, merge
from scorehouse.scoring.rows import Rows, coded, indices, mapped, read_rows
from scorehouse.terms import Part

MERGED = "paper_online_merged"
_CAT, _PT, _FIXED = (PARTS.index(part) for part in (Part.CAT, Part.PT, Part.FIXED))
_OTHER_PARTS_OUT = "pending"  # a status that no longer holds once both parts are in
_SET_ASIDE = "dropped"

Groups = Sequence[Sequence[int]]


@dataclass(frozen=True)
class _Held:
    """What the sittings of a batch hold; counts are (sitting, part), parts as in PARTS."""

    row_part: Ints
    presented: Ints
    answered: Ints
    has_rows: Flags


def merged_batch(
    responses: pa.Table,
    opportunities: pa.Table,
    offsets: Ints,
    groups: Groups,
    assembler: Assembler,
) -> tuple[Batch, list[Problem]]:
    """Assemble sittings, those of a group as one test; the batch has one test a group.

    `groups` partition the sittings by their places. Problems count in the tables given;
    one for each sitting that is folded in or not used names the opportunity it went to.
    """
    rows = read_rows(responses, offsets, assembler.bank)
    assessment = _assessments(opportunities, assembler.bank)
    held = _held(responses, rows, assessment, assembler.bank)
    merges = _merges(groups, held, opportunities, assessment, assembler)
    keeps = _kept_rows(rows, held, groups, merges)
    use = pc.if_else(pa.array(keeps), coded(responses, "use").dictionary_decode(), _SET_ASIDE)
    place = responses.schema.get_field_index("use")
    chosen = responses.set_column(place, "use", use.dictionary_encode())
    batch, problems = assembler.batch(chosen, opportunities, offsets)
    plan = _Plan.of(groups, merges)
    return _joined(batch, plan), problems + _told(plan, batch)


def _assessments(opportunities: pa.Table, bank: ItemBank) -> npt.NDArray[np.int64]:
    """The bank's row of each sitting's assessment, -1 where it is unknown."""
    known = bank.assessment_rows
    ids, names = (opportunities[name].to_pylist() for name in ("assessment_id", "assessment_name"))
    pairs = zip(ids, names, strict=True)
    return np.array([known.get(a, known.get(b, -1)) for a, b in pairs], np.int64)


def _held(responses: pa.Table, rows: Rows, assessment: Ints, bank: ItemBank) -> _Held:
    """Count the operational items of each sitting; a row's own part goes before the bank's."""
    own = mapped(coded(responses, "part"), {str(p): i for i, p in enumerate(PARTS)}, -1)
    entry = _bank_rows(rows, assessment, bank)
    found = entry >= 0
    of_bank = np.where(found, bank.part[entry], _FIXED)
    row_part = np.where(own >= 0, own, of_bank).astype(np.int64)
    counts = rows.enters & (~found | bank.operational[entry])
    n = len(assessment)
    return _Held(
        row_part,
        _item_counts(rows, row_part, counts, n),
        _item_counts(rows, row_part, counts & rows.answered, n),
        np.bincount(rows.test * len(PARTS) + row_part, minlength=n * len(PARTS)).reshape(
            n, len(PARTS)
        )
        > 0,
    )


def _bank_rows(rows: Rows, assessment: Ints, bank: ItemBank) -> Ints:
    """Some bank row of each response's item, whatever the dimension; -1: no package's."""
    size = max(1, len(bank.item_codes))
    key = np.where(rows.item >= 0, assessment[rows.test] * size + rows.item, -1)
    distinct, first, place = np.unique(key, return_index=True, return_inverse=True)
    found = np.full(len(distinct), -1, np.int64)
    for at in np.flatnonzero(distinct >= 0).tolist():
        test, item = int(distinct[at]) // size, rows.item_at(int(first[at]))
        tried = (bank.find(test, item, dimension) for dimension in range(len(DIMENSIONS)))
        found[at] = next((row for row, _is_own in tried if row >= 0), -1)
    return found[place]


def _item_counts(rows: Rows, row_part: Ints, which: Flags, n: int) -> Ints:
    """Distinct items by sitting and part; the dimensions of a writing item are one."""
    size = max(1, len(rows.item_text.dictionary))
    cell = rows.test[which] * len(PARTS) + row_part[which]
    distinct = np.unique(cell * size + indices(rows.item_text)[which])
    counts = np.bincount(distinct // size, minlength=n * len(PARTS))
    return counts.reshape(n, len(PARTS)).astype(np.int64)


def _merges(
    groups: Groups,
    held: _Held,
    opportunities: pa.Table,
    assessment: Ints,
    assembler: Assembler,
) -> list[Merge]:
    """What counts of each group."""
    about = opportunities.select(["opportunity_id", "mode", "completeness", "submitted_at"])
    sittings = about.to_pylist()
    minimum = [_minimum(test, assembler) for test in range(len(assembler.bank.assessments))]
    held_by = [
        _parts_taken(place, sitting, held, minimum[assessment[place]])
        for place, sitting in enumerate(sittings)
    ]
    return [merge(one for place in group for one in held_by[place]) for group in groups]


def _minimum(test: int, assembler: Assembler) -> int | None:
    """The least number of CAT items of a complete test; None: not known."""
    assessment, rules = assembler.bank.assessments[test], assembler.rules
    if assessment.minimum_cat_items is not None:
        return assessment.minimum_cat_items
    return rules.minimum_cat_items.get((assessment.subject, assessment.test_grade))


def _parts_taken(
    place: int, sitting: dict[str, str], held: _Held, minimum: int | None
) -> list[TakenPart]:
    """What one sitting holds: a CAT or fixed form, and a PT."""
    presented, answered = held.presented[place].tolist(), held.answered[place].tolist()
    has_rows = held.has_rows[place]

    def taken(part: Part, is_complete: bool, count: int) -> TakenPart:
        name, mode, submitted = (sitting[k] for k in ("opportunity_id", "mode", "submitted_at"))
        return TakenPart(name, part, mode, is_complete, count, submitted, place)

    found = []
    if has_rows[_CAT]:
        says_partial = sitting["completeness"].lower() == "partial"
        enough = answered[_CAT] >= minimum if minimum is not None else not says_partial
        found.append(taken(Part.CAT, enough, answered[_CAT] + answered[_FIXED]))
    elif has_rows[_FIXED]:
        is_whole = 0 < presented[_FIXED] == answered[_FIXED]
        found.append(taken(Part.FIXED, is_whole, answered[_FIXED]))
    if has_rows[_PT]:
        found.append(taken(Part.PT, 0 < presented[_PT] == answered[_PT], answered[_PT]))
    return found


def _kept_rows(rows: Rows, held: _Held, groups: Groups, merges: Sequence[Merge]) -> Flags:
    """The rows of the parts that count."""
    n = len(held.presented)
    main, pt = np.zeros(n, bool), np.zeros(n, bool)
    for found in merges:
        for chosen, choice in ((main, found.main), (pt, found.pt)):
            if choice is not None:
                chosen[choice.taken.place] = True
    return np.where(held.row_part == _PT, pt[rows.test], main[rows.test])


@dataclass(frozen=True)
class _Plan:
    """One value a merged test in every array but `into`; places of sittings, -1: none."""

    into: Ints  # the merged test of each sitting
    holder: Ints  # whose identity and assessment the merged test has
    main: Ints
    pt: Ints
    is_single: Flags  # a sitting alone: nothing was merged
    is_complete: Flags
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, groups: Groups, merges: Sequence[Merge]) -> _Plan:
        into = np.zeros(sum(map(len, groups)), np.int64)
        for number, group in enumerate(groups):
            into[list(group)] = number
        main = [m.main.taken.place if m.main else -1 for m in merges]
        pt = [m.pt.taken.place if m.pt else -1 for m in merges]
        firsts = [group[0] for group in groups]
        holder = [
            next(place for place in places if place >= 0)
            for places in zip(main, pt, firsts, strict=True)
        ]
        return cls(
            into,
            np.array(holder, np.int64),
            np.array(main, np.int64),
            np.array(pt, np.int64),
            np.array([len(group) == 1 for group in groups], bool),
            np.array([m.is_complete for m in merges], bool),
            tuple(m.reason for m in merges),
        )

    def any(self, flags: Flags) -> Flags:
        """Whether it is so of any sitting of each merged test."""
        found: Flags = np.bincount(self.into[flags], minlength=len(self.holder)) > 0
        return found


def _joined(batch: Batch, plan: _Plan) -> Batch:
    """The batch with each group's chosen rows in one test, under the holder's name."""
    offsets, places = _row_places(batch.tests.offsets, plan)
    tests = batch.tests
    main = np.where(plan.main >= 0, plan.main, plan.holder)
    pt = np.where(plan.pt >= 0, plan.pt, plan.holder)
    return replace(
        batch,
        tests=Tests.complete(offsets, tests.entry[places], tests.score[places]),
        answered=batch.answered[places],
        assessment=batch.assessment[plan.holder],
        opportunity_id=batch.opportunity_id.take(pa.array(plan.holder)),
        student_id=batch.student_id.take(pa.array(plan.holder)),
        logged_on_cat=plan.any(batch.logged_on_cat),
        logged_on_pt=plan.any(batch.logged_on_pt),
        pt_is_field_test=batch.pt_is_field_test[pt] & (plan.pt >= 0),
        force_completed=batch.force_completed[main] | batch.force_completed[pt],
        status=_statuses(batch.status[main], batch.status[pt]),
        is_partial=np.where(plan.is_single, batch.is_partial[plan.holder], ~plan.is_complete),
        blocked=np.where(batch.blocked[main] > 0, batch.blocked[main], batch.blocked[pt]),
        traits=_joined_traits(batch.traits, plan),
        has_left_out=plan.any(batch.has_left_out),
    )


def _row_places(offsets: Ints, plan: _Plan) -> tuple[Ints, Ints]:
    """Where the rows of each merged test stand: the main sitting's, then the PT's."""
    pairs = np.column_stack([plan.main, np.where(plan.pt == plan.main, -1, plan.pt)]).ravel()
    is_used = pairs >= 0
    lengths = np.where(is_used, np.diff(offsets)[pairs], 0)
    ends = np.concatenate(([0], np.cumsum(lengths)))
    shift = np.repeat(offsets[pairs] - ends[:-1], lengths)
    places = np.arange(ends[-1]) + shift
    return ends[::2].astype(np.int64), places.astype(np.int64)


def _statuses(
    main: npt.NDArray[np.object_], pt: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    """An open part leaves the test open; else the main sitting's word, if the parts agree."""
    told = main.copy()
    waiting = (told == _OTHER_PARTS_OUT) & (pt != _OTHER_PARTS_OUT)
    told[waiting] = pt[waiting]
    is_open = np.isin(pt, INCOMPLETE_STATUSES) & ~np.isin(told, INCOMPLETE_STATUSES)
    told[is_open] = pt[is_open]
    return told


def _joined_traits(traits: TraitRows, plan: _Plan) -> TraitRows:
    """The traits under their merged tests, in order; those of rows set aside never came."""
    test = plan.into[traits.test]
    order = np.argsort(test, kind="stable")
    return TraitRows(
        test[order],
        traits.trait[order],
        traits.score[order],
        traits.code.take(order),
        traits.purpose.take(order),
    )


def _told(plan: _Plan, batch: Batch) -> list[Problem]:
    """One problem for each sitting that another opportunity stands for now."""
    problems = []
    for place, test in enumerate(plan.into.tolist()):
        holder = int(plan.holder[test])
        if place == holder:
            continue
        name = batch.opportunity_id[holder].as_py()
        gives_pt = place == plan.pt[test]
        what = "its PT counts there" if gives_pt else "another sitting counts in its place"
        words = (("what", what), ("reason", plan.reasons[test]))
        problems.append(Problem(MERGED, place, -1, "opportunity_id", name, words))
    return problems
