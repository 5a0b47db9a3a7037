"""The rest of TRT results in a file beside the tables, and back: Parquet or JSON lines."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import replacing
from scorehouse.intake.unflatten_rest import REST
from scorehouse.result_shapes import RESULT

SUFFIXES = (".parquet", ".jsonl")
_BATCH_ROWS = 50_000


def check_sidecar(path: Path) -> None:
    """Refuse a name that says no known form."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a sidecar is .parquet or .jsonl, not {path.suffix or path.name!r}")


@dataclass
class SidecarWriter:
    """Writes the rest chunk by chunk; the file appears when everything was written, or not."""

    path: Path
    rows: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _parquet: Any = None
    _stream: IO[bytes] | None = None

    def __enter__(self) -> SidecarWriter:
        check_sidecar(self.path)
        stream = self._stack.enter_context(replacing(self.path))
        if self.path.suffix.lower() == ".parquet":
            self._parquet = self._stack.enter_context(
                pq.ParquetWriter(stream, REST, compression="zstd")
            )
        else:
            self._stream = stream
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, rest: pa.Table) -> None:
        """Add the rest of some results."""
        self.rows += rest.num_rows
        if self._parquet is not None:
            self._parquet.write_table(rest)
        elif self._stream is not None:
            for row in rest.to_pylist():
                self._stream.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


class SidecarReader:
    """Gives the rest of results back by their opportunity.

    Memory stays bounded as long as results are asked for in the order they were written.
    """

    def __init__(self, path: Path) -> None:
        check_sidecar(path)
        if not path.is_file():
            raise UsageError(f"there is no sidecar {path}")
        self._groups = _groups(path)
        self._waiting: dict[str, deque[pa.Table]] = defaultdict(deque)
        self.used = 0

    def rest_of(self, results: pa.Table) -> pa.Table:
        """Return the rest of results, numbered as they are; of each key the first not yet used."""
        found = []
        keys = zip(results[RESULT].to_pylist(), results["opportunity_key"].to_pylist(), strict=True)
        for number, key in keys:
            rest = self._next(key or "")
            if rest is not None:
                numbers = pa.array([number] * rest.num_rows, pa.int32())
                found.append(rest.set_column(0, REST.field(RESULT), numbers))
                self.used += 1
        return pa.concat_tables(found) if found else REST.empty_table()

    def unused(self) -> int:
        """Return how many results of the file nobody asked for."""
        waiting = sum(len(rests) for rests in self._waiting.values())
        return waiting + sum(1 for _ in self._groups)

    def _next(self, key: str) -> pa.Table | None:
        if self._waiting.get(key):
            rest = self._waiting[key].popleft()
            if not self._waiting[key]:
                del self._waiting[key]
            return rest
        for other, rest in self._groups:
            if other == key:
                return rest
            self._waiting[other].append(rest)
        return None


def _groups(path: Path) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rest of each result, with its opportunity."""
    current: list[pa.Table] = []
    number: int | None = None
    for table in _tables(path):
        for start, stop in _runs(table[RESULT].to_pylist()):
            piece = table.slice(start, stop - start)
            if piece[RESULT][0].as_py() != number and current:
                yield _whole(current)
                current = []
            number = piece[RESULT][0].as_py()
            current.append(piece)
    if current:
        yield _whole(current)


def _whole(pieces: list[pa.Table]) -> tuple[str, pa.Table]:
    table = pa.concat_tables(pieces)
    return table["opportunity_id"][0].as_py() or "", table


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[start]:
            yield start, place
            start = place


def _tables(path: Path) -> Iterator[pa.Table]:
    try:
        if path.suffix.lower() == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    yield pa.Table.from_batches([batch]).cast(REST)
        else:
            yield from _from_lines(path)
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError) as error:
        message = f"{path.name} is not a sidecar that convert wrote: {type(error).__name__}"
        raise InputRefusedError(message) from None


def _from_lines(path: Path) -> Iterator[pa.Table]:
    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            rows.append({name: row[name] for name in REST.names})
            if len(rows) >= _BATCH_ROWS:
                yield pa.Table.from_pylist(rows, REST)
                rows = []
    if rows:
        yield pa.Table.from_pylist(rows, REST)
