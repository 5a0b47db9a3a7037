"""A worker of a check: a process that reads and checks batches for the one that started it.

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
ROOM_BYTES = PLACES * PLACE_BYTES


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
    """A batch to check: where its description stands in the shared room, and its contents."""

    start: int
    described: int  # where the contents end and the description begins
    end: int


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


class _WithoutPandas(MetaPathFinder):
    """Lets nobody find pandas: pyarrow would load it where it is installed, for nothing."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def command(channel: int, room: int) -> list[str]:
    """The command that starts a worker at the end of a channel, with a shared room."""
    return [sys.executable, "-c", _CODE, str(channel), str(room), os.pathsep.join(sys.path)]


def serve(channel: int, room: int) -> None:
    """Do job after job until the other end is closed, or its process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.meta_path.insert(0, _WithoutPandas())
    pa.set_cpu_count(1)
    pa.set_memory_pool(pa.system_memory_pool())  # keeps less of what was given back
    end = Channel(socket.socket(fileno=channel))
    shared = SharedRoom(ROOM_BYTES, room)
    try:
        while True:
            _Worker(end.receive(), end, shared).work()
    except ChannelClosedError:
        return


def _end_with_parent() -> None:
    """Its end of this pipe is closed when the parent ends, however it does."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def put_batch(room: SharedRoom, start: int, batch: Batch) -> Given:
    """Write a batch into the shared room."""
    contents = [document.content for document in batch.documents]
    described = room.put(start, contents)
    documents = [(name, len(content), line) for name, content, line in batch.documents]
    end = room.put(described, [pickle.dumps((batch.first, documents))])
    return Given(start, described, end)


def _batch(room: SharedRoom, given: Given) -> Batch:
    first, described = pickle.loads(  # noqa: S301 - our own process
        room.take(given.described, given.end - given.described)
    )
    documents, start = [], given.start
    for name, size, line in described:
        documents.append(Document(name, room.take(start, size), line))
        start += size
    return Batch(first, documents)


def _portable(error: BaseException) -> BaseException:
    """An error that another process can be told of."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    except Exception:
        return RuntimeError(type(error).__name__)
    return error


class _Worker:
    """Reads and checks the batches of one job."""

    def __init__(self, job: Job, end: Channel, room: SharedRoom) -> None:
        self._job, self._end, self._room = job, end, room
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
            return self._check(_batch(self._room, given))
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
