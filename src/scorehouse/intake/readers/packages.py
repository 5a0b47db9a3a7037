"""Reading test packages: the public tabulator CSV and the two-file form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.item_rows import (
    DIMENSIONS,
    PURPOSES,
    TWO_PARAMETER,
    Calibration,
    Fault,
    calibration,
    number,
)
from scorehouse.intake.readers.damage import WIDE_TABLE, is_wide_table
from scorehouse.intake.readers.tables import TextRow, columns_of, text_rows
from scorehouse.shapes import ASSESSMENTS, ITEMS, STEP_COLUMNS
from scorehouse.terms import AssessmentType, Part, SchoolYear, Subject, parse_grade

Values = dict[str, object]

TABULATOR_COLUMNS = ("AssessmentId", "ItemId", "BankKey", "MeasurementModel", "ScorePoints", "a")
ITEM_COLUMNS = ("assessment_id", "item_id", "model", "a", "b1")
ASSESSMENT_COLUMNS = ("assessment_id", "subject", "test_grade", "assessment_type")
_OPTIONAL_ITEM_COLUMNS = set(ITEMS.names) - {"unscorable"}
_TABULATOR_STEPS = ("b0_b", "b1_c", "b2", "b3")
_WRITING = "WER"


@dataclass(frozen=True)
class Package:
    """The tests and items of one or more packages."""

    assessments: pa.Table  # shapes.ASSESSMENTS
    items: pa.Table  # shapes.ITEMS
    path: Path

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be scored with it."""
        return bool(self.items.num_rows == 0)


def read_packages(paths: Iterable[Path], log: FindingLog) -> Package:
    """Read several packages as one; of an assessment met twice the first is used."""
    packages = [read_package(path, log) for path in paths]
    seen: set[str] = set()
    assessments, items = [], []
    for package in packages:
        own = _new_rows(package, seen, log)
        names = pa.array(sorted(own), pa.string())
        assessments.append(_only(package.assessments, names))
        items.append(_only(package.items, names, or_unlisted=package.assessments))
        seen |= own
    return Package(
        pa.concat_tables([ASSESSMENTS.empty_table(), *assessments]),
        pa.concat_tables([ITEMS.empty_table(), *items]),
        packages[0].path if len(packages) == 1 else Path(),
    )


def _new_rows(package: Package, seen: set[str], log: FindingLog) -> set[str]:
    names = set(package.assessments["assessment_id"].to_pylist())
    for name in sorted(names & seen):
        log.add("assessment_twice", file=package.path.name, record=name, value=name)
    return names - seen


def _only(table: pa.Table, names: pa.Array, or_unlisted: pa.Table | None = None) -> pa.Table:
    keep = pa.compute.is_in(table["assessment_id"], value_set=names)
    if or_unlisted is not None:
        listed = pa.compute.is_in(
            table["assessment_id"], value_set=or_unlisted["assessment_id"].combine_chunks()
        )
        keep = pa.compute.or_(keep, pa.compute.invert(listed))
    return table.filter(keep)


def read_package(path: Path, log: FindingLog) -> Package:
    """Read one package: a tabulator CSV, or a folder or either file of the two-file form.

    Items that can't be scored stay in the table with `unscorable` set to the finding's rule.
    A package that can't be read is empty, and a finding says why.
    """
    try:
        return _read(path, log)
    except OSError as error:
        rule = "file_missing" if isinstance(error, FileNotFoundError) else "file_unreadable"
        log.add(rule, file=path.name, reason=error.strerror or type(error).__name__)
    except pa.ArrowException as error:
        log.add("file_unreadable", file=path.name, reason=type(error).__name__)
    return _package([], [], path)


def _read(path: Path, log: FindingLog) -> Package:
    if path.is_dir():
        items = _named(path, "items")
        if items is None:
            log.add("package_folder", file=path.name, held=_held(path))
            return _package([], [], path)
        return _two_files(_named(path, "assessments"), items, path, log)
    if is_wide_table(path):
        log.add("file_unreadable", file=path.name, reason=WIDE_TABLE)
        return _package([], [], path)
    columns = columns_of(path)
    if "MeasurementModel" in columns:
        return _tabulator(path, columns, log)
    if "model" in columns:
        sibling = path.stem.replace("items", "assessments")
        return _two_files(_named(path.parent, sibling, path), path, path, log)
    if "assessment_type" in columns:
        items = _named(path.parent, path.stem.replace("assessments", "items"), path)
        if items is not None:
            return _two_files(path, items, path, log)
    log.add("file_unknown_kind", file=path.name)
    return _package([], [], path)


def _held(folder: Path) -> str:
    """What a folder holds that was taken for a package."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    tables = [path.name for path in files if path.suffix.lower() == ".csv" and _is_tabulator(path)]
    if tables:
        more = f" and {len(tables) - 1:,} more" if len(tables) > 1 else ""
        return f"packages in tabulator form ({tables[0]}{more})"
    return f"{len(files):,} other files" if files else "no file"


def _is_tabulator(path: Path) -> bool:
    return not is_wide_table(path) and "MeasurementModel" in columns_of(path)


def _named(folder: Path, stem: str, other_than: Path | None = None) -> Path | None:
    candidates = (folder / f"{stem}{suffix}" for suffix in (".csv", ".parquet"))
    return next((path for path in candidates if path.is_file() and path != other_than), None)


def _has_columns(
    path: Path, columns: Sequence[str], needed: Sequence[str], log: FindingLog
) -> bool:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    for name in repeated:
        log.add("column_twice", file=path.name, field=name)
    missing = [name for name in needed if name not in columns]
    for name in missing:
        log.add("column_missing", file=path.name, field=name)
    return not (missing or repeated)


def _package(assessments: list[Values], items: list[Values], path: Path) -> Package:
    return Package(
        pa.Table.from_pylist(assessments, schema=ASSESSMENTS),
        pa.Table.from_pylist(items, schema=ITEMS),
        path,
    )


class _Builder:
    """Gathers the rows of one package and says what is wrong with them."""

    def __init__(self, path: Path, log: FindingLog) -> None:
        self.path, self.log = path, log
        self.assessments: dict[str, Values] = {}
        self.items: dict[tuple[str, str, str], Values] = {}

    def package(self) -> Package:
        if not self.items:
            self.log.add("package_empty", file=self.path.name)
        return _package(list(self.assessments.values()), list(self.items.values()), self.path)

    def add_assessment(self, row: TextRow, values: Values) -> None:
        name = str(values["assessment_id"])
        known = self.assessments.setdefault(name, values)
        if known != values:
            self.log.add(
                "assessment_twice", file=self.path.name, record=name, row=row.number, value=name
            )

    def add_item(self, row: TextRow, values: Values, fault: Fault | None) -> None:
        """Add an item; a second row of the same item is kept only in a finding."""
        for column in ("assessment_id", "item_id"):
            if not str(values[column]).rstrip("-"):
                words: Values = {"expected": "an identifier"}
                self._say(row, values, Fault("column_value", column, "", words))
                return
        values["unscorable"] = fault.rule if fault else None
        if fault:
            self._say(row, values, fault)
        identity = (
            str(values["assessment_id"]),
            str(values["item_id"]),
            str(values["dimension"]),
        )
        known = self.items.setdefault(identity, values)
        if known is not values:
            self._say_repeated(row, values, known)

    def _say_repeated(self, row: TextRow, values: Values, known: Values) -> None:
        is_same = all(
            known[name] == values[name] for name in ("model", "a", *STEP_COLUMNS, "operational")
        )
        decision = "both rows say the same" if is_same else "the rows differ: it can't be scored"
        self._say(row, values, Fault("item_duplicate", words={"decision": decision}))
        if not is_same:
            known["unscorable"] = "item_duplicate"

    def _say(self, row: TextRow, values: Values, fault: Fault) -> None:
        self.log.add(
            fault.rule,
            file=self.path.name,
            record=str(values["item_id"]),
            field=fault.field,
            row=row.number,
            value=fault.value,
            **fault.words,
        )

    def cell(
        self, row: TextRow, column: str, parse: Callable[[str], object], expected: str
    ) -> object:
        """Parse a cell; one that can't be is a finding and kept as it stands."""
        text = row.get(column)
        try:
            return str(parse(text))
        except ValueError:
            self.log.add(
                "column_value_ignored",
                file=self.path.name,
                field=column,
                row=row.number,
                value=text,
                expected=expected,
            )
            return text


def _subject(text: str) -> object:
    return Subject.parse(text).value


def _assessment_type(text: str) -> object:
    return AssessmentType.parse(text).value


def _year(text: str) -> object:
    return SchoolYear.parse_file_year(text) if text else ""


def _tabulator(path: Path, columns: Sequence[str], log: FindingLog) -> Package:
    builder = _Builder(path, log)
    if not _has_columns(path, columns, TABULATOR_COLUMNS, log):
        return _package([], [], path)
    types: dict[str, str] = {}
    for row in text_rows(path, log):
        name = row.get("AssessmentId")
        if name not in types:
            values = _tabulator_assessment(row, builder)
            builder.add_assessment(row, values)
            types[name] = str(values["assessment_type"])
        builder.add_item(row, *_tabulator_item(row, types[name]))
    return builder.package()


def _tabulator_assessment(row: TextRow, builder: _Builder) -> Values:
    kind = "AssessmentSubtype" if row.get("AssessmentSubtype") else "AssessmentType"
    return {
        "assessment_id": row.get("AssessmentId"),
        "name": row.get("AssessmentName"),
        "subject": builder.cell(row, "AssessmentSubject", _subject, "ELA or Math"),
        "test_grade": builder.cell(row, "AssessmentGrade", parse_grade, "a grade"),
        "assessment_type": builder.cell(row, kind, _assessment_type, "SUM, ICA or IAB"),
        "school_year": builder.cell(row, "AcademicYear", _year, "a year"),
        "minimum_cat_items": None,
    }


def _tabulator_item(row: TextRow, assessment_type: str) -> tuple[Values, Fault | None]:
    read = _tabulator_calibration(row)
    strand, _, rest = row.get("ClaimContentTarget").partition("|")
    is_writing = row.get("ItemType").upper() == _WRITING
    values: Values = {
        "assessment_id": row.get("AssessmentId"),
        "item_id": f"{row.get('BankKey')}-{row.get('ItemId')}",
        "dimension": "",
        "part": _tabulator_part(row, assessment_type),
        **_parameters(read),
        "claim": row.get("Claim") or strand.strip(),
        "target": row.get("Target") or rest.rpartition("|")[2].strip(),
        "operational": row.get("IsFieldTest").upper() != "TRUE",
        "item_type": row.get("ItemType").upper(),
        "purpose": PURPOSES.get(row.get("PtWritingType").lower(), "") if is_writing else "",
    }
    return values, Fault(
        "item_writing_row_lossy", "ItemType", _WRITING
    ) if is_writing else read.fault


def _tabulator_part(row: TextRow, assessment_type: str) -> str:
    if row.get("PerformanceTask").upper() in ("Y", "YES", "TRUE", "1"):
        return Part.PT.value
    is_summative = assessment_type == AssessmentType.SUMMATIVE.value
    return Part.CAT.value if is_summative else Part.FIXED.value


def _tabulator_calibration(row: TextRow) -> Calibration:
    """The columns mean different things by model: b1_c is a guessing value or a step."""
    model, points = row.get("MeasurementModel"), row.get("ScorePoints")
    whole = int(points) if points.isascii() and points.isdigit() else None
    cells = [row.get(name) for name in _TABULATOR_STEPS]
    is_known_count = whole is not None or not points
    if model.upper().startswith("IRT3PL"):
        guessing = row.get("b1_c")
        read = calibration(model, row.get("a"), cells[:1], whole)
        if read.model == TWO_PARAMETER and guessing and number(guessing) != 0:
            return Calibration(read.model, read.discrimination, read.steps, _guessing(guessing))
    else:
        read = calibration(model, row.get("a"), cells, whole)
    if read.model and not (is_known_count and whole):
        count = Fault(
            "item_step_count",
            "ScorePoints",
            points,
            {"found": points or "no", "expected": "a number"},
        )
        return Calibration(read.model, read.discrimination, read.steps, read.fault or count)
    return read


def _guessing(text: str) -> Fault:
    return Fault("item_guessing_nonzero", "b1_c", text)


def _parameters(read: Calibration) -> Values:
    steps = [*read.steps[: len(STEP_COLUMNS)], *[None] * len(STEP_COLUMNS)]
    named = zip(STEP_COLUMNS, steps, strict=False)
    return {"model": read.model, "a": read.discrimination, **dict(named)}


def _two_files(assessments: Path | None, items: Path, path: Path, log: FindingLog) -> Package:
    builder = _Builder(path, log)
    if assessments is None:
        log.add("file_missing", file="assessments.csv")
        return _package([], [], path)
    are_whole = [
        _has_columns(assessments, columns_of(assessments), ASSESSMENT_COLUMNS, log),
        _has_columns(items, columns := columns_of(items), ITEM_COLUMNS, log),
    ]
    if not all(are_whole):
        return _package([], [], path)
    for name in sorted(set(columns) - _OPTIONAL_ITEM_COLUMNS):
        log.add("column_unknown", file=items.name, field=name)
    for row in text_rows(assessments, log):
        builder.add_assessment(row, _assessment(row, builder))
    for row in text_rows(items, log):
        _add_item(row, builder)
    return builder.package()


def _assessment(row: TextRow, builder: _Builder) -> Values:
    minimum = row.get("minimum_cat_items")
    whole = builder.cell(row, "minimum_cat_items", int, "a whole number") if minimum else ""
    return {
        "assessment_id": row.get("assessment_id"),
        "name": row.get("name") or row.get("assessment_id"),
        "subject": builder.cell(row, "subject", _subject, "ELA or Math"),
        "test_grade": builder.cell(row, "test_grade", parse_grade, "a grade"),
        "assessment_type": builder.cell(
            row, "assessment_type", _assessment_type, "summative, ICA or IAB"
        ),
        "school_year": builder.cell(row, "school_year", _year, "a year as in 2018-19"),
        "minimum_cat_items": int(str(whole)) if str(whole).isdigit() else None,
    }


def _add_item(row: TextRow, builder: _Builder) -> None:
    read = calibration(row.get("model"), row.get("a"), [row.get(name) for name in STEP_COLUMNS])
    dimension = DIMENSIONS.get(row.get("dimension").lower())
    fault = read.fault
    if dimension is None:
        fault = Fault("dimension_unknown", "dimension", row.get("dimension"))
    elif not dimension and row.get("item_type").upper() == _WRITING:
        fault = Fault("item_writing_row_lossy", "dimension")
    values: Values = {
        "assessment_id": row.get("assessment_id"),
        "item_id": row.get("item_id"),
        "dimension": row.get("dimension") if dimension is None else dimension,
        "part": builder.cell(row, "part", _part, "CAT, PT or fixed"),
        **_parameters(read),
        "claim": row.get("claim"),
        "target": row.get("target"),
        "operational": row.get("operational").lower() not in ("0", "false", "f", "no", "n"),
        "item_type": row.get("item_type").upper() or (_WRITING if dimension else ""),
        "purpose": PURPOSES.get(row.get("purpose").lower(), row.get("purpose").upper()),
    }
    if values["assessment_id"] not in builder.assessments:
        builder.log.add(
            "item_assessment_unknown",
            file=builder.path.name,
            record=str(values["item_id"]),
            field="assessment_id",
            row=row.number,
            value=values["assessment_id"],
        )
    builder.add_item(row, values, fault)


def _part(text: str) -> object:
    return Part.parse(text).value if text else ""
