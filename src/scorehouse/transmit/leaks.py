"""Proving that no original identifier is left: every byte of the output is looked at.

Identifiers are found as they are and as XML, JSON and CSV would write them, wherever they
begin. Their first eight bytes stand in a sorted array behind a bit filter, whole ones as
64-bit fingerprints: about 20 bytes an identifier, so millions fit in memory.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from scorehouse.transmit.originals import SHORTEST_SURE

_BLOCK = 1 << 20
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FEWEST_BITS, _MOST_BITS = 16, 28
_ROOM = 16  # bits of the filter per identifier
_GATHERED = 1 << 16
_PLAIN = re.compile(r"[A-Za-z0-9 .,@_+-]+")


class Leak(NamedTuple):
    """Where in the bytes an original stands."""

    start: int
    end: int


class LeakCheck:
    """A set of original identifiers, and a search for any of them in bytes."""

    def __init__(self) -> None:
        self._prefixes: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._prints: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._lengths: set[int] = set()
        self._new_prefixes: list[int] = []
        self._new_prints: list[int] = []
        self._filter: NDArray[np.uint8] = np.zeros(1, np.uint8)
        self._shift = np.uint64(0)
        self._is_ready = False

    def add(self, identifiers: Iterable[str]) -> None:
        """Remember identifiers; those shorter than `SHORTEST_SURE` bytes are passed over."""
        for identifier in identifiers:
            for spelling in _spellings(identifier):
                self._remember(spelling)
        if len(self._new_prefixes) >= _GATHERED:
            self._merge()

    def __len__(self) -> int:
        self._merge()
        return len(self._prints)

    def search(self, content: bytes) -> Iterator[Leak]:
        """Yield every place of the content where an identifier stands, in order."""
        self._make_ready()
        if not len(self._prefixes):
            return
        for start in range(0, max(len(content) - SHORTEST_SURE + 1, 0), _BLOCK):
            stop = min(start + _BLOCK + SHORTEST_SURE - 1, len(content))
            for place in self._candidates(content, start, stop):
                if end := self._verified(content, place):
                    yield Leak(place, end)

    def _remember(self, spelling: bytes) -> None:
        if len(spelling) < SHORTEST_SURE:
            return
        self._new_prefixes.append(int.from_bytes(spelling[:SHORTEST_SURE], "little"))
        self._new_prints.append(_fingerprint(spelling))
        self._lengths.add(len(spelling))
        self._is_ready = False

    def _merge(self) -> None:
        if self._new_prefixes:
            self._prefixes = _merged(self._prefixes, self._new_prefixes)
            self._prints = _merged(self._prints, self._new_prints)
            self._new_prefixes, self._new_prints = [], []

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        self._merge()
        wanted = int(len(self._prefixes) * _ROOM).bit_length()
        bits = min(max(wanted, _FEWEST_BITS), _MOST_BITS)
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << (bits - 3), np.uint8)
        places = (self._prefixes * _MIX) >> self._shift
        np.bitwise_or.at(self._filter, places >> np.uint64(3), _bit(places))
        self._is_ready = True

    def _candidates(self, content: bytes, start: int, stop: int) -> list[int]:
        windows: NDArray[np.uint64] = np.ndarray(
            (stop - start - SHORTEST_SURE + 1,), "<u8", content, start, (1,)
        )
        windows = np.ascontiguousarray(windows)
        places = (windows * _MIX) >> self._shift
        is_possible = self._filter[places >> np.uint64(3)] & _bit(places) != 0
        possible = np.flatnonzero(is_possible)
        found = windows[possible]
        near = np.searchsorted(self._prefixes, found).clip(max=len(self._prefixes) - 1)
        offsets: list[int] = (possible[self._prefixes[near] == found] + start).tolist()
        return offsets

    def _verified(self, content: bytes, place: int) -> int:
        """The end of the identifier that begins here; 0 when none does."""
        for length in self._lengths:
            part = content[place : place + length]
            if len(part) == length and self._is_known(_fingerprint(part)):
                return 0 if _is_within_number(content, place, place + length) else place + length
        return 0

    def _is_known(self, fingerprint: int) -> bool:
        wanted = np.uint64(fingerprint)
        near = int(np.searchsorted(self._prints, wanted))
        return near < len(self._prints) and self._prints[near] == wanted


def _is_within_number(content: bytes, start: int, end: int) -> bool:
    """Whether digits go on before or after, as in a score with many decimals."""
    before, after = content[max(start - 2, 0) : start], content[end : end + 1]
    goes_back = before[-1:].isdigit() or (before[-1:] == b"." and before[:1].isdigit())
    begins_inside = content[start : start + 1].isdigit() and goes_back
    return begins_inside or (content[end - 1 : end].isdigit() and after.isdigit())


def _bit(places: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))


def _merged(kept: NDArray[np.uint64], new: list[int]) -> NDArray[np.uint64]:
    both: NDArray[Any] = np.concatenate([kept, np.array(new, np.uint64)])
    return np.unique(both)


def _fingerprint(part: bytes) -> int:
    return int.from_bytes(blake2b(part, digest_size=8).digest(), "little")


def _spellings(identifier: str) -> set[bytes]:
    """The bytes that XML, JSON and CSV would write for an identifier."""
    if _PLAIN.fullmatch(identifier):
        return {identifier.encode()}
    texts = {
        identifier,
        html.escape(identifier, quote=False),
        html.escape(identifier),
        quoteattr(identifier)[1:-1],
        json.dumps(identifier)[1:-1],
        html.escape(identifier).replace("&#x27;", "&apos;"),
        html.escape(identifier).replace("&#x27;", "&#39;"),
        html.escape(json.dumps(identifier)[1:-1]),
        identifier.replace('"', '""'),
    }
    return {text.encode() for text in texts}
