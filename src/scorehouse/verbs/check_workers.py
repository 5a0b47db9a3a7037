"""Checking with several processes: one hands out batches, answers in order, and collects.

A thread of it is one of those that check.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from scorehouse.errors import ScorehouseError
from scorehouse.intake.checks.run import Checker, Tally
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import CHECKED_BYTES
from scorehouse.intake.readers.trt_documents import Batch
from scorehouse.intake.readers.trt_stream import Gathering, Progress
from scorehouse.verbs.channel import Channel, ChannelClosedError
from scorehouse.verbs.check_worker import (
    PLACES,
    Answer,
    Batches,
    Done,
    Exchanged,
    Failed,
    Finished,
    HeldBatches,
    Job,
    Placed,
    SharedBatches,
    command,
    do_jobs,
)

CHUNK_RESULTS = 2_000
_WORTHWHILE = 32 << 20  # packed bytes: four seconds of one process, which takes one to start
_USUAL_PACKING = 8
_EVERY = 16  # documents unpacked between two looks at what workers ask
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}


def can_start() -> bool:
    """Whether workers can be started here: it takes sockets that a process hands on."""
    return os.name == "posix" and bool(sys.executable)


def is_worthwhile(files: Sequence[tuple[Path, str]]) -> bool:
    """Whether files are so large that starting workers pays."""
    sizes = accumulate(_packed_bytes(path) for path, _ in files)
    return any(size >= _WORTHWHILE for size in sizes)


def _packed_bytes(path: Path) -> int:
    """The size that a file has, or would have in a zip."""
    with suppress(OSError):
        return path.stat().st_size // (1 if path.suffix.lower() == ".zip" else _USUAL_PACKING)
    return 0


@dataclass
class _Worker:
    """Who checks, and the numbers of the batches that it has: the first one is in work."""

    by: subprocess.Popen[bytes] | threading.Thread
    channel: Channel
    batches: Batches
    numbers: deque[int] = field(default_factory=deque)

    @property
    def process(self) -> int | None:
        """The number of its process; None: it is a thread of this one."""
        return self.by.pid if isinstance(self.by, subprocess.Popen) else None

    def end(self) -> None:
        """Let it end: a process now, a thread with the batch that it has."""
        if isinstance(self.by, subprocess.Popen):
            self.by.kill()
        self.channel.close()

    def wait(self) -> None:
        """Wait until it is gone."""
        if isinstance(self.by, subprocess.Popen):
            with self.by:  # closes its pipe and waits
                pass
        else:
            self.by.join()
        self.batches.close()


class CheckWorkers:
    """Workers that check for this process, and end with it; they can do one check after another.

    The first of them is a thread of this process, which would have little to do otherwise and
    has loaded what it takes; the others are processes.
    """

    def __init__(self, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.all: list[_Worker] = []
        try:
            for number in range(count):
                self.all.append(_started() if number else _started_here())
                self._selector.register(self.all[-1].channel, selectors.EVENT_READ, self.all[-1])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all of them, wherever they are, and wait until they are gone."""
        for worker in self.all:
            worker.end()
        for worker in self.all:
            worker.wait()
        self.all = []
        self._selector.close()

    def heard(self, seconds: float | None) -> Iterator[tuple[_Worker, Any]]:
        """Give what was said, waiting at most so long (None: until something is)."""
        for key, _ in self._selector.select(seconds):
            try:
                message = key.data.channel.receive()
            except ChannelClosedError:
                raise lost() from None
            yield key.data, message


@contextmanager
def workers_for(
    count: int, files: Sequence[tuple[Path, str]], given: CheckWorkers | None
) -> Iterator[CheckWorkers | None]:
    """Give workers for files: those there are, else so many if it pays, else None."""
    if given is not None:
        yield given
    elif count > 1 and can_start() and is_worthwhile(files):
        with CheckWorkers(count) as own:
            yield own
    else:
        yield None


def lost() -> ScorehouseError:
    """What is said when a worker is gone."""
    return ScorehouseError(
        "a process that checked for this one ended unexpectedly; if memory is short, "
        "check again with --threads 1"
    )


def _started_here() -> _Worker:
    own, other = socket.socketpair()
    batches = HeldBatches()
    thread = threading.Thread(target=do_jobs, args=(Channel(other), batches), daemon=True)
    thread.start()
    return _Worker(thread, Channel(own), batches)


def _started() -> _Worker:
    own, other = socket.socketpair()
    batches = SharedBatches()
    room = batches.room.file
    with other, _uninterrupted():
        process = subprocess.Popen(  # noqa: S603 - this very program
            command(other.fileno(), room),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[other.fileno(), room],
            env={**os.environ, **_ONE_THREAD},
        )
    return _Worker(process, Channel(own), batches)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep back Ctrl-C from what is started: the terminal sends it to all, and one is enough."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass
class _Turns:
    """Whose turn it is: a question of a kind is answered in the order of the batches."""

    finished: set[int] = field(default_factory=set)
    _next: dict[str, int] = field(default_factory=dict)

    def is_on(self, kind: str, number: int) -> bool:
        """Whether all batches before this one have asked, or won't any more."""
        waited_for = self._next.get(kind, 0)
        while waited_for in self.finished:
            waited_for += 1
        self._next[kind] = waited_for
        return number <= waited_for

    def pass_on(self, kind: str, number: int) -> None:
        """Let the next batch ask."""
        self._next[kind] = max(self._next.get(kind, 0), number + 1)


class SideBySide:
    """One check of TRT files by several workers, into a checker and a log."""

    def __init__(self, workers: CheckWorkers, job: Job, checker: Checker, log: FindingLog) -> None:
        self._workers, self._job, self._checker, self._log = workers, job, checker, log
        self._turns = _Turns()
        self._asked: list[tuple[int, _Worker, Placed | Exchanged]] = []
        self._done: dict[int, Done | Failed] = {}
        self._told: dict[int, FindingLog] = {}
        self._tallies: list[Tally] = []
        self._results = 0
        self._given = 0
        self._logged = 0
        for worker in workers.all:
            _say(worker, job)

    def check(self, files: Sequence[tuple[Path, str]], progress: Progress | None = None) -> None:
        """Check files; what is found comes in the order in which one process finds it."""
        gathering = Gathering(
            files,
            show_private=self._log.show_private,
            size=CHUNK_RESULTS,
            most_bytes=CHECKED_BYTES,
            progress=self._attending(progress),
        )
        for told, batch in gathering:
            self._told[self._given] = told
            self._give(self._given, batch)
            self._given += 1
            del batch  # or it would stay while the next one is gathered
        self._wait_until(lambda: not self._told)
        self._log.merge(gathering.rest())
        self._finish()

    def _attending(self, progress: Progress | None) -> Progress:
        def told(done: int, expected: int | None) -> None:
            if done % _EVERY == 0:
                self._attend(0)
            if progress:
                progress(done, expected)

        return told

    def _give(self, number: int, batch: Batch) -> None:
        """Hand a batch to the worker that has least to do."""
        ahead = PLACES * len(self._workers.all)
        self._wait_until(lambda: self._free() is not None and number < self._logged + ahead)
        worker = self._free()
        assert worker is not None
        _say(worker, worker.batches.put(batch))
        worker.numbers.append(number)

    def _free(self) -> _Worker | None:
        """A worker that has room for a batch."""
        found = min(self._workers.all, key=lambda one: len(one.numbers))
        return found if len(found.numbers) < PLACES else None

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._attend(None)

    def _attend(self, seconds: float | None) -> None:
        """Take what workers say, answer those whose turn it is, log what is complete."""
        for worker, message in self._workers.heard(seconds):
            self._hear(worker, message)
        self._answer()
        while self._logged in self._done:
            self._log_next(self._done.pop(self._logged))

    def _hear(self, worker: _Worker, message: object) -> None:
        match message:
            case Placed() | Exchanged():
                self._asked.append((worker.numbers[0], worker, message))
            case Done() | Failed():
                number = worker.numbers.popleft()
                self._done[number] = message
                self._turns.finished.add(number)
            case Finished(tally=Tally() as tally):
                self._tallies.append(tally)

    def _answer(self) -> None:
        """Answer whoever's turn it is, as long as that lets others have theirs."""
        waiting = sorted(self._asked, key=itemgetter(0))
        self._asked = []
        for number, worker, message in waiting:
            kind = message.kind if isinstance(message, Exchanged) else ""
            if not self._turns.is_on(kind, number):
                self._asked.append((number, worker, message))
                continue
            _say(worker, Answer(self._answer_to(message)))
            self._turns.pass_on(kind, number)

    def _answer_to(self, message: Placed | Exchanged) -> object:
        if isinstance(message, Exchanged):
            return self._checker.delivery.exchange(*message)
        before = self._results
        self._results += message.results
        return before

    def _log_next(self, done: Done | Failed) -> None:
        if isinstance(done, Failed):
            done.error.add_note(done.where)
            raise done.error
        self._log.merge(self._told.pop(self._logged))
        for batch in done.told:
            self._log.add_table(pa.Table.from_batches([batch]))
        if done.findings is not None:
            self._log.add_table(done.findings)
        self._logged += 1

    def _finish(self) -> None:
        for worker in self._workers.all:
            _say(worker, Finished())
        self._wait_until(lambda: len(self._tallies) == len(self._workers.all))
        for tally in self._tallies:
            self._checker.absorb(tally)


def _say(worker: _Worker, message: object) -> None:
    try:
        worker.channel.send(message)
    except ChannelClosedError:
        raise lost() from None
