"""Sums of the Academic Indicator, read and checked before anything is computed from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from scorehouse.accountability.academic.sums import KEYS, LEFT_OUT, POINT, SUMS
from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import AcademicRules
from scorehouse.rulebook.load import load
from scorehouse.terms import Subject
from scorehouse.verbs.indicator import IndicatorInput
from scorehouse.warehouse.academic_files import table_of

_NEEDED = (*KEYS, "scores", "distance_sum")
_TRUE, _FALSE = ["true", "y", "yes", "1"], ["false", "n", "no", "0", ""]
_TYPES, _SUBJECTS = ["S", "D", "X"], ["ELA", "Math"]
_COUNTS = ("scores", "caa_scores", "color_scores", "enrolled", "tested",
           *(f"left_out_{reason}" for reason in LEFT_OUT))  # fmt: skip
_ROW = "row_number"


def read_sums(path: Path, log: FindingLog) -> pl.DataFrame:
    """Read the sums of a year; a row with a value that can't be read is a finding and left out.

    Columns that aren't there are not known. Raises UsageError without those that are needed.
    """
    frame = table_of(path)
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise UsageError(f"{path.name} lacks the columns {', '.join(missing)}")
    frame = frame.with_row_index(_ROW, offset=1)
    kinds = {"string": pl.String(), "bool": pl.Boolean()}
    made = {
        name: _typed(frame, name, kinds.get(str(kind), pl.Int64()))
        for name, kind in zip(SUMS.names, SUMS.types, strict=True)
    }
    is_bad = pl.Series([False]).new_from_index(0, len(frame))
    for name, values in made.items():
        wrong = _unread(frame, name, values)
        told = frame.filter(wrong).select(_ROW, name) if wrong.any() else pl.DataFrame()
        for number, text in told.iter_rows():
            why = f"{name} can't be read"
            log.add(
                "academic_value", file=path.name, row=number, field=name, value=text, reason=why
            )
        is_bad |= wrong
    return pl.DataFrame(made).filter(~is_bad)


def _typed(frame: pl.DataFrame, name: str, wanted: pl.DataType) -> pl.Series:
    """A column in its kind; what can't be read is null."""
    if name not in frame.columns:
        return pl.Series(name, [None], dtype=wanted).new_from_index(0, len(frame)).alias(name)
    given = frame[name]
    if given.dtype == pl.String and wanted != pl.String:
        given = given.str.strip_chars().replace("", None)
        if wanted == pl.Boolean:
            words = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
            return given.str.to_lowercase().replace_strict(
                words, default=None, return_dtype=pl.Boolean
            )
    return given.cast(wanted, strict=False)


def _unread(frame: pl.DataFrame, name: str, values: pl.Series) -> pl.Series:
    if name not in frame.columns:
        return pl.Series([False]).new_from_index(0, len(frame))
    given = frame[name]
    is_empty = given.is_null()
    if given.dtype == pl.String:
        is_empty |= given.str.strip_chars() == ""
    return values.is_null() & ~is_empty


def checked(given: IndicatorInput, rules: AcademicRules, log: FindingLog) -> IndicatorInput:
    """The input without rows that can't be computed, each of which is a finding.

    Also told: no prior year, other years than one after the other, unknown sets of cuts.
    """
    current = _checked(given.current, rules, "sums", log)
    prior = None if given.prior is None else _checked(given.prior, rules, "prior sums", log)
    _tell_years(current, prior, rules, log)
    _tell_cuts(current, log)
    return replace(given, current=current, prior=prior)


def _checked(sums: pl.DataFrame, rules: AcademicRules, what: str, log: FindingLog) -> pl.DataFrame:
    is_bad = pl.Series([False]).new_from_index(0, len(sums))
    for field, wrong, why in _faults(rules):
        found = sums.select(wrong.fill_null(value=False)).to_series() & ~is_bad
        told = sums.filter(found).select("entity_id", pl.col(field).alias("value"))
        for entity, value in told.iter_rows():
            log.add(
                "academic_value", file=what, record=str(entity or ""), field=field,
                value="" if value is None else value, reason=why,
            )  # fmt: skip
        is_bad |= found
    good = sums.filter(~is_bad)
    unknown = ~good["student_group"].is_in(list(rules.groups))
    for entity, group in good.filter(unknown).select("entity_id", "student_group").iter_rows():
        log.add("academic_group", file=what, record=entity, value=group, reason=rules.dashboard)
    return _once(good.filter(~unknown), what, log)


def _faults(rules: AcademicRules) -> list[tuple[str, pl.Expr, str]]:
    """What makes a row useless: the column, the condition, and the words."""
    entity = pl.col("entity_id").fill_null("")
    is_short = entity.str.contains(r"^\d{13}$")
    faults = [
        ("entity_id", is_short, "a CDS code has 14 digits: a leading zero seems to be lost"),
        ("entity_id", ~entity.str.contains(r"^\d{14}$"), "a CDS code has 14 digits"),
        ("entity_type", ~_in("entity_type", _TYPES), "the type is S, D or X"),
        ("subject", ~_in("subject", _SUBJECTS), "the subject is ELA or Math"),
        ("student_group", pl.col("student_group").is_null(), "there is no student group"),
        ("scores", pl.col("scores").is_null(), "it isn't known how many students count"),
        ("distance_sum", pl.col("distance_sum").is_null() & (pl.col("scores") > 0),
         "it isn't known what the distances add up to"),
        *((name, pl.col(name) < 0, "a count can't be less than zero") for name in _COUNTS),
        ("tested", pl.col("tested") > pl.col("enrolled"), "more were tested than were enrolled"),
        ("caa_scores", pl.col("caa_scores") > pl.col("scores"),
         "more alternate assessments than students"),
        ("color_scores", pl.col("color_scores") > pl.col("scores"),
         "more students count for the color than for the average"),
    ]  # fmt: skip
    for subject in _SUBJECTS:
        low, high = _limits(rules, subject)
        total, most = pl.col("distance_sum"), pl.col("scores") * POINT
        has_alternate = pl.col("caa_scores").fill_null(0) > 0  # of whom no range is known
        beyond = ((total < most * low) | (total > most * high)) & ~has_alternate
        faults.append(
            ("distance_sum", (pl.col("subject") == subject) & beyond,
             f"the mean distance is out of range: it lies from {low} to {high}")
        )  # fmt: skip
    return faults


def _in(name: str, known: list[str]) -> pl.Expr:
    return pl.col(name).is_in(known).fill_null(value=False)


def _limits(rules: AcademicRules, subject: str) -> tuple[int, int]:
    """The least and the greatest distance that any test of the Dashboard's grades can give."""
    measured = load().at(rules.school_year)
    ends = [
        (bounds.lowest_scale_score - met, bounds.highest_scale_score - met)
        for (_, of, grade), bounds in measured.bounds.items()
        if of == Subject(subject) and grade in rules.grades
        for met in [measured.cuts[of, grade].scale[1]]
    ]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _once(sums: pl.DataFrame, what: str, log: FindingLog) -> pl.DataFrame:
    """Each row once; of rows with one key and other contents none, since none can be chosen."""
    if not _is_twice(sums).any():
        return sums
    kept = sums.unique(maintain_order=True)
    twice = _is_twice(kept)
    keys = ("entity_id", "subject", "student_group")
    for entity, subject, group in kept.filter(twice).select(keys).unique().sort(keys).iter_rows():
        log.add("academic_sums_twice", file=what, record=entity, value=group, subject=subject)
    return kept.filter(~twice)


def _is_twice(sums: pl.DataFrame) -> pl.Series:
    return sums.select(pl.struct(KEYS).is_duplicated()).to_series()


def _tell_years(
    current: pl.DataFrame, prior: pl.DataFrame | None, rules: AcademicRules, log: FindingLog
) -> None:
    if not rules.has_change:
        return
    if prior is None or prior.is_empty():
        log.add("academic_prior_absent", reason=str(rules.school_year.ends - 1))
        return
    years, before = _ends(current), _ends(prior)
    if len(years) == len(before) == 1 and before != {year - 1 for year in years}:
        log.add("academic_years_apart", value=str(*before), reason=str(*years))


def _ends(sums: pl.DataFrame) -> set[int]:
    """The years in which the school years end, as far as they can be read."""
    texts = set(sums["school_year"].drop_nulls())
    return {int(text[:4]) + ("-" in text) for text in texts if text[:4].isdigit()}


def _tell_cuts(current: pl.DataFrame, log: FindingLog) -> None:
    unknown = current.filter(pl.col("high_school_cuts").is_null())["entity_id"].unique().sort()
    for entity in unknown:
        log.add("academic_cuts_assumed", record=entity)


_WHOLE = ("n", "prior_n", "enrolled", "tested", "prior_enrolled", "prior_tested", "status_level",
          "change_level", "color", "box")  # fmt: skip
_DECIMAL = ("status", "prior_status", "change")


def typed_figures(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures that were written, numbers as numbers whatever the file's form."""
    kinds = {**dict.fromkeys(_WHOLE, pl.Int64), **dict.fromkeys(_DECIMAL, pl.Float64)}
    there = {name: kind for name, kind in kinds.items() if name in figures.columns}
    return figures.with_columns(
        pl.col(name).cast(kind, strict=False) for name, kind in there.items()
    )
