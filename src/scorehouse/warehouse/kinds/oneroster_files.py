"""The files of a OneRoster 1.1 CSV delivery, from a folder or a zip, as tables of text."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import polars as pl

from scorehouse.errors import InputRefusedError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import DAMAGED, Limits, is_unsafe, opened, reason_of
from scorehouse.intake.readers.identify import is_left_behind
from scorehouse.warehouse.kinds.people_text import ROW, pieces

FILES: Mapping[str, tuple[str, ...]] = {
    "manifest": ("propertyName", "value"),
    "orgs": ("sourcedId", "status", "dateLastModified", "name", "type", "identifier",
             "parentSourcedId"),
    "academicSessions": ("sourcedId", "status", "startDate", "endDate", "schoolYear"),
    "users": ("sourcedId", "status", "dateLastModified", "orgSourcedIds", "role", "username",
              "userIds", "givenName", "familyName", "middleName", "identifier", "email", "grades"),
    "classes": ("sourcedId", "status", "title", "classCode", "schoolSourcedId", "termSourcedIds"),
    "enrollments": ("sourcedId", "status", "dateLastModified", "classSourcedId",
                    "schoolSourcedId", "userSourcedId", "role", "beginDate", "endDate"),
    "demographics": ("sourcedId", "status", "dateLastModified", "birthDate", "sex",
                     "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
                     "nativeHawaiianOrOtherPacificIslander", "white",
                     "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity"),
}  # fmt: skip
"""The files that are read -> the columns that are used."""

WITHOUT = {
    "manifest": "all files are taken for complete",
    "orgs": "schools must be known already",
    "academicSessions": "school years are told by the days of enrollments",
    "users": "no student can be taken",
    "classes": "no list of students is made",
    "enrollments": "schools are told by the students' organizations, as of the stated day",
    "demographics": "birth date, sex and race are not told",
}
_MOST_BYTES = 8 << 30
_BLOCK = 1 << 20


class Delivery:
    """The files of one delivery; tables are read when asked for."""

    def __init__(self, places: Mapping[str, Path], log: FindingLog, shown: str) -> None:
        self._places = places
        self._log = log
        self._shown = shown

    def table(self, name: str) -> pl.DataFrame:
        """One file with the columns that are used; without rows when it isn't there."""
        schema = {**dict.fromkeys(FILES[name], pl.String), ROW: pl.Int64}
        return pl.concat([pl.DataFrame(schema=schema), *self.pieces(name)])

    def pieces(self, name: str) -> Iterator[pl.DataFrame]:
        """The same, piece by piece."""
        if name not in self._places:
            return
        columns = FILES[name]
        for rows in pieces(self._places[name], self._log, shown=self.shown(name)):
            missing = [pl.lit("").alias(c) for c in columns if c not in rows.columns]
            yield rows.with_columns(missing).select(*columns, ROW)

    def size(self, name: str) -> int:
        """How many bytes of text a file has."""
        return self._places[name].stat().st_size if name in self._places else 0

    def shown(self, name: str) -> str:
        """A file's name for findings."""
        return f"{self._shown}/{name}.csv"

    def tell_missing(self) -> None:
        """Say which files aren't there, and what follows."""
        for name, without in WITHOUT.items():
            if name not in self._places:
                self._log.add(
                    "oneroster_file_missing", file=self._shown, field=f"{name}.csv",
                    without=without,
                )  # fmt: skip

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return name in self._places


def member_of(name: str) -> str:
    """Which of the files a member is; blank: none.

    >>> member_of("export/Users.csv"), member_of("readme.txt")
    ('users', '')
    """
    last = PurePosixPath(name.replace("\\", "/")).name.lower()
    known = {f"{file.lower()}.csv": file for file in FILES}
    return "" if is_left_behind(name) else known.get(last, "")


@contextmanager
def delivered(path: Path, scratch: Path, log: FindingLog) -> Iterator[Delivery]:
    """Open a delivery. Raises InputRefusedError if it can't be read, or holds a file twice."""
    if path.is_dir():
        found = [(member_of(str(file)), file) for file in sorted(path.rglob("*"))]
        yield Delivery(_once(found, log, path.name), log, path.name)
        return
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        found = list(_unpacked(path, Path(folder)))
        yield Delivery(_once(found, log, path.name), log, path.name)


def _once(found: list[tuple[str, Path]], log: FindingLog, shown: str) -> dict[str, Path]:
    places: dict[str, Path] = {}
    for name, place in found:
        if name and name in places:
            log.add("oneroster_file_twice", file=shown, field=f"{name}.csv")
            raise InputRefusedError("several of its files have one name")
        if name:
            places[name] = place
    return places


def _unpacked(path: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for number, entry in enumerate(archive.infolist()):
                name = member_of(entry.filename)
                if name and not is_unsafe(entry):
                    place = folder / f"{number}.csv"
                    _unpack(archive, entry, place)
                    yield name, place
    except DAMAGED as error:
        raise InputRefusedError(f"the archive can't be read: {reason_of(error)}") from error


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path) -> None:
    limits = Limits()
    most = min(_MOST_BYTES, max(limits.ratio_from_bytes, entry.compress_size * limits.ratio))
    done = 0
    with opened(archive, entry) as source, place.open("wb") as target:
        while block := source.read(_BLOCK):
            done += len(block)
            if done > most:
                raise InputRefusedError("a file of the archive unpacks beyond the safe limit")
            target.write(block)
