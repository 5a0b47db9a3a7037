"""One file up to a server: resumed, verified, and only then under its own name.

Bytes go to a hidden file whose name holds the content's digest, so that a later try goes on
with the same content and never with another. What a cut connection left is compared block
by block before anything is added to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh

from scorehouse.transmit.connect import SendError
from scorehouse.transmit.target import Target

_BLOCK = 1 << 20
Tick = Callable[[int], None]


class Outgoing(NamedTuple):
    """A local file, with what its bytes must be."""

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name, here and there."""
        return self.path.name

    @property
    def partial_name(self) -> str:
        """The name it has on the server until it is whole and verified."""
        return f".{self.name}.{self.sha256[:16]}.part"


class Sent(NamedTuple):
    """What became of one file.

    `state` is `sent`, `resumed`, `already_there`, `would_send` or `would_resume`;
    `verified_by` is `digest` or `size`.
    """

    name: str
    size: int
    sha256: str
    state: str
    resumed_from: int = 0
    verified_by: str = ""


async def upload(
    client: asyncssh.SFTPClient,
    file: Outgoing,
    target: Target,
    *,
    tick: Tick,
    replace: bool,
    by_reading: bool,
) -> Sent:
    """Bring one file to the server under its own name; raises SendError, or `connect.LOST`."""
    final, partial = target.file(file.name), target.file(file.partial_name)
    if await is_there(client, file, final, replace=replace):
        tick(file.size)
        return Sent(file.name, file.size, file.sha256, "already_there", 0, "digest")
    start = await matching_bytes(client, file, partial)
    tick(start)
    await _write(client, file, partial, start, tick)
    verified_by = await _verify(client, file, partial, by_reading=by_reading)
    await _rename(client, partial, final)
    state = "resumed" if start else "sent"
    return Sent(file.name, file.size, file.sha256, state, start, verified_by)


async def plan(
    client: asyncssh.SFTPClient, file: Outgoing, target: Target, *, replace: bool
) -> Sent:
    """What `upload` would do; writes nothing."""
    if await is_there(client, file, target.file(file.name), replace=replace):
        return Sent(file.name, file.size, file.sha256, "already_there", 0, "digest")
    start = await matching_bytes(client, file, target.file(file.partial_name))
    return Sent(file.name, file.size, file.sha256, "would_resume" if start else "would_send", start)


async def size_of(client: asyncssh.SFTPClient, path: str) -> int | None:
    """The size of a remote file; None where there is none."""
    try:
        return (await client.stat(path)).size
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return None


async def is_there(
    client: asyncssh.SFTPClient, file: Outgoing, path: str, *, replace: bool
) -> bool:
    """Whether exactly this file is there; raises SendError for another one unless replacing."""
    size = await size_of(client, path)
    if size is None:
        return False
    if size == file.size and await _digest(client, path) == file.sha256:
        return True
    if not replace:
        raise SendError(
            f"another {file.name} is on the server; send to another folder, or use --replace"
        )
    return False


async def matching_bytes(client: asyncssh.SFTPClient, file: Outgoing, path: str) -> int:
    """How many bytes of a part on the server are the beginning of the file, in whole blocks."""
    size = await size_of(client, path)
    if not size:
        return 0
    same = 0
    async with client.open(path, "rb") as remote:
        with file.path.open("rb") as local:
            while same < size and (mine := local.read(_BLOCK)):
                theirs = _bytes(await remote.read(_BLOCK, same))
                if theirs != mine[: len(theirs)]:
                    break
                same += len(theirs)
                if len(theirs) < len(mine):
                    break
    return same


async def _write(
    client: asyncssh.SFTPClient, file: Outgoing, path: str, start: int, tick: Tick
) -> None:
    async with client.open(path, "r+b" if start else "wb") as remote:
        with file.path.open("rb") as local:
            local.seek(start)
            while block := local.read(_BLOCK):
                await remote.write(block, start)
                start += len(block)
                tick(start)
        await remote.truncate(file.size)
        with suppress(asyncssh.SFTPOpUnsupported):
            await remote.fsync()


async def _verify(
    client: asyncssh.SFTPClient, file: Outgoing, path: str, *, by_reading: bool
) -> str:
    size = await size_of(client, path)
    if size != file.size:
        raise SendError(f"{file.name} has {size} bytes on the server and {file.size} here")
    if by_reading and await _digest(client, path) != file.sha256:
        await client.remove(path)
        raise SendError(
            f"{file.name} came out different on the server; the part was removed, send again"
        )
    return "digest" if by_reading else "size"


async def _digest(client: asyncssh.SFTPClient, path: str) -> str:
    digest, place = hashlib.sha256(), 0
    async with client.open(path, "rb") as remote:
        while block := _bytes(await remote.read(_BLOCK, place)):
            digest.update(block)
            place += len(block)
    return digest.hexdigest()


def _bytes(block: Any) -> bytes:
    return block if isinstance(block, bytes) else str(block).encode()


async def _rename(client: asyncssh.SFTPClient, partial: str, final: str) -> None:
    try:
        await client.posix_rename(partial, final)
    except asyncssh.SFTPOpUnsupported:
        if await size_of(client, final) is not None:
            await client.remove(final)
        await client.rename(partial, final)
