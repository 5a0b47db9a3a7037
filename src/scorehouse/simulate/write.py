"""Files of a simulation: streamed tables, the two-file package, and a folder all or nothing."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from scorehouse import shapes
from scorehouse.errors import UsageError
from scorehouse.simulate.plan import Package

PACKAGE_ITEM_COLUMNS = tuple(
    name for name in shapes.ITEMS.names if name not in ("item_type", "purpose", "unscorable")
)
"""The published columns of `items.csv`; the others are not part of the two-file form."""

_DICTIONARY_PAGE = 8 * 2**20


class TableFile:
    """One table written piece by piece; pieces are joined until they hold enough records.

    Text that comes dictionary-encoded is written so, and read back as the text of `schema`.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema, form: str, size: int) -> None:
        self.path = folder / f"{name}.{form}"
        self._schema = schema
        self._form = form
        self._size = size
        self._held: list[pa.Table] = []
        self._records = 0
        self._writer: Any = None

    def write(self, table: pa.Table, records: int | None = None) -> None:
        """Add a piece; `records` says how full it makes a row group, rows unless given."""
        self._held.append(table)
        self._records += table.num_rows if records is None else records
        if self._records >= self._size:
            self._flush()

    def close(self) -> None:
        """Write what is held and close the file."""
        self._flush()
        if self._writer is None:
            self._writer = self._open(self._schema)
        self._writer.close()

    def __enter__(self) -> TableFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        elif self._writer is not None:
            self._writer.close()

    def _open(self, schema: pa.Schema) -> Any:
        if self._form == "csv":
            options = pa_csv.WriteOptions(quoting_style="needed")
            return pa_csv.CSVWriter(str(self.path), schema, write_options=options)
        return pq.ParquetWriter(
            self.path,
            schema,
            compression="zstd",
            dictionary_pagesize_limit=_DICTIONARY_PAGE,
            store_schema=False,
        )

    def _flush(self) -> None:
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        if self._form == "csv":
            table = table.cast(self._schema)
        if self._writer is None:
            self._writer = self._open(table.schema)
        if self._form == "csv":
            self._writer.write_table(table)
        else:
            table = table.unify_dictionaries().combine_chunks()
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._held, self._records = [], 0


def write_package(package: Package, folder: Path) -> tuple[Path, Path]:
    """Write the two-file form: `assessments.csv` and `items.csv`, floats in full."""
    assessments, items = folder / "assessments.csv", folder / "items.csv"
    _write_rows(package.assessments, shapes.ASSESSMENTS.names, assessments)
    _write_rows(package.items, PACKAGE_ITEM_COLUMNS, items)
    return assessments, items


def _write_rows(table: pa.Table, columns: list[str] | tuple[str, ...], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for record in table.select(list(columns)).to_pylist():
            writer.writerow([_as_text(value) for value in record.values()])


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def whole_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder to write in; it becomes `out` at the end, or vanishes on any failure.

    Raises UsageError when `out` is a file, or holds anything and may not be overwritten.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise UsageError(f"{out} is not empty; give another folder, or allow overwriting")
    out.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield working
        working.chmod(0o777 & ~_umask())
        _replace(working, out)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise


def _replace(working: Path, out: Path) -> None:
    if not out.exists():
        working.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    out.rename(aside / "old")
    working.rename(out)
    shutil.rmtree(aside)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
