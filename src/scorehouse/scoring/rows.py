"""Response rows as arrays, while they are matched with the bank and checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from scorehouse.scoring.bank import DIMENSIONS, ItemBank
from scorehouse.scoring.batch import Flags, Floats, Ints, Problem
from scorehouse.scoring.writing import TRAITS
from scorehouse.terms import Part

Words = tuple[tuple[str, str], ...]
_DIMENSION_CODES = {name.lower(): code for code, name in enumerate(DIMENSIONS)}
_TRAIT_CODES = {name: code for code, name in enumerate(TRAITS)}
UNKNOWN_DIMENSION = -1


@dataclass
class Rows:
    """The response rows of a chunk.

    `entry` becomes the bank row, -1 where a row doesn't enter. `bad` marks rows that keep
    their test from being scored.
    """

    test: Ints
    item: npt.NDArray[np.int32]  # code in the bank; -1 unknown
    item_text: pa.DictionaryArray
    item_type: pa.DictionaryArray
    dimension: npt.NDArray[np.int8]  # index into DIMENSIONS; -1 unknown or a trait
    trait: npt.NDArray[np.int8]  # index into TRAITS; -1 for anything else
    dimension_text: pa.DictionaryArray
    is_pt: Flags
    answered: Flags
    score: Floats  # NaN: none given
    code: pa.DictionaryArray
    has_code: Flags
    enters: Flags
    entry: npt.NDArray[np.int32]
    bad: Flags
    left_out: Flags
    problems: list[Problem] = field(default_factory=list)

    def note(
        self,
        rule: str,
        rows: Flags,
        column: str,
        value: Callable[[int], str],
        *,
        is_bad: bool = True,
        words: Callable[[int], Words] | None = None,
    ) -> None:
        """Report the rows of a mask, and mark them bad."""
        for row in np.flatnonzero(rows).tolist():
            more = words(row) if words else ()
            self.problems.append(Problem(rule, int(self.test[row]), row, column, value(row), more))
        if is_bad:
            self.bad |= rows

    def item_at(self, row: int) -> str:
        """The item id of a row, as delivered."""
        return str(self.item_text[row].as_py())

    def score_at(self, row: int) -> str:
        """The score of a row, as delivered."""
        return f"{self.score[row]:g}"


def read_rows(responses: pa.Table, offsets: Ints, bank: ItemBank) -> Rows:
    """Take the columns apart; coded or plain text is the same here."""
    n = responses.num_rows
    item_text = coded(responses, "item_id")
    dimension_text = coded(responses, "dimension")
    code = coded(responses, "condition_code")
    score = _numbers(responses["score"])
    dimension = mapped(dimension_text, _DIMENSION_CODES, UNKNOWN_DIMENSION, str.lower)
    return Rows(
        test=np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)),
        item=mapped(item_text, bank.item_codes, -1).astype(np.int32),
        item_text=item_text,
        item_type=coded(responses, "item_type"),
        dimension=dimension.astype(np.int8),
        trait=mapped(dimension_text, _TRAIT_CODES, -1, str.lower).astype(np.int8),
        dimension_text=dimension_text,
        is_pt=is_in(coded(responses, "part"), {Part.PT.value}),
        answered=_answered(responses["answered"], score),
        score=score,
        code=code,
        has_code=~is_in(code, {""}),
        enters=is_in(coded(responses, "use"), {"operational", ""}),
        entry=np.full(n, -1, np.int32),
        bad=np.zeros(n, bool),
        left_out=np.zeros(n, bool),
    )


def coded(table: pa.Table, name: str) -> pa.DictionaryArray:
    """A text column in one piece, each distinct text once; an absent column is blank."""
    if name not in table.column_names:
        indices = pa.array(np.zeros(table.num_rows, np.int32))
        return pa.DictionaryArray.from_arrays(indices, pa.array([""]))
    column = table[name]
    if not pa.types.is_dictionary(column.type):
        column = pc.fill_null(column, "").dictionary_encode()
    if column.num_chunks == 0:
        return pa.array([], pa.string()).dictionary_encode()
    return column.unify_dictionaries().combine_chunks()


def mapped(
    column: pa.DictionaryArray,
    codes: Mapping[str, int],
    default: int,
    spell: Callable[[str], str] = str,
) -> Ints:
    """The code of each text; `spell` makes a text comparable."""
    values = np.array(
        [codes.get(spell(text or ""), default) for text in column.dictionary.to_pylist()] or [0],
        np.int64,
    )
    found: Ints = values[indices(column)]
    return found


def is_in(column: pa.DictionaryArray, texts: Collection[str]) -> Flags:
    """Which rows hold one of the texts."""
    values = np.array([(t or "") in texts for t in column.dictionary.to_pylist()] or [False])
    found: Flags = values[indices(column)]
    return found


def indices(column: pa.DictionaryArray) -> Ints:
    """The places of each row's text in the dictionary."""
    filled: Ints = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return filled


def _numbers(column: pa.ChunkedArray) -> Floats:
    numbers: Floats = column.cast(pa.float64()).to_numpy()
    return numbers.copy()  # arrow's own memory is read-only


def _answered(column: pa.ChunkedArray, score: Floats) -> Flags:
    """Answered as delivered; where it isn't said, a row with points was answered."""
    if column.null_count == 0:
        delivered: Flags = column.combine_chunks().to_numpy(zero_copy_only=False)
        return delivered.copy()
    said = np.array([False if a is None else a for a in column.to_pylist()], dtype=bool)
    unsaid = column.is_null().to_numpy()
    combined: Flags = said | (unsaid & (score >= 0))
    return combined


@njit(cache=True)
def repeated(test, entry, entries):  # type: ignore[no-untyped-def]
    """For each row, the earlier row of the same test with the same entry, or -1."""
    last_row = np.full(entries, -1, np.int64)
    earlier = np.full(len(entry), -1, np.int64)
    for j in range(len(entry)):
        e = entry[j]
        if e < 0:
            continue
        before = last_row[e]
        if before >= 0 and test[before] == test[j]:
            earlier[j] = before
        else:
            last_row[e] = j
    return earlier
