"""`scorehouse export research-file`: results of groups in the state's public layouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scorehouse.cli.console import SOMETHING_LEFT_OUT, answering, print_json, progress, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.exports.files import write_dictionary
from scorehouse.exports.research_layout import (
    ENTITIES,
    GROUPS,
    RESULTS,
    TESTS,
    Era,
    codes,
    era_of,
    meaning,
)
from scorehouse.exports.research_rows import (
    ResearchEntity,
    entity_rows,
    group_rows,
    research_rows,
    rows_of_tests,
)
from scorehouse.exports.research_write import Value, fixed_lines, lines
from scorehouse.intake.whole import put, working_folder
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.counting import groups
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.availability import notes as on_their_way
from scorehouse.warehouse.entity_tree import DISTRICT, SCHOOL, Tree
from scorehouse.warehouse.export import check_new
from scorehouse.warehouse.report import Reading, figures_of, opened_for_reports, released
from scorehouse.warehouse.research_entities import entities_of_year, schools_of_year, together
from scorehouse.warehouse.store import Warehouse

PROFILE = "research-file"
_STATE = "0" * 14
Told = Counter[tuple[str, str]]


class Groups(StrEnum):
    """Which student groups."""

    ALL = "all"
    EVERY = "every"


class Form(StrEnum):
    """How the files are written."""

    DELIMITED = "delimited"
    FIXED = "fixed"


def research_file(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new folder.")],
    year: Annotated[str, typer.Option("--year", help="School year, as in 2018-19.")],
    student_groups: Annotated[
        Groups, typer.Option("--groups", help="All students only, or every group of the files.")
    ] = Groups.EVERY,
    form: Annotated[
        Form,
        typer.Option(help="fixed: in fixed places, for the files whose places are published."),
    ] = Form.DELIMITED,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    engine: EngineOption = "",
    as_of: AsOfOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write results, entities, student groups and tests in the layout of the year.

    What the state's own files hide is hidden. Exit code 1: there are no results of the year, or
    something has no code in the files.
    """
    with answering(as_json):
        school_year = _parsed(year)
        era = era_of(school_year)
        with closing(opened(warehouse, engine)) as house:
            run = _Run(house, school_year, era, student_groups, form, as_of)
            with progress("writing", "districts", quiet=as_json) as report:
                written = run.write(output, report)
            house.note("export", "", f"research files of {school_year}: {written} rows")
    if run.is_empty:
        run.notes[
            f"The warehouse holds no summative results of {school_year}: no file was written."
        ] = None
    left_out = [
        {"what": what, "which": which, "times": times}
        for (what, which), times in sorted(run.told.items())
    ]
    place = "" if run.is_empty else str(output)
    if as_json:
        print_json({"output": place, "rows": written, "left_out": left_out,
                    "uncertain": era.uncertain, "notes": list(run.notes)})  # fmt: skip
    else:
        _say(place, written, left_out, [era.uncertain, *run.notes])
    raise typer.Exit(SOMETHING_LEFT_OUT if left_out or run.is_empty else 0)


def _parsed(year: str) -> SchoolYear:
    try:
        return SchoolYear.parse_file_year(year)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _say(output: str, written: int, left_out: list[dict[str, Any]], notes: Sequence[str]) -> None:
    if output:
        say(f"{written:,} rows of results are in {output}, with entities, groups and tests.")
    for note in filter(None, notes):
        say(note)
    for one in left_out:
        say(f"{one['times']:,} x {one['what']}: {one['which']}")


class _Run:
    """One writing of the files of a year."""

    def __init__(
        self,
        house: Warehouse,
        year: SchoolYear,
        era: Era,
        student_groups: Groups,
        form: Form,
        as_of: str,
    ) -> None:
        self.told: Told = Counter()
        self.notes: dict[str, None] = {}
        self.is_empty = False
        self._house = house
        self._year = year
        self._era = era
        self._form = form
        self._as_of = as_of
        known = {code: group.research_code for code, group in groups().items()}
        listed = {code: research for code, research in known.items() if research}
        listed |= codes().crossings
        self._groups = {"ALL": listed["ALL"]} if student_groups is Groups.ALL else listed
        self._name = "1" if student_groups is Groups.ALL else "all"

    def write(self, output: Path, report: Callable[[int, int | None], None]) -> int:
        """Write all files into a new folder, if there is any result; return the rows of results."""
        check_new(output)
        whole = output.resolve()
        with (
            working_folder(whole) as folder,
            opened_for_reports(self._house, self._as_of) as reading,
        ):
            written = self._write_all(folder, reading, report)
            if not self.is_empty:
                put(folder, whole)
        return written

    def _write_all(
        self, folder: Path, reading: Reading, report: Callable[[int, int | None], None]
    ) -> int:
        rows_of = entities_of_year(reading.snapshot, self._year)
        entities = {key: self._entity(row, rows_of) for key, row in rows_of.items()}
        state = reading.tree.state
        entities[state.entity_id] = ResearchEntity(_STATE, "state")
        ending = "csv" if self._form is Form.DELIMITED else "ascii"
        year = self._year.ends
        rows = self._results(reading, entities, report)
        written = 0
        if self._form is Form.DELIMITED or self._era.has_fixed_form(RESULTS):
            name = f"sb_ca{year}_{self._name}_{ending}_v1.txt"
            written = self._write(folder / name, RESULTS, rows)
            self.is_empty = not written
        else:
            self.told["file", "results: their places in the fixed form aren't published"] += 1
        kept = [one for one in entities.values() if len(one.code) == len(_STATE)]
        self._write(folder / f"sb_ca{year}entities_{ending}.txt", ENTITIES,
                    entity_rows(kept, self._year, self._era))  # fmt: skip
        if self._form is Form.DELIMITED:
            named = {research: groups()[code].name if code in groups() else code
                     for code, research in self._groups.items()}  # fmt: skip
            kinds = {research: groups()[code].dimension if code in groups() else "crossing"
                     for code, research in self._groups.items()}  # fmt: skip
            self._write(folder / "StudentGroups.txt", GROUPS, group_rows(named, kinds))
            self._write(folder / "Tests.txt", TESTS, rows_of_tests())
        return written

    def _results(
        self,
        reading: Reading,
        entities: Mapping[str, ResearchEntity],
        report: Callable[[int, int | None], None],
    ) -> Iterator[dict[str, Value]]:
        """Rows of the state, then of each district and its schools, in the order of codes."""
        districts = _in_order(reading.tree, entities)
        named = schools_of_year(reading.snapshot, self._year)
        if not named:
            return
        yield from self._rows(reading, (reading.tree.state.entity_id,), "", entities)
        for some in together(reading.tree, districts, named):
            yield from self._rows(reading, some, "schools", entities)
            report(districts.index(some[-1]) + 1, len(districts))

    def _rows(
        self,
        reading: Reading,
        wanted: tuple[str, ...],
        children: str,
        entities: Mapping[str, ResearchEntity],
    ) -> Iterator[dict[str, Value]]:
        figures: list[Mapping[str, Any]] = []
        for kind in ("aggregate", "claims"):
            query = ReportQuery(
                kind, entities=wanted, children=children, school_years=(str(self._year),),
                student_groups=tuple(self._groups), subjects=tuple(codes().tests),
                as_of=self._as_of,
            )  # fmt: skip
            report = figures_of(reading, query, PROFILE)
            figures += released(report, PROFILE, is_compared=False).figures.to_pylist()
            is_of_all = wanted == (reading.tree.state.entity_id,)  # the state has all results
            if is_of_all and report.gate is not None:
                self.notes |= dict.fromkeys(on_their_way(report.gate))
        yield from research_rows(figures, entities, self._groups, self._year, self._era, self._tell)

    def _tell(self, what: str, which: str) -> None:
        self.told[what, which] += 1

    def _write(self, path: Path, file: str, rows: Iterator[dict[str, Value]]) -> int:
        columns = self._era.files[file]
        writing = lines if self._form is Form.DELIMITED else fixed_lines
        written = -1 if self._form is Form.DELIMITED else 0
        with path.open("wb") as stream:
            for line in writing(rows, columns, self._era, self._tell):
                stream.write(line)
                written += 1
        write_dictionary(
            path.with_name(f"{path.name}.columns.csv"),
            [(column.header, meaning(column)) for column in columns],
        )
        return written

    def _entity(
        self, row: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]
    ) -> ResearchEntity:
        kind = row["entity_type"]
        name = row["entity_name"] or ""
        parent = rows.get(row["parent_id"] or "", {})
        is_school = kind == SCHOOL
        return ResearchEntity(
            row["entity_id"],
            self._type(row) if is_school else "district" if kind == DISTRICT else "county",
            row["county_name"] or parent.get("county_name") or "",
            (parent.get("entity_name") or "") if is_school else name if kind == DISTRICT else "",
            name if is_school else "",
        )

    def _type(self, row: Mapping[str, Any]) -> str:
        """A school's type; charters by how they are funded, where that is known."""
        if not row["is_charter"]:
            return "school"
        funded = (row["charter_type"] or "").strip().upper()[:1]
        if funded in ("D", "L"):
            return "directly_funded_charter" if funded == "D" else "locally_funded_charter"
        self._tell("charter without known funding, written as a school", row["entity_id"])
        return "school"


def _in_order(tree: Tree, entities: Mapping[str, ResearchEntity]) -> list[str]:
    """Districts with a code, by it, and schools that belong to none."""
    districts = [e for e in tree.below(tree.state.entity_id, DISTRICT) if e in entities]
    inside = {school for district in districts for school in tree.below(district, SCHOOL)}
    alone = [e for e in tree.below(tree.state.entity_id, SCHOOL) if e not in inside]
    return sorted([*districts, *(e for e in alone if e in entities)],
                  key=lambda e: entities[e].code)  # fmt: skip
