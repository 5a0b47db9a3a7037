"""Commands that meet a signal at a chosen place."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from e2e.invented import Done, environment
from warehouse_help import TRT, USUAL

RESULTS = 6
NOTHING = "Stopped. No output was written; earlier files are as they were.\n"
BEGIN = """
import os, signal, sys, time
from scorehouse.cli.app import main

def send(number=signal.{name}):
    os.kill(os.getpid(), number)
    time.sleep(0.01)

"""


def run(work: str, *arguments: object, folder: Path, name: str = "SIGTERM") -> Done:
    """Run a command in a process of its own, after some lines that make it meet a signal."""
    text = f"{BEGIN.format(name=name)}{work}\nsys.argv = sys.argv[1:]\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", text, "scorehouse", *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def delivered(folder: Path) -> Path:
    """A few results in a zip."""
    path = folder / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(RESULTS):
            own = {"student": f"90000000{number:02}", "key": f"k-{number}", "number": number}
            archive.writestr(f"{number}.xml", TRT.format(**{**USUAL, **own}))
    return path
