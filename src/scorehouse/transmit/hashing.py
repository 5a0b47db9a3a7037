"""Pseudonyms: the same keyed hash for the same student in every year.

Algorithm of the consortium's hash page (2 October 2015): the passphrase is trimmed, encoded
as UTF-8 and hashed with SHA-1 to the binary key; the trimmed id is then hashed with
HMAC-SHA1 under that key and written as upper-case hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc


class Method(StrEnum):
    """How pseudonyms are made; only the published method agrees with other senders' files."""

    HMAC_SHA1 = "hmac-sha1"
    HMAC_SHA256 = "hmac-sha256"

    @property
    def is_compatible(self) -> bool:
        """Whether the pseudonyms are those of the published method."""
        return self is Method.HMAC_SHA1


class Hasher:
    """Makes pseudonyms under one passphrase; it never shows the passphrase.

    Raises ValueError for a blank passphrase.
    """

    def __init__(self, passphrase: str, method: Method = Method.HMAC_SHA1) -> None:
        words = passphrase.strip().encode()
        if not words:
            raise ValueError("the key is blank")
        digest = hashlib.sha1 if method is Method.HMAC_SHA1 else hashlib.sha256
        self.method = method
        self._begun = hmac.new(digest(words).digest(), digestmod=digest)

    def __repr__(self) -> str:
        return f"Hasher({self.method.value})"

    def pseudonym(self, identifier: str) -> str:
        """The pseudonym of one identifier; a blank one is a ValueError, never hashed."""
        trimmed = identifier.strip()
        if not trimmed:
            raise ValueError("a blank identifier has no pseudonym")
        begun = self._begun.copy()
        begun.update(trimmed.encode())
        return begun.hexdigest().upper()

    def column(self, identifiers: pa.ChunkedArray) -> pa.ChunkedArray:
        """The pseudonyms of a column of texts; blank and null stay as they are."""
        encoded = identifiers.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        made = [self._or_blank(text) for text in encoded.dictionary.to_pylist()]
        dictionary = pa.array(made, type=pa.string())
        return pa.chunked_array([pc.take(dictionary, encoded.indices)], type=pa.string())

    def _or_blank(self, text: str) -> str:
        return self.pseudonym(text) if text.strip() else text


def student_hash(identifier: str, passphrase: str) -> str:
    """The published pseudonym of a student identifier: 40 upper-case hexadecimal digits.

    The published vectors:

    >>> student_hash("39IJH43982", "OurStudentsSucceed")
    '56F8F15D4B19A1DB3A884745103A9A92A845E225'
    >>> student_hash("BB-8", "The Force Awakens")
    '9F5685FB73F7315EA0707202F1B54FAC973875B3'
    >>> student_hash("42", "Slartibartfast")
    '87BD175DFC231FE7E2D2030C8A6D0520AC629083'
    >>> student_hash("7401203", "Maher-shalal-hash-baz")
    '77D015E4EA3CC9DB4EBAE093954CBC805D55013C'
    """
    return Hasher(passphrase).pseudonym(identifier)
