"""Write query-files.md from the query's own fields: python docs/reference/query_files_page.py."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from scorehouse.reports import query
from scorehouse.reports.query import ReportQuery, query_toml
from scorehouse.rulebook.counting import dimensions

PAGE = Path(__file__).parent / "query-files.md"
HEAD = """\
# Query files

A query file holds everything that decides a report: `scorehouse report … --save FILE` writes one,
`--query FILE` reads it, as TOML or JSON by its suffix. It begins with its version; a key or a
value that isn't known is refused. This page is made from the query itself
(`python docs/reference/query_files_page.py`).
"""
MEANINGS = {
    "report": "Which report.",
    "name": "A name for people, and for the ledger of releases.",
    "entities": "Ids of the state, districts or schools; empty: the state. Several stand side by "
    "side, compared with the first.",
    "compare": "What each entity belongs to, too.",
    "children": "What belongs to each entity, too.",
    "school_years": "School years; empty: all.",
    "subjects": "Subjects; empty: all.",
    "grades": "Grades of the test; empty: all.",
    "assessment_types": "Types of test.",
    "assessments": "Single tests, by id; empty: all.",
    "student_groups": "Codes of groups; a crossing is joined by `&`.",
    "by": "Dimensions whose groups are all taken; several are crossed.",
    "filters": "Dimension or result field, and the values let through.",
    "steps": "Year and grade pairs of a longitudinal report.",
    "follow": "The same students, whoever was in each grade, or both.",
    "counted_at": "The entity a result counts for.",
    "demographics": "Groups as locked at testing, or as known now.",
    "scores": "Scores as delivered, as scored here, or whichever there is, delivered first.",
    "program": "Whose cuts and parts.",
    "percentiles": "Whether percentiles are computed.",
    "pooled": "Whether there is a row of all grades together.",
    "nonpublic_schools": "Whether nonpublic schools have rows of their own.",
    "availability": "The least that results must be to count; empty: `released`, for staff "
    "everything.",
    "as_of": "An import's number, or a day: what was known then; empty: now.",
}
ALLOWED = {
    "report": query.KINDS,
    "compare": ("district", query.STATE),
    "children": query.CHILDREN,
    "by": tuple(dimensions()),
    "filters": (*dimensions(), *query.RESULT_FIELDS),
    "follow": query.FOLLOW,
    "counted_at": query.COUNTED_AT,
    "demographics": query.DEMOGRAPHICS,
    "scores": query.SCORES,
    "program": query.PROGRAMS,
    "availability": query.AVAILABILITY,
}
EXAMPLE = ReportQuery(
    "aggregate",
    name="English learners of two schools",
    entities=("99900010000001", "99900010000002"),
    compare=("district",),
    school_years=("2017-18", "2018-19"),
    subjects=("ELA",),
    student_groups=("ALL", "EL", "EL&SED"),
    filters={"completeness": ("Complete",)},
)


def usual(name: str) -> str:
    """The value of a key that isn't written, as TOML."""
    value = getattr(ReportQuery("aggregate"), name)
    if isinstance(value, dict):
        return "empty"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"') if value else "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if value else "empty"


def render() -> str:
    """The whole page."""
    lines = [
        HEAD,
        "| key | what it decides | known values | as usual |",
        "| --- | --- | --- | --- |",
    ]
    for one in fields(ReportQuery):
        known = ", ".join(f"`{value}`" for value in ALLOWED.get(one.name, ()) if value)
        told = "always written" if one.name == "report" else usual(one.name)
        lines.append(f"| `{one.name}` | {MEANINGS[one.name]} | {known} | {told} |")
    lines += ["", "For example:", "", "```toml", query_toml(EXAMPLE).rstrip(), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
