"""One CSV file of either table, copied as text to a Parquet file that can be joined and sorted."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.long_cells import cells_up_to
from scorehouse.intake.readers.delimited import TextBatch, delimiter_in, read_batches, read_header
from scorehouse.intake.readers.two_tables_damage import (
    IDENTIFIERS,
    FileSigns,
    find_exponents,
    find_shifts,
)
from scorehouse.intake.readers.two_tables_files import TableFile
from scorehouse.intake.readers.two_tables_layout import STUDENT, Layout, recognize
from scorehouse.result_shapes import ITEM_COLUMNS, TEST_COLUMNS

FILE, ROW, REFUSED = "scorehouse_file", "scorehouse_row", "scorehouse_refused"
_LARGEST_CELL = 8 << 20  # characters; beyond it a quotation mark was never closed
_BLOCK = 1 << 20
_BATCH_ROWS = 20_000
_LETTERS = "UNY"  # use codes count in threes: unknown, no, yes


class Copied(NamedTuple):
    """A copied table: `layout.table` says which."""

    path: Path
    shown: str
    layout: Layout


def copy_table(file: TableFile, scratch: Path, log: FindingLog) -> Copied | None:
    """Copy a file's rows; None, with findings, when it is refused."""
    scan = _scan(file.path)
    if scan.bad_byte is not None:
        log.add("file_encoding", file=file.shown, offset=scan.bad_byte)
        return None
    with cells_up_to(_LARGEST_CELL):
        header, delimiter = _first_row(file.path)
        layout = recognize(header)
        if layout is None:
            log.add("results_header_unknown", file=file.shown)
            return None
        if not _tell_layout(layout, delimiter, file.shown, log):
            return None
        target = scratch / f"table-{len(list(scratch.iterdir())):06d}.parquet"
        _Copy(file, layout, scan.has_nul, log).write(target)
    if not scan.is_ended:
        log.add("csv_not_ended", file=file.shown)
    return Copied(target, file.shown, layout)


class _Scan(NamedTuple):
    bad_byte: int | None
    has_nul: bool
    is_ended: bool


def _scan(path: Path) -> _Scan:
    """Read a file once as bytes: whether it is UTF-8, has NULs, ends its last line."""
    decoder = getincrementaldecoder("utf-8")()
    done, has_nul, last = 0, False, b"\n"
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return _Scan(done - waiting + error.start, has_nul, True)
            if not block:
                return _Scan(None, has_nul, last in (b"\n", b"\r"))
            has_nul = has_nul or b"\0" in block
            done, last = done + len(block), block[-1:]


def _first_row(path: Path) -> tuple[list[str], str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        delimiter = delimiter_in(stream)
    return read_header(path), delimiter


def _tell_layout(layout: Layout, delimiter: str, shown: str, log: FindingLog) -> bool:
    """Say what is odd in a header; False when it can't be read."""
    for name in dict.fromkeys(layout.repeated):
        log.add("column_twice", file=shown, field=name)
    if layout.repeated:
        return False
    if delimiter != ",":
        log.add("csv_delimiter", file=shown, value=delimiter)
    if not layout.has_header:
        log.add("results_header_missing", file=shown)
    if layout.older:
        log.add("results_old_layout", file=shown, layout=layout.older)
    for read, name in layout.aliases.items():
        log.add("results_column_alias", file=shown, field=name, value=read)
    for name in layout.unknown:
        log.add("column_unknown", file=shown, field=name)
    for name in layout.absent:
        log.add("results_column_absent", file=shown, field=name)
    return True


def parquet_schema(table: str) -> pa.Schema:
    """Return the columns of a copied table: text, then the file, the row, whether it is damaged."""
    names = TEST_COLUMNS if table == "test" else (*ITEM_COLUMNS, STUDENT)
    own = [(FILE, pa.string()), (ROW, pa.int64()), (REFUSED, pa.bool_())]
    return pa.schema([*((name, pa.string()) for name in names), *own])


@dataclass
class _Copy:
    """The copying of one file."""

    file: TableFile
    layout: Layout
    has_nul: bool
    log: FindingLog
    tabs: Counter[str] = field(default_factory=Counter)
    derived: Counter[tuple[str, str]] = field(default_factory=Counter)

    def write(self, target: Path) -> None:
        """Copy all rows, then say what the whole file showed."""
        schema = parquet_schema(self.layout.table)
        signs = FileSigns(self.layout)
        with pq.ParquetWriter(target, schema, compression="lz4") as writer:
            for batch in self._batches():
                cells = _frame(batch, len(self.layout.header))
                signs.see(cells, batch.first_row)
                refused = self._refused(batch, cells)
                writer.write_table(self._table(cells, batch.first_row, refused, schema))
        signs.tell(self.file.shown, self.log)
        for name, count in self.tabs.items():
            self.log.add("csv_trailing_tab", file=self.file.shown, field=name, count=count)
        for (name, origin), count in self.derived.items():
            self.log.add(
                "results_value_derived",
                file=self.file.shown,
                field=name,
                origin=origin,
                count=count,
            )

    def _batches(self) -> Iterator[TextBatch]:
        names = [str(place) for place in range(len(self.layout.header))]
        yield from read_batches(
            self.file.path,
            self.file.shown,
            self.log,
            batch_rows=_BATCH_ROWS,
            names=names,
            has_header=self.layout.has_header,
        )

    def _refused(self, batch: TextBatch, cells: pl.DataFrame) -> set[int]:
        """Say what is wrong with rows, and return the places of those to leave out."""
        refused = set()
        width = len(self.layout.header)
        for place, found in batch.odd:
            rule = "csv_row_short" if found < width else "csv_row_long"
            self._say(rule, batch, cells, place, found=found, expected=width)
            refused.add(place)
        for place, name, value in find_exponents(cells, self.layout):
            self._say("spreadsheet_exponent", batch, cells, place, field=name, value=value)
            refused.add(place)
        for place, name, direction in find_shifts(cells, self.layout):
            if place not in refused:
                self._say("csv_row_shifted", batch, cells, place, field=name, direction=direction)
                refused.add(place)
        return refused | (self._with_nul(batch, cells) if self.has_nul else set())

    def _with_nul(self, batch: TextBatch, cells: pl.DataFrame) -> set[int]:
        has_nul = cells.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True)))
        places = set(has_nul.to_series().arg_true().to_list())
        for place in sorted(places):
            self._say("csv_nul", batch, cells, place)
        return places

    def _say(
        self, rule: str, batch: TextBatch, cells: pl.DataFrame, place: int, **words: object
    ) -> None:
        record = ""
        for column, name in self.layout.columns.items():
            if name == "TestOpportunityId":
                record = cells[str(column)][place].replace("\0", "")
        row = batch.first_row + place
        self.log.add(rule, file=self.file.shown, record=record, row=row, **words)  # type: ignore[arg-type]

    def _table(
        self, cells: pl.DataFrame, first_row: int, refused: set[int], schema: pa.Schema
    ) -> pa.Table:
        found = {name: pl.col(str(place)) for place, name in self.layout.columns.items()}
        found = self._without_tabs(cells, found)
        found |= self._derived(cells)
        exprs = [
            found.get(name, pl.lit("")).alias(name)
            for name in schema.names
            if name not in (FILE, ROW, REFUSED)
        ]
        count = cells.height
        marks = pl.Series(REFUSED, [place in refused for place in range(count)], pl.Boolean)
        frame = cells.select(
            *exprs,
            pl.lit(self.file.shown).alias(FILE),
            pl.int_range(first_row, first_row + count, dtype=pl.Int64).alias(ROW),
        ).with_columns(marks)
        return frame.to_arrow().cast(schema)

    def _without_tabs(self, cells: pl.DataFrame, found: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Take one tab from the end of identifiers, where a converter puts it."""
        changed = dict(found)
        for place, name in self.layout.columns.items():
            if name in IDENTIFIERS:
                count = int(cells.get_column(str(place)).str.ends_with("\t").sum())
                if count:
                    self.tabs[name] += count
                    changed[name] = found[name].str.strip_suffix("\t")
        return changed

    def _derived(self, cells: pl.DataFrame) -> dict[str, pl.Expr]:
        """What the older forms say in another way."""
        columns: dict[str, pl.Series] = {}
        layout = self.layout
        for name, (low, high) in layout.standard_errors.items():
            pairs = zip(cells[str(low)].to_list(), cells[str(high)].to_list(), strict=True)
            columns[name] = pl.Series(name, [_half_distance(*pair) for pair in pairs])
            self._count(name, f"{layout.header[low]} and {layout.header[high]}", columns[name])
        if layout.accommodations:
            rows = cells.select([str(place) for place in layout.accommodations]).iter_rows()
            codes = list(layout.accommodations.values())
            columns["AccessibilityCodes"] = pl.Series([_use_codes(codes, row) for row in rows])
            self._count("AccessibilityCodes", "use codes", columns["AccessibilityCodes"])
        if layout.group_names:
            rows = cells.select([str(place) for place in layout.group_names]).iter_rows()
            columns["StudentGroupNames"] = pl.Series([";".join(filter(None, r)) for r in rows])
            self._count("StudentGroupNames", "group columns", columns["StudentGroupNames"])
        for place, name in layout.inverted.items():
            columns[name] = pl.Series([_INVERTED.get(t, t) for t in cells[str(place)].to_list()])
            self._count(name, layout.header[place], columns[name])
        return {name: pl.lit(values) for name, values in columns.items()}

    def _count(self, name: str, origin: str, values: pl.Series) -> None:
        if count := int((values != "").sum()):
            self.derived[name, origin] += count


_INVERTED = {"1": "No", "0": "Yes"}


def _frame(batch: TextBatch, width: int) -> pl.DataFrame:
    frame = pl.from_arrow(pa.table(batch.columns))
    assert isinstance(frame, pl.DataFrame)
    assert frame.width == width
    return frame


def _half_distance(low: str, high: str) -> str:
    """Half the distance of two numbers, exactly; blank when one isn't a number.

    >>> _half_distance("2538.6", "2581.4")
    '21.4'
    """
    try:
        return str((Decimal(high) - Decimal(low)) / 2)
    except InvalidOperation:
        return ""


def _use_codes(codes: list[str], uses: tuple[str, ...]) -> str:
    """Join features and their use codes, as in the test table.

    The codes count 9 for designated, 3 for available, 1 for used.

    >>> _use_codes(["NEA_AR", "NEA_Calc", "NEA_MT"], ("6", "", "26"))
    'NEA_AR:UYU;NEA_MT:YYY'
    """
    joined = []
    for code, use in zip(codes, uses, strict=True):
        if use.strip().isdigit() and int(use) < len(_LETTERS) ** 3:
            number = int(use)
            letters = "".join(_LETTERS[number // power % 3] for power in (9, 3, 1))
            joined.append(f"{code}:{letters}")
    return ";".join(joined)
