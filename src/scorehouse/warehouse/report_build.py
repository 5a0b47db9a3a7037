"""From the rows of marts to the table of figures, report by report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from scorehouse.reports import figures
from scorehouse.reports.figure_shape import OVERALL
from scorehouse.reports.query import COHORT, GRADES
from scorehouse.reports.statistics import percentiles
from scorehouse.reports.targets import is_reported
from scorehouse.rulebook.counting import counting
from scorehouse.warehouse.entity_tree import Tree
from scorehouse.warehouse.marts import SCORE_UNIT
from scorehouse.warehouse.report_rows import additive_keys, summed

Row = dict[str, Any]
Cuts = Mapping[tuple[str, str, str], int]  # (school year, subject, grade) -> Standard Met cut
_ENROLLED = ("n_enrolled", "n_expected", "n_expected_in", "n_enrolled_tested")


def with_distances(rows: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """Add the sums of distances from the Standard Met cut; null where no cut is known."""
    on = ["school_year", "subject", "test_grade"]
    schema = {**dict.fromkeys(on, pl.String), "cut": pl.Int64}
    listed = [(*key, cut * SCORE_UNIT) for key, cut in cuts.items()]
    n, total, cut = pl.col("n_scored"), pl.col("sum_score"), pl.col("cut")
    return (
        rows.join(pl.DataFrame(listed, schema=schema, orient="row"), on=on, how="left")
        .with_columns(
            sum_distance=total - n * cut,
            sum_distance_squared=pl.col("sum_score_squared") - 2 * cut * total + n * cut * cut,
        )
        .drop("cut")
    )


def with_pooled(rows: pl.DataFrame) -> pl.DataFrame:
    """Add a row of all grades together; distances are known if they are in every grade."""
    pooled = rows.filter(pl.col("assessment_id") == "").with_columns(test_grade=pl.lit(""))
    keys = additive_keys(pooled)
    values = [name for name in pooled.columns if name not in keys]
    is_whole = pl.col(values).null_count() == 0
    total = pooled.group_by(keys, maintain_order=True).agg(
        pl.when(is_whole).then(pl.col(values).sum())
    )
    return pl.concat([rows, total.select(rows.columns)])


def with_enrolled(rows: pl.DataFrame, enrolled: pl.DataFrame | None) -> pl.DataFrame:
    """Add what is known of enrollments; also of groups nobody of whom has a result."""
    if enrolled is None:
        return rows.with_columns(pl.lit(None, pl.Int64).alias(name) for name in _ENROLLED)
    keys = [name for name in additive_keys(enrolled) if name in rows.columns]
    found = rows.join(enrolled, on=keys, how="full", coalesce=True)
    counted = [name for name in rows.columns if name not in keys]
    is_new = pl.col("n_in").is_null()
    return found.with_columns(
        pl.when(is_new).then(0).otherwise(pl.col(name)).alias(name) for name in counted
    )


def overall_rows(
    rows: pl.DataFrame,
    report: str,
    tree: Tree,
    histograms: pl.DataFrame | None = None,
    closed: Mapping[str, bool] | None = None,
) -> Iterator[Row]:
    """The rows of figures of overall results, or of claims."""
    if "measure" not in rows.columns:
        rows = rows.with_columns(measure=pl.lit(OVERALL))
    listed = rows.to_dicts()
    seen = figures.levels_seen(listed)
    spread = _percentiles(histograms)
    for row in listed:
        row["percentiles"] = spread.get(_key(row))
        row["is_window_closed"] = (closed or {}).get(row["school_year"])
        found = figures.score_figures(row, figures.level_number(row, seen))
        yield {**about(row, report, tree), **found, "missing": missing(row)}


_KEY = (
    "entity_id", "school_year", "subject", "test_grade", "assessment_type", "assessment_id",
    "student_group",
)  # fmt: skip


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _percentiles(histograms: pl.DataFrame | None) -> dict[tuple[str, ...], list[float] | None]:
    if histograms is None:
        return {}
    ranks = counting().percentile_ranks
    by_key: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for row in histograms.to_dicts():
        by_key.setdefault(_key(row), []).append((row["score"], row["n"]))
    return {key: percentiles(histogram, ranks) for key, histogram in by_key.items()}


def missing(row: Row) -> list[dict[str, Any]] | None:
    """Why students have no score that counts, as far as it is known."""
    if "n_in" not in row:
        return None
    found = {
        "not_tested": row["n_in"] - row["n_exempt"] - row["n_tested"],
        "exempt": row["n_exempt"],
        "invalid": row["n_invalid"],
        "below_minimum": row["n_tested"] - row["n_invalid"] - row["n_scored"],
    }
    if row.get("n_expected") is not None:
        found["no_result"] = row["n_expected"] - row["n_expected_in"]
    return [{"reason": name, "students": number} for name, number in found.items() if number]


def about(row: Row, report: str, tree: Tree, population: str = "") -> Row:
    """The keys of a row of figures, and what says which entity it is."""
    entity = tree.get(row["entity_id"])
    keys = {name: row.get(name) or "" for name in (*_KEY, "measure")}
    return {
        **keys,
        "report": report,
        "entity_type": entity.entity_type,
        "entity_name": entity.entity_name,
        "parent_id": entity.parent_id,
        "population": population,
    }


# --- targets ---


def target_rows(
    rows: pl.DataFrame, pools: Mapping[tuple[str, str, str, str], int], tree: Tree
) -> list[Row]:
    """The rows of figures of targets; those of claims that aren't reported are left out.

    `pools` are the numbers of items of each target in a test's pool, where it is known; a target
    with too few is excluded.
    """
    rules = counting().target
    found = []
    for row in rows.to_dicts():
        if not is_reported(row["measure"], row["subject"], rules):
            continue
        target = row["measure"].removeprefix("target:")
        items = pools.get((row["school_year"], row["subject"], row["test_grade"], target))
        is_excluded = items is not None and items <= rules.most_items_left_out
        figures_of = figures.target_figures(row, rules, is_excluded=is_excluded)
        found.append({**about(row, "targets", tree), **figures_of})
    return found


# --- items and traits ---


def item_rows(
    rows: pl.DataFrame, most: Mapping[tuple[str, str, str], int], tree: Tree
) -> list[Row]:
    """The rows of figures of items: students by points, and by answer."""
    keys = [*_KEY, "item_id", "dimension"]
    found = []
    for own in rows.sort(keys).partition_by(keys, maintain_order=True):
        row = own.row(0, named=True)
        name = (row["assessment_id"], row["item_id"], row["dimension"])
        counts = _by_points(own, most.get(name, 0))
        row["measure"] = (
            "item:" + row["item_id"] + (":" * bool(row["dimension"]) + row["dimension"])
        )
        answers = [
            {"answer": answer or "", "students": n}
            for answer, n in summed(own.select("answer", "n"), by=["answer"]).sort("answer").rows()
            if answer
        ]
        found.append(
            {**about(row, "items", tree), **figures.points_figures(counts), "answers": answers}
        )
    return found


def trait_rows(rows: pl.DataFrame, tree: Tree) -> list[Row]:
    """The rows of figures of writing traits: students by points."""
    keys = [*_KEY, "measure"]
    found = []
    for own in rows.sort(keys).partition_by(keys, maintain_order=True):
        row = own.row(0, named=True)
        counts = _by_points(own, own["most_points"].max() or 0)
        found.append({**about(row, "traits", tree), **figures.points_figures(counts)})
    return found


def _by_points(own: pl.DataFrame, most: Any) -> list[int]:
    total = summed(own.select("points", "n"), by=["points"])
    points = dict(total.rows())
    return [points.get(value, 0) for value in range(max([int(most), *points]) + 1)]


# --- longitudinal ---


def cohort_rows(
    rows: pl.DataFrame,
    tree: Tree,
    pairs: Sequence[tuple[str, str]],
    follow: str,
    population: str,
) -> list[Row]:
    """The rows of figures of steps: of the cohort (`population`), of everybody, or of both.

    A cohort's rows say why others aren't in it. Everybody's population is blank, as in other
    reports: they are the same students.
    """
    keys = [*_KEY, "step"]
    found: list[Row] = []
    for own in rows.sort(keys).partition_by(keys, maintain_order=True):
        if follow != GRADES:
            found += _cohort_row(own, tree, pairs, population)
        if follow != COHORT:
            found.append(_everybody_row(own, tree))
    return found


def _cohort_row(
    own: pl.DataFrame, tree: Tree, pairs: Sequence[tuple[str, str]], population: str
) -> Iterator[Row]:
    by_standing = {row["standing"]: row for row in own.to_dicts()}
    row = by_standing.get(FOLLOWED)
    if row is None:
        return
    missing = [
        {"reason": standing, "students": one["n_scored"]}
        for standing, one in sorted(by_standing.items())
        if standing != FOLLOWED
    ]
    made = {**_step_figures(row), "missing": missing}
    if row["step"] > 1:
        made |= {**figures.change_figures(row), "compared_with": ":".join(pairs[0])}
    yield {**about({**row, "measure": OVERALL}, "longitudinal", tree, population), **made}


def _everybody_row(own: pl.DataFrame, tree: Tree) -> Row:
    kept = own.drop("standing")
    by = list(dict.fromkeys([*additive_keys(kept), "step"]))
    row = summed(kept, by=by).row(0, named=True)
    return {**about({**row, "measure": OVERALL}, "longitudinal", tree), **_step_figures(row)}


def _step_figures(row: Row) -> Row:
    """How many were tested is not known here: only scores that count are read."""
    row = {"measure": OVERALL, "n_tested": None, "percentiles": None, **row}
    return figures.score_figures(row, figures.level_number(row, {}))


FOLLOWED = "followed"
