"""What becomes of sittings that come as responses alone."""

from __future__ import annotations

import pyarrow as pa

from scorehouse.warehouse.engine import numbered
from scorehouse.warehouse.schema import ROW_ID, TABLES
from scorehouse.warehouse.transaction import Transaction

_RESULT_COLUMNS = (
    "opportunity_id", "assessment_id", "student_id", "school_year", "subject", "test_grade",
    "assessment_type", "school_id", "district_id", "grade_when_assessed", "mode", "status",
    "completeness", "started_at", "completed_at", "force_completed_at", "source_form",
)  # fmt: skip
_COMPARED = ("student_id", "mode", "status", "completeness", "started_at", "completed_at")
_RESPONSE_COLUMNS = (
    "item_id", "dimension", "part", "position", "answered", "score", "condition_code",
)  # fmt: skip
_DELIVERED = "('trt', 'two_tables')"


def settle(
    transaction: Transaction, tests: pa.Table, responses: pa.Table, import_id: int
) -> pa.Table:
    """Keep sittings and their responses; return the fate of each.

    `held`: a results file delivered the sitting already. The school is where the student was
    enrolled when the test began, where that is known.
    """
    engine = transaction.engine
    engine.register("sitting", tests)
    engine.register("sitting_response", numbered(responses))
    engine.register("placed", engine.sql(_placing()))
    engine.register("matched", engine.sql(_matching()))
    engine.register("same", engine.sql(_same(transaction)))
    first = transaction.reserve(import_id, tests.num_rows)
    engine.register("judged", engine.sql(_judging(first)))
    _keep(transaction, import_id, first, (tests.num_rows, responses.num_rows))
    return engine.sql(
        "SELECT number, fate, opportunity_id, assessment_id AS waits_value FROM judged "
        "ORDER BY number"
    )


def _placing() -> str:
    return (
        "SELECT s.number, s.opportunity_id, s.assessment_id, "
        "coalesce(r.student_id, s.student_id) AS student_id, "
        "coalesce(a.school_year, s.school_year) AS school_year, a.subject, a.test_grade, "
        "a.assessment_type, e.school_id, d.parent_id AS district_id, "
        "e.grade_enrolled AS grade_when_assessed, s.mode, s.status, s.completeness, "
        "s.started_at, s.completed_at, s.force_completed_at, 'responses' AS source_form, "
        "a.assessment_id IS NULL AS is_waiting, "
        "row_number() OVER (PARTITION BY s.number ORDER BY e.entered_on DESC NULLS LAST, "
        "e.school_id, d.valid_from DESC NULLS LAST) AS choice FROM sitting AS s "
        "LEFT JOIN assessment AS a ON a.assessment_id = s.assessment_id "
        "LEFT JOIN ssid_replacement AS r ON r.old_id = s.student_id "
        "LEFT JOIN enrollment AS e ON e.student_id = coalesce(r.student_id, s.student_id) "
        "AND e.school_year = coalesce(a.school_year, s.school_year) "
        "AND (e.entered_on IS NULL OR e.entered_on <= CAST(s.started_at AS DATE)) "
        "AND (e.exited_on IS NULL OR e.exited_on >= CAST(s.started_at AS DATE)) "
        "LEFT JOIN entity AS d ON d.entity_id = e.school_id"
    )


def _matching() -> str:
    differs = " OR ".join(f"p.{name} IS DISTINCT FROM h.{name}" for name in _COMPARED)
    return (
        f"SELECT p.number, h.{ROW_ID} AS old_row, h.source_form, ({differs}) AS differs "
        "FROM placed AS p JOIN result__latest AS h ON h.opportunity_id = p.opportunity_id "
        "AND h.assessment_id = p.assessment_id AND h.school_year = p.school_year "
        "AND h.student_id = p.student_id WHERE p.choice = 1"
    )


def _same(transaction: Transaction) -> str:
    """Sittings held from responses that have not changed."""
    value = transaction.engine.row_hash([f'x."{name}"' for name in _RESPONSE_COLUMNS])
    asked = "SELECT * FROM matched WHERE source_form = 'responses' AND NOT differs"
    if not transaction.sql(f"{asked} LIMIT 1").num_rows:
        return f"SELECT number FROM ({asked}) AS nobody"
    return (
        f"SELECT number FROM (SELECT a.number, count(*) AS n, sum({value}) AS h "
        f"FROM ({asked}) AS a JOIN sitting_response AS x ON x.number = a.number "
        f"GROUP BY a.number UNION ALL SELECT a.number, count(*) AS n, sum({value}) AS h "
        f"FROM ({asked}) AS a JOIN response AS x ON x.result_row = a.old_row "
        "GROUP BY a.number) AS both_sides GROUP BY number "
        "HAVING count(*) = 2 AND min(n) = max(n) AND min(h) = max(h)"
    )


def _judging(first: int) -> str:
    return (
        f"SELECT p.*, m.old_row, {first} + row_number() OVER (ORDER BY p.number) - 1 AS new_row, "
        "CASE WHEN p.is_waiting THEN 'waits' WHEN s.number IS NOT NULL THEN 'unchanged' "
        f"WHEN m.source_form IN {_DELIVERED} THEN 'held' "
        "WHEN m.old_row IS NULL THEN 'new' ELSE 'updated' END AS fate FROM placed AS p "
        "LEFT JOIN matched AS m ON m.number = p.number "
        "LEFT JOIN same AS s ON s.number = p.number WHERE p.choice = 1"
    )


def _keep(transaction: Transaction, import_id: int, first: int, sizes: tuple[int, int]) -> None:
    """Add the rows of what is taken; `sizes`: how many sittings and responses came."""
    taken = "fate IN ('new', 'updated')"
    years = transaction.slices_of(f"SELECT school_year FROM judged WHERE {taken}", "result")
    transaction.add_select(
        "result",
        f"SELECT *, new_row AS {ROW_ID} FROM judged WHERE {taken}",
        [*_RESULT_COLUMNS, ROW_ID],
        import_id,
        years,
    )
    cells = ", ".join(f'x."{name}"' for name in _RESPONSE_COLUMNS)
    row = f"{transaction.reserve(import_id, sizes[1])} + x.arrival AS {ROW_ID}"
    transaction.add_select(
        "response",
        f"SELECT {row}, j.new_row AS result_row, j.school_year, {cells} FROM sitting_response AS x "
        f"JOIN judged AS j ON j.number = x.number WHERE j.{taken}",
        [ROW_ID, "result_row", "school_year", *_RESPONSE_COLUMNS],
        import_id,
        years,
    )
    replaced = transaction.sql(
        "SELECT old_row, new_row FROM judged WHERE old_row IS NOT NULL AND fate = 'updated' "
        "ORDER BY old_row"
    )
    transaction.supersede("result", replaced, import_id, "correction")
    row = f"{transaction.reserve(import_id, sizes[0]) - first} + new_row AS {ROW_ID}"
    transaction.add_select(
        "submission",
        f"SELECT {row}, number, student_id, assessment_id, opportunity_id, school_year, fate, "
        "'' AS message, CASE WHEN is_waiting THEN 'assessment' ELSE '' END AS waits_for, "
        "CASE WHEN is_waiting THEN assessment_id ELSE '' END AS waits_value, "
        f"CASE WHEN {taken} THEN new_row ELSE old_row END AS result_row FROM judged",
        [ROW_ID, *TABLES["submission"].names],
        import_id,
    )
