"""How long a cell of a delimited file may be while it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST_CELL = 1 << 30  # longer than any response


def each_record(reader: Iterable[list[str]]) -> Iterator[list[str]]:
    """The records that hold anything; one that can't be read, being too long, is empty.

    >>> list(each_record(csv.reader(["a,b", "", "c,d"])))
    [['a', 'b'], ['c', 'd']]
    >>> with cells_up_to(3):
    ...     list(each_record(csv.reader(["a,b", "c,long", "d,e"])))
    [['a', 'b'], [], ['d', 'e']]
    """
    records = iter(reader)
    while True:
        try:
            record = next(records, None)
        except csv.Error:
            yield []
            continue
        if record is None:
            return
        if record:
            yield record


@contextmanager
def cells_up_to(characters: int) -> Iterator[None]:
    """Let cells be this long, and leave the limit as it was for whoever reads next.

    The csv module has one limit for the whole process.

    >>> before = csv.field_size_limit()
    >>> with cells_up_to(before + 1):
    ...     csv.field_size_limit() - before
    1
    >>> csv.field_size_limit() == before
    True
    """
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)
