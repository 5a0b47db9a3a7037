"""Splitting the two tables: every test with its items into one part, rows as they are."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, NamedTuple

from scorehouse.errors import InputRefusedError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.long_cells import LONGEST_CELL, cells_up_to
from scorehouse.transmit.manifest import PackedFile
from scorehouse.transmit.package import Group, Shares, pack_tables

Progress = Callable[[int, int | None], None]
_MOST_OPEN = 128
_SUBJECT, _GRADE, _KEY, _ITEM = "Subject", "TestGrade", "TestOpportunityId", "ItemId"


class _Place(NamedTuple):
    """A part of the package."""

    group: Group
    number: int


class TablesPacker:
    """Packs the two tables, however many files each of them has."""

    def __init__(
        self,
        files: list[Path],
        place: Path,
        most_bytes: int,
        log: FindingLog,
        progress: Progress | None,
    ) -> None:
        self._place, self._log, self._progress = place, log, progress
        self._shares = Shares(most_bytes)
        self._tests = [path for path in files if {_KEY, _SUBJECT, _GRADE} <= _header_set(path)]
        self._items = [path for path in files if {_KEY, _ITEM} <= _header_set(path)]
        for path in set(files) - {*self._tests, *self._items}:
            log.add("file_unknown_kind", file=path.name)

    def pack(self) -> list[PackedFile]:
        """Split into spools on disk, then pack each part."""
        with cells_up_to(LONGEST_CELL):
            return self._pack()

    def _pack(self) -> list[PackedFile]:
        test_header, item_header = _one_header(self._tests), _one_header(self._items)
        scratch = Path(tempfile.mkdtemp(prefix=".spool.", dir=self._place))
        spools = _Spools(scratch)
        try:
            places = self._deal(spools, test_header, self._item_bytes())
            self._follow(spools, item_header, places)
            spools.close()
            parts = sorted(set(places.values()))
            return [self._part(spools, part, test_header, item_header) for part in parts]
        finally:
            spools.close()
            shutil.rmtree(scratch, ignore_errors=True)

    def _item_bytes(self) -> Counter[int]:
        """The bytes of the items of each test."""
        sizes: Counter[int] = Counter()
        for path in self._items:
            key = _column(path, _KEY)
            for row in _rows(path):
                sizes[_short(row[key])] += _size(row)
        return sizes

    def _deal(
        self, spools: _Spools, header: list[str], item_bytes: Counter[int]
    ) -> dict[int, _Place]:
        key, subject, grade = (header.index(name) for name in (_KEY, _SUBJECT, _GRADE))
        places: dict[int, _Place] = {}
        for path in self._tests:
            for row in _rows(path):
                short = _short(row[key])
                group = Group.of(row[subject], row[grade])
                number = self._shares.next_part(group, _size(row) + item_bytes[short])
                place = places.setdefault(short, _Place(group, number))
                spools.write(place, "tests", row)
                if self._progress:
                    self._progress(len(places), None)
        return places

    def _follow(self, spools: _Spools, header: list[str], places: dict[int, _Place]) -> None:
        lost = 0
        for path in self._items:
            key = header.index(_KEY)
            for row in _rows(path):
                place = places.get(_short(row[key]))
                if place is None:
                    lost += 1
                else:
                    spools.write(place, "items", row)
        if lost:
            self._log.add("item_rows_without_test", count=lost, field=_KEY)

    def _part(
        self, spools: _Spools, part: _Place, tests: list[str], items: list[str]
    ) -> PackedFile:
        def writing(table: str, header: list[str]) -> Callable[[IO[bytes]], int]:
            return lambda stream: spools.copy(part, table, header, stream)

        return pack_tables(self._place, *part, writing("tests", tests), writing("items", items))


class _Spools:
    """Rows on their way, one file a part and table; few are open at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, tuple[IO[str], Any]] = {}
        self._rows: Counter[Path] = Counter()

    def write(self, part: _Place, table: str, row: list[str]) -> None:
        """Add a row to a part's table."""
        path = self._path(part, table)
        if path not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open)))[0].close()
            stream = path.open("a", encoding="utf-8", newline="")
            self._open[path] = stream, csv.writer(stream)
        self._open[path][1].writerow(row)
        self._rows[path] += 1

    def close(self) -> None:
        """Close all files; afterwards they are only copied from."""
        for stream, _ in self._open.values():
            stream.close()
        self._open = {}

    def copy(self, part: _Place, table: str, header: list[str], out: IO[bytes]) -> int:
        """Write the header and the rows of a part's table; gives the number of rows."""
        path = self._path(part, table)
        out.write(_line(header))
        if path.exists():
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, out)
        return self._rows[path]

    def _path(self, part: _Place, table: str) -> Path:
        return self._folder / f"{part.group.file_name(part.number)}.{table}"


def _line(row: list[str]) -> bytes:
    return (",".join(row) + "\r\n").encode()


def _short(key: str) -> int:
    """A key in eight bytes, so that millions fit in memory."""
    return int.from_bytes(blake2b(key.strip().encode(), digest_size=8).digest(), "little")


def _size(row: list[str]) -> int:
    return sum(len(cell) for cell in row) * 2 + len(row)  # room for quotation and letters


def _opened(path: Path) -> IO[str]:
    return path.open(encoding="utf-8-sig", newline="")


def _header(path: Path) -> list[str]:
    with _opened(path) as stream:
        return next(csv.reader(stream), [])


def _header_set(path: Path) -> set[str]:
    try:
        return set(_header(path))
    except (UnicodeDecodeError, csv.Error):
        return set()


def _column(path: Path, name: str) -> int:
    return _header(path).index(name)


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a table; raises InputRefusedError where they can't be told apart."""
    try:
        with _opened(path) as stream:
            rows = csv.reader(stream, strict=True)
            width = len(next(rows))
            for number, row in enumerate(rows, 1):
                if len(row) != width:
                    raise InputRefusedError(
                        f"{path.name}, row {number} has {len(row)} cells, not {width}; "
                        "check the tables first: scorehouse check"
                    )
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputRefusedError(
            f"{path.name} can't be read as a table ({type(error).__name__}); check it first"
        ) from None


def _one_header(paths: list[Path]) -> list[str]:
    """The header that all files of a table share."""
    headers = {tuple(_header(path)) for path in paths}
    if len(headers) != 1:
        words = "differ in their columns; convert them first" if headers else "are missing"
        raise InputRefusedError(f"the files of the test or of the item table {words}")
    return list(headers.pop())
