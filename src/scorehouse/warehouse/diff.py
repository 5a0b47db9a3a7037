"""What changed between two moments: who appeared, changed, went, and why."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES, Table
from scorehouse.warehouse.snapshot import import_of
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.views import RESET

DIFFERED = tuple(
    name
    for name, table in TABLES.items()
    if table.keys and not table.owner and table.group not in ("imports", "subjects")
)
"""The tables whose rows are compared; parts come with the row that owns them."""


class Difference(NamedTuple):
    """Rows of `what` table that `appeared`, `changed` or `went`: counts, and the rows.

    `rows` has `table`, `change`, `why`, `import_id` (which brought or took it), `row_id`,
    `old_row` and the keys as one text.
    """

    rows: pa.Table

    def counts(self) -> dict[tuple[str, str, str], int]:
        """How many rows by table, change and reason."""
        found: dict[tuple[str, str, str], int] = {}
        names = ("table", "change", "why")
        columns = [self.rows[name].to_pylist() for name in names]
        for table, change, why in zip(*columns, strict=True):
            found[table, change, why] = found.get((table, change, why), 0) + 1
        return found


_SHAPE = pa.schema(
    [
        ("table", pa.string()),
        ("change", pa.string()),
        ("why", pa.string()),
        (IMPORT_ID, pa.int64()),
        (ROW_ID, pa.int64()),
        ("old_row", pa.int64()),
        ("key", pa.string()),
    ]
)


def difference(warehouse: Warehouse, earlier: str, later: str = "") -> Difference:
    """Compare two moments, each an import, a day or an instant; `later` blank: now.

    Raises UsageError when the earlier isn't before the later.
    """
    first = import_of(warehouse.catalog, earlier)
    with warehouse.snapshot(later) as snapshot:
        if first > snapshot.last_import:
            raise UsageError("the first moment is after the second; exchange them")
        contents = _contents(warehouse)
        found = [
            _differed(snapshot.engine, TABLES[name], first, snapshot.last_import, contents)
            for name in DIFFERED
        ]
    return Difference(pa.concat_tables([_SHAPE.empty_table(), *found]))


def _contents(warehouse: Warehouse) -> dict[int, str]:
    query = sa.select(tables.imported.c.import_id, tables.imported.c.content)
    with warehouse.catalog.reading() as connection:
        return {int(row[0]): str(row[1]) for row in connection.execute(query)}


def _differed(
    engine: Engine, table: Table, first: int, last: int, contents: dict[int, str]
) -> pa.Table:
    found = engine.sql(_comparing(table, first, last))
    whys = [
        why or contents.get(number, "")
        for why, number in zip(found["why"].to_pylist(), found[IMPORT_ID].to_pylist(), strict=True)
    ]
    columns = {name: found[name] for name in found.column_names}
    columns |= {"why": pa.array(whys, pa.string())}
    columns["table"] = pa.array([table.name] * found.num_rows, pa.string())
    return pa.table([columns[name] for name in _SHAPE.names], schema=_SHAPE)


def _comparing(table: Table, first: int, last: int) -> str:
    """SQL: keys that held then beside keys that hold now; only rows that differ.

    A row that held then and was superseded since has its reason in the supersession; of a
    chain of them the last import counts.
    """
    keys = [f'"{key}"' for key in table.keys]
    if table.name == "result":
        keys.append("coalesce(opportunity_alt_id, '')")
    key = " || ' / ' || ".join(f"coalesce(CAST({name} AS STRING), '')" for name in keys)
    gone = (
        f"SELECT old_row, {IMPORT_ID}, why FROM supersession__rows "
        f"WHERE table_name = '{table.name}'"
    )
    holds = f"AND status IS DISTINCT FROM '{RESET}'" if table.name == "result" else ""

    def held(moment: int) -> str:
        return (
            f'SELECT {key} AS key, r.{ROW_ID}, r.{IMPORT_ID} FROM "{table.name}__rows" AS r '
            f"WHERE r.{IMPORT_ID} <= {moment} {holds} AND NOT EXISTS (SELECT 1 FROM ({gone}) AS g "
            f"WHERE g.old_row = r.{ROW_ID} AND g.{IMPORT_ID} <= {moment})"
        )

    return (
        f"SELECT coalesce(a.key, b.key) AS key, CASE WHEN a.key IS NULL THEN 'appeared' "
        f"WHEN b.key IS NULL THEN 'went' ELSE 'changed' END AS change, "
        f"coalesce(b.{IMPORT_ID}, g.{IMPORT_ID}) AS {IMPORT_ID}, g.why AS why, "
        f"b.{ROW_ID} AS {ROW_ID}, a.{ROW_ID} AS old_row "
        f"FROM ({held(first)}) AS a FULL OUTER JOIN ({held(last)}) AS b ON a.key = b.key "
        f"LEFT JOIN ({gone}) AS g ON g.old_row = a.{ROW_ID} "
        f"WHERE a.{ROW_ID} IS DISTINCT FROM b.{ROW_ID} ORDER BY change, key"
    )
