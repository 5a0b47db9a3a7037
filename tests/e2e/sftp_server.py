"""A real SFTP server on loopback, in a thread of its own, with the troubles tests ask for."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh


@dataclass
class Trouble:
    """What goes wrong, and a record of what happened."""

    cut_after: list[int] = field(default_factory=list)  # bytes written per connection
    disk_bytes: int | None = None
    is_read_only: bool = False
    corrupts: bool = False
    slow_seconds: float = 0.0  # for each piece written
    connections: int = 0
    written: int = 0
    names: list[str] = field(default_factory=list)


@dataclass
class Server:
    """A running server: where it is, its keys, its folder and its troubles."""

    port: int
    host_key: asyncssh.SSHKey
    client_key: Path
    known_hosts: Path
    folder: Path
    trouble: Trouble

    @property
    def address(self) -> str:
        return f"sftp://sender@127.0.0.1:{self.port}/inbox"

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"


def troubled(trouble: Trouble, folder: Path) -> type[asyncssh.SFTPServer]:
    class Troubled(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel[Any]) -> None:
            super().__init__(channel, chroot=str(folder).encode())
            trouble.connections += 1
            self._left = trouble.cut_after.pop(0) if trouble.cut_after else None

        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            if trouble.is_read_only and pflags & asyncssh.FXF_WRITE:
                raise PermissionError(errno.EACCES, "Permission denied")
            trouble.names.append(os.path.basename(path).decode())
            return super().open(path, pflags, attrs)

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if trouble.disk_bytes is not None and trouble.written + len(data) > trouble.disk_bytes:
                raise OSError(errno.ENOSPC, "No space left on device")
            if self._left is not None:
                self._left -= len(data)
                if self._left < 0:
                    self.channel.get_connection().abort()
                    raise OSError(errno.EIO, "cut")
            time.sleep(trouble.slow_seconds)
            trouble.written += len(data)
            if trouble.corrupts:
                data = bytes([data[0] ^ 1]) + data[1:]
            return int(super().write(file_obj, offset, data))  # type: ignore[arg-type]

    return Troubled


@contextmanager
def serving(folder: Path, *, port: int = 0) -> Iterator[Server]:
    """Run a server until the block ends."""
    (folder / "served" / "inbox").mkdir(parents=True, exist_ok=True)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key.write_private_key(str(folder / "client_key"))
    trouble = Trouble()
    server = Server(
        0, host_key, folder / "client_key", folder / "known_hosts", folder / "served", trouble
    )
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()

    async def main() -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(
                client_key.export_public_key().decode()
            ),
            sftp_factory=troubled(trouble, server.folder),
        )
        server.port = acceptor.get_port()
        started.set()
        await stop.wait()
        acceptor.close()
        await acceptor.wait_closed()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert started.wait(10)
    know(server, host_key)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def know(server: Server, key: asyncssh.SSHKey) -> None:
    """Have the client know a host key for the server."""
    public = key.export_public_key().decode().strip()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}\n", encoding="utf-8")
