"""The marts and the arithmetic of reports against plain Python, on generated students."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

from report_help import (
    GRADES,
    NORTH,
    SCHOOLS,
    SOUTH,
    STATE,
    TARGETS,
    YEARS,
    Row,
    World,
    add_world,
    assert_same,
    house,
    world,
)
from scorehouse.reports import reference
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.counting import counting
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.report import figures_of
from scorehouse.warehouse.report_about import standard_cuts

MEMBERS = {STATE: SCHOOLS, NORTH: SCHOOLS[:2], SOUTH: SCHOOLS[2:], SCHOOLS[0]: SCHOOLS[:1]}
CODES = ("ALL", "F", "SEX_UNKNOWN", "EL", "EVER_EL", "HI", "MR", "RACE_UNKNOWN", "SED", "NSWD")
CROSSED = ("EL&SED", "EVER_EL&F", "SED&SWD")


@pytest.fixture(scope="module")
def made() -> World:
    return world(5)


@pytest.fixture(scope="module")
def held(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    found = house(tmp_path_factory.mktemp("house") / "house", made)
    yield found
    found.close()


def rows_of(held: Warehouse, report: str, **asked: Any) -> dict[tuple[str, ...], Row]:
    figures = figures_of(held, ReportQuery(report, entities=tuple(MEMBERS), **asked)).figures
    keys = ("entity_id", "school_year", "subject", "test_grade", "student_group", "measure")
    return {tuple(row[name] for name in keys): row for row in figures.to_pylist()}


def about(made: World, key: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """The results that a row of figures is about; blank grade: all grades."""
    entity, year, subject, grade, code, _ = key
    # who holds is decided before schools and groups are looked at
    return [
        result
        for result in reference.that_hold(made.results)
        if result["school_id"] in MEMBERS[entity]
        and result["school_year"] == year
        and result["subject"] == subject
        and grade in ("", result["test_grade"])
        and reference.is_in_group(result, code)
    ]


@pytest.mark.parametrize("codes", [CODES, CROSSED], ids=["from the cube", "from the results"])
def test_overall_results(held: Warehouse, made: World, codes: tuple[str, ...]) -> None:
    found = rows_of(held, "aggregate", student_groups=codes, percentiles=True)
    cuts = standard_cuts("california", YEARS)
    seen = 0
    for key, row in found.items():
        if not row["test_grade"]:
            continue
        expected = reference.overall(about(made, key), 4, cuts[key[1], key[2], key[3]])
        assert_same(row, expected)
        seen += bool(expected["n_scored"])
    assert seen > 50


def test_every_group_with_a_result_has_its_row(held: Warehouse, made: World) -> None:
    found = rows_of(held, "aggregate", student_groups=CODES)
    expected = {
        (entity, year, subject, grade, code, "overall")
        for entity in MEMBERS
        for year in YEARS
        for subject in ("ELA", "Math")
        for grade in (*GRADES, "")
        for code in CODES
        if about(made, (entity, year, subject, grade, code, "overall"))
    }
    assert expected <= set(found)


def test_grades_together_have_distances_and_no_mean(held: Warehouse, made: World) -> None:
    found = rows_of(held, "aggregate")
    cuts = standard_cuts("california", YEARS)
    for key, row in found.items():
        if row["test_grade"]:
            continue
        scored = [r for r in about(made, key) if reference.include(r) == "Y"]
        apart = [
            Fraction(r["scale_score"]) - cuts[r["school_year"], r["subject"], r["test_grade"]]
            for r in scored
        ]
        assert row["mean_scale_score"] is None
        assert row["n_scored"] == len(scored)
        assert_same(
            row,
            {
                "distance_from_standard": float(sum(apart) / len(apart)),
                "se_distance": reference.scale(apart, [])["se_mean"],
            },
        )


def test_participation_and_results_in(held: Warehouse, made: World) -> None:
    found = rows_of(held, "aggregate", student_groups=("ALL", "EL"))
    for key, row in found.items():
        entity, year, subject, grade, code, _ = key
        if not grade:
            continue
        own = {
            (r["student_id"]): r
            for r in reference.that_hold(made.results)
            if (r["school_year"], r["subject"]) == (year, subject)
        }
        enrolled = [
            e["student_id"]
            for e in made.enrollments
            if e["school_year"] == year
            and e["grade_enrolled"] == grade
            and e["school_id"] in MEMBERS[entity]
            and (code == "ALL" or (own.get(e["student_id"], {}).get("el_status") == code))
        ]
        results = [own[student] for student in enrolled if student in own]
        included = [reference.include(result) for result in results]
        exempt = included.count("E")
        assert row["n_enrolled"] == len(enrolled), key
        assert row["n_expected"] == len(enrolled) - exempt
        tested = sum(indicator in counting().tested for indicator in included)
        assert row["participation"] == pytest.approx(100 * tested / len(enrolled))
        if row["n_expected"]:
            expected = 100 * (len(results) - exempt) / row["n_expected"]
            assert row["percent_in"] == pytest.approx(expected)


def test_claims(held: Warehouse, made: World) -> None:
    found = rows_of(held, "claims", student_groups=("ALL", "EL"))
    for key, row in found.items():
        expected = reference.parts(about(made, key), made.scores, 3)[key[5]]
        assert_same(row, expected)
    assert {key[5] for key in found} == {
        "claim:SOCK_R", "claim:2-W", "claim:1", "claim:SOCK_2",
    }  # fmt: skip


def test_targets(held: Warehouse, made: World) -> None:
    rules = counting().target
    found = rows_of(held, "targets", student_groups=("ALL", "SED"))
    for key, row in found.items():
        pairs = [
            (score["target_residual_to_student"], score["target_residual_to_standard"])
            for result in about(made, key)
            if reference.include(result) == "Y"
            for score in made.scores[result["row_id"]]
            if score["measure"] == key[5] and score["target_residual_to_standard"] is not None
        ]
        exact = [[Fraction(str(value)) for value in values] for values in zip(*pairs, strict=True)]
        words = {"above": "better", "near": "similar", "below": "worse"}
        standing = reference.target(exact[0], rules)
        assert row["n_scored"] == len(pairs)
        assert row["relative_to_test"] == words.get(standing, standing)
        assert row["relative_to_standard"] == reference.target(exact[1], rules)
    told = {key[5].removeprefix("target:") for key in found}
    assert told == {*TARGETS["ELA"], TARGETS["Math"][0]}  # mathematics: claim 1 only


def test_traits(held: Warehouse, made: World) -> None:
    found = rows_of(held, "items")
    assert {key[5] for key in found} == {"trait:ORG"}
    for key, row in found.items():
        points = [
            int(score["raw_score"])
            for result in about(made, key)
            if reference.include(result) == "Y"
            for score in made.scores[result["row_id"]]
            if score["measure"] == "trait:ORG"
        ]
        assert row["level_counts"] == [points.count(value) for value in range(5)]
        assert row["mean_points"] == pytest.approx(sum(points) / len(points))


@pytest.mark.parametrize("steps", [2, 3])
def test_a_cohort(held: Warehouse, made: World, steps: int) -> None:
    pairs = tuple(zip(YEARS, GRADES, strict=True))[:steps]
    written = tuple(f"{year}:{grade}" for year, grade in pairs)
    found = rows_of(held, "longitudinal", steps=written)
    assert found
    for (entity, year, subject, *_), row in found.items():
        own = [r for r in made.results if r["subject"] == subject]
        followed, left = reference.cohort(own, pairs, frozenset(MEMBERS[entity]))
        step = [pair[0] for pair in pairs].index(year)
        here = [results[step] for results in followed.values()]
        expected = reference.overall(here, 4)
        del expected["percentiles"], expected["distance_from_standard"], expected["n_tested"]
        assert_same(row, expected)
        reasons = {one["reason"]: one["students"] for one in row["missing"]}
        assert reasons == {why: n for (number, why), n in left.items() if number == step + 1}
        changes = [
            Fraction(results[step]["scale_score"]) - Fraction(results[0]["scale_score"])
            for results in followed.values()
        ]
        if step:
            assert row["change"] == pytest.approx(float(sum(changes) / len(changes)))
            expected_se = reference.scale(changes, [])["se_mean"]
            assert row["se_change"] == (expected_se and pytest.approx(expected_se))


def test_the_cube_follows_a_load(held: Warehouse, made: World) -> None:
    """What later imports bring, and replace, is counted as if all had come at once."""
    before = rows_of(held, "aggregate", student_groups=CODES)
    later = world(9, students=30)
    add_world(held, later)
    gone = made.results[::7]
    with held.transaction("corrections") as transaction:
        number = transaction.begin_import("corrections", "", "corrections")
        old = pa.table({"old_row": pa.array([r["row_id"] for r in gone], pa.int64())})
        transaction.supersede("result", old, number, "correction")
        transaction.commit("corrections")
    made.results = [r for r in made.results if r not in gone] + later.results
    made.scores |= later.scores
    made.enrollments += later.enrollments
    after = rows_of(held, "aggregate", student_groups=CODES)
    cuts = standard_cuts("california", YEARS)
    differs = 0
    for key, row in after.items():
        if key[3]:
            expected = reference.overall(about(made, key), 4, cuts[key[1], key[2], key[3]])
            del expected["percentiles"]
            assert_same(row, expected)
            differs += row != before.get(key)
    assert differs > 50
    parts = list((held.root / "cube").glob("*/overall-*.parquet"))
    assert len(parts) == 2 * len(YEARS)  # each year: what it was, and the change


def test_as_of_an_import_is_as_it_was(held: Warehouse) -> None:
    def query(when: str) -> ReportQuery:
        return ReportQuery("aggregate", as_of=when)

    now = figures_of(held, query("")).figures
    with held.snapshot() as snapshot:
        newest = snapshot.last_import
    assert figures_of(held, query(str(newest))).figures.equals(now)
    assert not figures_of(held, query("2")).figures.equals(now)
    assert figures_of(held, query("1")).figures.num_rows == 0
