"""Write cli.md from the commands themselves: python docs/reference/cli_page.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from scorehouse.cli.app import app
from scorehouse.cli.console import REFUSED
from scorehouse.cli.stopping import STOPPED

PAGE = Path(__file__).parent / "cli.md"
HEAD = f"""\
# Commands

Every command and option. This page is made from the commands themselves
(`python docs/reference/cli_page.py`); `scorehouse COMMAND --help` prints the same.

## What holds for all

| exit code | means |
|---|---|
| 0 | all well |
| 1 | done, and something was left out or differs: the findings say what |
| {REFUSED} | usage or input refused; nothing was written but findings |
| {STOPPED} | stopped by Ctrl-C or a polite request to end; what was written is named |

The result is alone on standard output: tables for people, or one JSON value with `--json`.
Everything else (progress, where files are, why something was refused) is on standard error. A
progress bar appears on a terminal only. Tables are as wide as the terminal; where there is
none, 80 columns, or as many as the variable `COLUMNS` says. `NO_COLOR=1` takes the color away.

An output file appears when it is whole, under its own name, and replaces an older one in one
step. A run that was killed leaves a hidden file or folder that ends in `.part`; the next run to
the same output removes it. Two runs to one output at once both end well, and the later one's
file stays.

The first score on a machine takes about 20 seconds longer: the kernel is compiled, and kept
beside the package or in your cache folder. Where neither may be written, set `NUMBA_CACHE_DIR`
to a folder that only you can write, or every run compiles anew.

Whatever goes wrong inside is told in a sentence, without data. `SCOREHOUSE_TRACEBACK=1` prints
the details instead, which may hold student data.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name, groups opened."""
    root = typer.main.get_command(app)
    yield from _commands("scorehouse", root)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    names = command.list_commands(None) if hasattr(command, "list_commands") else ()
    if not names:
        yield name, command
    for inner in names:
        yield from _commands(f"{name} {inner}", command.get_command(None, inner))


def section(name: str, command: Any) -> str:
    """One command: what it does, how it is called, its options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    call = " ".join([name, *map(_shown, arguments), "[OPTIONS]"])
    parts = [f"## `{name}`\n", _tidy(command.help or ""), f"\n```text\n{call}\n```\n"]
    rows = [[f"`{_shown(p)}`", "", _cell(p.help)] for p in arguments]
    rows += [[_names(p), _default(p), _cell(p.help)] for p in options]
    table = ["| argument or option | default | what it is |", "|---|---|---|"]
    return "\n".join([*parts, *table, *("| " + " | ".join(row) + " |" for row in rows), ""])


def _shown(argument: Any) -> str:
    """An argument under the name that its usage line shows."""
    return str(argument.metavar or argument.name.upper())


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text.strip())


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _names(option: Any) -> str:
    names = [*reversed(option.opts), *option.secondary_opts]
    value = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return ", ".join(f"`{name}{value}`" for name in names)


def _default(option: Any) -> str:
    if option.required:
        return "needed"
    default = option.default
    if default in (None, "", [], ()) or option.is_flag:
        return "on" if option.is_flag and default else ""
    return f"`{getattr(default, 'value', default)}`"


def render() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(name, command) for name, command in commands())])


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
