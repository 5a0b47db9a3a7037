"""What a case of the incumbent states of its rows, and where rows miss it."""

from __future__ import annotations

from collections.abc import Iterator

from published.rdw_aggregates import Row

# --- what a case states ---


def misses(case: Row, rows: list[Row]) -> list[str]:
    """What of a case's statements doesn't hold."""
    return [*_row_misses(case, rows), *_total_misses(case, rows), *_derived_misses(case, rows)]


def _same(row: Row, expected: Row) -> bool:
    """Whether a row has what is expected; of an inner row (a cohort) only what is told."""
    return all(
        _same(row[name], value) if isinstance(value, dict) and name in row
        else row.get(name) == value
        for name, value in expected.items()
    )  # fmt: skip


def _row_misses(case: Row, rows: list[Row]) -> Iterator[str]:
    mode = case["expected_mode"]
    for expected in case["expected"]:
        if mode == "every_matching_row":
            by = next((key for key in ("dimension_value", "org_id") if key in expected), "")
            own = [row for row in rows if not by or row[by] == expected[by]]
            if not own or not all(_same(row, expected) for row in own):
                yield f"not every row of {expected}"
        elif sum(_same(row, expected) for row in rows) != 1:
            yield f"not once: {expected}"
    if mode == "exact" and len(rows) != len(case["expected"]):
        yield f"{len(rows)} rows"


def _total_misses(case: Row, rows: list[Row]) -> Iterator[str]:
    totals = case.get("expected_totals") or {}
    if "row_count" in totals and totals["row_count"] != len(rows):
        yield f"{len(rows)} rows rather than {totals['row_count']}"
    for one in totals.get("sums_of_n", ()):
        found = sum(row["n"] for row in rows if _same(row, one["where"]))
        if found != one["n"]:
            yield f"n {found} rather than {one['n']} where {one['where']}"
    for one in totals.get("row_counts_where", ()):
        found = sum(_fits(row, one["where"]) for row in rows)
        if found != one["rows"]:
            yield f"{found} rows rather than {one['rows']} where {one['where']}"
    if totals.get("has_results") and not any(row["n"] for row in rows):
        yield "no results"
    if told := totals.get("distinct_assessments"):
        own = [row for row in rows if row["n"] or told["among"] == "all rows"]
        names = ("assessment_id", "school_year")
        if {tuple(r[n] for n in names) for r in own} != {
            tuple(a[n] for n in names) for a in told["assessments"]
        }:
            yield "other assessments"


def _fits(row: Row, where: Row) -> bool:
    plain = {k: v for k, v in where.items() if k not in ("n_greater_than", "mean_present")}
    more = row["n"] > where.get("n_greater_than", -1)
    has_mean = where.get("mean_present", row["mean"] is not None) == (row["mean"] is not None)
    return _same(row, plain) and more and has_mean


def _derived_misses(case: Row, rows: list[Row]) -> Iterator[str]:
    """Every row with data, as it was computed anew from the rules that the cases state."""
    for told in _derived(case):
        if not _times(told, rows) and not _is_of_one_student(told, rows):
            yield f"not computed: {told}"


def of_one_student(case: Row, rows: list[Row]) -> int:
    """How many rows say where a single student stands on a target."""
    return sum(not _times(told, rows) and _is_of_one_student(told, rows) for told in _derived(case))


def _derived(case: Row) -> Iterator[Row]:
    for row in case.get("derived_rows") or ():
        if not row.get("backfilled"):
            yield row


def _times(told: Row, rows: list[Row]) -> bool:
    return sum(_same(row, told) for row in rows) == 1


def _is_of_one_student(told: Row, rows: list[Row]) -> bool:
    """Whether all but the standing is as told, and one student has residuals."""
    rest = {name: value for name, value in told.items() if not name.endswith("_level")}
    own = [row for row in rows if _same(row, rest)]
    return [row.get("students") for row in own] == [1]
