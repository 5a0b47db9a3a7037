"""Figures of an invented district, released, for pages; and the stories of invented schools."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from statistics import NormalDist

from chart_samples import CUTS, GRID, rating, ratings
from scorehouse.disclosure import Query, Released, release
from scorehouse.documents.indicator_page import (
    DistrictStory,
    EntityStory,
    IndicatorAbout,
    Margin,
    PlaneStory,
    SubjectStory,
)
from scorehouse.documents.report_page import ReportAbout
from scorehouse.reports.charts import Amount, ColorCount, IndicatorRow
from scorehouse.reports.figure_shape import figure_table
from scorehouse.reports.statistics import se_percent, whole_percents
from scorehouse.rulebook.small_groups import profile_named

MADE_AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
STATE, DISTRICT = "00000000000000", "99640000000000"
SCHOOLS = {
    "99640010000001": ("Alder Creek Elementary", 240),
    "99640010000002": ("Lakeside Academy of the Arts & Sciences", 180),
    "99640010000003": ("Tiny <Hill>", 14),
}
GROUPS = {
    "ALL": (1.0, 0),
    "F": (0.49, 8),
    "M": (0.51, -8),
    "HI": (0.5, -14),
    "AS": (0.12, 40),
    "EL": (0.18, -62),
    "SWD": (0.12, -80),
}
YEARS = ("2016-17", "2017-18", "2018-19")
TARGETS = ("Central ideas", "Word meanings", "Reasoning and evaluation, given evidence", "Language")

Row = dict[str, object]


def _entities() -> Iterator[tuple[Row, int]]:
    yield _entity(STATE, "state", "State", ""), 400_000
    yield _entity(DISTRICT, "district", "Cedar Grove Unified", STATE), 434
    for school, (name, size) in SCHOOLS.items():
        yield _entity(school, "school", name, DISTRICT), size


def _entity(entity_id: str, kind: str, name: str, parent: str) -> Row:
    return {
        "entity_id": entity_id,
        "entity_type": kind,
        "entity_name": name,
        "parent_id": parent,
        "assessment_type": "summative",
    }


def _levels(n: int, mean: float) -> list[int]:
    spread = NormalDist(mean, 85)
    edges = [0.0, *(spread.cdf(cut) for cut in (-60, 0, 70)), 1.0]
    counts = [round(n * (b - a)) for a, b in pairwise(edges)]
    counts[0] += n - sum(counts)
    return counts


def _figures(n: int, mean: float) -> Row:
    counts = _levels(n, mean)
    met = sum(counts[2:])
    return {
        "n_enrolled": n + n // 20,
        "n_tested": n,
        "n_scored": n,
        "level_counts": counts,
        "percent_levels": whole_percents(counts),
        "percent_met": 100 * met / n,
        "se_percent_met": se_percent(met, n),
        "distance_from_standard": mean,
        "se_distance": 85 / n**0.5,
        "participation": 100 * n / (n + n // 20),
    }


def overall() -> Iterator[Row]:
    for about, size in _entities():
        for subject, shift in (("ELA", 2), ("Math", -9)):
            for step, year in enumerate(YEARS):
                for grade in ("", "03", "04"):
                    for group, (share, gap) in GROUPS.items():
                        if group != "ALL" and (grade or year != YEARS[-1]):
                            continue
                        n = max(3, int(size * share * (2 if not grade else 1)))
                        row = {**about, **_figures(n, shift + gap + 3 * step), "report": "overall"}
                        row |= {"school_year": year, "subject": subject, "test_grade": grade}
                        row |= {"measure": "overall", "student_group": group}
                        row["missing"] = [{"reason": "exempt", "students": 2}]
                        if grade:
                            row |= {"mean_scale_score": 2440.25 + gap, "se_mean": 85 / n**0.5}
                        yield row


def _part(report: str, measure: str, group: str, n: int, **more: object) -> Row:
    about = _entity(DISTRICT, "district", "Cedar Grove Unified", STATE)
    counts = {"n_enrolled": n, "n_tested": n, "n_scored": n}
    keys = {"school_year": YEARS[-1], "subject": "ELA", "test_grade": "05"}
    return {
        **about, **keys, **counts, "report": report, "measure": measure,
        "student_group": group, **more,
    }  # fmt: skip


def claims() -> Iterator[Row]:
    for group, n in (("ALL", 434), ("EL", 78), ("SWD", 20)):
        for measure in ("claim:SOCK_R", "claim:2-W"):
            counts = [n // 4, n // 2, n - n // 4 - n // 2]
            shares = whole_percents(counts)
            yield _part("claims", measure, group, n, level_counts=counts, percent_levels=shares)


def targets() -> Iterator[Row]:
    for number, name in enumerate(TARGETS):
        test = ("better", "similar", "worse", "insufficient")[number]
        standard = ("above", "near", "below", "excluded")[number]
        told = {"relative_to_test": test, "relative_to_standard": standard}
        yield _part("targets", f"target:{number + 1}. {name}", "ALL", 434, **told)
        yield _part("targets", f"target:{number + 1}. {name}", "SWD", 20, **told)


def longitudinal() -> Iterator[Row]:
    for population, n in (("cohort:2016-17-2018-19", 180), ("", 230)):
        for step, year in enumerate(YEARS):
            told: Row = _figures(n, -8 + 5 * step + (3 if population else 0))
            told |= {"school_year": year, "test_grade": f"0{3 + step}", "population": population}
            told["missing"] = [{"reason": "moved", "students": 12}]
            if population and step:
                told |= {"change": 5.0 * step, "se_change": 2.0}
            yield {**_part("longitudinal", "overall", "ALL", n), **told}


def items() -> Iterator[Row]:
    for number in range(1, 5):
        counts = [30, 20, 50 + number] if number % 2 else [40, 60]
        told: Row = {"percent_levels": whole_percents(counts), "level_counts": counts}
        told |= {"difficulty": 0.4 + number / 20, "mean_points": 1.25, "assessment_type": "IAB"}
        told["assessment_id"] = "Reading block"
        if number == 2:
            told["answers"] = [{"answer": "A", "students": 40}, {"answer": None, "students": 60}]
        yield _part("items", f"item:200-{900 + number}", "ALL", sum(counts), **told)


def _rows(reports: str) -> list[Row]:
    makers = {
        "overall": overall, "claims": claims, "targets": targets, "longitudinal": longitudinal,
        "items": items,
    }  # fmt: skip
    return [row for name, make in makers.items() if reports in ("", name) for row in make()]


def all_small(reports: str) -> Released:
    """What the public sees where every group is too small."""
    few = {"n_enrolled": 4, "n_tested": 4, "n_scored": 4}
    rows = [row | few for row in _rows(reports) if row["entity_type"] != "state"]
    for row in rows:
        if levels := row.get("level_counts"):
            row["level_counts"] = [4, *(0 for _ in levels[1:])]
    return released_rows(rows, "public")


def released(profile: str = "public", reports: str = "") -> Released:
    """What an audience sees of the invented figures."""
    return released_rows(_rows(reports), profile)


def released_rows(rows: list[Row], profile: str) -> Released:
    """What an audience sees of some rows."""
    table = figure_table(rows)
    query = Query("pages")
    return release(
        table, (), profile=profile_named(profile), audience=profile, query=query, snapshot=7
    )


ABOUT = ReportAbout(MADE_AT, asked=(("School years", "2016-17 to 2018-19"),), notes=("A note.",))


# --- the indicator ---


def school_story() -> EntityStory:
    row = rating("Alder Creek Elementary", 12.7, 4.0, 312)
    groups = [
        rating("English Learners", -32.1, 5.2, 140),
        rating("Students with Disabilities", -82.0, -16.0, 41),
        rating("Asian", 70.1, 4.0, 12),
        IndicatorRow("Foster Youth", Amount(why="fewer than 11 students")),
    ]
    ela = SubjectStory(
        "ELA",
        row,
        groups,
        GRID,
        CUTS,
        reasons=(
            "312 students have a distance from standard; 18 were left out by rules.",
            "Their distances add to 3,962 points: 3,962 ÷ 312 is 12.69…, Status +12.7.",
            "Last year's Status, by the same rules, was +8.7. Change is +4.0, of unrounded values.",
            "Status +12.7 is High; Change +4.0 is Increased: together the Green cell.",
        ),
        counted=(("Enrolled", "330"), ("Not continuously enrolled", "9"), ("No score", "9")),
        margins=(
            Margin("Very High (Status)", "45.0", "+32.3"),
            Margin("Maintained (Change)", "below 3.0", "−1.1", "The color would stay Green."),
        ),
        what_if=("11.0 points more for each student, 3,432 in all, would make it Blue.",),
    )
    without = IndicatorRow(
        "Alder Creek Elementary",
        Amount(Decimal("-4.2")),
        Amount(why="no prior year"),
        "Medium",
        n=300,
        remark="There is no prior year.",
    )
    counts = (ColorCount("ELA", (("Red", 1), ("Yellow", 1)), 2),)
    maths = SubjectStory("Math", without, (), GRID, CUTS)
    return EntityStory("99640010000001", "Alder Creek Elementary", "School", (ela, maths), counts)


def district_story() -> DistrictStory:
    small = IndicatorRow("Tiny <Hill>", Amount(why="fewer than 11 students"))
    rows = [*ratings("usual"), *ratings("long"), small]
    planes = (PlaneStory("Schools under the cuts of grades 3 to 8", CUTS, rows),)
    return DistrictStory(DISTRICT, "Cedar Grove Unified", "Math", GRID, planes)


INDICATOR_ABOUT = IndicatorAbout(
    "2024",
    MADE_AT,
    "public",
    "rules of the 2024 Dashboard",
    notes=("Halves are rounded up; for negative numbers that is uncertain.",),
    definitions=(("Status", "The mean distance from standard."),),
)
