"""Write scores-table.md: python docs/reference/scores_page.py."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from scorehouse.scoring.fit import ITEM_FIT
from scorehouse.shapes import SCORES

PAGE = Path(__file__).parent / "scores-table.md"


class Column(NamedTuple):
    """What a column holds, in which unit, and when it is empty."""

    meaning: str
    unit: str = ""
    empty: str = "never"


NOT_SCORED = "not scored, or `lowest_score`"
NO_THETA = "not scored, `lowest_score`, or a target or trait"
WHOLE = "anything but `overall`"
COLUMNS = {
    "opportunity_id": Column("The sitting, as the delivery system names it."),
    "student_id": Column("The student, as the input says.", empty="the input doesn't say"),
    "assessment_id": Column("The test, as the package names it."),
    "school_year": Column("The year whose rules were used (`--year`), as `2018-19`."),
    "subject": Column("`ELA` or `Math`.", empty="no package knows the assessment"),
    "test_grade": Column("Grade of the test, two characters.", empty="as `subject`"),
    "measure": Column("What is measured; see below."),
    "theta": Column(
        "As computed by the policy in force for perfect and zero patterns, before any bound.",
        "logits",
        NO_THETA,
    ),
    "se_theta": Column(
        "Standard error of theta, from the answered items; never above the year's ceiling.",
        "logits",
        NO_THETA,
    ),
    "theta_reported": Column(
        "Theta within LOT and HOT, if the policy bounds it.", "logits", NO_THETA
    ),
    "scale_score_unrounded": Column("Slope × theta + intercept.", "scale score", NO_THETA),
    "scale_score": Column(
        "Rounded half away from zero, within LOSS and HOSS if the policy bounds it.",
        "scale score, whole",
        "not scored, a target or a trait",
    ),
    "se_scale": Column("Slope × `se_theta`.", "scale score", NO_THETA),
    "achievement_level": Column("1 to 4.", empty="an IAB, not scored, or " + WHOLE),
    "claim_rating": Column(
        "1 Below, 2 Near, 3 Above Standard.",
        empty="`overall` of a summative test or ICA, aggregate-only parts, not scored",
    ),
    "item_count": Column(
        "Items that entered, unanswered ones too; simulated ones don't count.",
        "items",
        f"{NOT_SCORED}, or a trait",
    ),
    "raw_score": Column("Points on those items.", "points", NOT_SCORED),
    "raw_score_max": Column("The most there were.", "points", NOT_SCORED),
    "score_status": Column("See below."),
    "reason": Column("Why it isn't plainly scored; see below.", empty="there is nothing to say"),
    "rulebook_digest": Column("SHA-256 of the rulebook: which rules made this score."),
    "policy": Column("How extremes and the ends of the scale were treated."),
    "target_residual_to_student": Column(
        "Mean of score less expected score at the student's own theta.",
        "points an item",
        "anything but a target",
    ),
    "target_residual_to_standard": Column(
        "Mean of score less expected score at the Standard Met cut.",
        "points an item",
        "anything but a target",
    ),
    "accuracy": Column(
        "Probability that the level is the true one.", "0 to 1", "no level, or " + WHOLE
    ),
    "consistency": Column(
        "Probability of the same level on a parallel sitting.", "0 to 1", "no level, or " + WHOLE
    ),
}

MEASURES = {
    "overall": "The whole test; each sitting has exactly one such row.",
    "claim:<code>": "A reported claim; codes in [the scoring rules](../rules/scoring-rules.md).",
    "composite:<code>": "A part pooled over claims, in the years that have one.",
    "target:<id>": "An assessment target: its residuals, of complete summative tests.",
    "trait:<name>": "One trait of a full write, as raw points.",
}

STATUSES = {
    "scored": "There is a score.",
    "lowest_score": "LOSS was assigned, without an estimate: too little was answered.",
    "not_scored": "There is none; `reason` says why.",
}

REASONS = {
    "nothing_answered": ("not scored", "No operational item was answered."),
    "attemptedness_N": ("not scored", "A log-on to CAT or PT is missing: not a participant."),
    "attemptedness_P": ("not scored", "Took part, and answered too little to be scored."),
    "below_threshold": ("lowest score", "Answered fewer items than the program's minimum."),
    "no_lowest_score": ("not scored", "LOSS is due, and the policy's bounds have none."),
    "cat_incomplete": (
        "scored; its claims not",
        "Fewer CAT items than the blueprint's minimum; average items with 0 points stand for "
        "those never presented.",
    ),
    "minimum_cat_unknown": (
        "not scored",
        "Delivered as partial, and nobody says how many CAT items a complete test has.",
    ),
    "test_not_scored_item": (
        "not scored",
        "An operational response can't be scored; the findings say which and why.",
    ),
    "assessment_unknown": ("not scored", "No package given holds the assessment."),
    "grade_without_cuts": ("not scored", "The year has no cuts for the subject and grade."),
    "suspended": ("not scored", "Testing was suspended in that year."),
    "status_reset": ("not scored", "The sitting was reset; its report is to be deleted."),
    "status_pending": ("not scored", "Not all parts of the result are in yet."),
    "left_out_on_request": (
        "scored",
        "Items were left out because `--leave-out` said so; the score is without them.",
    ),
    "aggregate_only": ("scored", "For groups only; not to be reported for one student."),
    "no_items": ("not scored", "A part of which this student had no item."),
    "not_answered": ("not scored", "A trait of a full write that was not answered."),
    "B, I, L, T, M": ("scored", "A trait's condition code; its points are what the code leaves."),
}

FIT = {
    "assessment_id": "The test.",
    "item_id": "The item.",
    "dimension": "Blank, or `C` or `D` of a full write.",
    "responses": "Answered responses of scored tests.",
    "observed_mean": "Mean points they got.",
    "expected_mean": "Mean points the model expects at each student's own theta.",
    "z": "The difference over its standard error; far from 0 is odd.",
    "infit": "Mean square of residuals, weighted by information; 1 is as the model says.",
    "outfit": "Mean square of standardized residuals; outliers pull it up.",
}

HEAD = """\
# The scores table

What `scorehouse score` writes, as Parquet or CSV: one row a measure. The columns and their
order are a promise. This page is made by `python docs/reference/scores_page.py`.

Rows of a test stand together: `overall` first, then parts, targets, traits; tests stand in the
order of the input. The same input gives the same bytes, with any number of threads. In CSV an
empty cell is "nothing there", and a text that begins like a spreadsheet's formula has an
apostrophe before it. The file names students: keep it where student data may be kept.
"""


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """Render rows under a header given as "one | two"."""
    lines = [header, " | ".join(["---"] * (header.count("|") + 1))]
    lines += [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def kind(type_: pa.DataType) -> str:
    """A column's type in a word."""
    if pa.types.is_string(type_):
        return "text"
    return "whole number" if pa.types.is_integer(type_) else "number"


def render() -> str:
    """The whole page; KeyError when a column is not described."""
    described = [(field.name, kind(field.type), COLUMNS[field.name]) for field in SCORES]
    rows = [
        (f"`{name}`", type_, column.meaning, column.unit, column.empty)
        for name, type_, column in described
    ]
    fit = [(f"`{field.name}`", kind(field.type), FIT[field.name]) for field in ITEM_FIT]
    return "\n".join(
        [
            HEAD,
            table("column | type | what it holds | unit | empty when", rows),
            "## Measures\n",
            table("`measure` | what it is", ((f"`{m}`", words) for m, words in MEASURES.items())),
            "## Status\n",
            table("`score_status` | means", ((f"`{s}`", words) for s, words in STATUSES.items())),
            "## Reasons\n",
            "Several reasons are parted by `; `.\n",
            table(
                "`reason` | so it is | why",
                (
                    (", ".join(f"`{r}`" for r in name.split(", ")), so, why)
                    for name, (so, why) in REASONS.items()
                ),
            ),
            "## Beside it\n",
            "`OUT.findings.csv` holds the [findings](findings.md). `OUT.run.json` is the record of "
            "the run that\n`scorehouse explain` reads: inputs, packages, year, program, policy "
            "and the rulebook's digest.\n",
            "## Item fit\n",
            "With `--item-fit FILE`, one row a scored item (or dimension of a full write):\n",
            table("column | type | what it holds", fit),
        ]
    )


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
