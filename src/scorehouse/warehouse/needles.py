"""Identifiers to look for, wherever they stand: as a whole word, in bytes of any kind."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scorehouse.transmit.leaks import LeakCheck

SHORTEST_SURE = 8
"""Characters from which an identifier can't stand somewhere by chance."""
_FEW = 64
_WORD = rb"[0-9A-Za-z_]"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")


class Needles:
    """A set of identifiers; short ones are looked for as whole values only."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self.all = frozenset(filter(None, identifiers))
        self.sure = frozenset(one for one in self.all if len(one) >= SHORTEST_SURE)
        self._few = _pattern(self.sure) if len(self.sure) <= _FEW else None
        self._many = LeakCheck()
        if self._few is None:
            self._many.add(sorted(self.sure))

    def count(self, content: bytes) -> int:
        """How often one of the sure identifiers stands in the bytes, however they are written."""
        if not self.sure:
            return 0
        return sum(self._count(text) for text in _readings(content))

    def _count(self, content: bytes) -> int:
        if self._few is not None:
            return sum(1 for _ in self._few.finditer(content))
        return sum(1 for _ in self._many.search(content))

    def are_values(self, values: Iterable[str]) -> bool:
        """Whether one of some values is one of the identifiers."""
        return any(value in self.all for value in values)

    def masked(self, content: bytes) -> bytes:
        """The bytes with an x for each letter of the sure identifiers."""
        if not self.sure:
            return content
        if content.startswith(_WIDE):
            plain = content.decode("utf-16", "replace").encode()
            return content if not self._count(plain) else self._covered(plain)
        return self._covered(content)

    def _covered(self, content: bytes) -> bytes:
        if self._few is not None:
            return self._few.sub(lambda found: b"x" * len(found[0]), content)
        covered = bytearray(content)
        for leak in self._many.search(content):
            covered[leak.start : leak.end] = b"x" * (leak.end - leak.start)
        return bytes(covered)


def _pattern(identifiers: Iterable[str]) -> re.Pattern[bytes] | None:
    words = [re.escape(one.encode()) for one in sorted(identifiers)]
    return re.compile(rb"(?<!%s)(?:%s)(?!%s)" % (_WORD, b"|".join(words), _WORD)) if words else None


def _readings(content: bytes) -> Iterable[bytes]:
    """The bytes, and what they say in another encoding or behind character references."""
    yield content
    if content.startswith(_WIDE):
        yield content.decode("utf-16", "replace").encode()
    if b"&#" in content:
        yield plain(content)


def plain(content: bytes) -> bytes:
    """Bytes of XML with numeric references written out, where they stand for ASCII."""
    return _REFERENCE.sub(_letter, content)


def _letter(found: re.Match[bytes]) -> bytes:
    number = int(found[1], 16) if found[1] else int(found[2])
    return bytes([number]) if 32 < number < 127 and number not in b"<>&\"'" else found[0]
