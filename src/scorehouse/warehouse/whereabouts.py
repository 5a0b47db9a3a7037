"""Where students are: queries over the warehouse's tables as SQL text.

Each function gives a query to select from or to name as a view. Sources: the incumbent's
inferred school (the school of the latest result that isn't reset, or of something newer).
"""

from __future__ import annotations

from datetime import date

from scorehouse.warehouse.schema import TABLES


def under_current_id(name: str) -> str:
    """A table with the identifier in force in the place of replaced ones.

    What was kept under an old identifier is found under the new one; `held_id` is the one that
    the row was kept under.
    """
    columns = ", ".join(
        "coalesce(r.student_id, t.student_id) AS student_id" if column == "student_id"
        else f't."{column}"'
        for column in ("row_id", "import_id", *TABLES[name].names)
    )  # fmt: skip
    return (
        f'SELECT {columns}, t.student_id AS held_id FROM "{name}" AS t '
        "LEFT JOIN ssid_replacement AS r ON r.old_id = t.student_id"
    )


def students() -> str:
    """Every person once, under the identifier in force.

    The row is the one kept under that identifier; a person known under replaced ones only has
    the newest of theirs. `held_id` is the one that the row was kept under.
    """
    names = TABLES["student"].names
    columns = ", ".join(f'"{name}"' for name in names)
    own = ", ".join(f't."{name}"' for name in names)
    replaced = (
        "EXISTS (SELECT 1 FROM ssid_replacement AS r WHERE r.old_id = {0}.student_id "
        "AND r.student_id <> {0}.student_id)"
    )
    return (
        f"SELECT {own}, t.student_id AS held_id FROM student AS t WHERE NOT {replaced.format('t')} "
        f"UNION ALL SELECT {columns}, held_id FROM (SELECT t.*, row_number() OVER "
        "(PARTITION BY student_id ORDER BY info_at DESC NULLS LAST, row_id DESC) AS choice "
        f"FROM ({under_current_id('student')}) AS t WHERE held_id <> student_id) AS c "
        "WHERE choice = 1 AND NOT EXISTS (SELECT 1 FROM student AS k "
        f"WHERE k.student_id = c.student_id AND NOT {replaced.format('k')})"
    )


def enrolled_on(day: date) -> str:
    """The enrollment in force on a day, one row a student: the latest to begin, if several."""
    columns = ", ".join(f'"{name}"' for name in TABLES["enrollment"].names)
    return (
        f"SELECT {columns} FROM (SELECT e.*, row_number() OVER (PARTITION BY student_id "
        "ORDER BY entered_on DESC NULLS LAST, row_id DESC) AS choice "
        f"FROM ({under_current_id('enrollment')}) AS e "
        f"WHERE (entered_on IS NULL OR entered_on <= {_literal(day)}) "
        f"AND (exited_on IS NULL OR exited_on >= {_literal(day)})) AS c WHERE choice = 1"
    )


def student_school(day: date) -> str:
    """Where a student is on a day: `student_id`, `school_id`, `since`, `known_from`.

    The school of the latest result, or of an enrollment in force that began later. A student
    whose only result was reset, and who is enrolled nowhere, has no row.
    """
    return (
        "SELECT student_id, school_id, since, known_from FROM (SELECT w.*, row_number() OVER "
        "(PARTITION BY student_id ORDER BY since DESC NULLS LAST, known_from DESC, row_id DESC) "
        f"AS choice FROM ({_words(day)}) AS w) AS c WHERE choice = 1"
    )


def _words(day: date) -> str:
    """Everything that says where a student was by a day, and since when."""
    sat = "coalesce(completed_at, status_at, started_at)"
    return (
        f"SELECT row_id, student_id, school_id, {sat} AS since, 'result' AS known_from "
        f"FROM ({under_current_id('result')}) AS s WHERE school_id IS NOT NULL "
        f"AND ({sat} IS NULL OR CAST({sat} AS DATE) <= {_literal(day)}) UNION ALL "
        "SELECT CAST(0 AS BIGINT) AS row_id, student_id, school_id, "
        "CAST(entered_on AS TIMESTAMP) AS since, 'enrollment' AS known_from "
        f"FROM ({enrolled_on(day)}) AS e"
    )


def _literal(day: date) -> str:
    return f"DATE '{day.isoformat()}'"
