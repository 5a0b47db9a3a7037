"""From response tables to a batch: match items with the bank, recode, check every score.

Operational responses enter, field-test and dropped ones don't. An unanswered item is 0
points; a condition code is recoded before scoring. An operational item that can't be
scored leaves its whole test unscored, unless the item is left out on request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.scoring.bank import DIMENSIONS, NOT_IN_BANK, PARTS, ItemBank
from scorehouse.scoring.batch import Batch, Flags, Ints, Problem, TraitRows
from scorehouse.scoring.checks import (
    WRITING_TYPE,
    check_codes,
    check_dimensions,
    check_scores,
    check_twice,
    fold_traits,
    leave_out,
)
from scorehouse.scoring.kernel import Tests
from scorehouse.scoring.rows import Rows, read_rows
from scorehouse.scoring.writing import CONVENTIONS, DIMENSION_C, DIMENSION_D, TRAITS
from scorehouse.terms import AssessmentType, MeasurementRules, Part

UNRESOLVED = -9
UNSCORABLE_TEST = "test_not_scored_item"
_C, _D = DIMENSIONS.index(DIMENSION_C), DIMENSIONS.index(DIMENSION_D)
_CONVENTIONS = TRAITS.index(CONVENTIONS)
_PT = PARTS.index(Part.PT)

Rows32 = npt.NDArray[np.int32]


class _Presented(NamedTuple):
    """Which parts each test holds responses of."""

    cat: Flags  # or a fixed form
    pt: Flags
    pt_operational: Flags
    left_out: Flags


def _any(rows: Rows, which: Flags, n: int) -> Flags:
    """Which of n tests have such a row."""
    found: Flags = np.bincount(rows.test[which], minlength=n) > 0
    return found


@dataclass(frozen=True)
class Assembler:
    """Turns chunks into batches; keep one for a whole administration, it remembers look-ups.

    `names_out` are the item types (`WER`) or item ids left out on request.
    """

    bank: ItemBank
    rules: MeasurementRules
    names_out: frozenset[str] = frozenset()
    _lookup: Rows32 = field(init=False, repr=False)
    _elsewhere: set[int] = field(init=False, repr=False, default_factory=set)
    _forms: tuple[Rows32, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = len(self.bank.assessments) * self._items * len(DIMENSIONS)
        object.__setattr__(self, "_lookup", np.full(size, UNRESOLVED, np.int32))
        forms = tuple(self._form(form) for form in self.bank.forms)
        object.__setattr__(self, "_forms", forms)

    @property
    def _items(self) -> int:
        return max(1, len(self.bank.item_codes))

    def batch(
        self, responses: pa.Table, opportunities: pa.Table, offsets: Ints
    ) -> tuple[Batch, list[Problem]]:
        """Assemble the tests `offsets[i]:offsets[i + 1]`; the problems come with the batch.

        `responses` has `shapes.RESPONSES`, `item_type` and `use`, coded text allowed;
        `opportunities` has a row a test in the same order.
        """
        assessment, problems, reasons = self._assessments(opportunities)
        rows = read_rows(responses, offsets, self.bank)
        rows.problems = problems
        leave_out(rows, self.bank, self.names_out)
        check_dimensions(rows)
        presented = self._match(rows, assessment, len(offsets) - 1)
        check_codes(rows, self.rules)
        traits = fold_traits(rows, self.bank, self.rules)
        check_scores(rows, self.bank)
        check_twice(rows, self.bank)
        self._block(rows, reasons)
        rows.entry[~rows.enters | rows.bad] = NOT_IN_BANK
        tests, answered = self._with_absent_form_items(rows, assessment, offsets, reasons)
        batch = _batch(tests, answered, assessment, opportunities, reasons, presented, traits)
        return batch, rows.problems

    def _assessments(self, opportunities: pa.Table) -> tuple[Rows32, list[Problem], list[str]]:
        """Match each test by its id or its other name, and check that its grade has cuts."""
        known = self.bank.assessment_rows
        ids = opportunities["assessment_id"].to_pylist()
        names = opportunities["assessment_name"].to_pylist()
        pairs = zip(ids, names, strict=True)
        found = np.array([known.get(a, known.get(b, -1)) for a, b in pairs], np.int32)
        lacks_cuts = {
            index: test.test_grade
            for index, test in enumerate(self.bank.assessments)
            if (test.subject, test.test_grade) not in self.rules.cuts
        }
        problems, reasons = [], [""] * len(found)
        for test in np.flatnonzero(found < 0).tolist():
            problems.append(Problem("assessment_unknown", test, -1, "assessment_id", ids[test]))
            reasons[test] = "assessment_unknown"
        for test in np.flatnonzero(np.isin(found, list(lacks_cuts))).tolist():
            grade = lacks_cuts[int(found[test])]
            subject = str(self.bank.assessments[found[test]].subject)
            words = (("subject", subject), ("year", str(self.rules.year)))
            problems.append(Problem("grade_without_cuts", test, -1, "test_grade", grade, words))
            reasons[test] = "grade_without_cuts"
        return found, problems, reasons

    def _match(self, rows: Rows, assessment: Rows32, n: int) -> _Presented:
        """Fill `entry`; returns which parts each test was presented."""
        test_row = assessment[rows.test].astype(np.int64)
        is_trait = rows.trait >= 0
        dimension = np.where(is_trait, np.where(rows.trait == _CONVENTIONS, _C, _D), rows.dimension)
        usable = (test_row >= 0) & (rows.item >= 0) & (dimension >= 0)
        key = (test_row * self._items + rows.item) * len(DIMENSIONS) + dimension
        key[~usable] = 0
        entry = np.where(usable, self._lookup[key] if len(self._lookup) else UNRESOLVED, -1)
        self._resolve(rows, key, test_row, dimension, usable & (entry == UNRESOLVED))
        if len(self._lookup):
            entry = np.where(usable, self._lookup[key], -1)
        rows.entry = entry.astype(np.int32)
        found = rows.entry >= 0
        is_pt = rows.is_pt | (found & (self.bank.part[rows.entry] == _PT))
        rows.enters &= ~found | self.bank.operational[rows.entry]
        self._report(rows, key, test_row >= 0)
        return _Presented(
            _any(rows, ~is_pt, n),
            _any(rows, is_pt, n),
            _any(rows, is_pt & rows.enters, n),
            _any(rows, rows.left_out, n),
        )

    def _resolve(
        self, rows: Rows, key: Ints, test_row: Ints, dimension: Ints, which: Flags
    ) -> None:
        """Look up each new combination of test, item and dimension once."""
        places = np.flatnonzero(which)
        _keys, first = np.unique(key[places], return_index=True)
        for place in places[first].tolist():
            item = rows.item_at(place)
            row, is_own = self.bank.find(int(test_row[place]), item, int(dimension[place]))
            self._lookup[key[place]] = row
            if row >= 0 and not is_own:
                self._elsewhere.add(int(key[place]))

    def _report(self, rows: Rows, key: Ints, is_known_test: Flags) -> None:
        """Items no package knows, items of another test, items that can't be scored."""
        missing = rows.enters & ~rows.bad & is_known_test & (rows.entry < 0)
        has_traits = missing & (rows.item >= 0)
        rows.note("trait_missing", has_traits, "dimension", rows.item_at)
        rows.note("response_unknown_item", missing & ~has_traits, "item_id", rows.item_at)
        if self._elsewhere:
            moved = rows.enters & (rows.entry >= 0) & np.isin(key, list(self._elsewhere))
            rows.note("item_matched_elsewhere", moved, "item_id", rows.item_at, is_bad=False)
        unscorable = rows.enters & (rows.entry >= 0) & ~self.bank.is_scorable[rows.entry]
        rows.note(
            "response_unscorable_item",
            unscorable,
            "item_id",
            rows.item_at,
            words=lambda r: (("unscorable", self.bank.unscorable[rows.entry[r]]),),
        )

    def _block(self, rows: Rows, reasons: list[str]) -> None:
        """A test with a bad row can't be scored; one finding says so."""
        bad = np.flatnonzero(rows.bad & rows.enters)
        tests, first = np.unique(rows.test[bad], return_index=True)
        for test, place in zip(tests.tolist(), bad[first].tolist(), strict=True):
            if not reasons[test]:
                reasons[test] = UNSCORABLE_TEST
                item = rows.item_at(place)
                rows.problems.append(Problem(UNSCORABLE_TEST, test, place, "item_id", item))

    def _with_absent_form_items(
        self, rows: Rows, assessment: Rows32, offsets: Ints, reasons: Sequence[str]
    ) -> tuple[Tests, Flags]:
        """Add, with 0 points, the items of a fixed form that the file doesn't hold."""
        more_tests, more_entries = self._absent(rows, assessment, reasons)
        if not len(more_tests):
            return Tests.complete(offsets, rows.entry, rows.score), rows.answered
        test = np.concatenate([rows.test, more_tests])
        order = np.argsort(test, kind="stable")
        entry = np.concatenate([rows.entry, more_entries])[order].astype(np.int32)
        nothing = np.zeros(len(more_tests))
        score = np.concatenate([rows.score, nothing])[order]
        answered = np.concatenate([rows.answered, nothing.astype(bool)])[order]
        ends = np.searchsorted(test[order], np.arange(len(offsets)))
        return Tests.complete(ends.astype(np.int64), entry, score), answered

    def _absent(
        self, rows: Rows, assessment: Rows32, reasons: Sequence[str]
    ) -> tuple[Ints, Rows32]:
        """Test and bank row of each absent item of a fixed form (ICA, IAB)."""
        used = np.bincount(rows.test[rows.entry >= 0], minlength=len(assessment))
        tests, entries = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        sizes = np.array([len(form) for form in self._forms] or [0])
        for test in np.flatnonzero((assessment >= 0) & (used < sizes[assessment])).tolist():
            if reasons[test]:
                continue
            present = rows.entry[(rows.test == test) & rows.enters]
            absent = np.setdiff1d(self._forms[assessment[test]], present).astype(np.int32)
            if len(absent):
                rows.problems.append(Problem("form_item_missing", test, value=str(len(absent))))
            tests.append(np.full(len(absent), test, np.int64))
            entries.append(absent)
        return np.concatenate(tests), np.concatenate(entries)

    def _form(self, form: Rows32) -> Rows32:
        """A fixed form's rows, less those left out; an adaptive test has no form."""
        if not len(form):
            return form
        test = self.bank.assessments[self.bank.assessment[form[0]]]
        if test.assessment_type is AssessmentType.SUMMATIVE:
            return form[:0]
        return form[[self._stays(row) for row in form.tolist()]]

    def _stays(self, row: int) -> bool:
        bank, out = self.bank, self.names_out
        is_writing = bank.dimension[row] != 0 or bank.item_type[row] == WRITING_TYPE
        is_out = bank.item_id[row] in out or bank.item_type[row] in out
        is_out = is_out or (is_writing and WRITING_TYPE in out)
        return bool(bank.is_scorable[row]) and not is_out


def _batch(
    tests: Tests,
    answered: Flags,
    assessment: Rows32,
    opportunities: pa.Table,
    reasons: Sequence[str],
    presented: _Presented,
    traits: TraitRows,
) -> Batch:
    """Add what is known of each sitting besides its responses."""
    names = ("", *sorted(set(reasons) - {""}))
    return Batch(
        tests=tests,
        answered=answered,
        assessment=assessment,
        opportunity_id=opportunities["opportunity_id"].combine_chunks(),
        student_id=opportunities["student_id"].combine_chunks(),
        logged_on_cat=_said(opportunities["logged_on_cat"], presented.cat),
        logged_on_pt=_said(opportunities["logged_on_pt"], presented.pt),
        pt_is_field_test=presented.pt & ~presented.pt_operational,
        force_completed=_said(opportunities["force_completed"], np.zeros(len(assessment), bool)),
        status=np.array([s.lower() for s in opportunities["status"].to_pylist()], object),
        is_partial=np.array(
            [c.lower() == "partial" for c in opportunities["completeness"].to_pylist()], bool
        ),
        blocked=np.array([names.index(reason) for reason in reasons], np.int16),
        block_reasons=names,
        traits=traits,
        has_left_out=presented.left_out,
    )


def _said(column: pa.ChunkedArray, otherwise: Flags) -> Flags:
    """A yes-or-no column; where it isn't said, the value given."""
    return np.array(
        [
            bool(o) if value is None else value
            for value, o in zip(column.to_pylist(), otherwise, strict=True)
        ],
        bool,
    )
