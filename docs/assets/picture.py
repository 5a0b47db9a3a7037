"""Draw what the demonstration shows as README's picture: python docs/assets/picture.py."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.terminal_theme import MONOKAI
from typer.testing import CliRunner

from scorehouse.cli.app import app
from scorehouse.cli.console import out

PICTURE = Path(__file__).parent / "demo.svg"
YEAR = "2018-19"
WIDTH = 92


def run(*words: str) -> None:
    """Run a command, recording what it prints."""
    result = CliRunner().invoke(app, list(words))
    if result.exit_code > 1:
        raise SystemExit(result.output)


def main() -> None:
    """Simulate a district, score it, and keep what is shown."""
    out.record, out.width = True, WIDTH
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        run("simulate", "--seed", "1", "--year", YEAR, "-o", "district")
        out.export_text(clear=True)
        command = f"score district --package district --year {YEAR} -o scores.parquet"
        out.print(f"[bold]$ scorehouse {command}[/]", highlight=False)
        run(*command.split())
        whole = out.export_svg(title="scorehouse", theme=MONOKAI, clear=True)
        PICTURE.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    main()
