"""Checks of response rows against the bank and the rules; what fails keeps its test unscored.

Each function marks rows in place; nothing is scored by guess.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from scorehouse.scoring.bank import DIMENSIONS, ItemBank
from scorehouse.scoring.batch import Flags, Floats, Ints, Problem, TraitRows, Words
from scorehouse.scoring.rows import Rows, indices, is_in, repeated
from scorehouse.scoring.writing import (
    CONVENTIONS,
    DIMENSION_C,
    EVIDENCE,
    ORGANIZATION,
    TRAIT_POINTS,
    TRAITS,
)
from scorehouse.terms import MeasurementRules

_ORGANIZATION, _EVIDENCE, _CONVENTIONS = (
    TRAITS.index(name) for name in (ORGANIZATION, EVIDENCE, CONVENTIONS)
)
_POINTS = np.array([TRAIT_POINTS[name] for name in TRAITS], np.float64)
WRITING_TYPE = "WER"


def leave_out(rows: Rows, bank: ItemBank, names: Collection[str]) -> None:
    """Take out the items named by type (`WER`) or id; one problem says how many."""
    if not names:
        return
    of_type = {
        item for item, kind in zip(bank.item_id, bank.item_type, strict=True) if kind in names
    }
    out = is_in(rows.item_text, {*names, *of_type}) | is_in(rows.item_type, names)
    if WRITING_TYPE in names:
        out |= (rows.dimension != 0) | (rows.trait >= 0)
    out &= rows.enters
    if out.any():
        words = (("count", str(int(out.sum()))),)
        named = ", ".join(sorted(names))
        rows.problems.append(Problem("left_out_on_request", -1, value=named, words=words))
    rows.enters &= ~out
    rows.left_out |= out


def check_dimensions(rows: Rows) -> None:
    """A dimension must be blank, C or D, or one of the three traits."""
    unknown = rows.enters & (rows.dimension < 0) & (rows.trait < 0)
    rows.note(
        "dimension_unknown", unknown, "dimension", lambda r: str(rows.dimension_text[r].as_py())
    )


def check_codes(rows: Rows, rules: MeasurementRules) -> None:
    """Recode condition codes to 0 before scoring; an unknown code can't be scored."""
    if not rows.has_code.any():
        return
    known = is_in(rows.code, rules.writing_codes)
    unknown = rows.enters & rows.has_code & ~known
    rows.note(
        "condition_code_unknown", unknown, "condition_code", lambda r: str(rows.code[r].as_py())
    )
    keeping = {
        name for name, code in rules.writing_codes.items() if CONVENTIONS not in code.zeroed_traits
    }
    kept = is_in(rows.code, keeping) & (rows.dimension == DIMENSIONS.index(DIMENSION_C))
    zeroed = rows.has_code & known & ~kept & (rows.trait < 0)
    rows.score[zeroed] = 0.0


def check_scores(rows: Rows, bank: ItemBank) -> None:
    """Scores must be there, whole, and between 0 and the item's number of steps."""
    checked = rows.enters & ~rows.bad & (rows.entry >= 0)
    score = rows.score
    unanswered = checked & ~rows.answered & ~rows.has_code
    rows.note("score_without_answer", unanswered & (score > 0), "score", rows.score_at)
    score[unanswered & ~(score > 0)] = 0.0
    checked &= ~unanswered
    rows.note("score_missing", checked & np.isnan(score), "score", lambda _r: "")
    rows.note("score_negative", checked & (score < 0), "score", rows.score_at)
    with np.errstate(invalid="ignore"):
        is_whole = np.isnan(score) | (score == np.floor(score))
        highest = bank.step_count[rows.entry]
        above = checked & is_whole & (score > highest)
    rows.note("score_not_whole", checked & ~is_whole, "score", rows.score_at)
    rows.note(
        "score_above_maximum",
        above,
        "score",
        rows.score_at,
        words=lambda r: (("maximum", str(highest[r])),),
    )


def check_twice(rows: Rows, bank: ItemBank) -> None:
    """An item twice: the same again is left out; two different scores can't be decided."""
    entry = np.where(rows.enters & ~rows.bad, rows.entry, -1).astype(np.int32)
    earlier: Ints = repeated(rows.test, entry, len(bank))
    again = earlier >= 0
    if not again.any():
        return
    first = np.where(again, earlier, 0)
    is_same = (rows.score == rows.score[first]) & (rows.answered == rows.answered[first])
    rows.note("item_twice", again & is_same, "item_id", rows.item_at, is_bad=False)
    rows.note("item_twice", again & ~is_same, "item_id", rows.item_at)
    rows.enters &= ~(again & is_same)


def fold_traits(rows: Rows, bank: ItemBank, rules: MeasurementRules) -> TraitRows:
    """Turn the three trait rows of each full write into the rows of dimensions D and C.

    D takes the place of the organization row, C of the conventions row; the evidence row
    no longer enters.
    """
    places = np.flatnonzero(rows.enters & ~rows.bad & (rows.trait >= 0))
    if not len(places):
        none = np.zeros(0, np.int64)
        no_words = Words(none, ("",))
        return TraitRows(none, none.astype(np.int8), none.astype(float), no_words, no_words)
    key = rows.test[places] * max(1, len(bank.item_codes)) + rows.item[places]
    _keys, group = np.unique(key, return_inverse=True)
    at = np.full((group.max() + 1, len(TRAITS)), -1, np.int64)
    _drop_repeated_traits(rows, places, group, at)
    raw = np.where(at >= 0, rows.score[at], np.nan)
    answered: Flags = np.any((at >= 0) & rows.answered[at], axis=1)
    coded = _recoded(rows, at, raw, rules)
    _check_traits(rows, at, coded, answered)
    coded[~answered] = np.nan_to_num(coded[~answered])
    _write_dimensions(rows, at, coded, answered)
    return _trait_rows(rows, at, raw, bank)


def _drop_repeated_traits(rows: Rows, places: Ints, group: Ints, at: Ints) -> None:
    """Fill `at` (group × trait) with rows; a trait given twice is bad."""
    cell = group * len(TRAITS) + rows.trait[places]
    cells, first = np.unique(cell, return_index=True)
    at.ravel()[cells] = places[first]
    again = np.zeros(len(rows.test), bool)
    again[places] = True
    again[places[first]] = False
    rows.note("item_twice", again, "dimension", rows.item_at)


def _recoded(rows: Rows, at: Ints, raw: Floats, rules: MeasurementRules) -> Floats:
    """Trait scores after their condition codes."""
    scores = raw.copy()
    scores[(scores < 0)] = np.nan
    for name, code in rules.writing_codes.items():
        has = is_in(rows.code, {name})
        for trait in code.zeroed_traits:
            column = TRAITS.index(trait)
            scores[(at[:, column] >= 0) & has[at[:, column]], column] = 0.0
    return scores


def _check_traits(rows: Rows, at: Ints, scores: Floats, answered: Flags) -> None:
    """Each trait of an answered full write must have a whole score in its range, or a code."""
    missing = np.zeros(len(rows.test), bool)
    outside = missing.copy()
    lacking = np.isnan(scores) & answered[:, None]
    some_row = at.max(axis=1)
    missing[some_row[lacking.any(axis=1)]] = True
    with np.errstate(invalid="ignore"):
        wrong = (scores > _POINTS) | (scores != np.floor(scores))
    outside[at[wrong & ~np.isnan(scores)]] = True
    rows.note("trait_missing", missing, "dimension", rows.item_at)
    rows.note(
        "trait_score_range",
        outside,
        "score",
        rows.score_at,
        words=lambda r: (("lowest", "0"), ("highest", f"{_POINTS[rows.trait[r]]:g}")),
    )


def _write_dimensions(rows: Rows, at: Ints, scores: Floats, answered: Flags) -> None:
    """Put D on the organization row and C on the conventions row."""
    has_d, has_c = at[:, _ORGANIZATION] >= 0, at[:, _CONVENTIONS] >= 0
    d_rows, c_rows = at[has_d, _ORGANIZATION], at[has_c, _CONVENTIONS]
    mean = (scores[:, _ORGANIZATION] + scores[:, _EVIDENCE]) / 2
    rows.score[d_rows] = np.ceil(mean)[has_d]
    rows.score[c_rows] = scores[has_c, _CONVENTIONS]
    rows.answered[d_rows], rows.answered[c_rows] = answered[has_d], answered[has_c]
    rows.has_code[d_rows] = rows.has_code[c_rows] = False
    evidence = at[at[:, _EVIDENCE] >= 0, _EVIDENCE]
    rows.enters[evidence] &= rows.bad[evidence]


def _trait_rows(rows: Rows, at: Ints, raw: Floats, bank: ItemBank) -> TraitRows:
    """The raw traits, for reporting."""
    group, trait = np.nonzero(at >= 0)
    places = at[group, trait]
    entry = np.where(rows.entry[places] >= 0, rows.entry[places], len(bank))
    codes = tuple(text or "" for text in rows.code.dictionary.to_pylist()) or ("",)
    return TraitRows(
        rows.test[places],
        trait.astype(np.int8),
        np.where(raw[group, trait] < 0, np.nan, raw[group, trait]),
        Words(indices(rows.code)[places], codes),
        Words(entry.astype(np.int64), (*bank.purpose, "")),
    )
