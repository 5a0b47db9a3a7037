"""Where the `scorehouse` command begins: it can be stopped before all of it is imported."""

from __future__ import annotations

import importlib
import sys
from io import TextIOWrapper

from scorehouse.cli.stopping import NOTHING, STOPPED, settle, watch
from scorehouse.stop import STOP


def main() -> None:
    """Import the command line and run it."""
    watch()
    _speak()
    try:
        app = importlib.import_module("scorehouse.cli.app")
        STOP.check()
        app.main()
    except KeyboardInterrupt:
        settle()
        sys.stderr.write(f"{NOTHING}\n")
        sys.exit(STOPPED)


def _speak() -> None:
    """Whatever a terminal can't show is shown as a question mark, and ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
