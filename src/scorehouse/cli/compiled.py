"""Where the compiled kernels are kept, and whether they have been compiled on this machine."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"
_PACKAGE = Path(__file__).parents[1]
_COMPILED = ("scoring", "simulate", "intake/readers")


def find_cache_folder() -> None:
    """See that compiled code has a folder, before anything is compiled.

    It is the package's own folder, else the user's cache folder. Where neither may be written
    (a read-only installation run by a service without a home) it is a temporary folder of this
    run: one in a shared place could be filled by others with code of theirs.
    """
    if os.environ.get(_VARIABLE) or all(map(_is_writable, _beside())):
        return
    if _is_writable(_own_folder()):
        return
    folder = tempfile.mkdtemp(prefix="scorehouse-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[_VARIABLE] = folder


def _beside() -> Iterator[Path]:
    """The folders beside the sources, which the compiler tries first."""
    yield from (_PACKAGE / folder / "__pycache__" for folder in _COMPILED)


def _own_folder() -> Path:
    """The user's folder, which it tries next."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "numba"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def is_compiled(function: object) -> bool:
    """Whether a compiled function's code is kept already, newer than its source.

    True too when that can't be told: this only decides whether to announce a wait.
    """
    try:
        cache = function._cache._cache_file  # type: ignore[attr-defined]
        index = Path(cache._index_path)
        source = Path(function.py_func.__code__.co_filename)  # type: ignore[attr-defined]
        return index.stat().st_mtime >= source.stat().st_mtime
    except FileNotFoundError:
        return False
    except (AttributeError, OSError):
        return True
