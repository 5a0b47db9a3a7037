"""Many tests as arrays: what the fast implementation scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.scoring.bank import ItemBank
from scorehouse.scoring.kernel import Tests
from scorehouse.scoring.models import ScoredResponse, Sitting, TraitScore
from scorehouse.scoring.writing import TRAITS

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Problem(NamedTuple):
    """Something wrong with a test or a row of it; the caller makes a finding of it.

    `test` and `row` count in the tables that were assembled (-1: none); `words` fill the
    finding's message.
    """

    rule: str
    test: int
    row: int = -1
    field: str = ""
    value: str = ""
    words: tuple[tuple[str, str], ...] = ()


class Words(NamedTuple):
    """A text for each row, as places in a list of the distinct texts."""

    codes: Ints
    words: tuple[str, ...]

    def at(self, row: int) -> str:
        """The text of one row."""
        return self.words[int(self.codes[row])]

    def take(self, rows: Ints) -> Words:
        """The texts of some rows."""
        return Words(self.codes[rows], self.words)


class TraitRows(NamedTuple):
    """Raw traits of full writes, one row each; `score` is NaN where there is none."""

    test: Ints
    trait: npt.NDArray[np.int8]  # index into writing.TRAITS
    score: Floats
    code: Words
    purpose: Words


@dataclass(frozen=True)
class Batch:
    """Tests ready to be scored, with one value a test in every array beside `tests`.

    `assessment` is -1 where no package knows the test. `blocked` indexes `block_reasons`,
    whose first entry is blank: not blocked.
    """

    tests: Tests
    answered: Flags
    assessment: npt.NDArray[np.int32]
    opportunity_id: pa.Array
    student_id: pa.Array
    logged_on_cat: Flags
    logged_on_pt: Flags
    pt_is_field_test: Flags
    force_completed: Flags
    status: npt.NDArray[np.object_]
    is_partial: Flags
    blocked: npt.NDArray[np.int16]
    block_reasons: tuple[str, ...]
    traits: TraitRows
    has_left_out: Flags

    def __len__(self) -> int:
        return len(self.assessment)

    def sitting(self, index: int, bank: ItemBank) -> Sitting:
        """One test for the readable implementation; its assessment must be known."""
        start, stop = self.tests.offsets[index], self.tests.offsets[index + 1]
        rows = [j for j in range(start, stop) if self.tests.entry[j] >= 0]
        return Sitting(
            opportunity_id=self.opportunity_id[index].as_py(),
            student_id=self.student_id[index].as_py(),
            assessment=bank.assessments[self.assessment[index]],
            responses=tuple(
                ScoredResponse(
                    bank.item(int(self.tests.entry[j])),
                    float(self.tests.score[j]),
                    bool(self.answered[j]),
                )
                for j in rows
            ),
            logged_on_cat=bool(self.logged_on_cat[index]),
            logged_on_pt=bool(self.logged_on_pt[index]),
            status=str(self.status[index]),
            completeness="Partial" if self.is_partial[index] else "",
            force_completed=bool(self.force_completed[index]),
            pt_is_field_test=bool(self.pt_is_field_test[index]),
            traits=self._traits(index),
            blocked=self.block_reasons[self.blocked[index]],
            has_left_out=bool(self.has_left_out[index]),
        )

    def _traits(self, index: int) -> tuple[TraitScore, ...]:
        chosen = np.flatnonzero(self.traits.test == index).tolist()
        return tuple(
            TraitScore(
                TRAITS[self.traits.trait[j]],
                None if np.isnan(self.traits.score[j]) else float(self.traits.score[j]),
                self.traits.code.at(j),
                self.traits.purpose.at(j),
            )
            for j in chosen
        )
