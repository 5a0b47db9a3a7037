"""Files and folders that are there whole, or not at all, whatever ends a run."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from scorehouse.stop import STOP

fcntl: Any = None  # not a POSIX system: what killed runs left unfinished stays
with suppress(ImportError):
    import fcntl

_PART = ".part"
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.part")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a stream that becomes `path` only when everything was written and flushed.

    What an earlier run left unfinished when it was killed is removed.
    """
    remove_abandoned(path)
    part = _unfinished(path)
    try:  # before the file is made, so that nothing can come between and leave it there
        with _held_file(part) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        put(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def working_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` for this run alone; gone in the end, unless `put` in its place.

    What an earlier run left there when it was killed is removed.
    """
    remove_abandoned(out)
    part = _unfinished(out)
    held = None
    try:
        held = _held_folder(part)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if held is not None:
            os.close(held)


def put(part: Path, path: Path) -> None:
    """Let what is finished take its place and name; a folder that is there goes."""
    with STOP.after():
        if part.is_dir() and path.is_dir() and any(path.iterdir()):
            aside = _unfinished(path)
            path.rename(aside)
            part.rename(path)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            part.replace(path)
        if not _UNFINISHED.fullmatch(path.parent.name):  # else a whole of parts comes later
            STOP.tell_written(path.name)


def asked_name(path: Path) -> str:
    """The name of an output as it was asked for, also while it isn't finished.

    >>> asked_name(Path("out/.scores.csv.0123456789abcdef.part"))
    'scores.csv'
    """
    found = _UNFINISHED.fullmatch(path.name)
    return found["name"] if found else path.name


def remove_abandoned(path: Path) -> None:
    """Remove what runs to this output left unfinished and no run holds any more."""
    for left in _left_in(path.parent):
        found = _UNFINISHED.fullmatch(left.name)
        if found and found["name"] == path.name:
            _remove_unless_held(left)


def remove_abandoned_within(folder: Path) -> None:
    """Remove what runs left unfinished in a folder and no run holds any more."""
    for left in _left_in(folder):
        if _UNFINISHED.fullmatch(left.name):
            _remove_unless_held(left)


def _left_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name.endswith(_PART)]
    except OSError:
        return []


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{_PART}")


def _held_file(part: Path) -> IO[bytes]:
    """Make a file that is locked for as long as its run lives, where the system can."""
    stream = part.open("xb")
    while not _is_held(stream.fileno(), part):  # taken for abandoned before it was locked
        stream.close()
        part.unlink(missing_ok=True)
        stream = part.open("xb")
    return stream


def _held_folder(part: Path) -> int | None:
    """Make a folder that is locked for as long as its run lives, where the system can."""
    part.mkdir(mode=0o700)
    if fcntl is None:
        return None
    held = os.open(part, os.O_RDONLY)
    while not _is_held(held, part):
        os.close(held)
        part.mkdir(mode=0o700, exist_ok=True)
        held = os.open(part, os.O_RDONLY)
    return held


def _is_held(number: int, path: Path) -> bool:
    """Lock an open file; whether it still is the one of that name, or locks aren't known."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _remove_unless_held(left: Path) -> None:
    if fcntl is None:
        return
    with suppress(OSError):
        number = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        finally:
            os.close(number)
