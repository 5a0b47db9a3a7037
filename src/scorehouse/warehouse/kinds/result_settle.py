"""What becomes of each delivered result: new, updated, removed, unchanged, older, waiting.

A sitting is told apart by its test, its opportunity and, where the delivery gives it, the
delivery system's own number of it. Where the opportunity has no identifier of its own (the
number stands for it), the student tells sittings apart too. The newest status wins, whatever
order results arrive in; a reset is the newest word until a newer result comes.

Sources: the incumbent's life cycle of a result (its upsert and reset rules), with its defects
mended: an older reset removes nothing, a re-sent file is compared with what is held and not
with files seen before, and a student isn't changed by a result that was not taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from scorehouse.warehouse.engine import numbered
from scorehouse.warehouse.kinds.result_rows import SCORE_COLUMNS, Staged
from scorehouse.warehouse.schema import ROW_ID, TABLES
from scorehouse.warehouse.transaction import Transaction
from scorehouse.warehouse.views import RESET

FATES = (
    "new", "updated", "removed", "unchanged", "older", "poorer", "superseded_within", "waits",
    "left_out",
)  # fmt: skip
TAKEN = ("new", "updated", "removed")
"""The fates of results that are kept."""

_RESULT = TABLES["result"]
_COMPARED = tuple(name for name in _RESULT.names if name != "source_form")
_PARTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "score": ("owner_row", SCORE_COLUMNS[1:]),
    "response": (
        "result_row",
        (
            "item_id", "dimension", "position", "answered", "score", "score_status",
            "condition_code", "operational", "response_value", "administered_at",
            "response_seconds", "visits", "segment_id", "max_score", "rater_scores",
        ),
    ),
    "accommodation_used": ("result_row", ("code", "segment", "resource_type", "value")),
}  # fmt: skip
"""Table of parts -> the column that names their owner, and the columns that are compared."""

_DELIVERED = {"score": " WHERE x.origin = 'delivered'"}
"""Table of parts -> which of those held came with the result; others are kept beside it."""

_NAMED = {"score": "measure", "response": "item_id", "accommodation_used": "code"}
"""Table of parts -> what its parts are called, by which one can be missed."""

_STAGED = {"score": "staged_score", "response": "staged_response",
           "accommodation_used": "staged_use"}  # fmt: skip


def settle(transaction: Transaction, staged: Staged, import_id: int) -> pa.Table:
    """Keep what is to be kept of some results; return the fate of each.

    The table has `number`, `fate`, `waits_for`, `waits_value`, `result_row`, `opportunity_id`,
    `assessment_id`, `student_id`, `school_year`, `is_moved`, `tells_less`; one row a result, by
    number.
    """
    engine = transaction.engine
    engine.register("staged_result", staged.results)
    parts = (staged.scores, staged.responses, staged.accommodations)
    for name, rows in zip(_STAGED.values(), parts, strict=True):
        engine.register(name, numbered(rows))
    for name, text in (
        ("placed", _placing()),
        ("last_word", _last_words()),
        ("matched", _matching()),
    ):
        engine.register(name, engine.sql(text))
    engine.register("same_parts", engine.sql(_same_parts(transaction)))
    engine.register("telling_less", engine.sql(_telling_less()))
    first = transaction.reserve(import_id, _span(staged))
    engine.register("judged", engine.sql(_judging(first)))
    _keep(
        transaction, import_id, dict(zip(_STAGED, (rows.num_rows for rows in parts), strict=True))
    )
    return engine.sql(
        "SELECT p.number, coalesce(j.fate, CASE WHEN p.waits_for <> '' THEN 'waits' "
        "ELSE 'superseded_within' END) AS fate, p.waits_for, p.waits_value, j.result_row, "
        "p.opportunity_id, p.assessment_id, p.student_id, p.school_year, "
        "coalesce(j.is_moved, false) AS is_moved, coalesce(j.tells_less, false) AS tells_less "
        "FROM placed AS p LEFT JOIN judged AS j ON j.number = p.number ORDER BY p.number"
    )


def _span(staged: Staged) -> int:
    return int(staged.results.num_rows)


def _placing() -> str:
    """Each result with the test and school it belongs to, and what it waits for."""
    own = ", ".join(
        f's."{name}"' for name in _RESULT.names if name not in (
            "assessment_id", "school_year", "student_id", "assessment_type", "test_grade",
            "subject", "force_completed_at")
    )  # fmt: skip
    return (
        f"SELECT s.number, row_number() OVER (ORDER BY s.number) - 1 AS place, {own}, "
        "CAST(NULL AS TIMESTAMP) AS force_completed_at, "
        "coalesce(r.student_id, s.student_id) AS student_id, "
        "coalesce(t.assessment_id, n.assessment_id, "
        "CASE WHEN s.delivered_name <> '' THEN s.delivered_name ELSE s.delivered_test END) "
        "AS assessment_id, "
        "coalesce(t.school_year, n.school_year, s.school_year) AS school_year, "
        "coalesce(t.subject, n.subject, s.subject) AS subject, "
        "coalesce(t.test_grade, n.test_grade, s.test_grade) AS test_grade, "
        "coalesce(t.assessment_type, n.assessment_type, s.assessment_type) AS assessment_type, "
        "CASE WHEN t.assessment_id IS NULL AND n.assessment_id IS NULL THEN 'assessment' "
        "WHEN s.school_id IS NOT NULL AND e.entity_id IS NULL THEN 'school' ELSE '' END "
        "AS waits_for, "
        "CASE WHEN t.assessment_id IS NULL AND n.assessment_id IS NULL THEN "
        "coalesce(nullif(s.delivered_name, ''), s.delivered_test) "
        "WHEN s.school_id IS NOT NULL AND e.entity_id IS NULL THEN s.school_id ELSE '' END "
        "AS waits_value "
        "FROM staged_result AS s "
        "LEFT JOIN assessment AS t ON t.assessment_id = s.delivered_test "
        "LEFT JOIN assessment AS n ON n.assessment_id = s.delivered_name "
        "LEFT JOIN (SELECT DISTINCT entity_id FROM entity) AS e ON e.entity_id = s.school_id "
        "LEFT JOIN ssid_replacement AS r ON r.old_id = s.student_id"
    )


def _last_words() -> str:
    """Of results about one sitting in this delivery, the last: newest status, then place."""
    return (
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY assessment_id, opportunity_id, "
        "coalesce(opportunity_alt_id, ''), "
        "CASE WHEN opportunity_id = opportunity_alt_id THEN student_id ELSE '' END "
        "ORDER BY status_at DESC NULLS LAST, number DESC) AS word "
        "FROM placed WHERE waits_for = '') AS p WHERE word = 1"
    )


def _matching() -> str:
    """Each last word beside the row held about the same sitting, if there is one."""
    differs = " OR ".join(f'p."{name}" IS DISTINCT FROM h."{name}"' for name in _COMPARED)
    return (
        f"SELECT p.number, h.{ROW_ID} AS old_row, h.status AS old_status, "
        "p.status_at < h.status_at AS is_older, "
        "p.source_form = 'two_tables' AND NOT coalesce(p.status_at > h.status_at, false) "
        "AS is_partial, "
        "h.student_id IS DISTINCT FROM p.student_id AS is_moved, "
        f"({differs}) AS differs, "
        "row_number() OVER (PARTITION BY p.number ORDER BY "
        "CASE WHEN h.opportunity_alt_id = p.opportunity_alt_id THEN 0 ELSE 1 END, "
        f"h.{ROW_ID} DESC) AS choice "
        "FROM last_word AS p JOIN result__latest AS h "
        "ON h.assessment_id = p.assessment_id AND h.opportunity_id = p.opportunity_id "
        "AND h.school_year = p.school_year "
        "WHERE (h.opportunity_alt_id = p.opportunity_alt_id OR h.opportunity_alt_id IS NULL "
        "OR p.opportunity_alt_id IS NULL) AND (h.student_id = p.student_id "
        "OR p.opportunity_id IS DISTINCT FROM p.opportunity_alt_id)"
    )


def _same_parts(transaction: Transaction) -> str:
    """The results whose parts are those held, told by how many and by a hash of this session."""
    asked = "SELECT number, old_row FROM matched WHERE choice = 1 AND NOT differs"
    sums = []
    for table, (owner, columns) in _PARTS.items():
        value = transaction.engine.row_hash([f'x."{column}"' for column in columns])
        sums.append(
            f"SELECT a.number, 1 AS side, count(*) AS n, sum({value}) AS h "
            f"FROM ({asked}) AS a JOIN {_STAGED[table]} AS x ON x.number = a.number "
            "GROUP BY a.number UNION ALL "
            f"SELECT a.number, 2 AS side, count(*) AS n, sum({value}) AS h "
            f'FROM ({asked}) AS a JOIN "{table}" AS x ON x.{owner} = a.old_row'
            f"{_DELIVERED.get(table, '')} GROUP BY a.number"
        )
    unequal = " UNION ALL ".join(
        f"SELECT number FROM ({pair}) AS p GROUP BY number "
        "HAVING count(*) <> 2 OR min(n) <> max(n) OR min(h) <> max(h)"
        for pair in sums
    )
    return (
        f"SELECT number FROM ({asked}) AS a "
        f"WHERE NOT EXISTS (SELECT 1 FROM ({unequal}) AS u WHERE u.number = a.number)"
    )


def _telling_less() -> str:
    """The results that lack a measure which is held; tables that aren't newer, any part."""
    asked = (
        "SELECT m.number, m.old_row, m.is_partial FROM matched AS m WHERE m.choice = 1 AND NOT "
        "coalesce(m.is_older, false) AND NOT EXISTS "
        "(SELECT 1 FROM same_parts AS s WHERE s.number = m.number)"
    )
    missed = " UNION ALL ".join(
        f"SELECT a.number FROM ({asked}) AS a "
        f'JOIN "{table}" AS x ON x.{_PARTS[table][0]} = a.old_row'
        f"{_DELIVERED.get(table, ' WHERE a.is_partial')} AND NOT EXISTS (SELECT 1 FROM "
        f"{_STAGED[table]} AS c WHERE c.number = a.number AND c.{named} = x.{named})"
        for table, named in _NAMED.items()
    )
    return f"SELECT DISTINCT number FROM ({missed}) AS t"


def _judging(first: int) -> str:
    """The fate of each last word, and the row it becomes."""
    return (
        f"SELECT p.number, m.old_row, {first} + p.place AS result_row, "
        "coalesce(m.is_moved, false) AS is_moved, l.number IS NOT NULL AS tells_less, "
        "CASE WHEN m.is_older THEN 'older' "
        "WHEN s.number IS NOT NULL THEN 'unchanged' "
        f"WHEN p.status = '{RESET}' THEN 'removed' "
        "WHEN l.number IS NOT NULL AND m.is_partial THEN 'poorer' "
        "WHEN m.old_row IS NULL THEN 'new' ELSE 'updated' END AS fate "
        "FROM last_word AS p LEFT JOIN matched AS m ON m.number = p.number AND m.choice = 1 "
        "LEFT JOIN same_parts AS s ON s.number = p.number "
        "LEFT JOIN telling_less AS l ON l.number = p.number"
    )


def _keep(transaction: Transaction, import_id: int, sizes: Mapping[str, int]) -> None:
    """Add the rows of what is taken, and say what they replace; `sizes` of the parts' tables."""
    taken = ", ".join(f"'{fate}'" for fate in TAKEN)
    transaction.add_select(
        "result",
        f"SELECT p.*, j.result_row AS {ROW_ID} FROM placed AS p JOIN judged AS j "
        f"ON j.number = p.number WHERE j.fate IN ({taken})",
        [*_RESULT.names, ROW_ID],
        import_id,
    )
    for table, (owner, columns) in _PARTS.items():
        listed = ", ".join(f'x."{column}"' for column in columns)
        listed += f", {transaction.reserve(import_id, sizes[table])} + x.arrival AS {ROW_ID}"
        origin = ", 'delivered' AS origin" if table == "score" else ""
        transaction.add_select(
            table,
            f"SELECT j.result_row AS {owner}, p.school_year, {listed}{origin} "
            f"FROM {_STAGED[table]} AS x JOIN judged AS j ON j.number = x.number "
            "JOIN placed AS p ON p.number = x.number "
            "WHERE j.fate IN ('new', 'updated')",
            [owner, "school_year", *columns, ROW_ID, *(["origin"] if origin else [])],
            import_id,
        )
    _keep_attached(transaction, import_id)
    for fates, why in (("'new', 'updated'", "correction"), ("'removed'", "reset")):
        replaced = transaction.sql(
            "SELECT old_row, result_row AS new_row FROM judged "
            f"WHERE old_row IS NOT NULL AND fate IN ({fates}) ORDER BY old_row"
        )
        transaction.supersede("result", replaced, import_id, why)


def _keep_attached(transaction: Transaction, import_id: int) -> None:
    """Let what was attached to a result go over to the row that corrects it."""
    if not transaction.sql("SELECT 1 FROM judged WHERE fate = 'updated' LIMIT 1").num_rows:
        return
    names = TABLES["score"].names
    own = ", ".join(f's."{name}"' for name in names if name != "owner_row")
    transaction.add_select(
        "score",
        f"SELECT j.result_row AS owner_row, {own} FROM score AS s JOIN judged AS j "
        "ON j.old_row = s.owner_row WHERE j.fate = 'updated' AND s.origin = 'attached' "
        f"ORDER BY s.{ROW_ID}",
        names,
        import_id,
    )
