"""Tidying: many small files of a slice become one, with the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES
from scorehouse.warehouse.transaction import Transaction
from scorehouse.warehouse.views import DataFile

MANY_FILES = 24
LARGE_ROWS = 1_000_000
"""Files of so many rows are left alone: what a load costs stays in proportion to it."""


def tidy(transaction: Transaction, many: int = MANY_FILES) -> int:
    """Merge the small files of each slice that has many; return how many files went.

    Only files of like size are merged, so that a row is written again once for each digit
    that its file's number of rows grows by, and no load pays for the archive.
    """
    found = crowded(transaction.files, many)
    for files in found:
        transaction.replace_files(files, merged_file(transaction, files))
    return sum(len(files) for files in found)


def crowded(files: Sequence[DataFile], many: int) -> list[list[DataFile]]:
    """Files of one slice and of like size, where there are many."""
    alike: dict[tuple[str, str, int], list[DataFile]] = {}
    for file in files:
        if file.rows < LARGE_ROWS:
            size = len(str(file.rows))
            alike.setdefault((file.table, file.slice, size), []).append(file)
    return [some for some in alike.values() if len(some) >= many]


def merged_file(
    transaction: Transaction, files: Sequence[DataFile], where: str = ""
) -> DataFile | None:
    """Write the rows of some files of a slice (those that `where` keeps) as one file.

    None: no row is left.
    """
    table = TABLES[files[0].table]
    first = min(file.first_import for file in files)
    last = max(file.last_import for file in files)
    path = transaction.new_file(table.name, files[0].slice, last)
    transaction.engine.files("merging", [file.path for file in files], table.schema)
    kept = f" WHERE {where}" if where else ""
    order = (*table.order, IMPORT_ID, ROW_ID)
    count = transaction.engine.write(f"SELECT * FROM merging{kept}", path, order)
    if not count:
        path.unlink(missing_ok=True)
        return None
    return DataFile(table.name, files[0].slice, str(path), count, first, last)
