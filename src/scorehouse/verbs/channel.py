"""What goes between a process and the workers that it started: messages, and room they share."""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import struct
import tempfile
from collections.abc import Sequence
from typing import Any

_HEAD = struct.Struct("<Q")


class ChannelClosedError(Exception):
    """The other end is gone."""


class Channel:
    """One end of a pair of sockets; whoever holds the other one is trusted."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """What a selector needs."""
        return self._end.fileno()

    def close(self) -> None:
        """Close this end; the other one will notice."""
        self._end.close()

    def send(self, message: object) -> None:
        """Send an object; waits for the other end only where the message is a long one."""
        said = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self._end.sendall(_HEAD.pack(len(said)))
            self._end.sendall(said)
        except OSError:
            raise ChannelClosedError from None

    def receive(self) -> Any:
        """Wait for an object."""
        try:
            (size,) = _HEAD.unpack(self._exactly(_HEAD.size))
            return pickle.loads(self._exactly(size))  # noqa: S301 - our own process
        except OSError:
            raise ChannelClosedError from None

    def _exactly(self, size: int) -> memoryview:
        view = memoryview(bytearray(size))
        place = 0
        while place < size:
            count = self._end.recv_into(view[place:])
            if not count:
                raise ChannelClosedError
            place += count
        return view


class SharedRoom:
    """Memory that two processes see, by a file without a name; what isn't used costs nothing."""

    def __init__(self, size: int, file: int | None = None) -> None:
        self.file = _nameless(size) if file is None else file
        self._map = mmap.mmap(self.file, size)

    def close(self) -> None:
        """Let go of it; it is gone when both have."""
        self._map.close()
        os.close(self.file)

    def put(self, start: int, parts: Sequence[bytes]) -> int:
        """Write parts one after the other; return where they end."""
        for part in parts:
            self._map[start : start + len(part)] = part
            start += len(part)
        return start

    def take(self, start: int, size: int) -> bytes:
        """Copy what stands at a place."""
        return self._map[start : start + size]


def _nameless(size: int) -> int:
    """Make a file that only open descriptors lead to: in memory, where the system can."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("scorehouse")
    else:
        with tempfile.TemporaryFile(prefix="scorehouse-") as stream:
            file = os.dup(stream.fileno())
    os.truncate(file, size)
    return file
