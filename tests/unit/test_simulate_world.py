"""The invented world: places, people, item pools and what a configuration refuses."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from scorehouse import shapes
from scorehouse.errors import UsageError
from scorehouse.ids import CdsCode, Ssid
from scorehouse.simulate import PoolSizes, Rates, SimulationConfig, item_pool
from scorehouse.simulate.config import world
from scorehouse.simulate.entities import build_hierarchy
from scorehouse.simulate.items import adaptive_pool, cat_length
from scorehouse.simulate.people import StudentBlock, student_block
from scorehouse.simulate.register import enrollments, students
from scorehouse.terms import SchoolYear, Subject

YEARS = tuple(SchoolYear.parse(text) for text in ("2016-17", "2017-18", "2018-19"))


def _state(**changes: object) -> SimulationConfig:
    return SimulationConfig.state(5, YEARS, **{"students": 70_000, **changes})


@pytest.fixture(scope="module")
def block() -> StudentBlock:
    config = _state()
    return student_block(config, build_hierarchy(config), config.cohorts[0], 0)


def test_every_entity_but_the_state_has_a_parent_of_the_level_above() -> None:
    hierarchy = build_hierarchy(_state())
    levels = ("state", "county", "district", "school")
    for entity in hierarchy.entities[1:]:
        parent = hierarchy.by_id[entity.parent_id or ""]
        assert levels.index(parent.reporting_level) == levels.index(entity.reporting_level) - 1


def test_codes_are_well_formed_unique_and_of_no_real_county() -> None:
    entities = build_hierarchy(_state()).entities
    codes = [CdsCode(entity.entity_id) for entity in entities]
    assert len(set(codes)) == len(codes)
    assert all(int(code.county) >= world()["entities"]["counties_to"] for code in codes[1:])
    assert {code.is_district for code, one in zip(codes, entities, strict=True)
            if one.reporting_level == "district"} == {True}  # fmt: skip
    assert len({entity.name for entity in entities}) == len(entities)


def test_one_district_is_one_district_and_each_stage_holds_the_whole_cohort() -> None:
    config = SimulationConfig.district(5, YEARS)
    hierarchy = build_hierarchy(config)
    levels = Counter(entity.reporting_level for entity in hierarchy.entities)
    assert (levels["state"], levels["county"], levels["district"]) == (1, 1, 1)
    assert all(stage.ends[-1] == config.cohort_size for stage in hierarchy.stages.values())


def test_students_of_one_elementary_school_go_to_one_middle_school_of_their_district() -> None:
    hierarchy = build_hierarchy(_state())
    elementary, middle = hierarchy.stages["elementary"], hierarchy.stages["middle"]
    first = np.concatenate([[0], elementary.ends[:-1]])
    feeds = middle.school_at(first)
    assert (feeds == middle.school_at(elementary.ends - 1)).all()
    for school, fed in zip(elementary.entities, feeds, strict=True):
        assert school.parent_id == middle.entities[fed].parent_id


def test_identifiers_are_invented_ssids_and_no_two_students_share_one() -> None:
    config = _state(block_size=4000)
    hierarchy = build_hierarchy(config)
    ids = [
        ssid
        for cohort in config.cohorts
        for number in range(3)
        for ssid in student_block(config, hierarchy, cohort, number).student_ids.to_pylist()
    ]
    assert len(set(ids)) == len(ids) == config.cohort_size * len(config.cohorts)
    assert all(Ssid(ssid).startswith("99") for ssid in ids[:1000])


def test_theta_follows_each_group_s_configured_effect(block: StudentBlock) -> None:
    effects, grade = world()["students"]["effects"]["ELA"], "05"
    own = world()["students"]["ELA"]
    standing = (block.theta(Subject.ELA, grade) - own["mean"][grade]) / own["spread"][grade]
    groups = {
        "economically_disadvantaged": block.economically_disadvantaged,
        "english_learner": block.english_learner(grade),
        "student_with_disabilities": block.student_with_disabilities,
        "female": block.female,
    }
    design = np.column_stack([np.ones(len(block)), block.school_effect, *groups.values()])
    fitted, *_ = np.linalg.lstsq(design, standing, rcond=None)
    residual = standing - design @ fitted
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * residual.var())
    expected = np.array([0.0, 1.0, *(effects[name] for name in groups)])
    assert np.abs((fitted - expected) / errors).max() < 4
    assert residual.std() == pytest.approx(
        world()["students"]["spread_parts"]["residual"], rel=0.03
    )


def test_theta_grows_with_the_grades_and_lasts_as_configured(block: StudentBlock) -> None:
    grades = ("03", "04", "05", "06", "07", "08", "11")
    for subject in Subject:
        means = [block.theta(subject, grade).mean() for grade in grades]
        assert means == sorted(means)
    parts = world()["students"]["spread_parts"]
    third, fourth = (_residual(block, Subject.MATH, grade) for grade in ("03", "04"))
    assert np.corrcoef(third, fourth)[0, 1] == pytest.approx(parts["persistence"], abs=0.02)
    reading = _residual(block, Subject.ELA, "03")
    expected = parts["persistence"] * parts["subject_correlation"]
    assert np.corrcoef(third, reading)[0, 1] == pytest.approx(expected, abs=0.03)


def _residual(block: StudentBlock, subject: Subject, grade: str) -> np.ndarray:
    own = world()["students"][str(subject)]
    standing = (block.theta(subject, grade) - own["mean"][grade]) / own["spread"][grade]
    return standing - block._explained(subject, grade)


def test_poverty_and_language_go_with_race_and_school(block: StudentBlock) -> None:
    codes = world()["students"]["race_ethnicity"]["codes"]
    hispanic = block.race_ethnicity == codes.index("hispanic")
    white = block.race_ethnicity == codes.index("white")
    poor = block.economically_disadvantaged
    assert poor[hispanic].mean() > poor[white].mean() + 0.05
    assert block.ever_english_learner[hispanic].mean() > block.ever_english_learner[white].mean()
    assert np.corrcoef(block.school_effect, poor)[0, 1] < -0.1


def test_nobody_is_an_english_learner_again_after_reclassification(block: StudentBlock) -> None:
    learner = np.stack([block.english_learner(grade) for grade in ("03", "05", "08", "11")])
    assert (np.diff(learner.astype(int), axis=0) <= 0).all()
    assert learner[0].sum() > learner[3].sum() > 0


def test_enrollments_cover_each_student_once_or_in_two_stays_that_meet(block: StudentBlock) -> None:
    config = _state()
    year = SchoolYear(block.cohort + 5)
    table = enrollments(config, build_hierarchy(config), block, year)
    assert set(table["student_id"].to_pylist()) == set(block.student_ids.to_pylist())
    rows = table.to_pylist()
    twice = [
        (first, second)
        for first, second in pairwise(rows)
        if first["student_id"] == second["student_id"]
    ]
    assert len(twice) + len(block) == len(rows)
    assert all(first["exited_on"] < second["enrolled_on"] for first, second in twice)
    assert all(first["entity_id"] != second["entity_id"] for first, second in twice)
    assert enrollments(config, build_hierarchy(config), block, SchoolYear(block.cohort + 9)) == (
        table.schema.empty_table()
    )


def test_students_have_invented_names_and_an_age_that_fits_their_grade(block: StudentBlock) -> None:
    table = students(block)
    assert table["first_name"].null_count == 0
    born = {int(text[:4]) for text in table["birth_date"].to_pylist()}
    assert born == {block.cohort - 6, block.cohort - 5}


@pytest.mark.parametrize("subject", list(Subject))
def test_a_pool_has_the_published_shape_and_believable_parameters(subject: Subject) -> None:
    table = item_pool(np.random.default_rng(3), subject, "07", 1200)
    assert table.schema == shapes.ITEMS
    rows = [row for row in table.to_pylist() if row["part"] == "CAT" and row["operational"]]
    assert 1150 <= len(rows) <= 1250
    steps = [[row[name] for name in shapes.STEP_COLUMNS if row[name] is not None] for row in rows]
    models = [row["model"] for row in rows]
    assert 0.78 <= models.count("2PL") / len(rows) <= 0.87
    assert {(model, len(own)) for model, own in zip(models, steps, strict=True)} == {
        ("2PL", 1), ("GPCM", 2), ("GPCM", 3), ("GPCM", 4)
    }  # fmt: skip
    discrimination = np.array([row["a"] for row in rows])
    assert 0.08 <= discrimination.min() < discrimination.max() <= 1.7
    assert np.median(discrimination) == pytest.approx(0.58, abs=0.05)
    center = world()["items"]["mean_difficulty"][str(subject)]["07"]
    assert np.mean([np.mean(own) for own in steps]) == pytest.approx(center, abs=0.15)
    assert all(row["target"].split("|")[0] == row["claim"] for row in rows)


def test_an_ela_task_has_one_writing_item_in_two_rows_and_a_mathematics_task_none() -> None:
    table = item_pool(np.random.default_rng(3), Subject.ELA, "11", 200).to_pylist()
    writing = [row for row in table if row["dimension"]]
    assert [row["dimension"] for row in writing] == ["C", "D"]
    assert len({row["item_id"] for row in writing}) == 1
    assert [sum(row[name] is not None for name in shapes.STEP_COLUMNS) for row in writing] == [2, 4]
    assert {row["purpose"] for row in writing} <= {"ARGU", "EXPL"}
    mathematics = item_pool(np.random.default_rng(3), Subject.MATH, "11", 200)
    assert set(mathematics["dimension"].to_pylist()) == {""}


def test_a_small_pool_still_holds_what_one_test_takes() -> None:
    pool = adaptive_pool(np.random.default_rng(1), Subject.ELA, "05", PoolSizes(10, 2, 1))
    strands = np.diff(pool.strand_bounds)[:-1]
    assert (strands >= np.bincount(pool.sequence)).all()
    assert len(pool.sequence) == cat_length(Subject.ELA, "05")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"grades": ("09",)}, "grades"),
        ({"seed": -1}, "seed"),
        ({"years": ()}, "school year"),
        ({"form": "excel"}, "form"),
        ({"students": 3}, "student"),
        ({"students": 10**9}, "identifiers"),
    ],
)
def test_a_configuration_that_makes_no_world_is_refused(
    changes: dict[str, object], word: str
) -> None:
    with pytest.raises(UsageError, match=word):
        SimulationConfig.district(**{"seed": 1, "years": YEARS, **changes})  # type: ignore[arg-type]


def test_a_rate_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(UsageError, match="unanswered"):
        Rates.usual(unanswered=1.5)
    with pytest.raises(UsageError, match="together"):
        Rates.usual(incomplete_cat=0.7, missing_part=0.7)
