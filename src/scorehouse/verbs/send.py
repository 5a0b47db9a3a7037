"""Send a package: the request as people make it, with what the environment holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scorehouse.errors import UsageError
from scorehouse.transmit.connect import Login
from scorehouse.transmit.sftp import SendOptions, SendReport, send_package
from scorehouse.transmit.target import Target

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class SendRequest:
    """A package, where it goes, and how. `passphrase_variable` unlocks the key file."""

    folder: Path
    address: str
    known_hosts: Path | None = None
    identity: Path | None = None
    passphrase_variable: str = ""
    trusted_fingerprint: str = ""
    options: SendOptions = field(default_factory=SendOptions)


def send(request: SendRequest, progress: Progress | None = None) -> SendReport:
    """Send a package; raises ScorehouseError when it can't be brought to its end."""
    target = Target.parse(request.address)
    if not request.folder.is_dir():
        raise UsageError(f"{request.folder} is no folder; make a package first")
    login = Login(
        known_hosts=request.known_hosts or Path("~/.ssh/known_hosts").expanduser(),
        identity=request.identity,
        passphrase=_passphrase(request.passphrase_variable),
        trusted_fingerprint=request.trusted_fingerprint,
    )
    return send_package(request.folder, target, login, request.options, progress)


def _passphrase(variable: str) -> str | None:
    if not variable:
        return None
    if variable not in os.environ:
        raise UsageError(f"the variable {variable} isn't set")
    return os.environ[variable]
