"""Scores that `scorehouse score` wrote, brought beside the results they belong to.

A sitting scored again replaces what was scored before; what was delivered stays beside it.
A sitting that no result is known of becomes a result of its own, without conditions.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import InputRefusedError
from scorehouse.intake.readers.identify import FileKind, identify
from scorehouse.intake.readers.table_source import open_table
from scorehouse.shapes import SCORES
from scorehouse.warehouse.loading import NO_UPDATE, PROCESSED, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.places import SCRATCH_FOLDER
from scorehouse.warehouse.schema import ROW_ID, TABLES
from scorehouse.warehouse.transaction import Transaction

_MARKS = {"opportunity_id", "assessment_id", "measure", "theta_reported", "score_status"}
_SCORING = TABLES["scoring"]
_NOT_COMPARED = ("student_id", "subject", "test_grade", "school_year")
_COMPARED = tuple(name for name in _SCORING.names if name not in (*_SCORING.keys, *_NOT_COMPARED))
_OWN = tuple(name for name in _SCORING.names if name in SCORES.names)
_PARTS = (
    "measure", "scale_score", "se_scale", "theta", "se_theta", "level", "raw_score",
    "raw_score_max", "item_count", "target_residual_to_student", "target_residual_to_standard",
    "score_status", "reason",
)  # fmt: skip
_PART_SOURCE = {"level": "coalesce(a.claim_rating, a.achievement_level)"}


def recognise(head: Head) -> Guess | None:
    """Tell a scores table by its columns."""
    if set(head.columns) >= _MARKS:
        return Guess(1.0, "it has the columns of a scores table")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring every score of a table."""
    transaction = loading.transaction
    _open(loading, path)
    engine = transaction.engine
    engine.register("judged", engine.sql(_judging(transaction)))
    counted = engine.sql("SELECT fate, count(*) AS n FROM judged GROUP BY fate")
    fates = dict(zip(counted["fate"].to_pylist(), counted["n"].to_pylist(), strict=True))
    span = sum(fates.values())
    first = transaction.reserve(import_id, span)
    engine.view("scored_rows", f"SELECT *, {first} + place AS row_number FROM judged")
    _keep(transaction, import_id, engine.sql(_COUNTING)["n"][0].as_py())
    stubs = _bring_stubs(transaction, import_id, span)
    _submit(transaction, import_id, span)
    counts = {fate: number for fate, number in fates.items() if number}
    counts |= {"results_made": stubs} if stubs else {}
    said = ", ".join(f"{number:,} {fate}" for fate, number in counts.items())
    is_news = any(fates.get(fate) for fate in ("new", "updated"))
    return Ending(PROCESSED if is_news else NO_UPDATE, said, counts)


def _open(loading: Loading, path: Path) -> None:
    """Name the file's rows `arriving`; a CSV is typed first."""
    if identify(path) is FileKind.PARQUET:
        _check_types(path)
        loading.transaction.engine.files("arriving", [str(path)], SCORES, "arrival")
        return
    source = open_table(
        path, sorted(_MARKS), SCORES.names, loading.log, loading.transaction.root / SCRATCH_FOLDER
    )
    if source is None:
        raise InputRefusedError("the scores can't be read; see the findings")
    schema = pa.schema([(name, pa.string()) for name in source.columns if name in SCORES.names])
    engine = loading.transaction.engine
    engine.files("arriving_text", [str(source.path)], schema, "arrival")
    cells = ", ".join(_cell(field, schema.names) for field in SCORES)
    engine.view("arriving", f"SELECT {cells}, arrival FROM arriving_text")


def _cell(field: pa.Field, given: list[str]) -> str:
    """A text as the type of its column; what can't be it is empty."""
    kind = _SQL_OF[str(field.type)]
    value = f"nullif(\"{field.name}\", '')" if field.name in given else "NULL"
    if field.name in ("opportunity_id", "assessment_id", "student_id", "measure"):
        return f'"{field.name}"'
    return f'TRY_CAST({value} AS {kind}) AS "{field.name}"'


_SQL_OF = {
    "string": "STRING", "double": "DOUBLE", "int32": "INTEGER", "int8": "TINYINT",
}  # fmt: skip


def _check_types(path: Path) -> None:
    missing = sorted(set(SCORES.names) - set(pq.read_schema(path).names))
    if missing:
        raise InputRefusedError(f"the column {missing[0]} is missing; score the responses again")


def _judging(transaction: Transaction) -> str:
    """Each sitting of the table with what is to happen to it.

    A sitting that stands twice counts once: a scores table never holds one twice.
    """
    differs = " OR ".join(f'a."{name}" IS DISTINCT FROM h."{name}"' for name in _COMPARED)
    columns = ", ".join(f'a."{name}"' for name in _OWN)
    new_hash = transaction.engine.row_hash([_part_value(name) for name in _PARTS])
    old_hash = transaction.engine.row_hash([_typed(f'x."{name}"', name) for name in _PARTS])
    return (
        "WITH a AS (SELECT * FROM arriving WHERE measure = 'overall'), "
        f"matched AS (SELECT a.opportunity_id, a.assessment_id, h.{ROW_ID} AS old_row, "
        f"({differs}) AS differs FROM a JOIN scoring AS h "
        "ON h.opportunity_id = a.opportunity_id AND h.assessment_id = a.assessment_id), "
        f"sums_new AS (SELECT m.old_row, count(*) AS n, sum({new_hash}) AS s "
        "FROM matched AS m JOIN arriving AS a ON a.opportunity_id = m.opportunity_id "
        "AND a.assessment_id = m.assessment_id "
        "WHERE NOT m.differs AND a.measure <> 'overall' GROUP BY m.old_row), "
        f"sums_old AS (SELECT m.old_row, count(*) AS n, sum({old_hash}) AS s "
        "FROM matched AS m JOIN score AS x ON x.owner_row = m.old_row "
        "WHERE NOT m.differs GROUP BY m.old_row), "
        "same AS (SELECT m.old_row FROM matched AS m "
        "LEFT JOIN sums_new AS n ON n.old_row = m.old_row "
        "LEFT JOIN sums_old AS o ON o.old_row = m.old_row WHERE NOT m.differs "
        "AND n.n IS NOT DISTINCT FROM o.n AND n.s IS NOT DISTINCT FROM o.s) "
        f"SELECT row_number() OVER (ORDER BY a.opportunity_id, a.assessment_id) - 1 AS place, "
        f"{columns}, m.old_row, CASE WHEN s.old_row IS NOT NULL THEN 'unchanged' "
        "WHEN m.old_row IS NULL THEN 'new' ELSE 'updated' END AS fate "
        "FROM a LEFT JOIN matched AS m ON m.opportunity_id = a.opportunity_id "
        "AND m.assessment_id = a.assessment_id "
        "LEFT JOIN same AS s ON s.old_row = m.old_row"
    )


def _part_value(name: str) -> str:
    return _typed(_PART_SOURCE.get(name, f'a."{name}"'), name)


def _typed(value: str, name: str) -> str:
    """The value as the table has it, so that both sides hash alike."""
    kinds = {"real": "DOUBLE", "int8": "TINYINT", "int32": "INTEGER", "text": "STRING"}
    kind = next(field.type for field in TABLES["score"].fields if field.name == name)
    return f"CAST({value} AS {kinds[kind]})"


_COUNTING = "SELECT coalesce(max(arrival), -1) + 1 AS n FROM arriving"


def _keep(transaction: Transaction, import_id: int, arrived: int) -> None:
    taken = "r.fate IN ('new', 'updated')"
    years = transaction.slices_of(
        f"SELECT school_year FROM scored_rows AS r WHERE {taken}", "scoring"
    )
    transaction.add_select(
        "scoring",
        f"SELECT r.*, r.row_number AS {ROW_ID} FROM scored_rows AS r WHERE {taken}",
        [*_OWN, ROW_ID],
        import_id,
        years,
    )
    cells = ", ".join(f'{_part_value(name)} AS "{name}"' for name in _PARTS)
    row = f"{transaction.reserve(import_id, arrived)} + a.arrival AS {ROW_ID}"
    transaction.add_select(
        "score",
        f"SELECT {row}, r.row_number AS owner_row, r.school_year, 'scored' AS origin, {cells} "
        "FROM arriving AS a JOIN scored_rows AS r ON r.opportunity_id = a.opportunity_id "
        f"AND r.assessment_id = a.assessment_id WHERE a.measure <> 'overall' AND {taken}",
        [ROW_ID, "owner_row", "school_year", "origin", *_PARTS],
        import_id,
        years,
    )
    replaced = transaction.sql(
        "SELECT old_row, row_number AS new_row FROM scored_rows "
        "WHERE old_row IS NOT NULL AND fate = 'updated' ORDER BY old_row"
    )
    transaction.supersede("scoring", replaced, import_id, "correction")


def _bring_stubs(transaction: Transaction, import_id: int, span: int) -> int:
    """Make results of sittings that no result is known of."""
    row = f"{transaction.reserve(import_id, span)} + r.place AS {ROW_ID}"
    return transaction.add_select(
        "result",
        f"SELECT {row}, r.opportunity_id, r.assessment_id, r.student_id, r.school_year, r.subject, "
        "r.test_grade, t.assessment_type, 'scores' AS source_form FROM scored_rows AS r "
        "LEFT JOIN assessment AS t ON t.assessment_id = r.assessment_id "
        "WHERE r.fate = 'new' AND NOT EXISTS (SELECT 1 FROM result__latest AS h "
        "WHERE h.opportunity_id = r.opportunity_id AND h.student_id = r.student_id)",
        [
            ROW_ID, "opportunity_id", "assessment_id", "student_id", "school_year", "subject",
            "test_grade", "assessment_type", "source_form",
        ],
        import_id,
    )  # fmt: skip


def _submit(transaction: Transaction, import_id: int, span: int) -> None:
    row = f"{transaction.reserve(import_id, span)} + place AS {ROW_ID}"
    transaction.add_select(
        "submission",
        f"SELECT {row}, place AS number, student_id, assessment_id, opportunity_id, school_year, "
        "fate, '' AS message, '' AS waits_for, '' AS waits_value, "
        "CASE WHEN fate = 'unchanged' THEN old_row ELSE row_number END AS result_row "
        "FROM scored_rows",
        [ROW_ID, *TABLES["submission"].names],
        import_id,
    )


KINDS = (Kind("scores", "scores made by scorehouse score", 60, recognise, bring),)
