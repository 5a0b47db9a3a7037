"""The files of a simulation: reproducible, of the published shapes, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import tracemalloc
import zipfile
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from lxml import etree

from scorehouse import shapes
from scorehouse.errors import UsageError
from scorehouse.simulate import PoolSizes, Rates, SimulationConfig, SimulationSummary, simulate
from scorehouse.simulate.register import ENROLLMENTS, STUDENTS
from scorehouse.simulate.tables import TRUTH
from scorehouse.terms import SchoolYear, Subject

YEARS = (SchoolYear.parse("2017-18"), SchoolYear.parse("2018-19"))
SMALL = SimulationConfig.district(
    11, YEARS, students=60, grades=("04", "11"), pool=PoolSizes(80, 5, 2),
    include_interim=True, trt=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationSummary]:
    out = tmp_path_factory.mktemp("world") / "out"
    return out, simulate(SMALL, out)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    made: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    simulate(SMALL, tmp_path / "again")
    assert _digests(tmp_path / "again") == _digests(made[0])
    simulate(replace(SMALL, seed=12), tmp_path / "other")
    other = _digests(tmp_path / "other")
    assert {name for name, digest in _digests(made[0]).items() if other[name] == digest} == {
        "assessments.csv"
    }


def test_tables_have_their_published_shapes(made: tuple[Path, SimulationSummary]) -> None:
    out, _ = made
    for name, schema in (
        ("responses", shapes.RESPONSES),
        ("opportunities", shapes.OPPORTUNITIES),
        ("truth", TRUTH),
        ("students", STUDENTS),
        ("enrollments", ENROLLMENTS),
    ):
        assert pq.read_schema(out / f"{name}.parquet").equals(schema), name


def test_the_summary_counts_what_the_files_hold(made: tuple[Path, SimulationSummary]) -> None:
    out, summary = made
    assert summary.tests == pq.read_metadata(out / "opportunities.parquet").num_rows
    assert summary.responses == pq.read_metadata(out / "responses.parquet").num_rows
    assert summary.students == pq.read_metadata(out / "students.parquet").num_rows
    assert set(summary.files) == {path.name for path in out.iterdir()}


def test_responses_are_contiguous_and_in_the_order_of_the_opportunities(
    made: tuple[Path, SimulationSummary],
) -> None:
    out, _ = made
    owners = pq.read_table(out / "responses.parquet")["opportunity_id"].to_pylist()
    order = [owner for owner, _ in groupby(owners)]
    opportunities = pq.read_table(out / "opportunities.parquet")["opportunity_id"].to_pylist()
    assert order == opportunities
    assert opportunities == pq.read_table(out / "truth.parquet")["opportunity_id"].to_pylist()


def test_the_package_has_exactly_the_published_columns_and_knows_every_item(
    made: tuple[Path, SimulationSummary],
) -> None:
    out, _ = made
    with (out / "items.csv").open(encoding="utf-8") as stream:
        items = list(csv.DictReader(stream))
    assert list(items[0]) == [
        "assessment_id",
        "item_id",
        "dimension",
        "part",
        "model",
        "a",
        "b1",
        "b2",
        "b3",
        "b4",
        "b5",
        "b6",
        "claim",
        "target",
        "operational",
    ]
    with (out / "assessments.csv").open(encoding="utf-8") as stream:
        assert next(csv.reader(stream)) == shapes.ASSESSMENTS.names
    known = {(row["assessment_id"], row["item_id"], row["part"]) for row in items}
    responses = pq.read_table(out / "responses.parquet").select(
        ["assessment_id", "item_id", "part"]
    )
    assert {tuple(row.values()) for row in responses.to_pylist()} <= known


def test_csv_holds_the_same_as_parquet(
    made: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    simulate(replace(SMALL, form="csv", trt=False), tmp_path / "csv")
    for name in ("responses", "opportunities", "truth", "students", "enrollments", "entities"):
        wanted = pq.read_table(made[0] / f"{name}.parquet")
        options = pa_csv.ConvertOptions(
            column_types=wanted.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        read = pa_csv.read_csv(tmp_path / "csv" / f"{name}.csv", convert_options=options)
        assert read.cast(wanted.schema).equals(wanted.combine_chunks()), name


def test_a_folder_that_holds_something_is_left_alone_unless_told_otherwise(tmp_path: Path) -> None:
    small = SimulationConfig.district(1, YEARS[:1], students=7)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        simulate(small, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    simulate(small, tmp_path / "mine", overwrite=True)
    assert not (tmp_path / "mine" / "notes.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(UsageError, match="is a file"):
        simulate(small, tmp_path / "mine" / "items.csv")


def test_a_simulation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(SMALL, tmp_path / "out", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    summary = simulate(
        replace(SMALL, trt=False),
        tmp_path / "out",
        progress=lambda done, of: seen.append((done, of)),
    )
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (summary.tests, summary.tests)


def test_memory_does_not_grow_with_the_number_of_students(tmp_path: Path) -> None:
    config = SimulationConfig.state(
        3, YEARS[:1], students=200, grades=("05",), block_size=100, trt=True,
        subjects=(Subject.MATH,), pool=PoolSizes(60, 5, 1),
    )  # fmt: skip
    simulate(config, tmp_path / "warm")
    small = _peak(config, tmp_path / "small")
    large = _peak(replace(config, students=1_000), tmp_path / "large")
    assert large < 1.5 * small


_POOLS: list[pa.MemoryPool] = []  # kept: what they gave out may outlive the test


def _peak(config: SimulationConfig, out: Path) -> int:
    """The most memory that Python and Arrow held at once, each counted apart."""
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    _POOLS.append(counted)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        simulate(config, out)
        return tracemalloc.get_traced_memory()[1] + counted.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


def _documents(folder: Path) -> dict[str, etree._Element]:
    with zipfile.ZipFile(folder / "trt.zip") as archive:
        return {name: etree.fromstring(archive.read(name)) for name in archive.namelist()}


def test_result_files_say_what_the_long_form_says(made: tuple[Path, SimulationSummary]) -> None:
    out, summary = made
    documents = _documents(out)
    assert len(documents) == summary.tests
    opportunities = pq.read_table(out / "opportunities.parquet").to_pylist()
    rows = pq.read_table(out / "responses.parquet").to_pylist()
    by_owner = {key: list(group) for key, group in groupby(rows, lambda r: r["opportunity_id"])}
    for opportunity, document in zip(opportunities, documents.values(), strict=True):
        sitting = document.find("Opportunity")
        assert sitting is not None
        assert sitting.get("key") == opportunity["opportunity_id"]
        assert sitting.get("dateCompleted") == opportunity["submitted_at"]
        assert _answers(sitting) == [
            (row["item_id"], row["position"], row["dimension"], row["answered"], row["score"],
             row["condition_code"])
            for row in by_owner[opportunity["opportunity_id"]]
        ]  # fmt: skip


def _answers(sitting: etree._Element) -> list[tuple[object, ...]]:
    names = {
        "Organization/Purpose": "organization",
        "Evidence/Elaboration": "evidence",
        "Conventions": "conventions",
    }
    found: list[tuple[object, ...]] = []
    for item in sitting.iterfind("Item"):
        key = (f"{item.get('bankKey')}-{item.get('key')}", int(item.get("position", "")))
        answered = item.get("isSelected") == "1"
        traits = item.findall("ScoreInfo/SubScoreList/ScoreInfo")
        for trait in traits:
            score = float(trait.get("scorePoint", "")) if answered else None
            name = names[trait.get("scoreDimension", "")]
            found.append((*key, name, answered, score, trait.get("conditionCode", "")))
        if not traits:
            score = float(item.get("score", "")) if answered else None
            found.append((*key, "", answered, score, ""))
    return found


def test_a_writing_item_s_score_is_the_mean_trait_rounded_up_plus_conventions(
    made: tuple[Path, SimulationSummary],
) -> None:
    seen = 0
    for document in _documents(made[0]).values():
        for item in document.iterfind("Opportunity/Item[@format='WER'][@isSelected='1']"):
            traits = item.findall("ScoreInfo/SubScoreList/ScoreInfo")
            first, second, conventions = (int(trait.get("scorePoint", "")) for trait in traits)
            assert int(item.get("score", "")) == (first + second + 1) // 2 + conventions
            seen += 1
    assert seen > 20


def test_members_are_named_by_their_ordinal_not_by_a_student(
    made: tuple[Path, SimulationSummary],
) -> None:
    with zipfile.ZipFile(made[0] / "trt.zip") as archive:
        names = archive.namelist()
    assert names == [f"{ordinal:09d}.xml" for ordinal in range(1, made[1].tests + 1)]


def test_more_files_than_fit_go_into_numbered_zips(tmp_path: Path) -> None:
    config = SimulationConfig.district(
        1, YEARS[:1], students=70, grades=("06",), trt=True, members_per_zip=50, rates=Rates.none()
    )
    simulate(config, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").glob("trt*"))
    assert names == ["trt-0001.zip", "trt-0002.zip", "trt-0003.zip"]
    counts = [len(zipfile.ZipFile(tmp_path / "out" / name).namelist()) for name in names]
    assert counts == [50, 50, 40]


@pytest.mark.parametrize("verbose", [False, True])
def test_result_files_are_valid_against_the_published_schema(
    shared: Path, tmp_path: Path, verbose: bool
) -> None:
    source = shared / "samples/rdw/trt/TestResultsTransmissionFormat_Schema.xsd"
    schema = etree.XMLSchema(etree.parse(source))
    rates = Rates.usual(incomplete_cat=0.1, missing_part=0.1, nothing_answered=0.1, unanswered=0.1)
    simulate(replace(SMALL, verbose_trt=verbose, rates=rates), tmp_path / "out")
    documents = _documents(tmp_path / "out")
    broken = {name: schema.error_log.last_error for name, document in documents.items()
              if not schema.validate(document)}  # fmt: skip
    assert broken == {}
