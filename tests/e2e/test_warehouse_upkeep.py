"""Purging killed in the middle, and the commands of privacy and upkeep as people use them."""

from __future__ import annotations

import json
import random
import shutil
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from e2e.invented import scorehouse
from killed import kill_at_random, worker
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.certificates import certificates
from scorehouse.warehouse.history import history
from scorehouse.warehouse.index import update_index
from scorehouse.warehouse.index_file import connect
from scorehouse.warehouse.places import INDEX_FILE
from scorehouse.warehouse.purge import of_student, purge
from warehouse_help import TRT, USUAL, held, loaded, made, trt

STUDENTS = 12
GONE = "9000000003"
WORK = """
from pathlib import Path
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.purge import of_student, purge

def work(place, student):
    purge(Warehouse.open(Path(place)), of_student(student))
"""
COUNTS = (
    "SELECT (SELECT count(*) FROM result) AS results, "
    "(SELECT count(*) FROM response) AS responses, (SELECT count(*) FROM score) AS scores, "
    "(SELECT count(*) FROM student) AS students, "
    "(SELECT count(*) FROM submission__rows) AS fates"
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of a dozen students, with its index."""
    folder = tmp_path_factory.mktemp("filled")
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        for number in range(STUDENTS):
            own = {"student": f"90000000{number:02}", "key": f"k-{number}", "number": number}
            archive.writestr(f"{number}.xml", TRT.format(**{**USUAL, **own}))
    house = made(folder / "w")
    loaded(house, folder / "d.zip")
    update_index(house)
    house.close()
    return folder / "w"


def counts(house: Warehouse) -> dict[str, object]:
    return held(house, COUNTS)[0]


def expected(students: int) -> dict[str, object]:
    """The counts of a warehouse that holds so many students whole."""
    return {"results": students, "responses": students * 2, "scores": students,
            "students": students, "fates": students}  # fmt: skip


def bytes_with(root: Path, word: str) -> list[Path]:
    """Files that hold a word, looked at by other means than the product's."""
    found = []
    for path in (path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if content[:2] == b"PK":
            with zipfile.ZipFile(path) as archive:
                content += b"".join(archive.read(name) for name in archive.namelist())
        if content[:4] == b"PAR1":
            import pyarrow.parquet as pq

            content += repr(pq.read_table(path).to_pylist()).encode()
        found += [path] if word.encode() in content else []
    return found


def kill_purges(filled: Path, folder: Path, times: int, seed: int) -> None:
    """Kill purges at random moments: all of the student is visible or nothing; then finish."""
    rng, ends = random.Random(seed), []
    with worker(WORK) as busy:
        longest = busy.seconds(copied(filled, folder / "w"), GONE)
        for number in range(times):
            place = copied(filled, folder / f"w{number}")
            ends.append(kill_at_random(busy, (place, GONE), longest, rng.uniform))
            check_finished(place)
            shutil.rmtree(place)
    assert not all(ends)


def copied(filled: Path, place: Path) -> Path:
    shutil.copytree(filled, place)
    return place


def check_finished(place: Path) -> None:
    """The purge is done or not; asked for again it is, with one certificate."""
    house = Warehouse.open(place)
    assert counts(house) in (expected(STUDENTS - 1), expected(STUDENTS))
    told = purge(house, of_student(GONE))
    assert told.is_complete
    assert counts(house) == expected(STUDENTS - 1)
    assert bytes_with(place, GONE) == []
    assert [one["details"]["state"] for one in certificates(house)] == ["complete"]
    assert house.orphans() == []


def test_a_killed_purge_has_done_nothing_or_is_completed(filled: Path, tmp_path: Path) -> None:
    kill_purges(filled, tmp_path, 8, 1)


@pytest.mark.torture
def test_a_hundred_killed_purges(filled: Path, tmp_path: Path) -> None:
    kill_purges(filled, tmp_path, 100, 2)


def test_readers_never_fail_while_students_are_purged(filled: Path, tmp_path: Path) -> None:
    """Pages read on through three purges that wait for them, and see each student whole or not."""
    place = copied(filled, tmp_path / "w")
    seen: list[dict[str, object]] = []
    faults: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        own = Warehouse.open(place)
        try:
            while not ended.wait(0.01):
                seen.append(counts(own))
                found = history(own, "9000000001")
                assert found is not None
                assert len(found.sittings) == 1
        except BaseException as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    house = Warehouse.open(place)
    told = [purge(house, of_student(f"90000000{number:02}")) for number in (3, 5, 7)]
    ended.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert [one.is_complete for one in told] == [True] * 3
    wholes = [expected(STUDENTS - gone) for gone in range(4)]
    assert [one for one in seen if one not in wholes] == []
    assert seen
    assert counts(house) == wholes[3]


# --- the commands ---


def test_a_student_is_purged_with_a_certificate(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    (tmp_path / "request.txt").write_text(GONE + "\n")
    done = scorehouse(
        *("purge", "--student-file", tmp_path / "request.txt", "-w", place, "--json"),
        *("--certificate", tmp_path / "c.json"),
    )
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["rows"]["result"] == 1
    assert answer["found"] == {}
    assert GONE not in done.out + done.err + (tmp_path / "c.json").read_text()
    assert json.loads((tmp_path / "c.json").read_text())["details"]["state"] == "complete"
    assert bytes_with(place, GONE) == []
    again = scorehouse("purge", "--student", GONE, "-w", place)
    assert again.code == 0
    assert "Nothing of it is held" in again.err
    written = scorehouse("purge", "--number", 1, "-w", place)
    assert json.loads(written.out)["certificate_id"] == 1


def test_a_year_is_only_told_until_it_is_confirmed(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    told = scorehouse("purge", "--year", "2018-19", "-w", place, "--json")
    rows = {one["table_name"]: one["n"] for one in json.loads(told.out)["would_go"]}
    assert rows["result"] == STUDENTS
    assert counts(Warehouse.open(place)) == expected(STUDENTS)
    done = scorehouse("purge", "--year", "2018-19", "--yes", "-w", place)
    assert done.code == 0, done.err
    assert counts(Warehouse.open(place)) == expected(0)


def test_rules_of_retention_by_command(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nwhat = 'responses'\nkeep_years = 0\nfrom = 2019-07-01\n")
    scorehouse("purge", "--retention", rules, "-w", place)
    assert counts(Warehouse.open(place)) == expected(STUDENTS)
    done = scorehouse("purge", "--retention", rules, "--yes", "-w", place)
    assert done.code == 0, done.err
    assert counts(Warehouse.open(place)) == {**expected(STUDENTS), "responses": 0}


def test_what_makes_no_sense_is_refused(filled: Path, tmp_path: Path) -> None:
    for words in (("purge",), ("purge", "--student", "9", "--year", "2018-19"), ("export",),
                  ("export", "nothing", "-o", tmp_path / "o"),
                  ("export", "--all", "--deidentified", "-o", tmp_path / "o"),
                  ("export", "--form", "warehouse", "-o", tmp_path / "o"),
                  ("purge", "--year", "2019"), ("audit", "--since", "May")):  # fmt: skip
        done = scorehouse(*words, "-w", filled)
        assert done.code == 2, words
        assert "Traceback" not in done.err
    assert not (tmp_path / "o").exists()


def test_export_doctor_and_audit(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    (tmp_path / "key.txt").write_text("a key of ours")
    done = scorehouse("export", "result", "student", "-o", tmp_path / "o", "--form", "csv",
                      "-w", place)  # fmt: skip
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "data-dictionary.csv", "result.csv", "student.csv",
    ]  # fmt: skip
    key = ("--deidentified", "--key-file", tmp_path / "key.txt", "-w", place)
    done = scorehouse("export", "student", "-o", tmp_path / "d", *key)
    assert done.code == 0, done.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    done = scorehouse("export", "--form", "warehouse", "-o", tmp_path / "copy", *key, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"] > STUDENTS
    assert bytes_with(tmp_path / "copy", GONE) == bytes_with(tmp_path / "d", GONE) == []
    (place / "tables" / "student" / "all" / "x.parquet").write_bytes(b"half")
    assert scorehouse("doctor", "-w", place).code == 1
    told = json.loads(scorehouse("doctor", "-w", place, "--fix", "--json").out)
    assert [one["check"] for one in told["troubles"] if not one["is_fixed"]] in ([], ["space"])
    rows = json.loads(scorehouse("audit", "-w", place, "--json").out)
    assert [row["verb"] for row in rows][:5] == ["doctor", "doctor", "export", "export", "export"]


def test_a_damaged_file_is_told_by_the_doctor(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    path = next((place / "tables" / "result").rglob("*.parquet"))
    path.write_bytes(b"PAR1")
    done = scorehouse("doctor", "-w", place, "--fix")
    assert done.code == 1
    assert "damaged" in done.out.replace("\n", " ")
    assert "--fix can't put this right: files. Restore it from a backup" in done.err


def test_the_doctor_advises_what_helps(filled: Path, tmp_path: Path) -> None:
    """Nobody is sent for a backup when `--fix`, or the next command, puts all right."""
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    assert scorehouse("find", GONE, "-w", place).code == 0
    (place / INDEX_FILE).write_bytes(b"no index")
    (place / "tables" / "student" / "all" / "x.parquet").write_bytes(b"half")
    done = scorehouse("doctor", "-w", place)
    assert done.code == 1
    assert "`scorehouse doctor --fix` puts this right without losing data: orphans, index" in (
        " ".join(done.err.split())
    )
    assert "backup" not in done.err
    done = scorehouse("doctor", "-w", place, "--fix")
    assert "backup" not in done.err
    assert "fixed  index" in done.out


def test_the_doctor_says_who_brings_the_index_up_to_date(filled: Path, tmp_path: Path) -> None:
    place = tmp_path / "w"
    shutil.copytree(filled, place)
    assert scorehouse("find", GONE, "-w", place).code == 0
    with closing(connect(place / INDEX_FILE)) as index, index:
        index.execute("UPDATE stamp SET value = '0' WHERE name = 'snapshot'")
    done = scorehouse("doctor", "-w", place)
    assert "the next `find` brings it up to date" in " ".join(done.out.split())
    assert "backup" not in done.err
    assert scorehouse("find", GONE, "-w", place).code == 0
    assert "index" not in scorehouse("doctor", "-w", place).err


def test_an_unused_load_is_not_needed(tmp_path: Path) -> None:
    """A purge before anything was loaded finds nothing, and says so."""
    house = made(tmp_path / "w")
    trt(tmp_path, "a.xml")
    told = purge(house, of_student(GONE))
    assert told.is_nothing
    assert told.is_complete
