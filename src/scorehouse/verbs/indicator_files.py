"""Reading printed values of the Academic Indicator: files of the state, and tables like them."""

from __future__ import annotations

import io
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from scorehouse.accountability.academic.printed import Printed, printed_row
from scorehouse.errors import InputRefusedError, RuleNotInForceError, UsageError
from scorehouse.exports.academic_file import (
    dashboard_of,
    decoded,
    read_academic,
    records_of,
    subject_of,
    unfit,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules

_NEEDED = ("entity_type", "student_group")
Cells = Mapping[str, str]


def read_printed(
    path: Path,
    log: FindingLog,
    *,
    dashboard: str = "",
    subject: str = "",
    compute_change: bool = False,
) -> list[Printed]:
    """Read a state's file, or a table of printed values.

    `dashboard` and `subject` hold where rows don't say. A row that can't be used is a finding
    and left out. Raises InputRefusedError for another file.
    """
    rows = list(_rows(path, log, dashboard, subject))
    found = [
        printed
        for number, cells, of, about in rows
        if (printed := _printed(path, number, cells, of, about, log, compute_change)) is not None
    ]
    _tell_twice(path, found, log)
    return found


def _rows(
    path: Path, log: FindingLog, dashboard: str, subject: str
) -> Iterator[tuple[int, Cells, str, str]]:
    content = path.read_bytes()
    try:
        file = read_academic(
            io.BytesIO(content),
            lambda row, _column, why: log.add(
                "academic_cells", file=path.name, row=row, reason=why
            ),
        )
    except UsageError:
        yield from _printed_rows(path, content, log, dashboard, subject)
        return
    if file.absent:
        log.add("academic_column_absent", file=path.name, reason=", ".join(file.absent))
    for number, cells in enumerate(file.rows, start=1):
        of = dashboard or dashboard_of(file, cells)
        yield number, cells, of, subject_of(cells, path.name) or subject


def _printed_rows(
    path: Path, content: bytes, log: FindingLog, dashboard: str, subject: str
) -> Iterator[tuple[int, Cells, str, str]]:
    records = records_of(decoded(content))
    names = [_known_name(name) for name in next(records, [])]
    if not all(name in names for name in _NEEDED):
        log.add("academic_file_unknown", file=path.name)
        raise InputRefusedError(f"{path.name} is no academic indicator file")
    for number, record in enumerate(records, start=1):
        if why := unfit(record, len(names)):
            log.add("academic_cells", file=path.name, row=number, reason=why)
            continue
        cells = {name: cell.strip() for name, cell in zip(names, record, strict=True)}
        of = cells.get("dashboard", "").replace(" ", "-") or dashboard
        yield number, cells, of, cells.get("subject", "") or subject


def _known_name(name: str) -> str:
    plain = name.strip().casefold().replace(" ", "_")
    return _aliases().get(plain, plain)


@cache
def _aliases() -> Mapping[str, str]:
    folder = resources.files("scorehouse.rulebook").joinpath("data", "layouts")
    text = (folder / "academic_files.toml").read_text(encoding="utf-8")
    found: Mapping[str, str] = tomllib.loads(text)["aliases"]
    return found


def _printed(
    path: Path,
    number: int,
    cells: Cells,
    dashboard: str,
    subject: str,
    log: FindingLog,
    compute_change: bool,
) -> Printed | None:
    try:
        academic_rules(dashboard)
    except (UsageError, RuleNotInForceError) as error:
        log.add(
            "academic_dashboard", file=path.name, row=number, value=dashboard,
            reason=str(error),
        )  # fmt: skip
        return None
    printed, problems = printed_row(cells, dashboard, subject, compute_change=compute_change)
    for problem in problems:
        log.add(
            "academic_value", file=path.name, row=number, field=problem.column,
            value=problem.value, reason=problem.why,
        )  # fmt: skip
    if printed is None or problems:
        return None
    for column, instead in printed.taken:
        log.add("academic_count_taken", file=path.name, row=number, field=column, reason=instead)
    return printed


def _tell_twice(path: Path, rows: list[Printed], log: FindingLog) -> None:
    """An entity's row that stands several times; rows without an entity are nobody's."""
    keys = Counter((printed.row, printed.dashboard) for printed in rows if printed.row.entity_id)
    for (row, _), times in keys.items():
        if times > 1:
            log.add("academic_row_twice", file=path.name, record=row.entity_id, times=str(times))
