"""Whether the files a run is to write can be written, asked before anything is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scorehouse.errors import UsageError
from scorehouse.verbs.output import SUFFIXES
from scorehouse.verbs.request import ScoreRequest, record_path

FINDINGS_SUFFIXES = (".csv", ".parquet", ".json")
_TABLES = ("responses.parquet", "responses.csv")


def check_outputs(request: ScoreRequest, out: Path, findings: Path) -> None:
    """Refuse outputs of no known form, in no writable folder, or that are an input too.

    Raises UsageError with what to do.
    """
    check_place(out, "scores", SUFFIXES)
    check_place(findings, "findings", FINDINGS_SUFFIXES)
    if request.item_fit is not None:
        check_place(request.item_fit, "item fit", SUFFIXES)
    written = [path for path in (out, findings, request.item_fit, record_path(out)) if path]
    _check_distinct(written)
    for path in written:
        _check_not_read(path, request)


def check_place(path: Path, what: str, suffixes: tuple[str, ...]) -> None:
    """Refuse a file whose suffix says no known form, or that can't be written."""
    if path.suffix.lower() not in suffixes:
        known = " or ".join(suffixes)
        raise UsageError(f"{path.name} can't be written: {what} are written as {known}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist; make it, or choose another")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"the folder {path.parent} may not be written; choose another")


def _check_distinct(paths: list[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"{path} would be written twice; give each output its own name")
        seen.add(path.resolve())


def _check_not_read(path: Path, request: ScoreRequest) -> None:
    """Refuse an output that is an input, or that the next run would read as one."""
    if path.resolve() in set(_read_files(request)):
        raise UsageError(f"{path} is read by this run; write to another file")
    folder = request.input
    if not folder.is_dir() or any((folder / name).is_file() for name in _TABLES):
        return  # of a folder with a responses table, only the table is read
    if folder.resolve() in path.resolve().parents:
        raise UsageError(
            f"{path} is inside the input folder, and the next run would read it; "
            "write outside of it"
        )


def _read_files(request: ScoreRequest) -> Iterator[Path]:
    """Every file that the run reads by a name we know."""
    given = (request.input, request.opportunities, *request.packages)
    for path in filter(None, given):
        yield path.resolve()
        if path.is_dir():
            stems = ("responses", "opportunities", "items", "assessments")
            for stem in stems:
                yield from ((path / f"{stem}{suffix}").resolve() for suffix in SUFFIXES)
