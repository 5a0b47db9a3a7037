"""The secret key of pseudonyms: from a file or an environment variable, never an argument."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from scorehouse.errors import UsageError

_OTHERS = 0o077
_LONGEST = 1 << 16


class SecretKey(NamedTuple):
    """A key as read; `is_open` when other users of the machine can read its file."""

    passphrase: str
    is_open: bool = False

    def __repr__(self) -> str:
        return f"SecretKey(is_open={self.is_open})"


def read_key(file: Path | None, variable: str) -> SecretKey:
    """Read the key from a file or from a variable, exactly one of them given.

    White space around it doesn't count. Raises UsageError, without a word of the key.
    """
    if (file is None) == (not variable):
        raise UsageError("give the key by --key-file or by --key-env, one of them")
    key = SecretKey(os.environ.get(variable, "")) if file is None else _from_file(file)
    if not key.passphrase.strip():
        where = f"the variable {variable}" if file is None else f"the key file {file}"
        raise UsageError(f"{where} holds no key")
    return key


def _from_file(file: Path) -> SecretKey:
    try:
        with file.open("rb") as stream:
            is_open = bool(os.fstat(stream.fileno()).st_mode & _OTHERS)
            content = stream.read(_LONGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"the key file {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"the key file {file} isn't text in UTF-8") from None
    if len(content) > _LONGEST:
        raise UsageError(f"the key file {file} is too large to be a key")
    return SecretKey(text, is_open)
