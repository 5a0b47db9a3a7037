"""Warehouses of invented people for the tests of finding."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.find_words import SEGMENT_BITS
from scorehouse.warehouse.index_file import CHUNK_STUDENTS, connect, postings
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.places import INDEX_FILE
from scorehouse.warehouse.schema import TABLES

Rows = Sequence[Mapping[str, Any]]


def empty(folder: Path) -> Warehouse:
    return Warehouse.create(folder)


def bring(house: Warehouse, **tables: Rows) -> int:
    """Merge rows of some tables as one load, without touching the index; return its import."""
    with house.transaction("invented") as transaction:
        number = transaction.begin_import("invented", "", "invented")
        for name, rows in tables.items():
            if rows:
                given = {column for row in rows for column in row}
                columns = [field for field in TABLES[name].own_schema if field.name in given]
                merge(
                    transaction, name, pa.Table.from_pylist(list(rows), pa.schema(columns)), number
                )
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("invented")
    return number


def person(number: int, last: str, first: str | None = None, **more: Any) -> dict[str, Any]:
    return {"student_id": ssid(number), "last_or_surname": last, "first_name": first, **more}


def ssid(number: int) -> str:
    return f"9{number:09d}"


def enrolled(number: int, school: str, year: str, grade: str = "05") -> dict[str, Any]:
    return {
        "student_id": ssid(number), "school_id": school, "school_year": year,
        "entered_on": date(int(year[:4]), 8, 15), "exited_on": None, "grade_enrolled": grade,
    }  # fmt: skip


def sat(number: int, key: str, school: str, year: str, **more: Any) -> dict[str, Any]:
    return {
        "opportunity_id": key, "assessment_id": f"T-{year}", "student_id": ssid(number),
        "school_year": year, "subject": "ELA", "assessment_type": "summative",
        "school_id": school, "status": "scored", "scale_score": 2500.0, "achievement_level": 3,
        "grade_when_assessed": "04", "source_form": "trt", **more,
    }  # fmt: skip


def _segments(index: sqlite3.Connection) -> Iterator[tuple[int, str, int, int, int]]:
    """Each word as its segment spells it, with its place and its two sets."""
    for number, width, blob, letters, pairs in index.execute("SELECT * FROM segment"):
        text = bytes(blob).decode("utf-32-le")
        sets = zip(
            np.frombuffer(letters, np.uint32).tolist(), np.frombuffer(pairs, np.uint64).tolist(),
            strict=True,
        )  # fmt: skip
        for place, bits in enumerate(sets):
            yield number, text[place * width : (place + 1) * width], place, *bits


def ids(students: Iterable[Any]) -> list[int]:
    return [int(student.student_id[1:]) for student in students]


def contents(house: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """What an index says, whatever its numbers are."""
    with closing(connect(house.root / INDEX_FILE)) as index:
        student = dict(index.execute("SELECT number, student_id FROM student"))
        words = {number: word for word, number in index.execute("SELECT word, word_id FROM word")}
        found = {
            "people": index.execute(
                "SELECT s.student_id, h.student_id, s.last_name, s.first_name, s.middle_name, "
                "s.alias_name, s.birth_date, s.sex, s.school_id, s.grade, s.last_year, s.is_shown "
                "FROM student AS s LEFT JOIN student AS h ON h.number = s.replaced_by"
            ).fetchall(),
            "stands": [(student[row[0]], *row[1:]) for row in index.execute("SELECT * FROM stand")],
            "local": [
                (row[0], student[row[1]], row[2]) for row in index.execute("SELECT * FROM local_id")
            ],
            "words": [(word,) for word in words.values()],
            "postings": [
                (words[word], student[number])
                for word in words
                for number in postings(index, [word]).tolist()
            ],
            "spelled": [
                (text, words[number << SEGMENT_BITS | place], *bits)
                for number, text, place, *bits in _segments(index)
                if text.strip("\0")
            ],
            "standing": [
                (student[chunk * CHUNK_STUDENTS + place], key)
                for chunk, keys in index.execute("SELECT chunk, keys FROM standing")
                for place, key in enumerate(np.frombuffer(keys, np.uint64).tolist())
                if chunk * CHUNK_STUDENTS + place in student
            ],
            "own": [
                (one, tuple(sorted(words[w] for w in np.frombuffer(own, np.int64).tolist())))
                for one, own in index.execute("SELECT student_id, words FROM student")
                if own is not None
            ],
        }
    return {name: sorted(rows, key=repr) for name, rows in found.items()}
