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


def find_cache_folder() -> None:
    """See that compiled code has a folder, before anything is compiled.

    It is the package's own folder, else the user's cache folder. Where neither may be written
    (a read-only installation run by a service without a home) it is a temporary folder of this
    run: one in a shared place could be filled by others with code of theirs.
    """
    if os.environ.get(_VARIABLE) or any(map(_is_writable, _folders())):
        return
    folder = tempfile.mkdtemp(prefix="scorehouse-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[_VARIABLE] = folder


def _folders() -> Iterator[Path]:
    """The folders that the compiler tries, in its order."""
    yield _PACKAGE / "scoring" / "__pycache__"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    yield Path(home) / "numba"


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
