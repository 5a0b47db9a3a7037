"""A state's results, invented directly as rows of a warehouse: no responses, no scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

SCHOOLS, DISTRICTS = 10_000, 1_000
GRADES = ("03", "04", "05", "06", "07", "08", "11")
STATE = "99000000000000"

ROWS = """
SELECT {first} + n AS row_id,
  'o-{year}-' || CAST(n AS VARCHAR) AS opportunity_id,
  'SUM-' || subject || '-' || test_grade || '-{year}' AS assessment_id,
  '9' || lpad(CAST(student AS VARCHAR), 9, '0') AS student_id,
  '{year}' AS school_year, subject, test_grade, 'summative' AS assessment_type,
  test_grade AS grade_when_assessed,
  '99' || lpad(CAST(school % {districts} AS VARCHAR), 5, '0')
    || lpad(CAST(school + 1 AS VARCHAR), 7, '0') AS school_id,
  TIMESTAMP '2020-04-01 08:00:00' + INTERVAL 1 MINUTE * (h % 60000) AS completed_at,
  TIMESTAMP '2020-06-01 08:00:00' AS status_at,
  'scored' AS status, 'Complete' AS completeness, 'Valid' AS administration_condition,
  CASE WHEN h % 400 = 0 THEN 'invalid' ELSE 'valid' END AS validity,
  CASE WHEN h % 97 = 0 THEN 'LOSS' WHEN h % 151 = 0 THEN 'NTE' END AS special_condition,
  CASE WHEN s % 100 < 49 THEN 'Female' WHEN s % 100 < 99 THEN 'Male' ELSE 'Nonbinary' END AS sex,
  s % 1000 < 550 AS hispanic_or_latino, s % 997 < 5 AS american_indian_or_alaska_native,
  s % 991 < 120 AS asian, s % 983 < 50 AS black_or_african_american,
  s % 977 < 250 AS white, s % 971 < 5 AS native_hawaiian_or_other_pacific_islander,
  s % 967 < 25 AS filipino, s % 953 < 40 AS two_or_more_races,
  CASE s % 16 WHEN 0 THEN 'EL' WHEN 1 THEN 'EL' WHEN 2 THEN 'EL' WHEN 3 THEN 'RFEP'
    WHEN 4 THEN 'RFEP' WHEN 5 THEN 'IFEP' WHEN 6 THEN NULL ELSE 'EO' END AS el_status,
  s % 10 < 6 AS economically_disadvantaged, s % 9 = 0 AS student_with_disabilities,
  s % 101 = 0 AS migrant,
  CAST(score AS DOUBLE) AS scale_score, 20.0 + h % 20 AS se_scale,
  CAST(CASE WHEN score < 2430 THEN 1 WHEN score < 2490 THEN 2 WHEN score < 2560 THEN 3 ELSE 4 END
    AS TINYINT) AS achievement_level,
  'two_tables' AS source_form
FROM (
  SELECT n, student, subject, h, s,
    school * 3 + CASE WHEN (student + {place}) % 7 < 3 THEN 0 WHEN (student + {place}) % 7 < 6
      THEN 1 ELSE 2 END AS school,
    CASE (student + {place}) % 7 WHEN 0 THEN '03' WHEN 1 THEN '04' WHEN 2 THEN '05' WHEN 3 THEN '06'
      WHEN 4 THEN '07' WHEN 5 THEN '08' ELSE '11' END AS test_grade,
    2300 + (h % 180) + (h // 7919 % 160) AS score
  FROM (
    SELECT n, n // 2 AS student, (n // 2 * 7 + 13) % ({schools} // 3) AS school,
      CASE n % 2 WHEN 0 THEN 'ELA' ELSE 'Math' END AS subject,
      hash(n, {place}) AS h, hash(n // 2) AS s
    FROM (SELECT unnest(range({start}, {stop})) AS n) AS r
  ) AS q
) AS p
"""
COLUMNS = [
    "row_id", "opportunity_id", "assessment_id", "student_id", "school_year", "subject",
    "test_grade", "assessment_type", "grade_when_assessed", "school_id", "completed_at",
    "status_at", "status", "completeness", "administration_condition", "validity",
    "special_condition", "sex", "hispanic_or_latino", "american_indian_or_alaska_native",
    "asian", "black_or_african_american", "white",
    "native_hawaiian_or_other_pacific_islander", "filipino", "two_or_more_races", "el_status",
    "economically_disadvantaged", "student_with_disabilities", "migrant", "scale_score",
    "se_scale", "achievement_level", "source_form",
]  # fmt: skip


def years(count: int) -> list[str]:
    """School years, the last one first known."""
    return [f"{2014 + place}-{(15 + place) % 100:02d}" for place in range(count)]


def make(folder: Path, students: int, count: int) -> Any:
    """A warehouse with so many years of so many students."""
    from scorehouse.warehouse import Warehouse

    house = Warehouse.create(folder)
    house.close()
    house = Warehouse.open(folder, memory_megabytes=6_000)
    with house.transaction("entities") as transaction:
        number = transaction.begin_import("entities", "", "entities")
        transaction.add("entity", entities(), number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("entities")
    for place, year in enumerate(years(count)):
        with house.transaction(year) as transaction:
            number = transaction.begin_import("results", "", year)
            rows = 2 * students
            select = text(transaction.reserve(number, rows), year, place, 0, rows)
            transaction.add_select("result", select, COLUMNS, number, [year])
            transaction.end_import(number, "PROCESSED", "", {})
            transaction.commit(year)
    return house


def text(first: int, year: str, place: int, start: int, stop: int) -> str:
    """The SQL that makes rows of a year."""
    return ROWS.format(
        first=first, year=year, place=place, start=start, stop=stop,
        schools=SCHOOLS, districts=DISTRICTS,
    )  # fmt: skip


def entities() -> pa.Table:
    """The state, its districts and schools."""
    rows = [{"entity_id": STATE, "entity_type": "state", "entity_name": "State", "parent_id": None}]
    rows += [
        {"entity_id": f"99{d:05d}0000000", "entity_type": "district",
         "entity_name": f"District {d}", "parent_id": STATE}
        for d in range(DISTRICTS)
    ]  # fmt: skip
    rows += [
        {"entity_id": f"99{s % DISTRICTS:05d}{s + 1:07d}", "entity_type": "school",
         "entity_name": f"School {s}", "parent_id": f"99{s % DISTRICTS:05d}0000000"}
        for s in range(SCHOOLS)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def load_more(house: Any, year: str, place: int, students: int, base: int) -> int:
    """A load of a year: some students' results corrected, and as many new students."""
    with house.transaction("corrections") as transaction:
        number = transaction.begin_import("results", "", "corrections")
        first = transaction.reserve(number, 4 * students)
        again = text(first, year, place, 0, 2 * students)
        new = text(first + 2 * students, year, place, base, base + 2 * students)
        transaction.add_select("result", f"{again} UNION ALL {new}", COLUMNS, number, [year])
        old = transaction.sql(
            f"SELECT row_id AS old_row FROM result__rows WHERE school_year = '{year}' "
            f"AND import_id < {number} ORDER BY row_id LIMIT {2 * students}"
        )
        transaction.supersede("result", old, number, "correction")
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("corrections")
    return 4 * students
