"""A stop that was asked for, and what was finished before: what is said of it must be true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NAMED = 3  # more files than this are counted


class Stop:
    """Whether this process's run was asked to stop.

    Whoever takes signals sets `is_watched` and calls `ask`; nothing is remembered otherwise.
    """

    def __init__(self) -> None:
        self.is_watched = False
        self.is_asked = False
        self._kept: list[str] = []
        self._files: list[str] = []
        self._ways: list[Callable[[], None]] = []
        self._waiting = 0

    @property
    def waits(self) -> bool:
        """Whether something happens that must end first."""
        return self._waiting > 0

    def check(self) -> None:
        """Raise KeyboardInterrupt if a stop was asked for, and came to nothing so far."""
        if self.is_asked:
            raise KeyboardInterrupt

    @contextmanager
    def after(self) -> Iterator[None]:
        """What is inside happens to its end, and is told of; a stop comes before it or after."""
        if not self._waiting:
            self.check()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
        if not self._waiting:
            self.check()

    @contextmanager
    def interrupting(self, way: Callable[[], None]) -> Iterator[None]:
        """What is inside ends soon when `way` is called, which a stop does."""
        self._ways.append(way)
        try:
            yield
        finally:
            self._ways.remove(way)

    def interrupt(self) -> None:
        """Let what takes long outside of Python end."""
        for way in tuple(self._ways):
            way()

    def tell_kept(self, sentence: str) -> None:
        """Remember what holds from now on, whatever happens."""
        if self.is_watched:
            self._kept.append(sentence)

    def tell_written(self, name: str) -> None:
        """Remember a file or folder that is there, whole, from now on."""
        if self.is_watched:
            self._files.append(name)

    def finished(self) -> str:
        """What was finished, in sentences; blank: nothing."""
        told = list(self._kept)
        if len(self._files) > _NAMED:
            told.append(f"{len(self._files):,} files were written whole.")
        elif self._files:
            verb = "was" if len(self._files) == 1 else "were"
            told.append(f"{', '.join(self._files)} {verb} written whole.")
        return " ".join(told)


STOP = Stop()
"""This process's own."""
