"""Where a package is sent: the address, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from scorehouse.errors import UsageError

SFTP_PORT = 22


@dataclass(frozen=True)
class Target:
    """An SFTP address; `path` is absolute on the server."""

    user: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `sftp://user@host[:port]/path`; raises UsageError.

        >>> Target.parse("sftp://sender@files.example/inbox")
        Target(user='sender', host='files.example', port=22, path='/inbox')
        """
        try:
            parts = urlsplit(text)
            port = parts.port or SFTP_PORT
        except ValueError:
            raise UsageError(f"{_without_password(text)!r} is not an address") from None
        if parts.password is not None:
            raise UsageError("a password has no place in an address; log in by key or agent")
        if parts.scheme != "sftp" or not parts.hostname or not parts.username:
            raise UsageError("the address must be sftp://user@host[:port]/path")
        if parts.query or parts.fragment:
            raise UsageError("the address may have no ? and no #")
        return cls(
            unquote(parts.username), parts.hostname, port, unquote(parts.path).rstrip("/") or "/"
        )

    def __str__(self) -> str:
        port = "" if self.port == SFTP_PORT else f":{self.port}"
        return f"sftp://{self.user}@{self.host}{port}{self.path}"

    def file(self, name: str) -> str:
        """The path of a file in the target's folder."""
        return f"{self.path.rstrip('/')}/{name}"


def _without_password(text: str) -> str:
    return text.rpartition("@")[2]
