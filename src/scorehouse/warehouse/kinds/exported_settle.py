"""What becomes of exported sittings and scorings: new, updated, unchanged, older, left out.

What a sitting's parts are is told by other files. A sitting that is corrected takes the parts
that are held over to its new row; files of parts then say what they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from scorehouse.warehouse.schema import OWNERS, ROW_ID, TABLES, Table
from scorehouse.warehouse.transaction import Transaction

_NO_TEST = ("scores",)
"""Forms of results that may be of a test nobody has defined."""
_MESSAGES = {
    "left_out": "its test or its school is not known",
    "older": "Prior date -- Earlier status date than the result held",
    "superseded_within": "Superseded by another row of the same delivery",
}


class Settled(NamedTuple):
    """How many sittings had which fate, and what was lacking: (what, which one) -> how many."""

    fates: Mapping[str, int]
    lacking: Mapping[tuple[str, str], int]


def settle_owners(transaction: Transaction, name: str, import_id: int) -> Settled:
    """Bring the rows named `arriving` of `result` or `scoring`."""
    engine = transaction.engine
    engine.register("placed", engine.sql(_placing(name)))
    engine.register("matched", engine.sql(_matching(name)))
    count = engine.sql("SELECT coalesce(max(arrival), -1) + 1 AS n FROM placed")["n"][0].as_py()
    engine.register("judged", engine.sql(_judging(transaction.reserve(import_id, count))))
    _keep(transaction, name, import_id)
    _submit(transaction, import_id, transaction.reserve(import_id, count))
    return Settled(counted(transaction, "judged"), _lacking(transaction))


def counted(transaction: Transaction, name: str) -> dict[str, int]:
    """How many rows of something named have which fate."""
    found = transaction.sql(f"SELECT fate, count(*) AS n FROM {name} GROUP BY fate ORDER BY fate")
    return dict(zip(found["fate"].to_pylist(), found["n"].to_pylist(), strict=True))


def _lacking(transaction: Transaction) -> dict[tuple[str, str], int]:
    found = transaction.sql(
        "SELECT lacks, lacks_value, count(*) AS n FROM judged WHERE lacks <> '' "
        "GROUP BY lacks, lacks_value ORDER BY lacks, lacks_value"
    )
    return {(row["lacks"], row["lacks_value"]): row["n"] for row in found.to_pylist()}


def in_force(row: str, name: str = "c") -> str:
    """SQL: the identifier in force of a row's student; `name` is its replacement, joined."""
    return f"coalesce({name}.student_id, {row}.student_id)"


def _placing(name: str) -> str:
    """Each row with what tells its sitting apart, and what it lacks; the last word has word 1."""
    is_result = name == "result"
    own = "a.opportunity_alt_id, a.status_at" if is_result else (
        "CAST(NULL AS STRING) AS opportunity_alt_id, CAST(NULL AS TIMESTAMP) AS status_at"
    )  # fmt: skip
    lacks, which, joined = _definitions() if is_result else ("''", "''", "")
    return (
        "SELECT s.*, row_number() OVER (PARTITION BY assessment_id, opportunity_id, "
        "coalesce(opportunity_alt_id, ''), CASE WHEN opportunity_id = opportunity_alt_id "
        "THEN current_id ELSE '' END ORDER BY CASE WHEN lacks = '' THEN 0 ELSE 1 END, "
        "status_at DESC NULLS LAST, arrival DESC) AS word FROM ("
        "SELECT a.arrival, a.opportunity_id, a.assessment_id, a.student_id, a.school_year, "
        f"{own}, {in_force('a')} AS current_id, {lacks} AS lacks, {which} AS lacks_value "
        f"FROM arriving AS a LEFT JOIN ssid_replacement AS c ON c.old_id = a.student_id{joined}"
        ") AS s"
    )


def _definitions() -> tuple[str, str, str]:
    """SQL: what a result lacks, which one that is, and the joins that tell."""
    forms = ", ".join(f"'{form}'" for form in _NO_TEST)
    no_test = f"t.assessment_id IS NULL AND coalesce(a.source_form, '') NOT IN ({forms})"
    no_school = "a.school_id IS NOT NULL AND e.entity_id IS NULL"
    return (
        f"CASE WHEN {no_test} THEN 'assessment' WHEN {no_school} THEN 'school' ELSE '' END",
        f"CASE WHEN {no_test} THEN a.assessment_id WHEN {no_school} THEN a.school_id ELSE '' END",
        " LEFT JOIN assessment AS t ON t.assessment_id = a.assessment_id LEFT JOIN "
        "(SELECT DISTINCT entity_id FROM entity) AS e ON e.entity_id = a.school_id",
    )


def _matching(name: str) -> str:
    """Each last word beside the row held about the same sitting, if there is one."""
    table = TABLES[name]
    compared = [column for column in table.names if column not in (*table.keys, "student_id")]
    differs = " OR ".join(f'a."{column}" IS DISTINCT FROM h."{column}"' for column in compared)
    other = f"p.current_id IS DISTINCT FROM {in_force('h')}"
    alike, older, same = "h.row_id = h.row_id", "false", ""
    if name == "result":
        alike = "h.opportunity_alt_id IS NOT DISTINCT FROM p.opportunity_alt_id"
        older = "p.status_at < h.status_at"
        same = (
            f" AND ({alike} OR h.opportunity_alt_id IS NULL OR p.opportunity_alt_id IS NULL) "
            f"AND (NOT ({other}) OR p.opportunity_id IS DISTINCT FROM p.opportunity_alt_id)"
        )
    return (
        f"SELECT p.arrival, h.{ROW_ID} AS old_row, {older} AS is_older, "
        f"({differs} OR {other}) AS differs, row_number() OVER (PARTITION BY p.arrival "
        f"ORDER BY CASE WHEN {alike} THEN 0 ELSE 1 END, h.{ROW_ID} DESC) AS choice "
        "FROM placed AS p JOIN arriving AS a ON a.arrival = p.arrival "
        f'JOIN "{name}__latest" AS h ON h.assessment_id = p.assessment_id '
        "AND h.opportunity_id = p.opportunity_id "
        "AND h.school_year IS NOT DISTINCT FROM p.school_year "
        "LEFT JOIN ssid_replacement AS c ON c.old_id = h.student_id "
        f"WHERE p.word = 1 AND p.lacks = ''{same}"
    )


def _judging(first: int) -> str:
    return (
        f"SELECT p.*, m.old_row, {first} + p.arrival AS new_row, "
        "CASE WHEN p.lacks <> '' THEN 'left_out' WHEN p.word > 1 THEN 'superseded_within' "
        "WHEN m.is_older THEN 'older' WHEN m.old_row IS NULL THEN 'new' "
        "WHEN m.differs THEN 'updated' ELSE 'unchanged' END AS fate "
        "FROM placed AS p LEFT JOIN matched AS m ON m.arrival = p.arrival AND m.choice = 1"
    )


def _keep(transaction: Transaction, name: str, import_id: int) -> None:
    names = TABLES[name].names
    own = ", ".join(f'a."{column}"' for column in names)
    transaction.add_select(
        name,
        f"SELECT {own}, j.new_row AS {ROW_ID} FROM arriving AS a "
        "JOIN judged AS j ON j.arrival = a.arrival WHERE j.fate IN ('new', 'updated')",
        [*names, ROW_ID],
        import_id,
    )
    renewed = "SELECT old_row, new_row FROM judged WHERE fate = 'updated' ORDER BY old_row"
    pairs = transaction.sql(renewed)
    if pairs.num_rows:
        transaction.engine.register("renewed", pairs)
        carry_over(transaction, import_id)
        transaction.supersede(name, pairs, import_id, "correction")


def carry_over(transaction: Transaction, import_id: int, without: Collection[str] = ()) -> None:
    """Let the parts of the rows `renewed` (`old_row`, `new_row`) go over to the new ones."""
    for table in TABLES.values():
        if table.owner and table.name not in without:
            _carry(transaction, table, import_id)


def _carry(transaction: Transaction, table: Table, import_id: int) -> None:
    joined = f'FROM "{table.name}" AS x JOIN renewed AS r ON r.old_row = x.{table.owner}'
    count = transaction.sql(f"SELECT count(*) AS n {joined}")["n"][0].as_py()
    if not count:
        return
    own = ", ".join(f'x."{column}"' for column in table.names if column != table.owner)
    first = transaction.reserve(import_id, count)
    transaction.add_select(
        table.name,
        f"SELECT r.new_row AS {table.owner}, {own}, "
        f"{first} + row_number() OVER (ORDER BY x.{ROW_ID}) - 1 AS {ROW_ID} {joined}",
        [*table.names, ROW_ID],
        import_id,
    )


def renew_owners(transaction: Transaction, import_id: int, without: Collection[str]) -> None:
    """Give the rows `renewed` new numbers, with all of their parts but those of some tables."""
    carry_over(transaction, import_id, without)
    for name in OWNERS:
        names = TABLES[name].names
        own = ", ".join(f'h."{column}"' for column in names)
        joined = f'FROM "{name}" AS h JOIN renewed AS r ON r.old_row = h.{ROW_ID}'
        pairs = transaction.sql(f"SELECT r.old_row, r.new_row {joined} ORDER BY r.old_row")
        if pairs.num_rows:
            transaction.add_select(
                name, f"SELECT {own}, r.new_row AS {ROW_ID} {joined}", [*names, ROW_ID], import_id
            )
            transaction.supersede(name, pairs, import_id, "correction")


def _submit(transaction: Transaction, import_id: int, first: int) -> None:
    """Write down the fate of every row."""
    said = " ".join(f"WHEN '{fate}' THEN '{words}'" for fate, words in _MESSAGES.items())
    transaction.add_select(
        "submission",
        f"SELECT {first} + arrival AS {ROW_ID}, arrival AS number, student_id, assessment_id, "
        f"opportunity_id, school_year, fate, CASE fate {said} ELSE '' END AS message, "
        "'' AS waits_for, '' AS waits_value, "
        "CASE WHEN fate IN ('new', 'updated') THEN new_row ELSE old_row END AS result_row "
        "FROM judged",
        [ROW_ID, *TABLES["submission"].names],
        import_id,
    )
