"""A worker of a check: it reads and checks batches for the process that started it.

What concerns the whole delivery (numbers of results, ids met before) is asked of that one,
which answers in the order of the batches; so the findings are those of one process.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from scorehouse.intake.checks import Setting
from scorehouse.intake.checks.delivery import Delivery, Hashes
from scorehouse.intake.checks.run import Checker, Tally
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import moved, read_batch
from scorehouse.intake.readers.trt_documents import Batch, Document
from scorehouse.verbs.channel import Channel, ChannelClosedError, SharedRoom
from scorehouse.verbs.request import load_rulebook
from scorehouse.verbs.schema_told import SchemaVerdicts

_CODE = (
    "import os, sys; sys.path[:] = sys.argv[3].split(os.pathsep); "
    "from scorehouse.verbs.check_worker import serve; serve(int(sys.argv[1]), int(sys.argv[2]))"
)


PLACES = 2  # batches in the shared room: one in work, one to come
PLACE_BYTES = 128 << 20  # more than a batch can have; only what is used takes memory


@dataclass(frozen=True)
class Job:
    """What a worker checks for; `year` and the like stand in the setting."""

    setting: Setting
    program: str
    policy: str
    rulebook: Path | None
    with_schema: bool
    show_private: bool


class Given(NamedTuple):
    """A batch to check: where its contents stand in shared memory, and its description."""

    start: int
    described: int  # where the contents end and the description begins
    end: int


class SharedBatches:
    """Batches in memory that another process shares; they are found by what `put` gave."""

    def __init__(self, file: int | None = None) -> None:
        self.room = SharedRoom(PLACES * PLACE_BYTES, file)
        self._put = 0

    def put(self, batch: Batch) -> Given:
        """Write a batch into the next place, which the one before the last had."""
        start = self._put % PLACES * PLACE_BYTES
        described = self.room.put(start, [document.content for document in batch.documents])
        documents = [(name, len(content), line) for name, content, line in batch.documents]
        end = self.room.put(described, [pickle.dumps((batch.first, documents))])
        self._put += 1
        return Given(start, described, end)

    def take(self, given: Given) -> Batch:
        """Copy a batch."""
        first, described = pickle.loads(  # noqa: S301 - our own process
            self.room.take(given.described, given.end - given.described)
        )
        documents, start = [], given.start
        for name, size, line in described:
            documents.append(Document(name, self.room.take(start, size), line))
            start += size
        return Batch(first, documents)

    def close(self) -> None:
        """Let go of the memory."""
        self.room.close()


class HeldBatches:
    """Batches handed to a thread of this process as they are, in their order."""

    def __init__(self) -> None:
        self._held: deque[Batch] = deque()

    def put(self, batch: Batch) -> Given:
        """Hold a batch until it is taken."""
        self._held.append(batch)
        return Given(0, 0, 0)

    def take(self, _given: Given) -> Batch:
        """Give the next one, and hold it no longer."""
        return self._held.popleft()

    def close(self) -> None:
        """Let go of what nobody took."""
        self._held.clear()


Batches = SharedBatches | HeldBatches


class Answer(NamedTuple):
    """What was asked of the process that started this one."""

    value: Any


class Placed(NamedTuple):
    """How many results a batch has; the answer is how many came before them."""

    results: int


class Exchanged(NamedTuple):
    """Keys and values of a batch; the answer is that of `Delivery.exchange`."""

    kind: str
    keys: Hashes
    values: Hashes


class Done(NamedTuple):
    """What a batch gave: what reading it told, and what the rules found."""

    told: Sequence[pa.RecordBatch]
    findings: pa.Table | None


class Failed(NamedTuple):
    """A batch couldn't be checked, and where it failed."""

    error: BaseException
    where: str


class Finished(NamedTuple):
    """The job is done: there is no other batch. Asked with it, answered with the tally."""

    tally: Tally | None = None


class _WithoutExtras(MetaPathFinder):
    """Lets nobody find pandas and SciPy: pyarrow and numba would load them, for nothing.

    Where they are installed, that is nearly half a second of a worker's start.
    """

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name in ("pandas", "scipy"):
            raise ModuleNotFoundError(name)


def command(channel: int, room: int) -> list[str]:
    """The command that starts a worker at the end of a channel, with a shared room."""
    return [sys.executable, "-c", _CODE, str(channel), str(room), os.pathsep.join(sys.path)]


def serve(channel: int, room: int) -> None:
    """Do job after job until the other end is closed, or its process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.meta_path.insert(0, _WithoutExtras())
    pa.set_cpu_count(1)
    pa.set_memory_pool(pa.system_memory_pool())  # keeps less of what was given back
    do_jobs(Channel(socket.socket(fileno=channel)), SharedBatches(room))


def do_jobs(end: Channel, batches: Batches) -> None:
    """Do job after job until the other end is closed."""
    try:
        while True:
            _Worker(end.receive(), end, batches).work()
    except ChannelClosedError:
        return
    finally:
        end.close()


def _end_with_parent() -> None:
    """Its end of this pipe is closed when the parent ends, however it does."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """An error that another process can be told of."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    except Exception:
        return RuntimeError(type(error).__name__)
    return error


class _Worker:
    """Reads and checks the batches of one job."""

    def __init__(self, job: Job, end: Channel, batches: Batches) -> None:
        self._job, self._end, self._batches = job, end, batches
        self._waiting: deque[Given | Finished] = deque()
        book = load_rulebook(job.rulebook)
        profile = job.setting.profile.name
        self._verdicts = SchemaVerdicts(profile) if job.with_schema else None
        self._checker = Checker(
            job.setting,
            lambda asked: book.at(asked, job.program),
            policy=job.policy,
            show_private=job.show_private,
            delivery=Delivery(lambda *asked: self._asked(Exchanged(*asked))),
        )

    def work(self) -> None:
        """Check batch after batch, and tell the tally."""
        while isinstance(given := self._next(), Given):
            self._end.send(self._tried(given))
        self._end.send(Finished(self._checker.tally()))

    def _next(self) -> Given | Finished:
        if self._waiting:
            return self._waiting.popleft()
        message: Given | Finished = self._end.receive()
        return message

    def _asked(self, question: Placed | Exchanged) -> Any:
        """Ask, and wait for the answer; what there is to do next may come before it."""
        self._end.send(question)
        while not isinstance(message := self._end.receive(), Answer):
            self._waiting.append(message)
        return message.value

    def _tried(self, given: Given) -> Done | Failed:
        try:
            return self._check(self._batches.take(given))
        except ChannelClosedError:
            raise
        except BaseException as error:
            return Failed(_portable(error), traceback.format_exc())

    def _check(self, batch: Batch) -> Done:
        log = FindingLog(show_private=self._job.show_private)
        chunk = read_batch(batch, log, self._verdicts)
        del batch  # the rules don't need it
        count = chunk.tests.num_rows
        first = self._asked(Placed(count))
        findings = self._checker.check(moved(chunk, first)).findings if count else None
        return Done(list(log.batches()), findings)
