"""Upkeep: exports that load again, copies without identities, health, retention, tidying."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scorehouse.errors import UsageError
from scorehouse.transmit.hashing import Hasher
from scorehouse.warehouse import TABLES, Warehouse, retention
from scorehouse.warehouse.audit import audited
from scorehouse.warehouse.deidentified import Choices, LeftOverError, deidentified_copy
from scorehouse.warehouse.doctor import CHECKS, Health, examine
from scorehouse.warehouse.export import ExportRequest, export
from scorehouse.warehouse.index import update_index
from scorehouse.warehouse.purge import purge
from scorehouse.warehouse.schema import owner_fields
from scorehouse.warehouse.tidy import tidy
from warehouse_help import SCHOOL, held, loaded, made, trt

ONE, TWO = "9000000001", "9000000002"
LATER = "2019-05-03T10:00:00.000"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with two students, a correction, enrollments, lists and answers."""
    folder = tmp_path_factory.mktemp("filled")
    house = made(folder / "w")
    loaded(house, trt(folder, "a.xml"))
    loaded(house, trt(folder, f"{TWO}.xml", student=TWO, key="k-2", number="102", last="Reed",
                      answer=f"I am Ada Reed, number {TWO}"))  # fmt: skip
    loaded(house, trt(folder, "c.xml", score=2520, at=LATER))
    tables = {
        "enrollment.csv": "student_id,school_id,entered_on,school_year\n"
        f"{ONE},{SCHOOL},2018-08-20,2018-19\n{TWO},{SCHOOL},2018-08-20,2018-19\n",
        "local.csv": f"student_id,entity_id,local_id\n{ONE},{SCHOOL},L-20190001\n",
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    loaded(house, *(folder / name for name in tables))
    house.close()
    return folder / "w"


@pytest.fixture
def house(filled: Path, tmp_path: Path) -> Warehouse:
    """That warehouse, for one test to change."""
    shutil.copytree(filled, tmp_path / "w")
    return Warehouse.open(tmp_path / "w")


# --- exporting ---


def test_every_table_is_exported_with_what_its_columns_mean(
    house: Warehouse, tmp_path: Path
) -> None:
    done = export(house, ExportRequest(tmp_path / "out"))
    assert [one.table for one in done] == list(TABLES)
    for one in done:
        rows = held(house, f"SELECT count(*) AS n FROM {one.table}")
        assert pq.read_metadata(tmp_path / "out" / one.file).num_rows == one.rows == rows[0]["n"]
    with (tmp_path / "out" / "data-dictionary.csv").open(newline="") as stream:
        told = {(row["table"], row["column"]) for row in csv.DictReader(stream)}
    assert told == {
        (table.name, name)
        for table in TABLES.values()
        for name in (*table.schema.names, *(field.name for field in owner_fields(table)))
    }


def test_csv_is_as_the_standard_says_and_loads_again(house: Warehouse, tmp_path: Path) -> None:
    names = tuple(
        table.name for table in TABLES.values() if table.group not in ("results", "imports")
    )
    done = export(house, ExportRequest(tmp_path / "out", names, form="csv"))
    content = (tmp_path / "out" / "student.csv").read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 3
    other = Warehouse.create(tmp_path / "other")
    filled_tables = [tmp_path / "out" / one.file for one in done if one.rows]
    told = loaded(other, *filled_tables)
    assert {one.ending.status for one in told.files} == {"PROCESSED"}, told.files
    for one in done:
        columns = ", ".join(TABLES[one.table].names)
        query = f"SELECT {columns} FROM {one.table} ORDER BY {columns}"
        assert held(other, query) == held(house, query), one.table


def test_a_cell_with_quotes_commas_and_line_breaks_comes_back(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    (tmp_path / "n.csv").write_text(
        'entity_id,entity_type,entity_name\n99900010000003,school,"A ""B"", C\nand D"\n'
    )
    loaded(house, tmp_path / "n.csv")
    export(house, ExportRequest(tmp_path / "out", ("entity",), form="csv"))
    with (tmp_path / "out" / "entity.csv").open(newline="") as stream:
        names = [row["entity_name"] for row in csv.DictReader(stream)]
    assert names[-1] == 'A "B", C\nand D'


def test_an_export_of_a_past_moment_under_the_standards_names(
    house: Warehouse, tmp_path: Path
) -> None:
    request = ExportRequest(tmp_path / "out", ("result",), "csv", as_of="3", headers="ceds")
    export(house, request)
    with (tmp_path / "out" / "result.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["AssessmentResultScoreValue"] for row in rows] == ["2510.0", "2510.0"]


def test_an_export_is_whole_or_not_there(
    house: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scorehouse.warehouse import export as module

    with pytest.raises(UsageError, match="no table nothing"):
        export(house, ExportRequest(tmp_path / "out", ("nothing",)))

    def failing(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_dictionary", failing)
    with pytest.raises(OSError, match="No space"):
        export(house, ExportRequest(tmp_path / "out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(UsageError, match="not an empty folder"):
        export(house, ExportRequest(tmp_path / "full"))


# --- without identities ---


def test_a_copy_has_the_same_history_and_no_identity(house: Warehouse, tmp_path: Path) -> None:
    hasher = Hasher("a key")
    told = deidentified_copy(house, tmp_path / "copy", hasher)
    assert told.identifiers >= 4
    copy = Warehouse.open(tmp_path / "copy")
    pseudonyms = {student: hasher.pseudonym(student) for student in (ONE, TWO)}
    scores = "SELECT student_id, scale_score FROM result ORDER BY row_id"
    for moment in ("", "3"):
        expected = [
            {**row, "student_id": pseudonyms[str(row["student_id"])]}
            for row in held(house, scores, moment)
        ]
        assert held(copy, scores, moment) == expected
    joined = (
        "SELECT count(*) AS n FROM result AS r JOIN student AS s ON s.student_id = r.student_id"
    )
    assert held(copy, joined) == [{"n": 2}]
    (row, _) = held(copy, "SELECT last_or_surname, first_name, birth_date FROM student")
    assert row == {"last_or_surname": None, "first_name": None, "birth_date": date(2008, 1, 1)}
    assert held(copy, "SELECT DISTINCT response_value FROM response") == [{"response_value": None}]
    assert list((tmp_path / "copy" / "archive").iterdir()) == []
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file()
    )
    assert not any(word in everything for word in (b"9000000001", b"Quill", b"L-20190001"))


def test_answers_stay_when_asked_but_for_those_that_name(house: Warehouse, tmp_path: Path) -> None:
    told = deidentified_copy(house, tmp_path / "copy", Hasher("k"), Choices(keeps_responses=True))
    assert told.answers_left_out == 1
    rows = held(
        Warehouse.open(tmp_path / "copy"),
        "SELECT DISTINCT response_value AS v FROM response WHERE response_value IS NOT NULL",
    )
    assert sorted(str(row["v"]) for row in rows) == ["A", "B"]


def test_a_copy_with_a_leak_is_not_kept(house: Warehouse, tmp_path: Path) -> None:
    """An identifier in a column that nobody expects it in."""
    (tmp_path / "e.csv").write_text(f"entity_id,entity_type,entity_name\n1,school,of {ONE}\n")
    loaded(house, tmp_path / "e.csv")
    with pytest.raises(LeftOverError, match="entity"):
        deidentified_copy(house, tmp_path / "copy", Hasher("k"))
    assert not (tmp_path / "copy").exists()


# --- health ---


def told(health: Health) -> set[str]:
    return {trouble.check for trouble in health.troubles if not trouble.is_fixed}


def test_a_good_warehouse_is_well(house: Warehouse) -> None:
    update_index(house)
    health = examine(house)
    assert told(health) <= {"space"}
    assert health.checks == tuple(CHECKS)


def test_a_missing_and_a_changed_file_are_grave(house: Warehouse) -> None:
    with house.snapshot() as snapshot:
        first, second = (Path(file.path) for file in snapshot.files[:2])
    first.unlink()
    second.write_bytes(second.read_bytes()[:-4] + b"PAR2")
    payload = next(path for path in (house.root / "archive").rglob("*") if path.is_file())
    payload.write_bytes(b"changed")
    sentences = [trouble.sentence for trouble in examine(house).troubles if trouble.is_grave]
    assert len(sentences) == 3
    assert "is missing" in sentences[0]
    assert "damaged" in sentences[1]
    assert "payload" in sentences[2]


def test_what_a_killed_run_left_is_told_and_removed(house: Warehouse) -> None:
    from scorehouse.warehouse import catalog as tables
    from scorehouse.warehouse.catalog import now

    (house.root / "tables" / "student" / "all" / "x.parquet").write_bytes(b"half")
    (house.root / "archive" / ".abc.part").write_bytes(b"half")
    house.root.chmod(0o755)
    with house.catalog.noting() as connection:
        values = {"what": "load", "who": "me", "started_at": now(), "status": "running"}
        connection.execute(tables.load.insert().values(values))
        lease = {"snapshot_id": 1, "host": "h", "process": 1, "expires_at": "2019-01-01"}
        connection.execute(tables.lease.insert().values(lease))
    update_index(house)
    wrong = {"orphans", "loads", "leases", "permissions"}
    assert told(examine(house)) - {"space"} == wrong
    fixed = examine(house, fix=True)
    assert {one.check for one in fixed.troubles if one.is_fixed} >= wrong
    assert told(examine(house)) <= {"space"}


def test_an_index_that_is_behind_or_damaged_is_made_again(house: Warehouse) -> None:
    (house.root / "index.sqlite").write_bytes(b"no database" * 100)
    assert "index" in told(examine(house))
    assert "index" not in told(examine(house, fix=True))
    with house.transaction("another") as transaction:
        transaction.commit("another")
    assert "index" in told(examine(house))
    assert "index" not in told(examine(house, fix=True))


# --- audit ---


def test_the_audit_finds_a_student_without_naming_one(house: Warehouse) -> None:
    house.note("history", house.mark(ONE))
    house.note("history", house.mark(TWO))
    rows = audited(house, student_id=ONE)
    assert [row["verb"] for row in rows] == ["history"]
    assert ONE not in str(audited(house))
    assert audited(house, verb="load")[0]["verb"] == "load"
    assert audited(house, since="2999-01-01") == []


# --- retention ---

RULES = """
[[rule]]
what = "responses"
keep_years = 3
from = 2018-01-01
[[rule]]
what = "results"
keep_years = 9
from = 2018-01-01
because = "the state's schedule"
[[rule]]
what = "responses"
keep_years = 1
from = 2021-07-01
"""


def rules(folder: Path, text: str = RULES) -> tuple[retention.Rule, ...]:
    (folder / "rules.toml").write_text(text)
    return retention.read_rules(folder / "rules.toml")


def test_the_newest_rule_in_force_counts_from_the_end_of_the_year(tmp_path: Path) -> None:
    found = rules(tmp_path)
    kept = {rule.what: rule.keep_years for rule in retention.in_force(found, date(2021, 6, 30))}
    assert kept == {"responses": 3, "results": 9}
    kept = {rule.what: rule.keep_years for rule in retention.in_force(found, date(2021, 7, 1))}
    assert kept == {"responses": 1, "results": 9}


def test_responses_go_and_results_stay_when_the_rules_say_so(
    house: Warehouse, tmp_path: Path
) -> None:
    found = rules(tmp_path)
    assert retention.due(house, found, date(2020, 6, 30)) == []
    planned = retention.due(house, found, date(2022, 7, 1))
    assert [(one.rule.what, one.year, dict(one.rows)) for one in planned] == [
        ("responses", "2018-19", {"response": 6})
    ]
    done = purge(house, retention.request_of(planned))
    assert done.rows == {"response": 6}
    assert held(house, "SELECT count(*) AS n FROM result") == [{"n": 2}]
    assert held(house, "SELECT count(*) AS n FROM response__rows") == [{"n": 0}]
    whole = b"".join(p.read_bytes() for p in (house.root / "archive").rglob("*") if p.is_file())
    assert b"<Response" not in whole


def test_results_go_with_their_parts_and_fates(house: Warehouse, tmp_path: Path) -> None:
    planned = retention.due(house, rules(tmp_path), date(2028, 7, 1))
    purge(house, retention.request_of(planned))
    for table in ("result", "score", "response", "submission"):
        assert held(house, f"SELECT count(*) AS n FROM {table}__rows") == [{"n": 0}]
    assert held(house, "SELECT count(*) AS n FROM student") == [{"n": 2}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "list of"),
        ("[[rule]]\nwhat = 'names'\nkeep_years = 1\nfrom = 2020-01-01", "what is one of"),
        ("[[rule]]\nwhat = 'results'\nkeep_years = -1\nfrom = 2020-01-01", "whole number"),
        ("[[rule]]\nwhat = 'results'\nkeep_years = true\nfrom = 2020-01-01", "whole number"),
        ("[[rule]]\nwhat = 'results'\nkeep_years = 1", "from is the day"),
        ("[[rule]]\nwhat = 'results'\nkeep_years = 1\nfrom = 2020-01-01\nif = 1", "unknown if"),
        ("[[rule", "not TOML"),
    ],
)
def test_rules_that_make_no_sense_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rules(tmp_path, text)


# --- tidying ---


def test_tidying_changes_no_row_and_leaves_large_files_alone(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    for number in range(3):
        (tmp_path / "e.csv").write_text(
            f"entity_id,entity_type,entity_name\n{number},school,S{number}\n7,school,{number}\n"
        )
        loaded(house, tmp_path / "e.csv")
    query = "SELECT row_id, import_id, entity_id, entity_name FROM entity__rows ORDER BY row_id"
    before = held(house, query)
    with house.transaction("tidying") as transaction:
        assert tidy(transaction, many=3) >= 4
        transaction.commit("tidying")
    assert held(house, query) == before
    for moment in ("2", "3", "4"):
        assert len(held(house, "SELECT 1 FROM entity WHERE entity_id = '7'", moment)) == 1
    with house.snapshot() as snapshot:
        files = [file for file in snapshot.files if file.table == "entity"]
    assert len(files) == 1
    assert (files[0].first_import, files[0].last_import) == (1, 4)


def test_tidying_merges_files_of_like_size_so_that_its_cost_is_bounded() -> None:
    from scorehouse.warehouse.tidy import crowded
    from scorehouse.warehouse.views import DataFile

    small = [DataFile("entity", "", f"s{n}", 10 + n, n, n) for n in range(24)]
    larger = [DataFile("entity", "", f"l{n}", 500_000, n, n) for n in range(23)]
    huge = [DataFile("entity", "", f"h{n}", 5_000_000, n, n) for n in range(50)]
    assert crowded([*small, *larger, *huge], 24) == [small]
