"""A purged student or year is in no byte that is left; everything else is as it was."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorehouse.errors import UsageError
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.archive import payload_path
from scorehouse.warehouse.certificates import certificates
from scorehouse.warehouse.going import as_school_year
from scorehouse.warehouse.index import update_index
from scorehouse.warehouse.load import LoadRequest, load
from scorehouse.warehouse.needles import Needles
from scorehouse.warehouse.purge import of_student, of_year, purge
from warehouse_help import SCHOOL, TRT, USUAL, fates, held, loaded, made, trt

GONE, OLD, STAYS = "9000000001", "9000000077", "9000000002"
ROSTER = (
    "student_id,school_id,entered_on,school_year\r\n"
    f"{GONE},{SCHOOL},2018-08-20,2018-19\r\n"
    f"{STAYS},{SCHOOL},2018-08-20,2018-19\r\n"
)
EXTRACT = (
    "SSID^ResponsibleDistrictIdentifier^ResponsibleSchoolIdentifier^LastOrSurname^FirstName^"
    "Birthdate^GradeLevelWhenAssessed^AdminYear\r\n"
    f"{GONE}^99900010000000^{SCHOOL}^Quill^Ada^2008-03-04^05^2019\r\n"
    f"{STAYS}^99900010000000^{SCHOOL}^Reed^Bo^2008-05-04^05^2019\r\n"
)


def texts(content: bytes) -> Iterator[bytes]:
    """Everything that a file says, by other means than those of the product."""
    yield content
    if content[:4] == b"PAR1":
        for row in pq.read_table(io.BytesIO(content)).to_pylist():
            yield repr(row).encode()
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from texts(archive.read(name))


def places(root: Path, word: str) -> list[str]:
    """The files below a folder that hold a word."""
    return [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file() and any(word.encode() in text for text in texts(path.read_bytes()))
    ]


def document(**changed: object) -> str:
    return TRT.format(**{**USUAL, **changed})


def other(**changed: object) -> str:
    return document(**{"student": STAYS, "key": "k-2", "number": "102", "last": "Reed", **changed})


def wrapper(*documents: str) -> str:
    bodies = (text.split("?>", 1)[1] for text in documents)
    return '<?xml version="1.0"?>\n<TDSReports>' + "".join(bodies) + "</TDSReports>\n"


def zipped(path: Path, members: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def deliveries(folder: Path) -> list[Path]:
    """Every form in which students come, each with the one that goes and one that stays."""
    folder.mkdir()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"{GONE}.xml", document(at="2019-05-03T10:00:00.000", score=2511))
        archive.writestr("b.xml", other(at="2019-05-03T10:00:00.000"))
    zipped(folder / "nested.zip", {"inner.zip": inner.getvalue()})
    (folder / "wrapped.xml").write_text(wrapper(document(score=2400), other(score=2410)))
    trt(folder, f"{GONE}.xml")
    (folder / "enrollments.csv").write_text(ROSTER)
    (folder / "extract.txt").write_text(EXTRACT)
    (folder / "replaced.csv").write_text(f"old_id,student_id\r\n{OLD},{GONE}\r\n")
    rows = {"student_id": [GONE, STAYS], "began_on": ["2015-01-01"] * 2, "el_status": ["EL"] * 2}
    pq.write_table(pa.table(rows), folder / "language.parquet")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that had every form."""
    folder = tmp_path_factory.mktemp("filled")
    house = made(folder / "w")
    told = loaded(house, *deliveries(folder / "d"))
    for one in told.files:
        assert one.ending.status in ("PROCESSED", "NO_UPDATE"), one
    update_index(house)
    house.close()
    return folder / "w"


@pytest.fixture
def house(filled: Path, tmp_path: Path) -> Warehouse:
    """That warehouse, for one test to change."""
    shutil.copytree(filled, tmp_path / "w")
    return Warehouse.open(tmp_path / "w")


def test_a_student_is_in_no_byte_that_is_left(house: Warehouse, tmp_path: Path) -> None:
    before = held(house, "SELECT * FROM result WHERE student_id = '9000000002' ORDER BY row_id")
    assert {place.split("/")[0] for place in places(tmp_path / "w", GONE)} >= {
        "tables", "archive", "index.sqlite",
    }  # fmt: skip
    house.note("history", house.mark(GONE))
    told = purge(house, of_student(GONE))
    assert told.is_complete
    assert told.proof.found == {}
    for word in (GONE, OLD, "Quill"):
        assert places(tmp_path / "w", word) == []
    after = held(house, "SELECT * FROM result WHERE student_id = '9000000002' ORDER BY row_id")
    assert after == before
    assert held(house, "SELECT student_id FROM student") == [{"student_id": STAYS}]
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 2}]
    assert held(house, "SELECT student_id FROM enrollment GROUP BY 1") == [{"student_id": STAYS}]


def test_a_replaced_identifier_goes_with_its_successor(house: Warehouse, tmp_path: Path) -> None:
    purge(house, of_student(OLD))
    assert places(tmp_path / "w", GONE) == places(tmp_path / "w", OLD) == []
    assert places(tmp_path / "w", STAYS) != []


def test_what_others_delivered_stays_byte_by_byte(house: Warehouse, tmp_path: Path) -> None:
    purge(house, of_student(GONE))
    with house.catalog.reading() as connection:
        rows = connection.execute(tables.payload.select()).mappings().all()
    kept = {row["content"]: row for row in rows if row["path"]}
    assert len([row for row in rows if not row["path"]]) == 2  # only hers: a result, a replacement
    enrollments = (tmp_path / "w" / kept["enrollment"]["path"]).read_bytes().decode()
    assert enrollments == ROSTER.replace(ROSTER.splitlines(keepends=True)[1], "")
    extract = payload_path(house, kept["students"]["digest"]).read_bytes().decode()
    assert extract == EXTRACT.replace(EXTRACT.splitlines(keepends=True)[1], "")
    assert kept["students"]["kept_digest"] != kept["students"]["digest"]
    archived = [(tmp_path / "w" / row["path"]).read_bytes() for row in kept.values()]
    archived += [(tmp_path / "w" / row["path"]).read_bytes() for row in rows if row["path"]]
    wrapped = next(content for content in archived if b"<TDSReports>" in content)
    hers = document(score=2400).split("?>\n", 1)[1].rstrip("\n")
    assert wrapped.decode() == wrapper(document(score=2400), other(score=2410)).replace(hers, "")
    language = pq.read_table(tmp_path / "w" / kept["el_status"]["path"])
    assert language["student_id"].to_pylist() == [STAYS]


def test_the_certificate_says_what_went_and_not_whose(house: Warehouse) -> None:
    house.note("history", house.mark(GONE))
    told = purge(house, of_student(GONE))
    (written,) = certificates(house)
    assert written["certificate_id"] == told.certificate
    assert written["what"] == "purge of a student"
    details = written["details"]
    assert details["state"] == "complete"
    assert details["rows"]["result"] == told.rows["result"] >= 1
    assert details["rows"]["student"] >= 1
    assert {one["how"] for one in details["payloads"]} == {"rewritten", "gone"}
    assert all(one["digest"] for one in details["payloads"])
    text = json.dumps(written)
    assert not any(word in text for word in (GONE, OLD, "Quill", house.mark(GONE)))
    with house.catalog.reading() as connection:
        about = [row.about for row in connection.execute(tables.audit.select())]
    assert house.mark(GONE) not in about
    assert about.count(f"purged, certificate {told.certificate}") == 2


def test_purging_again_finds_nothing(house: Warehouse) -> None:
    purge(house, of_student(GONE))
    again = purge(house, of_student(GONE))
    assert again.is_nothing
    assert again.certificate == 0
    assert again.is_complete
    assert len(certificates(house)) == 1


def test_a_past_moment_shows_nothing_of_the_student(house: Warehouse) -> None:
    purge(house, of_student(GONE))
    for moment in range(1, 9):
        assert held(house, f"SELECT 1 FROM result WHERE student_id = '{GONE}'", str(moment)) == []
    rows = held(house, "SELECT count(*) AS n FROM result WHERE student_id = '9000000002'", "8")
    assert rows == [{"n": 1}]


def test_a_sitting_that_moved_away_from_a_purged_student_stays_moved(tmp_path: Path) -> None:
    """What the purged student's result replaced doesn't come back."""
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml", student=STAYS))
    loaded(house, trt(tmp_path, "b.xml", student=GONE, at="2019-05-03T10:00:00.000"))
    assert held(house, "SELECT student_id FROM result") == [{"student_id": GONE}]
    purge(house, of_student(GONE))
    assert held(house, "SELECT student_id FROM result") == []
    why = held(house, "SELECT new_row, why FROM supersession WHERE table_name = 'result'")
    assert why == [{"new_row": None, "why": "purge"}]


def test_what_waits_beside_a_purged_student_is_still_found(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    zipped(tmp_path / "d.zip", {"1.xml": document(), "2.xml": other()})
    assert fates(loaded(house, tmp_path / "d.zip")) == {"waits": 2, "waits_for_school": 2}
    purge(house, of_student(GONE))
    entities = tmp_path / "entities.csv"
    entities.write_text(f"entity_id,entity_type\n{SCHOOL},school\n")
    assert [one.ending.counts for one in loaded(house, entities).replayed] == [{"new": 1}]
    assert held(house, "SELECT student_id FROM result") == [{"student_id": STAYS}]


def test_a_mention_in_another_students_answer_is_masked(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    answer = f"my friend is {GONE}."
    loaded(house, trt(tmp_path, "b.xml", student=STAYS, key="k-2", number="102", answer=answer))
    assert purge(house, of_student(GONE)).proof.is_clean
    assert places(tmp_path / "w", GONE) == []
    answers = held(house, "SELECT response_value FROM response WHERE item_id = '200-1'")
    assert answers == [{"response_value": "my friend is xxxxxxxxxx."}]


def test_a_damaged_delivery_that_names_the_student_goes_whole(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    zipped(tmp_path / "d.zip", {"1.xml": document(), "2.xml": other()})
    (tmp_path / "cut.zip").write_bytes((tmp_path / "d.zip").read_bytes()[:-200])
    load(house, LoadRequest((tmp_path / "cut.zip",), as_kind="results"))
    assert places(tmp_path / "w" / "archive", "PK") != []
    told = purge(house, of_student(GONE))
    assert [change.how for change in told.payloads.payloads] == ["removed"]
    assert places(tmp_path / "w", GONE) == []


def test_the_two_tables_lose_the_students_items_too(house: Warehouse, tmp_path: Path) -> None:
    """The item table names no student: its rows go by the sitting."""
    tests = "TestOpportunityId,StudentIdentifier\r\no-1,9000000001\r\no-2,9000000002\r\n"
    items = "TestOpportunityId,ItemId,ItemScore\r\no-1,200-1,1\r\no-2,200-1,0\r\n"
    from scorehouse.warehouse.going import Going
    from scorehouse.warehouse.payload_rewrite import rewrite

    path = zipped(tmp_path / "t.zip", {"items.csv": items, "tests.csv": tests})
    counted = rewrite(path, tmp_path / "new.zip", Going(Needles([GONE])), tmp_path)
    assert (counted.dropped, counted.kept) == (2, 2)
    with zipfile.ZipFile(tmp_path / "new.zip") as archive:
        left = {name: archive.read(name).decode() for name in archive.namelist()}
    assert left == {
        "items.csv": items.replace("o-1,200-1,1\r\n", ""),
        "tests.csv": tests.replace("o-1,9000000001\r\n", ""),
    }


def test_linked_tables_lose_what_only_a_link_names(house: Warehouse, tmp_path: Path) -> None:
    from scorehouse.warehouse.going import Going
    from scorehouse.warehouse.payload_rewrite import rewrite

    users = f'sourcedId,userIds,givenName\nu1,{{state:{GONE}}},Ada\nu2,"{{state:{STAYS}}}",Bo\n'
    lists = "sourcedId,userSourcedId\ne1,u1\ne2,u2\n"
    births = "sourcedId,birthDate\nu1,2008-03-04\nu2,2008-05-04\n"
    names = {"enrollments.csv": lists, "users.csv": users, "demographics.csv": births}
    path = zipped(tmp_path / "o.zip", dict(names))
    rewrite(path, tmp_path / "new.zip", Going(Needles([GONE])), tmp_path)
    with zipfile.ZipFile(tmp_path / "new.zip") as archive:
        left = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
    assert "u1" not in left
    assert "Ada" not in left
    assert left.count("u2") == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_reference_or_an_encoding_hides_nothing(tmp_path: Path, encoding: str) -> None:
    from scorehouse.warehouse.going import Going
    from scorehouse.warehouse.payload_rewrite import rewrite

    text = wrapper(document(), other()).replace(GONE, "&#57;000000001")
    if encoding == "utf-16":
        text = text.replace("&#57;", "9").replace('"1.0"?', '"1.0" encoding="UTF-16"?')
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode(encoding))
    counted = rewrite(path, tmp_path / "b.xml", Going(Needles([GONE])), tmp_path)
    assert (counted.dropped, counted.kept) == (1, 1)
    left = (tmp_path / "b.xml").read_text()
    assert "000000001" not in left
    assert STAYS in left


def test_a_line_break_inside_quotes_is_part_of_the_row(house: Warehouse, tmp_path: Path) -> None:
    from scorehouse.warehouse.going import Going
    from scorehouse.warehouse.payload_rewrite import rewrite

    text = f'note,student_id\n"two\nlines",{GONE}\n"two\nlines",{STAYS}\n'
    (tmp_path / "a.csv").write_text(text)
    rewrite(tmp_path / "a.csv", tmp_path / "b.csv", Going(Needles([GONE])), tmp_path)
    assert (tmp_path / "b.csv").read_text() == f'note,student_id\n"two\nlines",{STAYS}\n'


def test_a_year_goes_with_the_students_that_had_no_other(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"), trt(tmp_path, "b.xml", student=STAYS, key="k-2",
                                               number="102", last="Reed"))  # fmt: skip
    rows = f"student_id,school_id,entered_on,school_year\n{STAYS},{SCHOOL},2019-08-20,2019-20\n"
    (tmp_path / "e.csv").write_text(rows)
    loaded(house, tmp_path / "e.csv")
    told = purge(house, of_year("2018-19"))
    assert told.is_complete
    assert held(house, "SELECT student_id FROM student") == [{"student_id": STAYS}]
    for table in ("result", "response", "score", "submission"):
        assert held(house, f"SELECT count(*) AS n FROM {table}__rows") == [{"n": 0}]
    assert held(house, "SELECT school_year FROM enrollment") == [{"school_year": "2019-20"}]
    assert places(tmp_path / "w", GONE) == []
    assert [change.how for change in told.payloads.payloads] == ["gone", "gone"]


def test_readers_keep_what_they_read_and_a_purge_waits(house: Warehouse, tmp_path: Path) -> None:
    said: list[str] = []
    ended: list[float] = []

    def run() -> None:
        purge(Warehouse.open(tmp_path / "w"), of_student(GONE), say=said.append)
        ended.append(time.monotonic())

    with house.snapshot() as snapshot:
        worker = threading.Thread(target=run)
        worker.start()
        deadline = time.monotonic() + 60
        while not said and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "waiting" in said[0]
        assert held(house, f"SELECT 1 FROM result WHERE student_id = '{GONE}'") == []
        rows = snapshot.sql(f"SELECT count(*) AS n FROM result WHERE student_id = '{GONE}'")
        assert rows["n"][0].as_py() == 1
        assert not ended
    worker.join(60)
    assert ended
    assert places(tmp_path / "w", GONE) == []


def test_a_purge_that_doesnt_wait_says_what_remains(house: Warehouse, tmp_path: Path) -> None:
    with house.snapshot():
        told = purge(house, of_student(GONE, waits=False))
        assert told.remains.files
        assert told.remains.readers == 1
        assert not told.is_complete
        assert certificates(house)[0]["details"]["state"] != "complete"
    again = purge(house, of_student(GONE))
    assert again.completed == 1
    assert again.is_complete
    assert places(tmp_path / "w", GONE) == []
    assert certificates(house)[0]["details"]["state"] == "complete"


def test_a_purge_that_fails_before_its_step_has_changed_nothing(
    house: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scorehouse.warehouse import purge as module

    before = places(tmp_path / "w", GONE)

    def failing(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "list_changes", failing)
    with pytest.raises(OSError, match="No space"):
        purge(house, of_student(GONE))
    assert held(house, f"SELECT count(*) AS n FROM result WHERE student_id = '{GONE}'") == [
        {"n": 1}
    ]
    assert [place for place in before if place not in places(tmp_path / "w", GONE)] == []
    assert certificates(house) == []
    monkeypatch.undo()
    assert purge(house, of_student(GONE)).is_complete
    assert places(tmp_path / "w", GONE) == []


def test_a_purge_that_ends_after_its_step_is_completed_by_the_next(
    house: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another purge, of somebody else, is enough."""
    from scorehouse.warehouse import purge as module

    def ending(*_words: object, **_how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "remove_rest", ending)
    with pytest.raises(KeyboardInterrupt):
        purge(house, of_student(GONE))
    assert held(house, f"SELECT 1 FROM result__rows WHERE student_id = '{GONE}'") == []
    assert places(tmp_path / "w", GONE) != []
    monkeypatch.undo()
    said: list[str] = []
    told = purge(house, of_student("9000000099"), say=said.append)
    assert told.completed == 1
    assert told.is_nothing
    assert "interrupted" in said[0]
    assert places(tmp_path / "w", GONE) == []
    assert [one["details"]["state"] for one in certificates(house)] == ["complete"]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2018-19"):
        of_year("2019")
    with pytest.raises(UsageError, match="identifier"):
        of_student(" ")
    assert as_school_year("2019") == "2018-19"


def test_needles_find_whole_words_only() -> None:
    needles = Needles([GONE, "77"])
    assert needles.count(f"a{GONE}".encode()) == 0
    assert needles.count(f'"{GONE}"'.encode()) == 1
    assert needles.masked(f"<{GONE}> 77".encode()) == b"<xxxxxxxxxx> 77"
    many = Needles([str(9000000000 + number) for number in range(100)])
    assert many.count(b"x 9000000042 y") == 1
    assert many.masked(b"x 9000000042 y") == b"x xxxxxxxxxx y"
