"""One seed, many independent streams: each named by what it draws, never by when it draws.

A stream depends on the seed and its name alone, so no result changes with the order in
which blocks are made or with the number of processes making them.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for; the values are part of every seed's meaning."""

    ENTITIES = 1
    POOL = 2
    STUDENTS = 3
    THETA = 4
    TESTS = 5
    PEOPLE = 6
    SSID = 7
    TRT = 8


def generator(seed: int, stream: Stream, *name: int) -> np.random.Generator:
    """Return the generator of one stream; the same arguments always give the same numbers."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(stream), *name))
    return np.random.Generator(np.random.PCG64(sequence))
