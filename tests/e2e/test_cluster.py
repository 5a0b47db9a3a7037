"""The same warehouse on a real cluster of several processes: the same tables, the same scores."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from academic_students import by_chance, register, setting, sums_by_hand, sums_by_sql
from e2e.invented import scorehouse
from scorehouse.errors import UsageError
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.dashboard_students import student_rules
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import score_file
from scorehouse.verbs.score_spread import Spread
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.export import ExportRequest, export
from scorehouse.warehouse.load import LoadRequest, load
from scorehouse.warehouse.purge import of_student, purge
from scorehouse.warehouse.report import figures_of, opened_for_reports
from scorehouse.warehouse.schema import TABLES
from scorehouse.warehouse.spark import LARGE, connect
from spark_cluster import NO_SPARK, cluster, is_possible
from warehouse_help import SCHOOL, fates, loaded, made, trt

pytestmark = pytest.mark.skipif(not is_possible(), reason=NO_SPARK)
HERE, THERE = "here", "there"
VIEWS = ("result", "score", "student", "entity", "response")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("cluster")) as url:
        yield url


def deliveries(folder: Path, district: Path) -> list[list[Path]]:
    """What arrives, load by load: definitions and people, results, corrections, scores."""
    whole = district / "parquet"
    people = [whole / f"{name}.parquet" for name in ("entities", "students", "enrollments")]
    own = folder / "own.csv"
    own.write_text(
        f'entity_id,entity_type,entity_name\n{SCHOOL},school,Quill "O\'Neill" \\ School\n'
    )
    tests = folder / "tests.csv"
    tests.write_text(
        "assessment_id,subject,test_grade,assessment_type,school_year\n"
        "INV-SUM-ELA-5,ELA,05,summative,2018-19\n"
    )
    first = [
        trt(folder, "a.xml"),
        trt(folder, "b.xml", key="k-2", number="102", student="9000000002"),
    ]
    second = [
        trt(folder, "c.xml", at="2019-05-03T10:00:00.000", score=2600, answer="it's \\ so"),
        trt(folder, "d.xml", key="k-2", number="102", student="9000000002",
            at="2019-05-04T10:00:00.000", status="reset"),
        trt(folder, "e.xml", key="k-3", number="103", school="99900010000009"),
    ]  # fmt: skip
    results = [district / "trt.zip", zipped(folder / "first.zip", first)]
    corrections = [zipped(folder / "second.zip", second)]
    return [[district / "package", *people, own, tests], results, corrections]


def zipped(path: Path, members: list[Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.write(member, member.name)
    return path


@pytest.fixture(scope="module")
def houses(
    spark: str, district: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Warehouse]:
    """Two warehouses that were told the same, one on each engine."""
    folder = tmp_path_factory.mktemp("houses")
    given = deliveries(folder, district)
    scores = folder / "scores.parquet"
    scorehouse(
        *("score", district / "parquet" / "responses.parquet", "--year", "2018-19"),
        *("--package", district / "package", "-o", scores),
    )
    houses = {}
    told = {}
    for name, url in ((HERE, ""), (THERE, spark)):
        Warehouse.create(folder / name).close()
        houses[name] = Warehouse.open(folder / name, engine_url=url)
        told[name] = [fates(loaded(houses[name], *paths)) for paths in (*given, [scores])]
    assert told[HERE] == told[THERE]
    assert told[HERE][2] == {"updated": 1, "removed": 1, "waits": 1, "waits_for_school": 1}
    return houses


def rows_of(house: Warehouse, names: Iterator[str], as_of: str = "") -> dict[str, pa.Table]:
    with house.snapshot(as_of) as snapshot:
        return {name: snapshot.sql(f'SELECT * FROM "{name}" ORDER BY row_id') for name in names}


def assert_equal(one: Mapping[str, pa.Table], other: Mapping[str, pa.Table]) -> None:
    assert list(one) == list(other)
    for name, table in one.items():
        assert other[name].schema.equals(table.schema), name
        assert other[name].equals(table), name


def test_every_table_is_the_same(houses: dict[str, Warehouse]) -> None:
    """Each engine's files, read by the engine of this process: rows, numbers, imports, types."""
    names = [f"{name}__rows" for name in TABLES]
    here = rows_of(houses[HERE], iter(names))
    there = rows_of(Warehouse.open(houses[THERE].root), iter(names))
    assert_equal(here, there)
    filled = {name for name, table in here.items() if table.num_rows}
    assert filled >= {f"{name}__rows" for name in (*VIEWS, "supersession", "scoring", "item")}


@pytest.mark.parametrize("moment", ["", "1", "8"])
def test_what_held_then_is_the_same(houses: dict[str, Warehouse], moment: str) -> None:
    """The cluster reads its own warehouse, as of several moments."""
    here = rows_of(houses[HERE], iter(VIEWS), moment)
    assert_equal(here, rows_of(houses[THERE], iter(VIEWS), moment))


def test_the_same_can_be_read_by_the_other_engine(houses: dict[str, Warehouse], spark: str) -> None:
    """A warehouse made here moves to the cluster by naming it."""
    moved = Warehouse.open(houses[HERE].root, engine_url=spark)
    query = "SELECT subject, count(*) AS n, sum(CAST(scale_score AS BIGINT)) AS total FROM result "
    query += "GROUP BY subject ORDER BY subject NULLS FIRST"
    with moved.snapshot() as there, houses[HERE].snapshot() as here:
        assert there.sql(query).to_pylist() == here.sql(query).to_pylist()
        batches = list(there.batches("SELECT * FROM response ORDER BY row_id", 100))
        expected = here.sql("SELECT * FROM response ORDER BY row_id")
    assert max(batch.num_rows for batch in batches) <= 100
    assert pa.Table.from_batches(batches, expected.schema).equals(expected)


def test_a_purge_leaves_the_same(spark: str, tmp_path: Path) -> None:
    """A student goes from a small warehouse on each engine; every row that stays is the same."""
    other = trt(tmp_path, "b.xml", key="k-2", number="102", student="9000000002", last="Reed")
    house = made(tmp_path / HERE)
    loaded(house, zipped(tmp_path / "d.zip", [trt(tmp_path, "a.xml"), other]))
    house.close()
    shutil.copytree(tmp_path / HERE, tmp_path / THERE)
    left = []
    for name, url in ((HERE, ""), (THERE, spark)):
        told = purge(Warehouse.open(tmp_path / name, engine_url=url), of_student("9000000001"))
        assert told.is_complete
        assert told.proof.found == {}
        names = iter(f"{table}__rows" for table in TABLES)
        left.append(rows_of(Warehouse.open(tmp_path / name), names))
    assert_equal(*left)
    assert left[1]["result__rows"]["student_id"].to_pylist() == ["9000000002"]


@pytest.mark.torture
def test_exported_tables_load_alike(
    houses: dict[str, Warehouse], spark: str, tmp_path: Path
) -> None:
    """Into an empty warehouse, and again with a correction, on each engine."""
    names = ("entity", "assessment", "result", "scoring", "score", "response")
    export(houses[HERE], ExportRequest(tmp_path / "out", names))
    files = [tmp_path / "out" / f"{name}.parquet" for name in names]
    answers = pq.read_table(files[-1])
    place = answers.schema.get_field_index("visits")
    changed = pa.array([7, *answers["visits"].to_pylist()[1:]], pa.int32())
    pq.write_table(answers.set_column(place, "visits", changed), tmp_path / "again.parquet")
    told, tables = [], []
    for name, url in ((HERE, ""), (THERE, spark)):
        Warehouse.create(tmp_path / name).close()
        house = Warehouse.open(tmp_path / name, engine_url=url)
        told.append(
            [fates(loaded(house, *files)), fates(loaded(house, tmp_path / "again.parquet"))]
        )
        house.close()
        every = iter(f"{table}__rows" for table in TABLES)
        tables.append(rows_of(Warehouse.open(tmp_path / name), every))
    assert told[0] == told[1]
    assert told[0][1]["updated"] == 1
    assert_equal(*tables)


def test_scores_are_the_same_bits(spark: str, district: Path, tmp_path: Path) -> None:
    responses = district / "parquet" / "responses.parquet"
    request = ScoreRequest(input=responses, packages=(district / "package",), year="2018-19")
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    expected = score_file(request, here, tmp_path / "here.csv")
    engine = connect(spark, tmp_path)
    found = score_file(
        request, there, tmp_path / "there.csv", None, Spread(engine.map_batches, tmp_path, 100)
    )
    engine.close()
    assert found == expected
    assert expected.tests > 300
    assert pq.read_table(there).equals(pq.read_table(here))
    assert (tmp_path / "there.csv").read_text() == (tmp_path / "here.csv").read_text()


def test_the_command_scores_on_the_cluster(spark: str, district: Path, tmp_path: Path) -> None:
    words = (
        *("score", district / "parquet" / "responses.parquet", "--year", "2018-19"),
        *("--package", district / "package"),
    )
    assert scorehouse(*words, "-o", tmp_path / "here.parquet").code == 0
    done = scorehouse(*words, "-o", tmp_path / "there.parquet", "--engine", spark)
    assert done.code == 0, done.err
    tables = [pq.read_table(tmp_path / f"{name}.parquet") for name in (HERE, THERE)]
    assert tables[0].equals(tables[1])
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def engine(spark: str, tmp_path: Path) -> Iterator[Engine]:
    session = connect(spark, tmp_path)
    yield session
    session.close()


def test_functions_run_in_processes_of_the_cluster(engine: Engine) -> None:
    """Each row is given once; the function says it once or twice, and which process it is."""

    def who(rows: pa.Table) -> pa.Table:
        given = rows["given"][0].as_py()
        count = 1 + given % 2
        return pa.table({"process": [os.getpid()] * count, "given": [given] * count})

    schema = pa.schema([("process", pa.int64()), ("given", pa.int64())])
    found = engine.map_batches(pa.table({"given": range(12)}), who, schema)
    assert found["given"].to_pylist() == sorted([*range(12), *range(1, 12, 2)])
    assert os.getpid() not in found["process"].to_pylist()
    assert len(set(found["process"].to_pylist())) >= 2


def test_large_tables_go_by_file_and_leave_nothing(engine: Engine, tmp_path: Path) -> None:
    count = LARGE // 8 + 1
    rows = pa.table({"n": range(count), "at": pa.array([0] * count, pa.timestamp("us"))})
    engine.register("many", rows)
    engine.view("some", "SELECT n, at FROM many WHERE n < 3")
    assert engine.sql("SELECT * FROM some ORDER BY n").equals(rows.slice(0, 3))
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    engine.register("many", rows.slice(1))
    assert engine.sql("SELECT * FROM some ORDER BY n").equals(rows.slice(1, 2))
    engine.drop("many")
    assert list(tmp_path.rglob("*.parquet")) == []


def test_one_file_in_order_with_empty_cells_last(engine: Engine, tmp_path: Path) -> None:
    odd = tmp_path / "a [b]*{c}?"
    odd.mkdir()
    engine.register("some", pa.table({"a": [3, None, 1, 2], "b": ["x", "y", None, "it's \\"]}))
    assert engine.write("SELECT a, b FROM some", odd / "f.parquet", ("a",)) == 4
    written = pq.read_table(odd / "f.parquet")
    assert written.to_pydict() == {"a": [1, 2, 3, None], "b": [None, "it's \\", "x", "y"]}
    assert [path.name for path in odd.iterdir()] == ["f.parquet"]
    engine.files("again", [str(odd / "f.parquet")], pa.schema([("a", pa.int64())]), "place")
    found = engine.sql("SELECT a, place FROM again ORDER BY place")
    assert found.to_pydict() == {"a": [1, 2, 3, None], "place": [0, 1, 2, 3]}
    assert engine.write("SELECT a, b FROM some WHERE a > 9", odd / "g.parquet") == 0


def test_row_hashes_tell_empty_from_filled(engine: Engine) -> None:
    rows = {"a": ["x", None, "", None], "b": [None, "x", "x", None]}
    engine.register("some", pa.table(rows))
    found = engine.sql(f"SELECT {engine.row_hash(['a', 'b'])} AS h FROM some")
    assert len(set(found["h"].to_pylist())) == 4


def test_a_cluster_that_isnt_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Spark Connect server answers"):
        connect("sc://127.0.0.1:9", tmp_path)
    with pytest.raises(UsageError, match="sc://HOST:PORT"):
        connect("spark://127.0.0.1:7077", tmp_path)


@pytest.mark.torture
def test_the_indicators_sums_are_those_by_hand(engine: Engine) -> None:
    about = setting(student_rules("2019"), "ELA")
    spells, records = by_chance(5, 300, about.rules)
    register(engine, spells, records, about)
    assert sums_by_sql(engine, about) == sums_by_hand(spells, records, about)


@pytest.mark.torture
def test_a_district_of_size_is_the_same(tmp_path: Path) -> None:
    """20,000 students: tables that reach the cluster as files, loads of several parts."""
    whole = tmp_path / "district"
    scorehouse("simulate", "-o", whole, "--year", "2018-19", "--students", 20_000, "--seed", 7)
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", is_small=False) as url:
        for name, engine_url in ((HERE, ""), (THERE, url)):
            Warehouse.create(tmp_path / name).close()
            house = Warehouse.open(tmp_path / name, engine_url=engine_url)
            load(house, LoadRequest((whole,)))
            house.close()
    names = [f"{name}__rows" for name in TABLES]
    assert_equal(*(rows_of(Warehouse.open(tmp_path / name), iter(names)) for name in (HERE, THERE)))


def test_a_report_of_the_cube_has_the_same_numbers(houses: dict[str, Warehouse]) -> None:
    """The cube that either engine made gives the same whole numbers."""
    query = ReportQuery("aggregate", student_groups=("ALL", "EVER_EL", "F"))
    here, there = (figures_of(houses[name], query).figures for name in (HERE, THERE))
    assert here.num_rows
    assert there.equals(here)


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two years, made on this machine; half of its students are in both."""
    folder = tmp_path_factory.mktemp("years")
    whole = folder / "district"
    done = scorehouse(
        *("simulate", "-o", whole, "--year", "2017-18", "--year", "2018-19", "--students", 60),
        *("--seed", 3, "--interim", "--grade", "4", "--grade", "5"),
    )
    assert done.code == 0, done.err
    scores = [scored(whole, folder / year, year) for year in ("2017-18", "2018-19")]
    opened = Warehouse.create(folder / "w")
    loaded(opened, whole, *scores)
    opened.close()
    return folder / "w"


def scored(whole: Path, folder: Path, year: str) -> Path:
    """Score what stands of one year among responses, by that year's rules."""
    folder.mkdir()
    rows = pq.read_table(whole / "responses.parquet").filter(pc.field("school_year") == year)
    pq.write_table(rows, folder / "responses.parquet")
    own = pc.field("opportunity_id").isin(rows["opportunity_id"].unique())
    beside = pq.read_table(whole / "opportunities.parquet").filter(own)
    pq.write_table(beside, folder / "opportunities.parquet")
    words = ("score", folder / "responses.parquet", "--package", whole, "--year", year)
    done = scorehouse(*words, "-o", folder / "scores.parquet")
    assert done.code == 0, done.err
    return folder / "scores.parquet"


KINDS = (
    ReportQuery("claims", student_groups=("ALL", "F")),
    ReportQuery("targets", student_groups=("ALL", "F")),
    ReportQuery("longitudinal", steps=("2017-18:04", "2018-19:05"), follow="both"),
    ReportQuery("items", assessment_types=("ICA",)),
)
MORE = (
    ReportQuery("aggregate", by=("economic",), percentiles=True, children="schools"),
    ReportQuery("aggregate", counted_at="accountable", demographics="current"),
)


def assert_reports_equal(years: Path, spark: str, queries: tuple[ReportQuery, ...]) -> None:
    found: dict[str, list[pa.Table]] = {}
    for name, url in ((HERE, ""), (THERE, spark)):
        house = Warehouse.open(years, engine_url=url)
        with opened_for_reports(house) as reading:
            found[name] = [figures_of(reading, query).figures for query in queries]
        house.close()
    for query, here, there in zip(queries, found[HERE], found[THERE], strict=True):
        assert here.num_rows, query
        assert there.equals(here), query


def test_every_kind_of_report_has_the_same_numbers(years: Path, spark: str) -> None:
    assert_reports_equal(years, spark, KINDS)


@pytest.mark.torture
def test_a_report_of_results_has_the_same_numbers(years: Path, spark: str) -> None:
    """What the cube doesn't hold: percentiles, crossings, demographics and schools of now."""
    assert_reports_equal(years, spark, MORE)


@pytest.mark.torture
def test_the_indicator_is_the_same(years: Path, spark: str, tmp_path: Path) -> None:
    """From rosters and results of two years and both subjects to colors, by the command."""
    made = {}
    for name, more in ((HERE, ()), (THERE, ("--engine", spark))):
        path = tmp_path / f"{name}.parquet"
        words = ("indicator", "compute", "-d", "2019", "-w", years, "-o", path, *more)
        done = scorehouse(*words)
        assert done.code == 0, done.err
        made[name] = pq.read_table(path)
    rows = made[HERE].to_pylist()
    state = {row["subject"]: row for row in rows
             if row["entity_type"] == "X" and row["student_group"] == "ALL"}  # fmt: skip
    assert {subject: row["n"] > 20 and row["prior_n"] > 20 for subject, row in state.items()} == {
        "ELA": True, "Math": True
    }  # fmt: skip
    assert all(row["change"] is not None for row in state.values())
    assert made[THERE].equals(made[HERE])
    assert not list((years / "scratch").glob("spark-*"))


def test_results_are_as_available_on_either_engine(years: Path, spark: str, tmp_path: Path) -> None:
    said = tmp_path / "availability.csv"
    released = [f",{year},ELA,released\n" for year in ("2017-18", "2018-19")]
    said.write_text("lea_id,school_year,subject,availability\n" + "".join(released))
    query = ReportQuery("longitudinal", steps=("2017-18:04", "2018-19:05"), follow="grades")
    found = {}
    for name, url in ((HERE, ""), (THERE, spark)):
        shutil.copytree(years, tmp_path / name)
        house = Warehouse.open(tmp_path / name, engine_url=url)
        loaded(house, said)
        found[name] = figures_of(house, query, "public").figures
        house.close()
    rows = found[HERE].to_pylist()
    assert {(row["school_year"], row["subject"]) for row in rows} == {
        ("2017-18", "ELA"), ("2018-19", "ELA")
    }  # fmt: skip
    assert found[THERE].equals(found[HERE])
