"""Everybody in a snapshot as the index shows them, numbered, computed by the engine at one go."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from scorehouse.warehouse.engine import quoted
from scorehouse.warehouse.index_source import (
    BAR,
    ENROLLMENT,
    RESULT,
    NarrowSnapshot,
    everyone_text,
    local_ids_text,
    replacements,
    stands_text,
    years_of,
)

PERSON_COLUMNS = (
    "number", "student_id", "replaced_by", "last_name", "first_name", "middle_name", "alias_name",
    "birth_date", "sex", "school_id", "grade", "last_year", "is_known", "is_shown",
)  # fmt: skip
_OWN = ("last_name", "first_name", "middle_name", "alias_name", "birth_date", "sex")
_PREFERENCE = f"CASE source WHEN {ENROLLMENT} THEN '2' WHEN {RESULT} THEN '1' ELSE '0' END"
_NEWEST = (
    f"max(school_year || '{BAR}' || {_PREFERENCE} || '{BAR}' || latest || '{BAR}' || school_id)"
)
_ROWS = 100_000


class Everyone:
    """All identifiers of a snapshot with a number each, in their order, from 1."""

    def __init__(self, snapshot: NarrowSnapshot) -> None:
        self._engine = snapshot.engine
        self._number(snapshot)
        self._keep_stands(snapshot)
        self._engine.keep("facts", _FACTS)
        self._engine.keep("kin", _KIN)
        self._engine.keep("shown", _SHOWN)
        counted = self._engine.sql("SELECT count(*) AS n FROM person")
        self.count = int(counted["n"][0].as_py())

    def _number(self, snapshot: NarrowSnapshot) -> None:
        ends = replacements(snapshot)
        columns = {"old_id": [*ends], "head_id": [*ends.values()]}
        text = pa.schema([(name, pa.string()) for name in columns])
        self._engine.register("ends", pa.table(columns, text))
        self._engine.keep(
            "numbered",
            "SELECT row_number() OVER (ORDER BY student_id) AS number, e.* "
            f"FROM ({everyone_text()}) AS e",
        )
        self._engine.keep(
            "person",
            "SELECT n.*, h.number AS replaced_by FROM numbered AS n "
            "LEFT JOIN ends AS r ON r.old_id = n.student_id "
            "LEFT JOIN numbered AS h ON h.student_id = r.head_id",
        )

    def _keep_stands(self, snapshot: NarrowSnapshot) -> None:
        parts = [
            f"SELECT p.number, {quoted(year)} AS school_year, CAST({source} AS TINYINT) AS source, "
            f"s.school_id, s.latest FROM ({stands_text(snapshot, source, year)}) AS s "
            "JOIN numbered AS p ON p.student_id = s.student_id"
            for source, year in years_of(snapshot)
        ]
        nothing = (
            "SELECT CAST(0 AS BIGINT) AS number, '' AS school_year, CAST(0 AS TINYINT) AS source, "
            "'' AS school_id, '' AS latest WHERE false"
        )
        self._engine.keep("stand", " UNION ALL ".join([nothing, *parts]))

    def people(self, first: int, end: int) -> pa.Table:
        """Those of some numbers, in order, with `PERSON_COLUMNS`."""
        return self._engine.sql(
            f"SELECT {', '.join(PERSON_COLUMNS)} FROM shown "
            f"WHERE number >= {first} AND number < {end} ORDER BY number"
        )

    def stands(self) -> Iterator[pa.RecordBatch]:
        """Where they stand, in the order of the index."""
        text = "SELECT * FROM stand ORDER BY number, school_year, source, school_id"
        return self._engine.batches(text, _ROWS)

    def local_ids(self) -> Iterator[pa.RecordBatch]:
        """Their local identifiers, in the order of the index."""
        return self._engine.batches(
            f"SELECT DISTINCT l.local_id, p.number, l.entity_id FROM ({local_ids_text()}) AS l "
            "JOIN numbered AS p ON p.student_id = l.student_id "
            "ORDER BY l.local_id, p.number, l.entity_id",
            _ROWS,
        )


_FACTS = (
    f"SELECT number, max(newest) AS newest FROM (SELECT number, {_NEWEST} AS newest FROM stand "
    "GROUP BY number UNION ALL "
    f"SELECT p.replaced_by AS number, {_NEWEST} AS newest FROM stand AS s "
    "JOIN person AS p ON p.number = s.number WHERE p.replaced_by IS NOT NULL "
    "GROUP BY p.replaced_by) AS both_kinds GROUP BY number"
)
"""The newest stand of each, and of all identifiers that theirs replaced."""

_KIN = (
    "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY replaced_by ORDER BY student_id) "
    "AS place FROM person WHERE replaced_by IS NOT NULL AND is_known) AS k WHERE place = 1"
)
"""Who says what a person is called whose identifier in force has no names."""


def _part(place: int) -> str:
    return f"nullif(string_split(f.newest, '{BAR}')[{place}], '')"


_SHOWN = (
    "SELECT p.number, p.student_id, p.replaced_by, "
    + ", ".join(f"CASE WHEN p.is_known THEN p.{c} ELSE coalesce(k.{c}, p.{c}) END AS {c}"
                for c in _OWN)
    + f", {_part(5)} AS school_id, {_part(4)} AS grade, {_part(1)} AS last_year, p.is_known, "
    "p.replaced_by IS NULL AND (p.is_known OR f.number IS NOT NULL OR k.number IS NOT NULL) "
    "AS is_shown FROM person AS p LEFT JOIN facts AS f ON f.number = p.number "
    "LEFT JOIN kin AS k ON k.replaced_by = p.number AND NOT p.is_known ORDER BY p.number"
)  # fmt: skip
