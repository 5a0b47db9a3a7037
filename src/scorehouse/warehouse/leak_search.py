"""Looking for identifiers in every byte that a warehouse keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.needles import Needles
from scorehouse.warehouse.payload_rewrite import (
    UnsearchableError,
    chunks,
    pieces_of,
    texts_of,
)
from scorehouse.warehouse.places import ARCHIVE_FOLDER, SCRATCH_FOLDER, TABLES_FOLDER
from scorehouse.warehouse.store import Warehouse

_PARQUET = ".parquet"


@dataclass
class Searched:
    """What was looked at, and where identifiers stood: a place's name without data -> how often."""

    files: int = 0
    size: int = 0
    found: dict[str, int] = field(default_factory=dict)
    unsearchable: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found anywhere."""
        return not self.found

    def note(self, place: str, count: int) -> None:
        """Note what a place holds."""
        if count:
            self.found[place] = self.found.get(place, 0) + count


def search(
    warehouse: Warehouse,
    needles: Needles,
    progress: Progress = lambda _done, _expected: None,
    passed_over: frozenset[str] = frozenset(),
) -> Searched:
    """Search data files column by column, the catalog, the index and the archive, unpacked.

    `passed_over` are data files that still have readers and are about to go.
    """
    searched = Searched()
    files = sorted(path for path in warehouse.root.rglob("*") if path.is_file())
    for number, path in enumerate(files, 1):
        if path.relative_to(warehouse.root).as_posix() not in passed_over:
            _search_file(warehouse, path, needles, searched)
        progress(number, len(files))
    _search_catalog(warehouse, needles, searched)
    return searched


def _search_file(warehouse: Warehouse, path: Path, needles: Needles, searched: Searched) -> None:
    inside = path.relative_to(warehouse.root).parts
    place = {TABLES_FOLDER: f"table {inside[1]}" if len(inside) > 1 else "", ARCHIVE_FOLDER:
             ARCHIVE_FOLDER, SCRATCH_FOLDER: SCRATCH_FOLDER}.get(inside[0], inside[0])  # fmt: skip
    searched.note("names of files", needles.count("/".join(inside).encode()))
    with suppress(FileNotFoundError):  # another run's scratch may go at any moment
        searched.size += path.stat().st_size
        searched.files += 1
        for chunk in _bytes_of(warehouse, path, inside[0], searched):
            searched.note(place, needles.count(chunk))


def _bytes_of(warehouse: Warehouse, path: Path, room: str, searched: Searched) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from pieces_of(stream)
    if room == TABLES_FOLDER and path.suffix == _PARQUET:
        yield from texts_of(path)
    elif room == ARCHIVE_FOLDER:
        try:
            yield from chunks(path, warehouse.root / SCRATCH_FOLDER)
        except UnsearchableError:
            searched.unsearchable += 1


def _search_catalog(warehouse: Warehouse, needles: Needles, searched: Searched) -> None:
    with warehouse.catalog.reading() as connection:
        for table in tables.METADATA.tables.values():
            for row in connection.execute(sa.select(table)):
                text = "\0".join(str(value) for value in row if value is not None)
                searched.note(f"catalog {table.name}", needles.count(text.encode()))
