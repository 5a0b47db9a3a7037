"""The item bank: the items of all packages as arrays, one row a scored dimension.

Responses are matched by bank-key within their test, else by key in any package given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.scoring.models import Assessment, Item
from scorehouse.scoring.writing import DIMENSION_C, DIMENSION_D
from scorehouse.shapes import STEP_COLUMNS
from scorehouse.terms import AssessmentType, AverageItem, Part, Subject, parse_grade

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PARTS = (Part.CAT, Part.PT, Part.FIXED)
DIMENSIONS = ("", DIMENSION_C, DIMENSION_D)
NOT_IN_BANK = -1


@dataclass(frozen=True)
class ItemBank:
    """Rows of equal length; `part` and `dimension` index PARTS and DIMENSIONS.

    `steps` is (n, 6), NaN beyond an item's last step. `unscorable` holds the id of the
    finding that forbids scoring with a row, blank where it may be scored; such rows carry
    placeholder parameters.
    """

    assessments: tuple[Assessment, ...]
    assessment: npt.NDArray[np.int32]
    item_id: tuple[str, ...]
    dimension: npt.NDArray[np.int8]
    part: npt.NDArray[np.int8]
    discrimination: Floats
    steps: Floats
    claim: tuple[str, ...]
    target: tuple[str, ...]
    operational: Flags
    item_type: tuple[str, ...]
    purpose: tuple[str, ...]
    unscorable: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.item_id)

    @cached_property
    def step_count(self) -> npt.NDArray[np.int64]:
        """The most points of each row."""
        counts: npt.NDArray[np.int64] = np.sum(~np.isnan(self.steps), axis=1).astype(np.int64)
        return counts

    @cached_property
    def is_scorable(self) -> Flags:
        """Rows that may enter a likelihood."""
        return np.array([not reason for reason in self.unscorable], dtype=bool)

    @cached_property
    def is_item(self) -> Flags:
        """Rows that count as an item: of a writing item's two dimensions, one."""
        with_d = {
            (a, i)
            for a, i, d in zip(self.assessment, self.item_id, self.dimension, strict=True)
            if DIMENSIONS[d] == DIMENSION_D
        }
        return np.array(
            [
                DIMENSIONS[d] != DIMENSION_C or (a, i) not in with_d
                for a, i, d in zip(self.assessment, self.item_id, self.dimension, strict=True)
            ],
            dtype=bool,
        )

    @cached_property
    def item_codes(self) -> dict[str, int]:
        """A number for each item id."""
        return {item: code for code, item in enumerate(dict.fromkeys(self.item_id))}

    @cached_property
    def _by_test(self) -> dict[tuple[int, str, int], int]:
        keys = zip(self.assessment.tolist(), self.item_id, self.dimension.tolist(), strict=True)
        return {key: row for row, key in reversed(list(enumerate(keys)))}

    @cached_property
    def _anywhere(self) -> dict[tuple[str, int], int]:
        keys = zip(self.item_id, self.dimension.tolist(), strict=True)
        return {key: row for row, key in reversed(list(enumerate(keys)))}

    @cached_property
    def assessment_rows(self) -> dict[str, int]:
        """Assessments by id and, where no id is so spelled, by name."""
        by_name = {a.name: i for i, a in reversed(list(enumerate(self.assessments))) if a.name}
        return by_name | {a.assessment_id: i for i, a in enumerate(self.assessments)}

    @cached_property
    def forms(self) -> tuple[npt.NDArray[np.int32], ...]:
        """The operational rows of each assessment."""
        rows = np.flatnonzero(self.operational).astype(np.int32)
        order = rows[np.argsort(self.assessment[rows], kind="stable")]
        ends = np.searchsorted(self.assessment[order], np.arange(len(self.assessments) + 1))
        return tuple(order[a:b] for a, b in pairwise(ends))

    def find(self, assessment: int, item_id: str, dimension: int) -> tuple[int, bool]:
        """The row of an item and whether it stands in the test itself, not elsewhere.

        A dimension of a writing item that a package holds only as one unscorable row finds
        that row, so that the finding can say why.
        """
        row = self._by_test.get((assessment, item_id, dimension))
        if row is None and dimension:
            blank = self._by_test.get((assessment, item_id, 0), NOT_IN_BANK)
            row = blank if blank >= 0 and self.unscorable[blank] else None
        if row is not None:
            return row, True
        return self._anywhere.get((item_id, dimension), NOT_IN_BANK), False

    def item(self, row: int) -> Item:
        """One row as an `Item`, for the readable implementation."""
        count = int(self.step_count[row])
        return Item(
            item_id=self.item_id[row],
            discrimination=float(self.discrimination[row]),
            steps=tuple(self.steps[row, :count].tolist()),
            dimension=DIMENSIONS[self.dimension[row]],
            part=PARTS[self.part[row]],
            claim=self.claim[row],
            target=self.target[row],
            operational=bool(self.operational[row]),
            item_type=self.item_type[row],
            purpose=self.purpose[row],
        )

    def with_averages(
        self, averages: Mapping[tuple[Subject, str], AverageItem]
    ) -> tuple[ItemBank, npt.NDArray[np.int32]]:
        """Append each assessment's average item; also gives its row by assessment.

        The row is -1 where the rules know no average for the subject and grade.
        """
        rows = np.full(len(self.assessments), NOT_IN_BANK, np.int32)
        found: list[tuple[int, AverageItem]] = []
        for index, test in enumerate(self.assessments):
            average = averages.get((test.subject, test.test_grade))
            if average is not None:
                rows[index] = len(self) + len(found)
                found.append((index, average))
        return (_extended(self, found) if found else self), rows


def _extended(bank: ItemBank, found: list[tuple[int, AverageItem]]) -> ItemBank:
    """The bank with average items after its own rows."""
    n = len(found)
    steps = np.full((n, bank.steps.shape[1]), np.nan)
    steps[:, 0] = [average.difficulty for _index, average in found]
    return replace(
        bank,
        assessment=np.append(bank.assessment, np.array([i for i, _ in found], np.int32)),
        item_id=bank.item_id + ("average",) * n,
        dimension=np.append(bank.dimension, np.zeros(n, np.int8)),
        part=np.append(bank.part, np.zeros(n, np.int8)),
        discrimination=np.append(bank.discrimination, [a.discrimination for _, a in found]),
        steps=np.vstack([bank.steps, steps]),
        claim=bank.claim + ("",) * n,
        target=bank.target + ("",) * n,
        operational=np.append(bank.operational, np.zeros(n, bool)),
        item_type=bank.item_type + ("",) * n,
        purpose=bank.purpose + ("",) * n,
        unscorable=bank.unscorable + ("",) * n,
    )


def bank_from_tables(assessments: pa.Table, items: pa.Table) -> ItemBank:
    """Build the bank from tables of `shapes.ASSESSMENTS` and `shapes.ITEMS`.

    Tables must be clean: known subjects, grades, types and parts; items of known tests.
    """
    tests = tuple(_assessment(row) for row in assessments.to_pylist())
    index = {test.assessment_id: i for i, test in enumerate(tests)}
    column = {name: items[name].to_pylist() for name in items.column_names}
    unscorable = tuple(reason or "" for reason in column["unscorable"])
    steps = np.column_stack([_floats(column[name]) for name in STEP_COLUMNS])
    placeholder = np.array([bool(reason) for reason in unscorable], dtype=bool)
    steps[placeholder] = np.nan
    steps[placeholder, 0] = 0.0
    return ItemBank(
        assessments=tests,
        assessment=np.array([index[a] for a in column["assessment_id"]], np.int32),
        item_id=_texts(column["item_id"]),
        dimension=np.array([DIMENSIONS.index(d or "") for d in column["dimension"]], np.int8),
        part=np.array([PARTS.index(Part.parse(p)) for p in column["part"]], np.int8),
        discrimination=np.where(placeholder, 1.0, _floats(column["a"])),
        steps=steps,
        claim=_texts(column["claim"]),
        target=_texts(column["target"]),
        operational=np.array([o is not False for o in column["operational"]], bool),
        item_type=_texts(column["item_type"]),
        purpose=_texts(column["purpose"]),
        unscorable=unscorable,
    )


def _assessment(row: Mapping[str, object]) -> Assessment:
    minimum = row["minimum_cat_items"]
    return Assessment(
        assessment_id=str(row["assessment_id"]),
        name=str(row["name"] or ""),
        subject=Subject.parse(str(row["subject"])),
        test_grade=parse_grade(str(row["test_grade"])),
        assessment_type=AssessmentType.parse(str(row["assessment_type"])),
        school_year=str(row["school_year"] or ""),
        minimum_cat_items=minimum if isinstance(minimum, int) else None,
    )


def _texts(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(value or "" for value in values)


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)
