"""Blocks of score rows, one for each measure, and the table they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.scoring.batch import Batch, Words
from scorehouse.scoring.models import Assessment
from scorehouse.shapes import SCORES
from scorehouse.terms import MeasurementRules

DIGEST_LENGTH = 16
_TEXTS = ("measure", "score_status", "reason")


@dataclass(frozen=True)
class Block:
    """Rows of one kind: which test each is of, its texts, its numbers (NaN: nothing there).

    A text that is the same throughout may be a single str; repeated texts may be `Words`.
    `order` says where the block's rows stand among a test's measures.
    """

    test: npt.NDArray[np.int64]
    order: int
    text: dict[str, str | Words | npt.NDArray[np.object_]]
    number: dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Meta:
    """What every row of a run carries."""

    rules: MeasurementRules
    policy_id: str
    assessments: Sequence[Assessment]

    @property
    def digest(self) -> str:
        """The rulebook's digest, short enough for a column."""
        return self.rules.digest[:DIGEST_LENGTH]


def scores_table(blocks: Sequence[Block], batch: Batch, meta: Meta) -> pa.Table:
    """Put blocks together as `shapes.SCORES`, ordered by test, then by block."""
    test = np.concatenate([block.test for block in blocks])
    order = np.lexsort((np.concatenate([np.full(len(b.test), b.order) for b in blocks]), test))
    test = test[order]
    columns: dict[str, pa.Array] = {
        "opportunity_id": batch.opportunity_id.take(pa.array(test)),
        "student_id": batch.student_id.take(pa.array(test)),
        "school_year": _constant(str(meta.rules.year), len(test)),
        "rulebook_digest": _constant(meta.digest, len(test)),
        "policy": _constant(meta.policy_id, len(test)),
        **_assessment_columns(batch.assessment[test], meta.assessments),
    }
    for field in SCORES:
        if field.name in _TEXTS:
            columns[field.name] = _texts(blocks, field.name, order)
        elif field.name not in columns:
            columns[field.name] = _numbers(blocks, field, order)
    return pa.table({field.name: columns[field.name] for field in SCORES}, schema=SCORES)


def _assessment_columns(
    at: npt.NDArray[np.int32], assessments: Sequence[Assessment]
) -> dict[str, pa.Array]:
    """Assessment, subject and grade of each row; blank where the test is unknown."""
    texts = {
        "assessment_id": [a.assessment_id for a in assessments],
        "subject": [str(a.subject) for a in assessments],
        "test_grade": [a.test_grade for a in assessments],
    }
    indices = pa.array(np.where(at < 0, len(assessments), at).astype(np.int32))
    return {
        name: pa.DictionaryArray.from_arrays(indices, pa.array([*values, ""])).cast(pa.string())
        for name, values in texts.items()
    }


def _constant(text: str, length: int) -> pa.Array:
    indices = pa.array(np.zeros(length, np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([text])).cast(pa.string())


def _texts(blocks: Sequence[Block], name: str, order: npt.NDArray[np.int64]) -> pa.Array:
    """A text column; each distinct text is stored once on the way."""
    codes: dict[str, int] = {}
    parts = []
    for block in blocks:
        value = block.text[name]
        if isinstance(value, str):
            parts.append(np.full(len(block.test), codes.setdefault(value, len(codes)), np.int32))
            continue
        if isinstance(value, Words):
            own = np.array([codes.setdefault(w, len(codes)) for w in value.words], np.int32)
            parts.append(own[value.codes])
            continue
        parts.append(
            np.fromiter((codes.setdefault(v, len(codes)) for v in value), np.int32, len(value))
        )
    indices = np.concatenate(parts)[order]
    words = pa.array(list(codes), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(indices), words).cast(pa.string())


def _numbers(blocks: Sequence[Block], field: pa.Field, order: npt.NDArray[np.int64]) -> pa.Array:
    """A number column; NaN becomes null."""
    parts = [block.number.get(field.name, np.full(len(block.test), np.nan)) for block in blocks]
    numbers = np.concatenate(parts)[order]
    return pa.array(numbers, mask=np.isnan(numbers)).cast(field.type)
