"""Sending a package: every file, however often the connection is cut, and the record of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncssh

from scorehouse.errors import InputRefusedError
from scorehouse.transmit.audit import append_record, audit_path
from scorehouse.transmit.connect import LOST, Login, SendError, connected
from scorehouse.transmit.manifest import (
    MANIFEST,
    READABLE,
    digest_of,
    faults_of,
    read_manifest,
)
from scorehouse.transmit.target import Target
from scorehouse.transmit.upload import Outgoing, Sent, plan, upload

Progress = Callable[[int, int | None], None]
_FULL = ("no space", "quota", "disk full")


@dataclass(frozen=True)
class SendOptions:
    """How to send. `tries` counts connections in a row that brought nothing further."""

    tries: int = 5
    pause_seconds: float = 2.0
    by_reading: bool = True
    replace: bool = False
    dry_run: bool = False


@dataclass
class SendReport:
    """What became of a package."""

    target: str
    fingerprint: str = ""
    connections: int = 0
    files: list[Sent] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def send_package(
    folder: Path,
    target: Target,
    login: Login,
    options: SendOptions | None = None,
    progress: Progress | None = None,
) -> SendReport:
    """Send a package's files, the manifest last, so that its presence says all are there.

    Each file that arrived is a line in the audit record beside the package. Raises
    InputRefusedError when the package isn't as its manifest says, and SendError when sending
    can't go on; then the same call goes on where it stopped.
    """
    options = options or SendOptions()
    files = list(_outgoing(folder))
    sending = _Sending(folder, target, login, options, files, progress)
    return asyncio.run(sending.run())


def _outgoing(folder: Path) -> Iterator[Outgoing]:
    manifest = read_manifest(folder)
    if faults := list(faults_of(manifest, folder)):
        raise InputRefusedError(f"the package was damaged: {'; '.join(faults)}")
    for file in manifest.files:
        yield Outgoing(folder / file.name, file.size, file.sha256)
    for name in (READABLE, MANIFEST):
        path = folder / name
        if path.is_file():
            yield Outgoing(path, path.stat().st_size, digest_of(path))


class _Sending:
    """One sending, over as many connections as it takes."""

    def __init__(
        self,
        folder: Path,
        target: Target,
        login: Login,
        options: SendOptions,
        files: list[Outgoing],
        progress: Progress | None,
    ) -> None:
        self._folder, self._target, self._login = folder, target, login
        self._options, self._left, self._progress = options, files, progress
        self._total = sum(file.size for file in files)
        self._done = 0
        self._furthest = -1
        self._report = SendReport(str(target))

    async def run(self) -> SendReport:
        """Connect, send, and connect again while that brings anything further."""
        in_vain = 0
        while True:
            before = self._furthest
            try:
                self._report.connections += 1
                await self._connect_and_send()
            except LOST as error:
                in_vain = 0 if self._furthest > before else in_vain + 1
                if in_vain >= self._options.tries:
                    raise SendError(_lost_words(self._target, error)) from None
                await asyncio.sleep(self._options.pause_seconds * 2**in_vain)
            else:
                return self._report

    async def _connect_and_send(self) -> None:
        async with connected(self._target, self._login) as (client, fingerprint):
            self._report.fingerprint = fingerprint
            while self._left:
                try:
                    sent = await self._one(client, self._left[0])
                except asyncssh.SFTPError as error:
                    if isinstance(error, LOST):
                        raise
                    raise SendError(_refusal_words(self._target, error)) from None
                self._keep(sent)

    async def _one(self, client: asyncssh.SFTPClient, file: Outgoing) -> Sent:
        if self._options.dry_run:
            return await plan(client, file, self._target, replace=self._options.replace)
        return await upload(
            client,
            file,
            self._target,
            tick=self._tick,
            replace=self._options.replace,
            by_reading=self._options.by_reading,
        )

    def _tick(self, of_file: int) -> None:
        self._furthest = max(self._furthest, self._done + of_file)
        if self._progress:
            self._progress(self._done + of_file, self._total)

    def _keep(self, sent: Sent) -> None:
        self._report.files.append(sent)
        self._left.pop(0)
        self._done += sent.size
        self._tick(0)
        if not self._options.dry_run:
            append_record(audit_path(self._folder), self._record(sent))

    def _record(self, sent: Sent) -> dict[str, object]:
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "target": self._report.target,
            "host_key": self._report.fingerprint,
            "connections": self._report.connections,
            **sent._asdict(),
        }


def _lost_words(target: Target, error: BaseException) -> str:
    return (
        f"the connection to {target.host} was lost or refused ({error or type(error).__name__}); "
        "send again to go on from where it stopped"
    )


def _refusal_words(target: Target, error: asyncssh.SFTPError) -> str:
    if isinstance(error, asyncssh.SFTPPermissionDenied):
        return f"the server doesn't let {target.user} write into {target.path}"
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return f"the folder {target.path} isn't on the server"
    is_full = isinstance(error, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded)
    if is_full or any(words in str(error.reason).lower() for words in _FULL):
        return "the server has no space left; once it has, send again to go on"
    return f"the server refused: {error.reason}"
