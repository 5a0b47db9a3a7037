"""Read a page's fences, and run them as a reader would: in order, in one empty folder.

- `csv`, `toml`, `json` or `text` with `title="name"`: the file of that name is written;
- `console`: each `$ ` line is run; lines shown below it are compared with what it prints;
- `python`: with `>>> ` prompts, a doctest; without, a script whose names later fences see.

A fence that says `not-run="reason"` is left alone, whatever its language. In shown output,
`...` stands for anything, and spaces at the ends of lines don't count.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language, its options, its text, and where it starts."""

    language: str
    options: dict[str, str]
    text: str
    line: int

    @property
    def is_run(self) -> bool:
        """Whether the page means this block to be run."""
        return "not-run" not in self.options


def read_fences(page: Path) -> list[Fence]:
    """Return the fences of a page, those inside lists and notes too."""
    parsed = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    return [
        read_fence(token.info, token.content, token.map[0] + 1 if token.map else 0)
        for token in parsed
        if token.type == "fence"
    ]


def read_fence(info: str, text: str, line: int) -> Fence:
    language, *rest = shlex.split(info) or [""]
    options = dict(part.partition("=")[::2] for part in rest)
    return Fence(language, options, text, line)


@dataclass
class Reader:
    """Someone who follows a page in an empty folder, with the project installed."""

    folder: Path
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__page__"})

    def follow(self, fence: Fence) -> None:
        """Do what a fence says."""
        if title := fence.options.get("title"):
            (self.folder / title).write_text(fence.text, encoding="utf-8")
        elif fence.language == "console":
            self.run_commands(fence)
        elif fence.language == "python":
            self.run_python(fence)

    def run_commands(self, fence: Fence) -> None:
        """Run each command; compare with what the page shows, if it shows anything."""
        for command, shown in split_commands(fence.text):
            printed, code = self.shell(command)
            assert code == 0 or "exit-code" in fence.options, f"{command}\n{printed}"
            assert code == int(fence.options.get("exit-code", 0)), f"{command}\n{printed}"
            if shown.strip():
                assert agrees(shown, printed), f"$ {command}\n{printed}\n--- shown:\n{shown}"

    def shell(self, command: str) -> tuple[str, int]:
        """Run one command with the environment's own programs first on the path."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env={**os.environ, **plain, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout, done.returncode

    def run_python(self, fence: Fence) -> None:
        """Run a block in the page's names, as a doctest where it has prompts."""
        if not re.search(r"^>>> ", fence.text, re.MULTILINE):
            exec(compile(fence.text, f"line {fence.line}", "exec"), self.names)
            return
        parser = doctest.DocTestParser()
        test = parser.get_doctest(fence.text, self.names, f"line {fence.line}", None, fence.line)
        said: list[str] = []
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        doctest.DocTestRunner(optionflags=flags).run(test, out=said.append, clear_globs=False)
        self.names.update(test.globs)
        assert said == [], "".join(said)


def split_commands(text: str) -> list[tuple[str, str]]:
    """Return each command of a console block with the output shown below it.

    A command goes on after a backslash, on lines that start with `> ` or with spaces.
    """
    joined = re.sub(r"\\\n(?:> |\s+)", " ", text)
    chunks = re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (c.partition("\n") for c in chunks)]


def agrees(shown: str, printed: str) -> bool:
    """Whether what was printed is what the page shows; `...` stands for anything."""
    tidy = [
        "\n".join(line.rstrip() for line in t.strip("\n").split("\n")) for t in (shown, printed)
    ]
    pattern = r"[\s\S]*".join(re.escape(part) for part in tidy[0].split("..."))
    return re.fullmatch(pattern, tidy[1]) is not None
