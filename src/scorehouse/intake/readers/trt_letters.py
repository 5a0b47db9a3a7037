"""Letters of XML, compiled: blanks, names, references, values, texts and CDATA sections.

Each function takes the bytes, a place and an end, and returns the next place, or -1 where
the scanner should leave the document to the full parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

(TAB, LF, CR, SPACE, BANG, QUOTE, HASH, AMP, APOSTROPHE) = b"\t\n\r !\"#&'"
(SLASH, SEMICOLON, LT, EQUALS, GT, CLOSE) = b"/;<=>]"

_PLAIN_IN_VALUE, _PLAIN_IN_TEXT, NOTHING_TO_DECODE = 1, 2, 4


def _classes() -> npt.NDArray[np.uint8]:
    """Sort the bytes: which may pass without a second look in values, texts and decoding."""
    found = np.zeros(256, np.uint8)
    found[SPACE:] = _PLAIN_IN_VALUE | _PLAIN_IN_TEXT | NOTHING_TO_DECODE
    found[[TAB, LF]] = _PLAIN_IN_TEXT
    found[[QUOTE, APOSTROPHE]] &= ~np.uint8(_PLAIN_IN_VALUE)
    found[[LT, AMP]] = 0
    found[GT] &= ~np.uint8(_PLAIN_IN_TEXT)
    found[CLOSE] &= ~np.uint8(NOTHING_TO_DECODE)
    return found


_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
# without _nrt nothing may be allocated, and no array's users are counted at every call

_CLASS = CLASS = _classes()

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Compile a function, once a machine, to run without the interpreter and its lock."""
    made: Callable[_Given, _Result] = njit(**_OPTIONS)(function)
    return made


@compiled
def after_blank(data: Any, i: int, end: int) -> int:
    """Return the first place from i on without white space."""
    while i < end and (data[i] == SPACE or data[i] == LF or data[i] == CR or data[i] == TAB):
        i += 1
    return i


@compiled
def _is_name_letter(c: int) -> bool:
    return (97 <= c <= 122) or (65 <= c <= 90) or (48 <= c <= 57) or c == 95


@compiled
def name_end(data: Any, i: int, end: int) -> int:
    """Return where the name at i ends."""
    while i < end and _is_name_letter(data[i]):
        i += 1
    return i


@compiled
def _digit(c: int, base: int) -> int:
    if 48 <= c <= 57:
        return c - 48
    if base == 16 and 97 <= c <= 102:
        return c - 87
    if base == 16 and 65 <= c <= 70:
        return c - 55
    return -1


@compiled
def character_reference(data: Any, i: int, end: int) -> tuple[int, int]:
    """Read `&…;` at i: the code point, and where it ends; -1 when it isn't one of XML's own."""
    i += 1
    if i + 1 < end and data[i] == HASH:
        base = 16 if data[i + 1] == 120 else 10
        k = i + 2 if base == 16 else i + 1
        code, digits = 0, 0
        while k < end and data[k] != SEMICOLON:
            digit = _digit(data[k], base)
            digits += 1
            if digit < 0 or digits > 7:
                return -1, end
            code = code * base + digit
            k += 1
        is_character = (
            code == 9
            or code == 10
            or code == 13
            or 32 <= code < 0xD800
            or 0xE000 <= code < 0xFFFE
            or 0x10000 <= code < 0x110000
        )
        return (code if is_character and digits > 0 and k < end else -1), k + 1
    if i + 2 < end and data[i + 1] == 116 and data[i + 2] == SEMICOLON:
        if data[i] == 108:  # lt
            return LT, i + 3
        if data[i] == 103:  # gt
            return GT, i + 3
    if i + 3 < end and data[i] == 97 and data[i + 1] == 109 and data[i + 2] == 112:
        return (AMP if data[i + 3] == SEMICOLON else -1), i + 4
    if i + 4 < end and data[i + 4] == SEMICOLON:
        a, b, c, d = data[i], data[i + 1], data[i + 2], data[i + 3]
        if a == 113 and b == 117 and c == 111 and d == 116:
            return QUOTE, i + 5
        if a == 97 and b == 112 and c == 111 and d == 115:
            return APOSTROPHE, i + 5
    return -1, end


@compiled
def value_end(data: Any, i: int, end: int, quote: int) -> tuple[int, int]:
    """Return where an attribute's value ends (-1: unusual) and whether it must be decoded."""
    flag = 0
    while True:
        while i < end and _CLASS[data[i]] & _PLAIN_IN_VALUE:
            i += 1
        if i >= end:
            return -1, 0
        c = data[i]
        if c == quote:
            return i, flag
        if c == AMP:
            code, i = character_reference(data, i, end)
            if code < 0:
                return -1, 0
            flag = 1
            continue
        if c in (TAB, LF, CR):
            flag = 1
        elif c not in (QUOTE, APOSTROPHE):
            return -1, 0
        i += 1


@compiled
def _section_end(data: Any, i: int, end: int) -> int:
    """Return where `<![CDATA[…]]>` at i ends; -1 when there is none or it is unusual."""
    opening = b"<![CDATA["
    if i + 12 > end:
        return -1
    for k in range(9):
        if data[i + k] != opening[k]:
            return -1
    i += 9
    while i + 2 < end:
        c = data[i]
        if c == CLOSE and data[i + 1] == CLOSE and data[i + 2] == GT:
            return i + 3
        if c < SPACE and c != TAB and c != LF and c != CR:
            return -1
        i += 1
    return -1


@compiled
def text_end(data: Any, i: int, end: int) -> tuple[int, int]:
    """Return the `<` that ends a text (-1: unusual) and whether the text must be decoded."""
    flag = 0
    while True:
        while i < end and _CLASS[data[i]] & _PLAIN_IN_TEXT:
            i += 1
        if i >= end:
            return -1, 0
        c = data[i]
        if c == LT:
            if i + 1 >= end or data[i + 1] != BANG:
                return i, flag
            i = _section_end(data, i, end)
            flag = 1
        elif c == AMP:
            code, i = character_reference(data, i, end)
            flag = 1
            i = i if code >= 0 else -1
        elif c == CR:
            flag = 1
            i += 1
        elif c == GT and not (data[i - 1] == CLOSE and data[i - 2] == CLOSE):
            i += 1
        else:
            return -1, 0
        if i < 0:
            return -1, 0


@compiled
def kind_of_text(data: Any, start: int, stop: int) -> int:
    """Tell blank (0), beginning with a plain letter (1), and anything else (-1)."""
    i = after_blank(data, start, stop)
    if i == stop:
        return 0
    return -1 if data[i] == AMP or data[i] == LT else 1
