"""Ctrl-C and SIGTERM: a run that is asked to stop does, and says nothing of how it came about."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from scorehouse.stop import STOP

STOPPED = 128 + signal.SIGINT
"""Exit code of a run that was stopped, as shells give it."""

NOTHING = "Stopped. No output was written; earlier files are as they were."
_IMPORTING = "<frozen importlib._bootstrap>"
_AGAIN = 0.2  # seconds after which a stop that somebody swallowed is tried again
_CAN_REPEAT = hasattr(signal, "setitimer")


def watch() -> None:
    """Take the requests to stop this process.

    An interrupt that was ignored when the process began stays ignored, as `nohup` wants it.
    """
    STOP.is_watched = True
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _asked)
    signal.signal(signal.SIGTERM, _asked)
    if _CAN_REPEAT:
        signal.signal(signal.SIGALRM, _asked)
    sys.unraisablehook = _ignored
    threading.excepthook = _ended


def settle() -> None:
    """A stop has arrived where it is answered, or comes too late: no more of it from here on.

    What it kept from being cleared up is cleared up now.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _asked:
            signal.signal(number, signal.SIG_IGN)
    if _CAN_REPEAT and signal.getsignal(signal.SIGALRM) is _asked:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
    if STOP.is_asked:
        STOP.clear_up(sys.exc_info()[1])


def _asked(_number: int, frame: FrameType | None) -> None:
    """Stop what runs; again and again, since a callback or a destructor may swallow it.

    It waits for what must end first, and for imports: libraries that are half there may abort.
    While files are being closed and removed because of it, it isn't repeated.
    """
    if not STOP.is_asked:
        STOP.is_asked = True
        if _CAN_REPEAT:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    if not STOP.waits and not _is_unwinding() and not _is_importing(frame):
        STOP.interrupt()
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False


def _is_unwinding() -> bool:
    """Whether an earlier stop, or the end of a generator, is being cleared up after."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, GeneratorExit, SystemExit)):
            return True
        error = error.__context__
    return False


def _ignored(told: Any) -> None:
    """What a destructor or a callback couldn't raise is no news once a stop was asked for."""
    if not STOP.is_asked:
        sys.__unraisablehook__(told)


def _ended(told: Any) -> None:
    """Nor is it that a thread ended because what it worked for was closed."""
    if not STOP.is_asked:
        threading.__excepthook__(told)
