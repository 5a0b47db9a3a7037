"""The results of a wrapper found by their bytes, where the wrapper as a whole can't be parsed.

A result begins at its start tag and ends before the next one that isn't inside a comment,
a CDATA section or an instruction. Where what stands between can't be parsed, the next start
tag of any kind counts, so that one result that is broken costs no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Generic, NamedTuple, TypeVar

_START = re.compile(rb"<TDSReport(?=[\s>/])")
_MARK = re.compile(rb"<TDSReport(?=[\s>/])|<!\[CDATA\[|<!--|<\?")
_CLOSED_BY = {b"<![CDATA[": b"]]>", b"<!--": b"-->", b"<?": b"?>"}
_END = re.compile(rb".*</TDSReport\s*>", re.DOTALL)
_LONGEST_MARK = 16
_BLOCK = 1 << 18
_Made = TypeVar("_Made")


class Found(NamedTuple, Generic[_Made]):
    """A result by its place: the line it begins on, and what was made of it."""

    line: int
    made: _Made | None  # None: more bytes than allowed


class Wrapper:
    """Finds the results of a stream one after the other, with `most` bytes held for one."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most = stream, most
        self._held, self._line, self._is_ended = b"", 1, False

    def results(self, make: Callable[[bytes], tuple[_Made, bool]]) -> Iterator[Found[_Made]]:
        """Yield what `make` makes of the bytes of each result; it says whether they are whole."""
        while self._to_start():
            end = self._end()
            line = self._line
            if end is None:
                yield Found(line, None)
                self._drop(1)
                continue
            made, is_whole = make(_trimmed(self._held[:end]))
            yield Found(line, made)
            self._drop(end if is_whole else self._next_start(end))

    def _to_start(self) -> bool:
        """Let what is held begin with a start tag; False when there is none any more."""
        while True:
            match = _START.search(self._held)
            if match:
                self._drop(match.start())
                return True
            self._drop(max(len(self._held) - _LONGEST_MARK, 0))
            if not self._more():
                return False

    def _end(self) -> int | None:
        """Where the result that is held ends; None when that is too far."""
        at = 1
        while True:
            match = _MARK.search(self._held, at)
            if match and match[0].startswith(b"<T"):
                return match.start() if match.start() <= self._most else None
            if match:
                closing = _CLOSED_BY[match[0]]
                found = self._held.find(closing, match.end())
                if found >= 0:
                    at = found + len(closing)
                    continue
                at = match.start()
            else:
                at = max(len(self._held) - _LONGEST_MARK, at)
            if len(self._held) > self._most:
                return None
            if not self._more():
                return len(self._held)

    def _next_start(self, end: int) -> int:
        match = _START.search(self._held, 1, end + _LONGEST_MARK)
        return match.start() if match else end

    def _more(self) -> bool:
        block = b"" if self._is_ended else self._stream.read(_BLOCK)
        self._is_ended = not block
        self._held += block
        return bool(block)

    def _drop(self, size: int) -> None:
        self._line += self._held.count(b"\n", 0, size)
        self._held = self._held[size:]


def _trimmed(content: bytes) -> bytes:
    match = _END.match(content)
    return match[0] if match else content
