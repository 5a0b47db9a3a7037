"""What becomes of exported parts: each sitting's are new, updated, unchanged, older or left out.

Parts belong to a sitting as their file has it. One that is held with another status is another
word on it, and takes no parts of this one. A file holds all parts of a sitting, or none.
"""

from __future__ import annotations

from scorehouse.warehouse.kinds.exported_settle import Settled, counted, in_force, renew_owners
from scorehouse.warehouse.schema import OWNER_COLUMNS, ROW_ID, TABLES, Table
from scorehouse.warehouse.transaction import Transaction

_SITTING = ", ".join(OWNER_COLUMNS)
_OWN = ", ".join(f"s.{name} NULLS FIRST" for name in OWNER_COLUMNS)
_SAME = " AND ".join(
    f"a.{name} IS NOT DISTINCT FROM j.{name}" for name in (*OWNER_COLUMNS, "is_scored")
)


def settle_parts(transaction: Transaction, name: str, import_id: int) -> Settled:
    """Bring the rows named `arriving` of a table of parts."""
    table, engine = TABLES[name], transaction.engine
    is_scored = "a.origin = 'scored'" if name == "score" else "false"
    engine.view("part_row", f"SELECT a.*, {is_scored} AS is_scored FROM arriving AS a")
    engine.register("sitting", engine.sql(_SITTINGS))
    engine.view("owner_row", _owners())
    engine.register("owned", engine.sql(_owning()))
    engine.register("sums", engine.sql(_sums(transaction, table)))
    engine.register("judged", engine.sql(_JUDGING))
    engine.register("settled", engine.sql(_renewed(transaction, import_id)))
    _keep(transaction, table, import_id)
    fates = counted(transaction, "judged")
    lacking = {("owner", ""): fates["left_out"]} if fates.get("left_out") else {}
    return Settled(fates, lacking)


_SITTINGS = (
    f"SELECT s.*, {in_force('s')} AS current_id, row_number() OVER (ORDER BY {_OWN}, "
    "s.is_scored) AS sitting FROM "
    f"(SELECT DISTINCT {_SITTING}, is_scored FROM part_row) AS s "
    "LEFT JOIN ssid_replacement AS c ON c.old_id = s.student_id"
)


def _owners() -> str:
    """What is held that can own parts, told apart as sittings are."""
    told = f"{in_force('h')} AS current_id, h.opportunity_id, h.assessment_id"
    joined = "LEFT JOIN ssid_replacement AS c ON c.old_id = h.student_id"
    return (
        f"SELECT h.{ROW_ID} AS owner, false AS is_scored, {told}, h.opportunity_alt_id, "
        f"h.status_at FROM result AS h {joined} UNION ALL "
        f"SELECT h.{ROW_ID} AS owner, true AS is_scored, {told}, "
        "CAST(NULL AS STRING) AS opportunity_alt_id, CAST(NULL AS TIMESTAMP) AS status_at "
        f"FROM scoring AS h {joined}"
    )


def _owning() -> str:
    """Each sitting with the row that owns its parts; `is_same` false: another word is held."""
    same = "o.status_at IS NOT DISTINCT FROM s.status_at"
    return (
        "SELECT * FROM (SELECT s.sitting, o.owner, "
        f"{same} AS is_same, o.status_at > s.status_at AS is_older, "
        f"row_number() OVER (PARTITION BY s.sitting ORDER BY CASE WHEN {same} THEN 0 ELSE 1 END, "
        "o.owner DESC) AS choice FROM sitting AS s JOIN owner_row AS o "
        "ON o.opportunity_id = s.opportunity_id AND o.assessment_id = s.assessment_id "
        "AND o.is_scored = s.is_scored AND o.current_id IS NOT DISTINCT FROM s.current_id "
        "AND o.opportunity_alt_id IS NOT DISTINCT FROM s.opportunity_alt_id) AS x WHERE choice = 1"
    )


def _sums(transaction: Transaction, table: Table) -> str:
    """How many parts each sitting has here and there, and what tells their content."""
    columns = [f'x."{column}"' for column in table.names if column != table.owner]
    value = transaction.engine.row_hash(columns)
    return (
        f"SELECT j.sitting, 1 AS side, count(*) AS n, sum({value}) AS h FROM part_row AS x "
        f"JOIN sitting AS j ON {_SAME.replace('a.', 'x.')} GROUP BY j.sitting UNION ALL "
        f"SELECT w.sitting, 2 AS side, count(*) AS n, sum({value}) AS h FROM owned AS w "
        f'JOIN "{table.name}" AS x ON x.{table.owner} = w.owner WHERE w.is_same GROUP BY w.sitting'
    )


_JUDGING = (
    "SELECT s.*, w.owner, CASE WHEN w.owner IS NULL THEN 'left_out' "
    "WHEN NOT w.is_same AND w.is_older THEN 'older' WHEN NOT w.is_same THEN 'left_out' "
    "WHEN k.sides = 1 THEN 'new' WHEN k.is_alike THEN 'unchanged' ELSE 'updated' END AS fate "
    "FROM sitting AS s LEFT JOIN owned AS w ON w.sitting = s.sitting LEFT JOIN "
    "(SELECT sitting, count(*) AS sides, min(n) = max(n) AND min(h) = max(h) AS is_alike "
    "FROM sums GROUP BY sitting) AS k ON k.sitting = s.sitting"
)


def _renewed(transaction: Transaction, import_id: int) -> str:
    """Give corrected sittings new rows; SQL for the row that each sitting's parts go to."""
    count = counted(transaction, "judged").get("updated", 0)
    first = transaction.reserve(import_id, count)
    renewed = (
        f"SELECT owner AS old_row, {first} + row_number() OVER (ORDER BY owner) - 1 AS new_row "
        "FROM judged WHERE fate = 'updated'"
    )
    transaction.engine.register("renewed", transaction.sql(renewed))
    return (
        "SELECT j.*, coalesce(r.new_row, j.owner) AS target FROM judged AS j "
        "LEFT JOIN renewed AS r ON r.old_row = j.owner WHERE j.fate IN ('new', 'updated')"
    )


def _keep(transaction: Transaction, table: Table, import_id: int) -> None:
    count = transaction.sql("SELECT coalesce(max(arrival), -1) + 1 AS n FROM arriving")["n"][0]
    first = transaction.reserve(import_id, count.as_py())
    own = [column for column in table.names if column != table.owner]
    cells = ", ".join(f'a."{column}"' for column in own)
    transaction.add_select(
        table.name,
        f"SELECT {first} + a.arrival AS {ROW_ID}, j.target AS {table.owner}, {cells} "
        f"FROM part_row AS a JOIN settled AS j ON {_SAME}",
        [ROW_ID, table.owner, *own],
        import_id,
    )
    renew_owners(transaction, import_id, (table.name,))
