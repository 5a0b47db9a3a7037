"""The Academic Indicator for people: computed, let out to an audience, written, explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scorehouse.accountability.academic.figure import Figure, decide, figure
from scorehouse.accountability.academic.printed import Printed
from scorehouse.accountability.academic.sums import KEYS, LEFT_OUT, STATE, Row, row_of, sums_of
from scorehouse.accountability.academic.table import indicator_table
from scorehouse.disclosure import Query, release
from scorehouse.errors import UsageError
from scorehouse.exports.academic_file import Cell, academic_lines
from scorehouse.exports.academic_layout import academic_layout
from scorehouse.intake.findings import FindingLog, replacing
from scorehouse.rulebook.dashboard import CHANGE_LEVELS, COLORS, STATUS_LEVELS, AcademicRules
from scorehouse.rulebook.small_groups import profile_named

MEASURE, ASSESSMENT_TYPE = "academic_indicator", "summative"
STAFF = "staff"
PROFILES = (STAFF, "dashboard")
"""Audiences of the indicator: staff, and what the state's own Dashboard shows."""

_DOOR = {"n": "n_scored", "enrolled": "n_enrolled", "tested": "n_tested"}
_ABOUT = ("entity_name", "parent_id", "district_name", "county_name")
_PLAIN_KEYS = {"test_grade": "", "assessment_type": ASSESSMENT_TYPE, "assessment_id": "",
               "measure": MEASURE, "report": "indicator"}  # fmt: skip


Points = NDArray[np.float64]


class Distances(Protocol):
    """Gives the distances of a row's students in points, and their standard errors if known."""

    def __call__(self, row: Row, *, is_current: bool) -> tuple[Points, Points | None]:
        """The students of this year, or of the prior one."""


@dataclass(frozen=True)
class IndicatorInput:
    """Sums of two years, the second None without a prior year, and what entities are called.

    `entities` has `entity_id` and any of `entity_name`, `parent_id`, `district_name`,
    `county_name`, `is_county_office`. `distances`: None where only sums are known.
    `not_released`: entities and subjects some of whose results others than staff may not see
    yet.
    """

    current: pl.DataFrame
    prior: pl.DataFrame | None
    entities: pl.DataFrame
    snapshot: int = 0
    distances: Distances | None = None
    notes: Sequence[str] = ()
    not_released: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Computed:
    """Figures of a run: every row as it left the exit door, for one audience."""

    dashboard: str
    profile: str
    figures: pl.DataFrame
    notes: Sequence[str] = field(default_factory=tuple)


def compute(given: IndicatorInput, rules: AcademicRules, profile: str = "staff") -> Computed:
    """Compute every row of every entity and group, and let it out to an audience.

    Raises UsageError for an audience that the indicator hasn't, and for unknown groups.
    """
    if profile not in PROFILES:
        raise UsageError(_not_offered(profile))
    table = indicator_table(given.current, given.prior, rules)
    notes = [*_notes(rules, given)]
    if profile != STAFF:
        whole = len(table)
        table = _released_alone(_as_published(table, rules), given.not_released)
        left_out = whole - len(table)
        if left_out:
            notes.append(f"Left out, with results not yet released: {left_out:,} rows.")
    named = _named(table, given.entities)
    return Computed(
        rules.dashboard, profile, _let_out(named, rules, profile, given.snapshot),
        tuple(notes),
    )  # fmt: skip


def _not_offered(profile: str) -> str:
    told = f"the indicator is for {' or '.join(PROFILES)}, not for {profile!r}"
    if profile == "public":
        told += (
            ": its students are nearly those of reports, and what the two tell together about the "
            "few in between isn't reckoned with; take dashboard for what the state prints"
        )
    return told


def _released_alone(table: pl.DataFrame, gone: frozenset[tuple[str, str]]) -> pl.DataFrame:
    """Without rows some of whose results aren't released yet; the state has all results."""
    if not gone:
        return table
    away = pl.DataFrame(sorted(gone), schema=["entity_id", "subject"], orient="row")
    is_whole = (pl.col("entity_type") != STATE) | ~pl.col("subject").is_in(away["subject"].unique())
    kept = table.filter(is_whole)
    return kept.join(away, on=["entity_id", "subject"], how="anti", maintain_order="left")


def _as_published(table: pl.DataFrame, rules: AcademicRules) -> pl.DataFrame:
    """Without what the state doesn't print: who was left out, and small groups of last year."""
    is_small = pl.col("prior_n") < rules.smallest_shown
    prior = [name for name in table.columns if name.startswith("prior_")]
    return table.with_columns(
        *(pl.lit(None, pl.Int64).alias(name) for name in table.columns
          if name.startswith("left_out_")),
        *(pl.when(~is_small).then(name).alias(name) for name in prior),
    )  # fmt: skip


def _named(table: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Add what entities are called; blank where it isn't known."""
    columns = [name for name in (*_ABOUT, "is_county_office") if name in entities.columns]
    known = entities.select("entity_id", *columns).unique("entity_id", keep="last")
    joined = table.join(known, on="entity_id", how="left", maintain_order="left")
    lacking = [pl.lit("").alias(name) for name in _ABOUT if name not in columns]
    return joined.with_columns(*lacking).with_columns(pl.col(*_ABOUT).fill_null(""))


def _let_out(
    table: pl.DataFrame, rules: AcademicRules, profile: str, snapshot: int
) -> pl.DataFrame:
    """Through the exit door, under the columns' names there, and back."""
    if table.is_empty():
        return table
    year = {"school_year": str(rules.school_year), **_PLAIN_KEYS}
    door = table.rename(_DOOR).with_columns(
        *(pl.lit(value).alias(name) for name, value in year.items())
    )
    passed = release(
        door.to_arrow(),
        (),
        profile=profile_named(profile),
        audience=profile,
        query=Query(MEASURE),
        snapshot=snapshot,
    )
    back = pl.from_arrow(passed.figures)
    assert isinstance(back, pl.DataFrame)
    unused = [name for name in ("percent_met_coded", *_PLAIN_KEYS) if name in back.columns]
    return back.drop(unused).rename({theirs: ours for ours, theirs in _DOOR.items()})


def _notes(rules: AcademicRules, given: IndicatorInput) -> Iterator[str]:
    if given.prior is None and rules.has_change:
        yield "There is no prior year: nothing has a Change or a color."
    yield from given.notes
    yield from uncertain_notes(rules, given.current["subject"].unique().sort())


def uncertain_notes(rules: AcademicRules, subjects: Iterable[str]) -> Iterator[str]:
    """What of the settings, cuts and cells that hold for some subjects isn't certain."""
    asked = set(subjects)
    said = [
        *rules.said.values(),
        *(cuts.said for (subject, _), cuts in rules.status_cuts.items() if subject in asked),
        *(cuts.said for subject, cuts in rules.change_cuts.items() if subject in asked),
        *([rules.colors_said] if rules.colors_said else []),
    ]
    notes = (f"Uncertain {one.rule}: {one.note}" for one in said if one.is_uncertain)
    yield from dict.fromkeys(notes)


# --- one row ---


def figure_of(
    given: IndicatorInput, rules: AcademicRules, entity_id: str, subject: str, student_group: str
) -> Figure:
    """The figure of one row with all its reasons.

    Raises UsageError when the input has no such row.
    """
    found = _one(given.current, entity_id, subject, student_group)
    if found is None:
        raise UsageError(
            f"there is no row of {entity_id}, {subject}, {student_group}; "
            f"entities in the input begin with {_some(given.current, 'entity_id')}"
        )
    before = None
    if given.prior is not None:
        before = _one(given.prior, entity_id, subject, student_group)
    prior = None if before is None else sums_of(before)
    return figure(row_of(found), sums_of(found), prior, rules)


def _one(
    sums: pl.DataFrame, entity_id: str, subject: str, student_group: str
) -> Mapping[str, Any] | None:
    wanted = (
        (pl.col("entity_id") == entity_id)
        & (pl.col("subject") == subject)
        & (pl.col("student_group") == student_group)
    )
    rows = sums.filter(wanted).to_dicts()
    return rows[0] if rows else None


def _some(sums: pl.DataFrame, column: str) -> str:
    return ", ".join(sums[column].unique().sort().head(3))


# --- printed values ---


def compute_printed(rows: Sequence[Printed], rules: AcademicRules, log: FindingLog) -> pl.DataFrame:
    """Levels and colors from printed Status and Change only, under one Dashboard's rules.

    Rows of any year do; one of a group that the Dashboard doesn't have is a finding.
    """
    made = []
    for number, printed in enumerate(rows, start=1):
        if printed.row.student_group not in rules.groups:
            log.add(
                "academic_group", row=number, value=printed.row.student_group,
                reason=rules.dashboard,
            )  # fmt: skip
            continue
        decision = decide(printed.row, printed.evidence, rules)
        made.append(
            {
                "dashboard": rules.dashboard,
                "printed_on": printed.dashboard,
                **{name: getattr(printed.row, name) for name in KEYS},
                "n": printed.counts.get("n"),
                "prior_n": printed.counts.get("prior_n"),
                "status": _number(decision.status),
                "change": _number(decision.change),
                "is_change_recomputed": printed.recomputed_change,
                "status_level": decision.status_level,
                "change_level": decision.change_level,
                "color": decision.color,
                "box": decision.box,
                "why_no_color": decision.why_not.get("color", ""),
                "why_no_change": decision.why_not.get("change", ""),
            }
        )
    return pl.DataFrame(made, schema=_PRINTED)


_PRINTED = {
    "dashboard": pl.String, "printed_on": pl.String, **dict.fromkeys(KEYS, pl.String),
    "n": pl.Int64, "prior_n": pl.Int64, "status": pl.Float64, "change": pl.Float64,
    "is_change_recomputed": pl.Boolean, "status_level": pl.Int64, "change_level": pl.Int64,
    "color": pl.Int64, "box": pl.Int64, "why_no_color": pl.String, "why_no_change": pl.String,
}  # fmt: skip


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


# --- words and the state's file ---


def with_words(figures: pl.DataFrame) -> pl.DataFrame:
    """Add the words of levels and colors beside their codes."""
    words = {"status_level": STATUS_LEVELS, "change_level": CHANGE_LEVELS, "color": COLORS}
    return figures.with_columns(
        pl.col(name)
        .cast(pl.Int64)
        .replace_strict(dict(enumerate(listed)), default=None, return_dtype=pl.String)
        .alias(f"{name}_name")
        for name, listed in words.items()
    )


_FROM_FIGURES: Mapping[str, str] = {
    "cds": "entity_id", "entity_type": "entity_type", "student_group": "student_group",
    "n": "n", "status": "status", "prior_n": "prior_n", "prior_status": "prior_status",
    "change": "change", "status_level": "status_level", "change_level": "change_level",
    "color": "color", "box": "box", "enrolled": "enrolled", "tested": "tested",
    "participation": "participation", "loss_count": "loss_count", "n_without_loss": "n_without",
    "status_without_loss": "status_without", "adjustment": "adjustment",
    "prior_enrolled": "prior_enrolled", "prior_tested": "prior_tested",
    "prior_participation": "prior_participation", "prior_loss_count": "prior_loss_count",
    "prior_n_without_loss": "prior_n_without", "prior_status_without_loss": "prior_status_without",
    "prior_adjustment": "prior_adjustment",
}  # fmt: skip
_POINTS = ("status", "change", "adjustment")
_FLAGS = {"charter": "is_charter", "dass": "is_dass", "high_school_cuts": "high_school_cuts",
          "county_office": "is_county_office", "is_n_enough": "is_n_enough",
          "is_prior_n_enough": "is_prior_n_enough"}  # fmt: skip


def write_state_files(computed: Computed, folder: Path) -> list[Path]:
    """Write the figures in the state's own layout, a file each subject.

    Raises UsageError for a Dashboard whose files' form isn't known.
    """
    layout = academic_layout(computed.dashboard)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for subject in computed.figures["subject"].unique().sort():
        path = folder / layout.file_name(subject, computed.dashboard)
        rows = computed.figures.filter(pl.col("subject") == subject)
        with replacing(path) as stream:
            cells = (_state_cells(row, computed.dashboard) for row in rows.iter_rows(named=True))
            for line in academic_lines(cells, layout):
                stream.write(line)
        written.append(path)
    return written


def _state_cells(row: Mapping[str, Any], dashboard: str) -> dict[str, Cell]:
    cells = {what: _cell(what, row.get(name)) for what, name in _FROM_FIGURES.items()}
    cells |= {what: "Y" if row.get(name) else "" for what, name in _FLAGS.items()}
    enough = row.get("is_n_enough") and row.get("is_prior_n_enough")
    cells |= {
        "is_accountable": "Y" if enough else "",
        "school_name": row["entity_name"] if row["entity_type"] == "S" else "",
        "district_name": row.get("district_name")
        or (row["entity_name"] if row["entity_type"] == "D" else ""),
        "county_name": row.get("county_name"),
        "indicator": row["subject"].upper(),
        "reporting_year": dashboard[:4],
    }
    return {what: 0 if cell is None and what in _CODES else cell for what, cell in cells.items()}


_CODES = ("status_level", "change_level", "color", "box")


def _cell(what: str, value: Any) -> Cell:
    """Points as exact numbers, everything else as it is."""
    if value is None or not any(name in what for name in _POINTS) or what in _CODES:
        return None if value is None else value
    return Fraction(str(value)) if isinstance(value, float) else value


MEANINGS: Mapping[str, str] = {
    "dashboard": "The Dashboard whose rules hold.",
    "printed_on": "The Dashboard that printed the values.",
    "entity_id": "School or district, 14 digits.",
    "entity_type": "S school, D district, X state.",
    "entity_name": "Name.", "parent_id": "The entity it belongs to.",
    "district_name": "Name of the district.", "county_name": "Name of the county.",
    "is_charter": "Whether it is a charter school.",
    "is_dass": "Whether it is an alternative school.",
    "is_county_office": "Whether it is a county office.",
    "high_school_cuts": "Whether the Status cuts of high schools hold.",
    "student_group": "Student group, by the Dashboard's code.", "subject": "ELA or Math.",
    "n": "Students, records that participation added among them.",
    "status": "Mean distance from standard, to a tenth of a point.",
    "change": "Status less the prior Status, before rounding, to a tenth.",
    "status_level": "1 Very Low to 5 Very High; 0 none.",
    "change_level": "1 Declined Significantly to 5 Increased Significantly; 0 none.",
    "color": "1 Red to 5 Blue; 0 none.", "box": "Cell of the grid, 10 to 250; 0 none.",
    "status_level_name": "The same in words.", "change_level_name": "The same in words.",
    "color_name": "The same in words.",
    "why_no_color": "Why there is no color.", "why_no_change": "Why there is no Change.",
    "enrolled": "Students enrolled, for participation.", "tested": "Of these, tested.",
    "participation": "Tested of enrolled, whole percent.",
    "loss_count": "Lowest scores that participation added.",
    "adjustment": "Points that participation took.",
    "n_without": "Students with a distance.",
    "status_without": "Mean distance before participation.",
    "is_n_enough": "Whether there are the students of a color.",
    "is_prior_n_enough": "Whether there were in the prior year.",
    "is_change_recomputed": "Whether Change was taken from printed Statuses.",
    "hidden": "What is hidden, and why.",
    "marked": "Whether the public wouldn't see the row.",
    **{f"left_out_{name}": f"Students left out: {name.replace('_', ' ')}." for name in LEFT_OUT},
}  # fmt: skip
"""What each column of the figures means; columns of the prior year begin with `prior_`."""
