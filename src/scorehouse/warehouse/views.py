"""The names a query can use: for each table its rows, its latest rows, and what holds now.

For a table `t`: `t__rows` is every row ever kept (up to the import asked for), `t__latest`
the rows that nothing replaced, `t` what holds. The last two differ for results only: a reset
is the latest word on a sitting, and means that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.schema import OWNERS, ROW_ID, TABLES, Table

RESET = "reset"


class DataFile(NamedTuple):
    """A Parquet file of a table, with the imports whose rows it holds."""

    table: str
    slice: str
    path: str  # absolute
    rows: int
    first_import: int
    last_import: int


def define(engine: Engine, files: Iterable[DataFile], as_of: int) -> None:
    """Define the views of every table over some files, as of an import."""
    by_table: dict[str, list[DataFile]] = {name: [] for name in TABLES}
    for file in files:
        if file.first_import <= as_of:
            by_table[file.table].append(file)
    gone = by_table["supersession"]
    for name in ("supersession", *TABLES):
        define_table(engine, TABLES[name], by_table[name], gone, as_of)


def define_table(
    engine: Engine,
    table: Table,
    files: Sequence[DataFile],
    supersessions: Sequence[DataFile],
    as_of: int,
) -> None:
    """Define the views of one table."""
    engine.files(f"{table.name}__files", [file.path for file in files], table.schema)
    is_cut = any(file.last_import > as_of for file in files)
    where = f" WHERE import_id <= {as_of}" if is_cut else ""
    engine.view(f"{table.name}__rows", f'SELECT * FROM "{table.name}__files"{where}')
    engine.view(f"{table.name}__latest", _latest(table, supersessions))
    kept = f" WHERE status IS DISTINCT FROM '{RESET}'" if table.name == "result" else ""
    engine.view(table.name, f'SELECT * FROM "{table.name}__latest"{kept}')


def _latest(table: Table, supersessions: Sequence[DataFile]) -> str:
    """The rows that nothing replaced. Parts go with the row that owns them."""
    names = OWNERS if table.owner else (table.name,)
    column = table.owner or ROW_ID
    select = f'SELECT * FROM "{table.name}__rows" AS kept'
    if table.name == "supersession" or not {file.slice for file in supersessions} & {*names}:
        return select
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        f"{select} WHERE NOT EXISTS (SELECT 1 FROM supersession__rows AS gone "
        f"WHERE gone.table_name IN ({listed}) AND gone.old_row = kept.{column})"
    )


def slices(files: Iterable[DataFile]) -> Mapping[str, set[str]]:
    """The slices that each table has files of."""
    found: dict[str, set[str]] = {}
    for file in files:
        found.setdefault(file.table, set()).add(file.slice)
    return found
