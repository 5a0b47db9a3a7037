"""Bringing rows that have keys: what is new is added, what differs replaces, the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from scorehouse.warehouse.engine import numbered
from scorehouse.warehouse.schema import ROW_ID, TABLES, Table
from scorehouse.warehouse.transaction import Transaction


class Merged(NamedTuple):
    """How many rows a merge found new, changed, unchanged, older than what is held, gone.

    `doubled` counts rows that came twice in the same delivery; the last one counted. `confirmed`
    counts rows held that newer information says again.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    gone: int = 0
    doubled: int = 0
    confirmed: int = 0

    def counts(self, prefix: str = "") -> dict[str, int]:
        """As the counts of an import, without zeros."""
        return {f"{prefix}{name}": number for name, number in self._asdict().items() if number}


def merge(
    transaction: Transaction,
    name: str,
    rows: pa.Table,
    import_id: int,
    *,
    newest: str = "",
    keep_known: bool = False,
    confirms: bool = False,
    within: Sequence[str] = (),
    why: str = "correction",
) -> Merged:
    """Bring rows of a table by its keys.

    `newest`: the column that says how new a row is; one older than the row held is left
    alone (empty counts as new). `confirms`: a newer row that says the same makes the row held
    as new as itself, so that nothing older counts later. `keep_known`: an empty cell doesn't
    erase what is known. `within`: the delivery is complete for these columns' values, so that
    rows held for them that didn't come are withdrawn. Columns that `rows` lacks are taken over
    from the row held.
    """
    table = TABLES[name]
    if not rows.num_rows:
        return Merged()
    engine = transaction.engine
    for key in table.keys:
        if key not in rows.column_names:
            rows = rows.append_column(
                key, pa.nulls(rows.num_rows, table.own_schema.field(key).type)
            )
    engine.register("arriving", numbered(rows))
    try:
        engine.register(
            "judged",
            engine.sql(_judging(table, rows.column_names, newest, keep_known, confirms)),
        )
        merged = _apply(transaction, table, rows, import_id, why)
        gone = _withdraw(transaction, table, within, import_id) if within else 0
    finally:
        engine.drop("judged")
        engine.drop("arriving")
    return merged._replace(gone=gone)


def _judging(
    table: Table, given: Sequence[str], newest: str, keep_known: bool, confirms: bool
) -> str:
    """SQL: each key once (the last that came), its row as it will be, and what is to happen."""
    keys = ", ".join(f'"{key}"' for key in table.keys)
    matched = " AND ".join(f'n."{key}" IS NOT DISTINCT FROM h."{key}"' for key in table.keys)
    cells = ", ".join(f'{_merged_cell(table, c, given, keep_known)} AS "{c}"' for c in table.names)
    noticed = [c for c in given if c in table.names and c not in (*table.keys, newest)]
    differs = " OR ".join(
        f'{_merged_cell(table, c, given, keep_known)} IS DISTINCT FROM h."{c}"' for c in noticed
    )
    older = f'n."{newest}" < h."{newest}"' if newest else "false"
    newer = f'h."{newest}" IS NULL OR n."{newest}" > h."{newest}"' if confirms else "false"
    return (
        f"WITH last_come AS (SELECT *, row_number() OVER (PARTITION BY {keys} "
        f"ORDER BY {_newness(newest)} arrival DESC) AS place FROM arriving), "
        "n AS (SELECT * FROM last_come WHERE place = 1) "
        f"SELECT {cells}, n.arrival, h.{ROW_ID} AS old_row, "
        f"CASE WHEN h.{ROW_ID} IS NULL THEN 'new' "
        f"WHEN {older} THEN 'older' WHEN {differs or 'false'} THEN 'changed' "
        f"WHEN ({newer}) AND {_is_told(newest)} THEN 'confirmed' "
        f"ELSE 'unchanged' END AS fate "
        f'FROM n LEFT JOIN "{table.name}__latest" AS h ON {matched} ORDER BY n.arrival'
    )


def _is_told(newest: str) -> str:
    return f'n."{newest}" IS NOT NULL' if newest else "false"


def _newness(newest: str) -> str:
    return f'"{newest}" DESC NULLS LAST,' if newest else ""


def _merged_cell(table: Table, column: str, given: Sequence[str], keep_known: bool) -> str:
    if column not in given:
        return f'h."{column}"'
    is_kept = keep_known and column not in table.keys
    return f'coalesce(n."{column}", h."{column}")' if is_kept else f'n."{column}"'


def _apply(
    transaction: Transaction, table: Table, rows: pa.Table, import_id: int, why: str
) -> Merged:
    engine = transaction.engine
    counted = engine.sql("SELECT fate, count(*) AS n FROM judged GROUP BY fate")
    fates = dict(zip(counted["fate"].to_pylist(), counted["n"].to_pylist(), strict=True))
    coming = "SELECT * FROM judged WHERE fate IN ('new', 'changed', 'confirmed')"
    count = sum(fates.get(fate, 0) for fate in ("new", "changed", "confirmed"))
    first = transaction.reserve(import_id, count)
    row_id = f"{first} + row_number() OVER (ORDER BY arrival) - 1 AS {ROW_ID}"
    engine.register("coming", engine.sql(f"SELECT *, {row_id} FROM ({coming}) AS c"))
    try:
        transaction.add_select(
            table.name, "SELECT * FROM coming", [*table.names, ROW_ID], import_id
        )
        replaced = engine.sql(
            "SELECT old_row, row_id AS new_row FROM coming WHERE fate <> 'new' ORDER BY old_row"
        )
        transaction.supersede(table.name, replaced, import_id, why)
    finally:
        engine.drop("coming")
    told = ("new", "changed", "unchanged", "older", "confirmed")
    counts = {fate: fates.get(fate, 0) for fate in told}
    return Merged(**counts, doubled=rows.num_rows - sum(fates.values()))


def _withdraw(transaction: Transaction, table: Table, within: Sequence[str], import_id: int) -> int:
    """Withdraw rows held for what the delivery is complete for, and that didn't come."""
    scope = ", ".join(f'"{column}"' for column in within)
    same = " AND ".join(f'h."{column}" IS NOT DISTINCT FROM s."{column}"' for column in within)
    came = " AND ".join(f'h."{key}" IS NOT DISTINCT FROM n."{key}"' for key in table.keys)
    gone = transaction.sql(
        f'SELECT h.{ROW_ID} AS old_row FROM "{table.name}__latest" AS h '
        f"WHERE EXISTS (SELECT 1 FROM (SELECT DISTINCT {scope} FROM arriving) AS s WHERE {same}) "
        f"AND NOT EXISTS (SELECT 1 FROM arriving AS n WHERE {came}) ORDER BY old_row"
    )
    return transaction.supersede(table.name, gone, import_id, "correction")
