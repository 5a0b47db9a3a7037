"""A stop that was asked for, and what was finished before: what is said of it must be true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from traceback import clear_frames

_NAMED = 3  # more files than this are counted


class Stop:
    """Whether this process's run was asked to stop.

    Whoever takes signals sets `is_watched` and calls `ask`; nothing is remembered otherwise.
    """

    def __init__(self) -> None:
        self.is_watched = False
        self.is_asked = False
        self.is_told = False
        self._kept: list[str] = []
        self._files: list[str] = []
        self._ways: list[Callable[[], None]] = []
        self._owed: list[Callable[[], None]] = []
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
    def owing(self, way: Callable[[], None]) -> Iterator[None]:
        """`way` clears up after what is inside; a stop can put it off, but not prevent it.

        It may be called again after it was done.
        """
        self.owe(way)
        try:
            yield
        except KeyboardInterrupt as stop:
            _let_go(stop)
            raise
        finally:
            way()
            self.paid(way)

    def owe(self, way: Callable[[], None]) -> None:
        """Remember what is to be cleared up, whatever a stop comes between."""
        self._owed.append(way)

    def paid(self, way: Callable[[], None]) -> None:
        """It was cleared up."""
        with suppress(ValueError):
            self._owed.remove(way)

    def clear_up(self, error: BaseException | None) -> None:
        """Do what is still owed, when a stop has arrived (as `error`) where it is answered."""
        _let_go(error)
        while self._owed:
            with suppress(Exception):
                self._owed.pop()()

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


def _let_go(error: BaseException | None) -> None:
    """End what a stop met between its beginning and its block: a traceback keeps it alive.

    It may hold a database that whatever clears up waits for.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


STOP = Stop()
"""This process's own."""
