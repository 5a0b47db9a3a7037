"""The record of what was sent: one line of JSON a file, never changed after."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

AUDIT_SUFFIX = ".sent.jsonl"


def audit_path(folder: Path) -> Path:
    """Where the record of a package stands: beside its folder."""
    folder = folder.resolve()
    return folder.with_name(folder.name + AUDIT_SUFFIX)


def append_record(path: Path, record: Mapping[str, object]) -> None:
    """Append one line, and return when it is on the disk."""
    line = json.dumps(record, ensure_ascii=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
