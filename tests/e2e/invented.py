"""A small invented test and its files, and the command line run on them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from typer.testing import CliRunner

from scorehouse.cli.app import app
from scorehouse.shapes import ASSESSMENTS, ITEMS, RESPONSES, SCORES

YEAR = "2018-19"
SUMMATIVE, BLOCK, WRITING = "INV-SUM-5M", "INV-IAB-5M", "INV-ICA-5E"
STUDENT = "9000000077"  # of every invented test; must never be said
ITEM_COLUMNS = [name for name in ITEMS.names if name != "unscorable"]  # that one isn't given
Row = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def scorehouse(*arguments: object) -> Done:
    """Run a command in this process."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return Done(done.exit_code, done.stdout, done.stderr)


def environment(**more: str) -> dict[str, str]:
    plain = {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1", "COLUMNS": "80"}
    return {**os.environ, **plain, **more}


def command(*arguments: object) -> list[str]:
    return [str(Path(sys.executable).parent / "scorehouse"), *map(str, arguments)]


def started(*arguments: object, folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=100)
    return Done(process.returncode, out, err)


def item(assessment: str, item_id: str, a: object, *steps: float, **cells: object) -> Row:
    named = {f"b{place}": step for place, step in enumerate(steps, 1)}
    model = "2PL" if len(steps) == 1 else "GPCM"
    return {
        **dict.fromkeys(ITEM_COLUMNS, ""),
        "assessment_id": assessment,
        "item_id": item_id,
        "a": a,
        "model": model,
        **named,
        "part": "CAT",
        "claim": "1",
        "operational": "true",
        **cells,
    }


def items() -> list[Row]:
    """Six CAT and two PT items; four of a block; three and a full write of an interim test."""
    cat = [item(SUMMATIVE, f"200-{n}", 0.5 + n / 10, n / 4 - 1.0) for n in range(1, 7)]
    task = [item(SUMMATIVE, f"200-{n}", 0.6, 0.1, 0.9, part="PT", claim="2") for n in (11, 12)]
    block = [item(BLOCK, f"300-{n}", 0.7, n / 3 - 1.0, part="fixed") for n in range(1, 5)]
    form = [item(WRITING, f"400-{n}", 0.6, n / 3, part="fixed", claim="1-LT") for n in (1, 2, 3)]
    full = {"part": "fixed", "claim": "2-W", "item_type": "WER", "purpose": "EXPL"}
    write = [
        item(WRITING, "400-9", 0.75, -0.2, 1.4, dimension="C", **full),
        item(WRITING, "400-9", 0.85, -1.0, 0.5, 1.8, 3.4, dimension="D", **full),
    ]
    return [*cat, *task, *block, *form, *write]


def assessments() -> list[Row]:
    about = [
        (SUMMATIVE, "Math", "05", "summative", 6),
        (BLOCK, "Math", "05", "IAB", ""),
        (WRITING, "ELA", "05", "ICA", ""),
    ]
    return [
        {
            **dict.fromkeys(ASSESSMENTS.names, ""),
            "assessment_id": name,
            "name": name,
            "subject": subject,
            "test_grade": grade,
            "assessment_type": kind,
            "school_year": YEAR,
            "minimum_cat_items": least,
        }
        for name, subject, grade, kind, least in about
    ]


def package(
    folder: Path, rows: Sequence[Row] | None = None, tests: Sequence[Row] | None = None
) -> Path:
    folder.mkdir(exist_ok=True)
    write_csv(folder / "items.csv", ITEM_COLUMNS, items() if rows is None else rows)
    write_csv(
        folder / "assessments.csv", ASSESSMENTS.names, assessments() if tests is None else tests
    )
    return folder


def sitting(opportunity: str, pattern: str = "110100 21", assessment: str = SUMMATIVE) -> list[Row]:
    """Responses of one test, a digit an item; `-` is not answered, a blank parts CAT and PT."""
    of_it = [row for row in items() if row["assessment_id"] == assessment]
    return [
        {
            **dict.fromkeys(RESPONSES.names, ""),
            "opportunity_id": opportunity,
            "student_id": STUDENT,
            "assessment_id": assessment,
            "school_year": YEAR,
            "part": row["part"],
            "item_id": row["item_id"],
            "position": place,
            "answered": str(points != "-").lower(),
            "score": "0" if points == "-" else points,
        }
        for place, (row, points) in enumerate(zip(of_it, pattern.replace(" ", ""), strict=True), 1)
    ]


def essay(opportunity: str, traits: tuple[str, str, str], code: str = "") -> list[Row]:
    """An interim test with three items and a full write."""
    rows = sitting(opportunity, "11010", WRITING)[:3]
    names = ("organization", "evidence", "conventions")
    for name, points in zip(names, traits, strict=True):
        last = {**rows[0], "item_id": "400-9", "dimension": name, "position": 4}
        rows.append({**last, "score": points, "condition_code": code})
    return rows


def responses(path: Path, *sittings: Sequence[Row]) -> Path:
    return write_csv(path, RESPONSES.names, [row for rows in sittings for row in rows])


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(names))
        writer.writeheader()
        writer.writerows(rows)
    return path


def scores_of(path: Path) -> list[Row]:
    """The rows of a scores file, those of CSV typed as the shape says."""
    if path.suffix == ".csv":
        types = {field.name: field.type for field in SCORES}
        options = pa.csv.ConvertOptions(column_types=types)
        rows: list[Row] = pa.csv.read_csv(path, convert_options=options).to_pylist()
        return rows
    return list(pq.read_table(path).to_pylist())


def overall(path: Path) -> Mapping[str, Row]:
    """The overall row of each test."""
    return {row["opportunity_id"]: row for row in scores_of(path) if row["measure"] == "overall"}


def findings_of(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
