"""Work in processes of its own that can be killed, forked from one that is ready for it.

That one has imported what the work needs and started no thread, so that a kill costs what the
work itself does up to it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

_SERVER = """
import os, signal, sys, traceback
from contextlib import suppress
from numba.core.registry import cpu_target
from scorehouse.rulebook import load as load_rulebook

with suppress(ImportError):
    import pandas  # the engine asks for it where it is
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
load_rulebook()
{work}
for line in sys.stdin:
    verb, *words = line.rstrip("\\n").split("\\t")
    if verb == "start":
        child = os.fork()
        if not child:
            print("ready", flush=True)
            try:
                work(*words)
                print("done", flush=True)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
    else:
        if verb == "kill":
            os.kill(child, signal.SIGKILL)  # of a process that ended: nothing, until waited for
        os.waitpid(child, 0)
        print("ended", flush=True)
"""


class Worker:
    """Does one thing at a time, as `work(*words)` of its program says, in a new process each."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _say(self, *words: object) -> None:
        self._stream(self._process.stdin).write("\t".join(map(str, words)) + "\n")
        self._stream(self._process.stdin).flush()

    def line(self) -> str:
        """The next line that the work says."""
        return self._stream(self._process.stdout).readline().rstrip("\n")

    def _stream(self, stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream

    def start(self, *words: object) -> None:
        """Begin the work; it is about to begin when this returns."""
        self._say("start", *words)
        assert self.line() == "ready"

    def kill(self) -> bool:
        """Kill the work where it stands; return whether it had come to its end."""
        return self._end("kill")

    def wait(self) -> bool:
        """Let the work come to its end; return whether it did."""
        return self._end("wait")

    def _end(self, verb: str) -> bool:
        self._say(verb)
        said = list(iter(self.line, "ended"))
        return "done" in said

    def seconds(self, *words: object) -> float:
        """How long the work takes here and now."""
        self.start(*words)
        begun = time.monotonic()
        assert self.wait()
        return time.monotonic() - begun


@contextmanager
def worker(work: str) -> Iterator[Worker]:
    """Start a worker; `work` is a program that defines the function `work`."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER.format(work=work)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Worker(process)


def kill_at_random(
    busy: Worker, words: tuple[object, ...], seconds: float, draw: Callable[[float, float], float]
) -> bool:
    """Start the work and kill it at a random moment; return whether it had come to its end."""
    busy.start(*words)
    time.sleep(draw(0, seconds))
    return busy.kill()
