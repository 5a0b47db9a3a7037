"""The two tables of results as one delivery: a folder, a zip, or files named together."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scorehouse.verbs.convert import ConvertRequest, convert_file
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.purge import of_student, purge
from warehouse_help import OTHER_SCHOOL, held, loaded, made, trt

STUDENTS = ("9000000001", "9000000002", "9000000003")
RESULTS = """SELECT student_id, assessment_id, opportunity_id, school_year, school_id, subject,
    test_grade, administration_condition, completeness, started_at, completed_at, scale_score,
    se_scale, achievement_level, sex, white, economically_disadvantaged
    FROM result ORDER BY opportunity_id"""
RESPONSES = """SELECT r.opportunity_id, p.item_id, p.position, p.answered, p.score,
    p.response_value, p.administered_at FROM response AS p
    JOIN result AS r ON r.row_id = p.result_row ORDER BY r.opportunity_id, p.item_id"""
SCORES = """SELECT r.opportunity_id, s.measure, s.scale_score, s.se_scale, s.level
    FROM score AS s JOIN result AS r ON r.row_id = s.owner_row
    ORDER BY r.opportunity_id, s.measure"""

TARGET = (
    '<Score measureOf="SOCK_R|1" measureLabel="StudentRelativeResidualScore" value="0.25" '
    'standardError="" />'
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three students' results as TRT."""
    folder = tmp_path_factory.mktemp("trt")
    for place, student in enumerate(STUDENTS, 1):
        trt(folder, f"{place}.xml", student=student, key=f"k-{place}", number=str(place),
            score=2500 + place, answer="ABC"[place - 1])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def tables(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as the two tables."""
    out = tmp_path_factory.mktemp("tables") / "tables"
    convert_file(ConvertRequest(results, out, optional_columns=True), out.parent / "f.csv")
    assert sorted(file.name for file in out.iterdir()) == ["items.csv", "tests.csv"]
    return out


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return made(tmp_path / "house")


@pytest.fixture(scope="module")
def expected(results: Path, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """What a warehouse holds that was given the TRT."""
    house = made(tmp_path_factory.mktemp("expected") / "house")
    loaded(house, results)
    return [held(house, query) for query in (RESULTS, RESPONSES, SCORES)]


def zipped(path: Path, *files: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return path


def given(form: str, tables: Path, folder: Path) -> list[Path]:
    tests, items = tables / "tests.csv", tables / "items.csv"
    match form:
        case "folder":
            return [tables]
        case "zip":
            return [zipped(folder / "both.zip", tests, items)]
        case "named":
            return [items, tests]
        case "zipped apart":
            return [zipped(folder / "t.zip", tests), zipped(folder / "i.zip", items)]
    lines = tests.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    (folder / "a" / "tests.csv").write_text("".join(lines[:2]), encoding="utf-8")
    (folder / "b" / "tests.csv").write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    return [folder / "a" / "tests.csv", zipped(folder / "i.zip", items), folder / "b"]


FORMS = ("folder", "zip", "named", "zipped apart", "split")


def only(summary: LoadSummary) -> tuple[str, dict[str, int]]:
    assert len(summary.files) == 1, [one.file for one in summary.files]
    return summary.files[0].ending.status, dict(summary.files[0].ending.counts)


@pytest.mark.parametrize("form", FORMS)
def test_the_tables_hold_what_the_documents_hold(
    house: Warehouse, tables: Path, expected: list[object], tmp_path: Path, form: str
) -> None:
    told = loaded(house, *given(form, tables, tmp_path))
    assert only(told) == ("PROCESSED", {"new": 3})
    assert not told.leaves_out
    assert [held(house, query) for query in (RESULTS, RESPONSES, SCORES)] == expected
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 6}]


def test_the_same_tables_again_change_nothing(
    house: Warehouse, tables: Path, tmp_path: Path
) -> None:
    loaded(house, tables)
    again = loaded(house, tables / "items.csv", tables / "tests.csv")
    assert only(again) == ("NO_UPDATE", {"unchanged": 3})
    assert again.log.counts()["load_twice"] == 1
    other = loaded(house, *given("zip", tables, tmp_path))
    assert only(other) == ("NO_UPDATE", {"unchanged": 3})
    with house.catalog.reading() as connection:
        digests = connection.exec_driver_sql("SELECT content FROM payload").scalars().all()
    assert digests == ["results", "results"]


def test_tables_after_the_documents_they_came_from_take_nothing_away(
    house: Warehouse, results: Path, tables: Path, expected: list[object]
) -> None:
    """The two tables have no columns for targets, among others."""
    richer = results.parent / "richer"
    richer.mkdir()
    for file in results.iterdir():
        text = file.read_text(encoding="utf-8").replace("<Item ", f"{TARGET}<Item ", 1)
        (richer / file.name).write_text(text, encoding="utf-8")
    loaded(house, richer)
    measures = "SELECT measure, count(*) AS n FROM score GROUP BY measure ORDER BY measure"
    before = held(house, measures)
    assert [row["measure"] for row in before] == ["claim:SOCK_R", "target:SOCK_R|1"]
    told = loaded(house, tables)
    assert only(told) == ("NO_UPDATE", {"poorer": 3})
    assert told.log.counts()["result_poorer"] == 3
    assert held(house, measures) == before
    assert [held(house, query) for query in (RESULTS, RESPONSES)] == expected[:2]


def test_tables_of_tests_without_their_items_keep_the_items_held(
    house: Warehouse, tables: Path
) -> None:
    loaded(house, tables)
    assert only(loaded(house, tables / "tests.csv")) == ("NO_UPDATE", {"poorer": 3})
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 6}]


def test_a_newer_result_with_less_is_taken_and_told(house: Warehouse, tmp_path: Path) -> None:
    loaded(house, trt(tmp_path, "a.xml"))
    text = trt(tmp_path, "b.xml", at="2019-05-03T10:00:00.000").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if "SOCK_R" not in line]
    (tmp_path / "b.xml").write_text("\n".join(kept), encoding="utf-8")
    told = loaded(house, tmp_path / "b.xml")
    assert only(told) == ("PROCESSED", {"updated": 1})
    assert told.log.counts()["result_lost_measures"] == 1
    assert held(house, "SELECT count(*) AS n FROM score") == [{"n": 0}]


def test_a_dry_run_reads_them_together_too(house: Warehouse, tables: Path) -> None:
    request = LoadRequest((tables / "tests.csv", tables / "items.csv"), is_dry=True)
    told = load(house, request)
    assert only(told) == ("PROCESSED", {"new": 3})
    assert held(house, "SELECT * FROM result") == []
    assert [file.name for file in (house.root / "archive").rglob("*") if file.is_file()] == []


def test_the_kind_may_be_stated(house: Warehouse, tables: Path) -> None:
    request = LoadRequest((tables / "tests.csv", tables / "items.csv"), as_kind="results")
    assert only(load(house, request)) == ("PROCESSED", {"new": 3})
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 6}]


def test_tables_that_wait_are_brought_with_their_items(
    tables: Path, expected: list[object], tmp_path: Path
) -> None:
    house = made(tmp_path / "house", schools=False)
    assert only(loaded(house, tables))[0] == "UNKNOWN_SCHOOL"
    schools = tmp_path / "schools.csv"
    schools.write_text(
        f"entity_id,entity_type\n99900010000001,school\n{OTHER_SCHOOL},school\n", encoding="utf-8"
    )
    told = loaded(house, schools)
    assert [dict(one.ending.counts) for one in told.replayed] == [{"new": 3}]
    assert [held(house, query) for query in (RESULTS, RESPONSES, SCORES)] == expected


def test_a_purged_student_is_in_neither_table_of_the_archive(
    house: Warehouse, tables: Path
) -> None:
    loaded(house, tables / "tests.csv", tables / "items.csv")
    told = purge(house, of_student(STUDENTS[0]))
    assert told.is_complete
    (payload,) = [file for file in (house.root / "archive").rglob("*") if file.is_file()]
    with zipfile.ZipFile(payload) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {name: len(text.splitlines()) for name, text in texts.items()} == {
        "items.csv": 5, "tests.csv": 3,
    }  # fmt: skip
    assert not [name for name, text in texts.items() if "k-1" in text or STUDENTS[0] in text]


def test_two_folders_are_two_deliveries(house: Warehouse, tables: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("tests.csv", "items.csv"):
        text = (tables / name).read_text(encoding="utf-8").replace("k-", "q-")
        (other / name).write_text(text, encoding="utf-8")
    told = loaded(house, tables, other)
    assert [one.ending.counts for one in told.files] == [{"new": 3}, {"new": 3}]
    assert {one.file for one in told.files} == {"items.csv + tests.csv"}


def test_test_tables_without_items_stay_apart(
    house: Warehouse, tables: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    first, _, rest = given("split", tables, folder)
    told = loaded(house, first, rest)
    assert [one.file for one in told.files] == ["tests.csv", "tests.csv"]


def test_findings_name_the_delivery_and_not_its_payload(
    house: Warehouse, tables: Path, tmp_path: Path
) -> None:
    text = (tables / "tests.csv").read_text(encoding="utf-8").replace("99900010000001", "")
    (tmp_path / "tests.csv").write_text(text, encoding="utf-8")
    told = loaded(house, tmp_path / "tests.csv", tables / "items.csv")
    assert told.log.counts()["P19"] == 3
    named = {finding.file for finding in told.log if finding.rule == "P19"}
    assert named == {"items.csv + tests.csv#2"}
