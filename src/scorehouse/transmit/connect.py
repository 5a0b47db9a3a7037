"""Reaching an SFTP server: its host key checked, login by key or agent, never by password."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from scorehouse.errors import ScorehouseError, UsageError
from scorehouse.transmit.target import SFTP_PORT, Target


class SendError(ScorehouseError):
    """Sending can't go on; what was sent so far stays, and sending again goes on from there."""


class HostKeyError(SendError):
    """The server isn't, or may not be, the one it is taken for."""


LOST = (
    asyncssh.ConnectionLost,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    asyncssh.TimeoutError,
    OSError,
)
"""What a cut or refused connection raises: worth another try."""


@dataclass(frozen=True)
class Login:
    """How to log in and whom to trust; the passphrase is of the key file."""

    known_hosts: Path
    identity: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    trusted_fingerprint: str = ""
    seconds: float = 30.0


@asynccontextmanager
async def connected(target: Target, login: Login) -> AsyncIterator[tuple[asyncssh.SFTPClient, str]]:
    """Open an SFTP session; gives the client and the server key's fingerprint.

    Raises HostKeyError or SendError, or one of `LOST`.
    """
    if login.trusted_fingerprint:
        await _trust(target, login)
    try:
        connection = await asyncssh.connect(
            target.host, target.port, username=target.user, **_options(login)
        )
    except asyncssh.HostKeyNotVerifiable:
        raise HostKeyError(await _host_key_words(target, login)) from None
    except asyncssh.PermissionDenied:
        raise SendError(
            f"{target.host} accepts no key of {target.user}; give the right one with --identity, "
            "or add it to the agent"
        ) from None
    except (asyncssh.ProtocolError, asyncssh.KeyExchangeFailed) as error:
        raise SendError(f"{target.host} doesn't speak SSH as it should: {error}") from None
    async with connection:
        key = connection.get_server_host_key()
        async with connection.start_sftp_client() as client:
            yield client, key.get_fingerprint() if key else ""


def _options(login: Login) -> dict[str, Any]:
    options: dict[str, Any] = {
        "known_hosts": asyncssh.import_known_hosts(_known(login)),
        "config": None,
        "password": None,
        "preferred_auth": "publickey",
        "connect_timeout": login.seconds,
        "keepalive_interval": login.seconds,
    }
    if login.identity is not None:
        options["client_keys"] = [_private_key(login)]
        options["agent_path"] = None
    return options


def _private_key(login: Login) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(str(login.identity), login.passphrase)
    except FileNotFoundError:
        raise UsageError(f"the key file {login.identity} isn't there") from None
    except asyncssh.KeyEncryptionError:
        raise UsageError(f"{login.identity} needs its passphrase, or has another") from None
    except (asyncssh.KeyImportError, OSError) as error:
        raise UsageError(f"{login.identity} can't be read as a private key: {error}") from None


def _known(login: Login) -> str:
    try:
        return login.known_hosts.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise UsageError(f"{login.known_hosts} can't be read: {error}") from None


async def _offered_key(target: Target) -> asyncssh.SSHKey:
    key = await asyncssh.get_server_host_key(target.host, target.port, config=None)
    if key is None:
        raise HostKeyError(f"{target.host} shows no host key")
    return key


async def _host_key_words(target: Target, login: Login) -> str:
    fingerprint = (await _offered_key(target)).get_fingerprint()
    known = asyncssh.import_known_hosts(_known(login)).match(target.host, "", target.port)
    if any(known[:2]):
        return (
            f"{target.host} shows another key than the one known for it: {fingerprint}. "
            "Somebody may be listening in. Ask the operator of the server; only if the key was "
            f"really changed, remove the old one from {login.known_hosts} and trust the new one"
        )
    return (
        f"{target.host} isn't known. It shows the key {fingerprint}. Ask the operator of the "
        "server whether that is its fingerprint; if it is, send again with "
        f"--trust {fingerprint}, which adds it to {login.known_hosts}"
    )


async def _trust(target: Target, login: Login) -> None:
    """Add the server's key to the known hosts, if it has the fingerprint that was told."""
    key = await _offered_key(target)
    if key.get_fingerprint() != login.trusted_fingerprint:
        raise HostKeyError(
            f"{target.host} shows the key {key.get_fingerprint()}, "
            f"not {login.trusted_fingerprint}; nothing was sent"
        )
    known = _known(login)
    matched = asyncssh.import_known_hosts(known).match(target.host, "", target.port)
    if key in matched[0]:
        return
    if any(matched[:2]):
        raise HostKeyError(await _host_key_words(target, login))
    host = target.host if target.port == SFTP_PORT else f"[{target.host}]:{target.port}"
    line = f"{host} {key.export_public_key().decode().strip()}\n"
    start = "\n" if known and not known.endswith("\n") else ""
    login.known_hosts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(login.known_hosts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as stream:
        stream.write(start + line)
