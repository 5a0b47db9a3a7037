"""Collecting findings in bounded memory, and writing them as one file."""

from __future__ import annotations

import csv
import json
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Consequence, Finding, FindingCounts, catalogue, make
from scorehouse.intake.whole import replacing
from scorehouse.shapes import FINDINGS

__all__ = ["Consequence", "Finding", "FindingLog", "catalogue", "make", "neutral", "replacing"]

_FEW = 1000  # more findings than this at once don't become objects


class FindingLog:
    """Collects findings; the newest `keep` stay in memory, older ones go to a temporary file.

    `show_private` asks for values of private fields (student ids, names, birth dates,
    responses) and for the names of archive members as they are; they are masked otherwise.
    """

    def __init__(self, *, keep: int = 50_000, show_private: bool = False) -> None:
        self.show_private = show_private
        self._keep = keep
        self._recent: list[Finding] = []
        self._counts = FindingCounts()
        self._spill: IO[bytes] | None = None
        self._spill_name = ""
        self._writer: Any = None

    def add(
        self,
        rule: str,
        *,
        file: str = "",
        record: str = "",
        field: str = "",
        row: int | None = None,
        value: object = "",
        **words: object,
    ) -> None:
        """Make a finding as `findings.make` does, and keep it."""
        self.append(
            make(
                rule,
                file=file,
                record=record,
                field=field,
                row=row,
                value=value,
                show_private=self.show_private,
                **words,
            )
        )

    def append(self, finding: Finding) -> None:
        """Keep one finding."""
        self._recent.append(finding)
        self._counts.count(finding.rule, finding.consequence)
        if len(self._recent) >= self._keep:
            self._spill_recent()

    def extend(self, findings: Iterable[Finding]) -> None:
        """Keep several findings."""
        for finding in findings:
            self.append(finding)

    def add_table(self, table: pa.Table) -> None:
        """Keep findings that stand in a table of `shapes.FINDINGS`."""
        if table.num_rows <= _FEW:
            self.extend(Finding(**row) for row in table.to_pylist())
            return
        for row in (
            table.group_by(["rule", "consequence"]).aggregate([([], "count_all")]).to_pylist()
        ):
            self._counts.count(row["rule"], row["consequence"], row["count_all"])
        self._spill_recent()
        for batch in table.combine_chunks().to_batches():
            self._writer.write_batch(batch)

    def by_consequence(self) -> dict[tuple[str, str], int]:
        """Return how many findings each rule has by what they lead to (exact)."""
        return self._counts.by_consequence()

    def merge(self, other: FindingLog) -> None:
        """Keep everything that another log holds."""
        for batch in other.batches():
            self.add_table(pa.Table.from_batches([batch]))

    def hand_over(self) -> FindingLog:
        """Return a log with everything that this one holds; this one is empty afterwards."""
        taken = FindingLog(keep=self._keep, show_private=self.show_private)
        if len(self):
            taken.merge(self)
            self._counts, self._recent = FindingCounts(), []
            if self._spill is not None:
                self._spill.close()
                self._spill = None
        return taken

    def counts(self) -> dict[str, int]:
        """Return how many findings each rule has (exact), in the order of the catalogue."""
        return self._counts.by_rule()

    @property
    def left_out(self) -> int:
        """How many findings left a record, a file or everything out."""
        return self._counts.left_out

    @property
    def worst(self) -> Consequence | None:
        """The gravest consequence met; None when nothing was found."""
        return self._counts.worst

    def __len__(self) -> int:
        return len(self._counts)

    def __iter__(self) -> Iterator[Finding]:
        for batch in self.batches():
            for row in batch.to_pylist():
                yield Finding(**row)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all findings in the order they came, as batches of `shapes.FINDINGS`."""
        if self._spill is not None:
            self._spill_recent()
            self._spill.flush()
            with pa.OSFile(self._spill_name) as stream, pa.ipc.open_stream(stream) as reader:
                yield from reader
        elif self._recent:
            yield _batch(self._recent)

    def table(self) -> pa.Table:
        """Return all findings as one table of `shapes.FINDINGS`."""
        return pa.Table.from_batches(list(self.batches()), schema=FINDINGS)

    def write(self, path: Path) -> None:
        """Write all findings as CSV, Parquet or JSON by the suffix, in one atomic step.

        JSON is one array of objects. Another suffix is a `UsageError`.
        """
        writers: dict[str, Callable[[IO[bytes]], None]] = {
            ".csv": self._write_csv,
            ".parquet": self._write_parquet,
            ".json": self._write_json,
        }
        if path.suffix.lower() not in writers:
            raise UsageError(f"findings are written as .csv, .parquet or .json, not {path.suffix}")
        with replacing(path) as stream:
            writers[path.suffix.lower()](stream)

    @contextmanager
    def written_to(self, path: Path) -> Iterator[None]:
        """Write all findings when the block ends, well or in an error; not when it is stopped."""
        try:
            yield
        except Exception:
            self.write(path)
            raise
        self.write(path)

    def _spill_recent(self) -> None:
        if self._spill is None:
            self._spill = tempfile.NamedTemporaryFile(prefix="scorehouse-findings-")  # noqa: SIM115
            self._spill_name = self._spill.name
            weakref.finalize(self, self._spill.close)
            self._writer = pa.ipc.new_stream(self._spill, FINDINGS)
        if self._recent:
            self._writer.write_batch(_batch(self._recent))
            self._recent = []

    def _write_csv(self, stream: IO[bytes]) -> None:
        text = _TextOver(stream)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(FINDINGS.names)
        for batch in self.batches():
            for row in batch.to_pylist():
                writer.writerow([neutral(value) for value in row.values()])

    def _write_parquet(self, stream: IO[bytes]) -> None:
        with pq.ParquetWriter(stream, FINDINGS) as writer:
            for batch in self.batches():
                writer.write_batch(batch)

    def _write_json(self, stream: IO[bytes]) -> None:
        separator = b"[\n"
        for batch in self.batches():
            for row in batch.to_pylist():
                stream.write(separator + json.dumps(row, ensure_ascii=False).encode())
                separator = b",\n"
        stream.write(b"\n]\n" if separator == b",\n" else b"[]\n")


class _TextOver:
    """The one method that `csv.writer` needs, over a byte stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode())


def _batch(findings: list[Finding]) -> pa.RecordBatch:
    columns = zip(*(finding.columns() for finding in findings), strict=True)
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, FINDINGS, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FINDINGS)


def neutral(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula: put an apostrophe before it.

    >>> neutral("=1+1"), neutral("-1"), neutral("-1+2")
    ("'=1+1", '-1', "'-1+2")
    """
    if not isinstance(value, str) or not value or value[0] not in "=+-@\t\r":
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
