"""The simulation from beginning to end: streamed to a folder, or a small one in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse import shapes
from scorehouse.errors import UsageError
from scorehouse.simulate import register, tables, trt
from scorehouse.simulate.config import SimulationConfig
from scorehouse.simulate.entities import ENTITIES, Hierarchy, build_hierarchy
from scorehouse.simulate.people import StudentBlock, block_count, student_block
from scorehouse.simulate.plan import (
    Assessment,
    BlockPlan,
    Package,
    package,
    plan_assessments,
    plan_blocks,
)
from scorehouse.simulate.sitting import Sittings, draw_tests
from scorehouse.simulate.write import TableFile, whole_folder, write_package

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote; `files` are names within `folder`."""

    folder: Path
    files: tuple[str, ...]
    students: int
    tests: int
    responses: int
    entities: int
    assessments: int
    items: int


class World:
    """Everything that doesn't depend on which block is drawn; blocks may come in any order."""

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        self.hierarchy: Hierarchy = build_hierarchy(config)
        self.assessments: tuple[Assessment, ...] = plan_assessments(config)
        self._students = lru_cache(maxsize=4)(self._draw_students)

    def plans(self) -> list[BlockPlan]:
        """List the blocks in the order in which they are written."""
        return list(plan_blocks(self.config, self.assessments))

    def tests(self, plan: BlockPlan) -> Sittings:
        """Draw the tests of one block."""
        students = self._students(plan.assessment.cohort, plan.block)
        return draw_tests(self.config, plan, students)

    def student_blocks(self) -> Iterator[StudentBlock]:
        """Draw all students, cohort by cohort."""
        for cohort in self.config.cohorts:
            for number in range(block_count(self.config)):
                yield self._draw_students(cohort, number)

    def _draw_students(self, cohort: int, number: int) -> StudentBlock:
        return student_block(self.config, self.hierarchy, cohort, number)


class SimulatedTests(NamedTuple):
    """A few tests in memory, with the package that scores them."""

    package: Package
    responses: pa.Table
    opportunities: pa.Table


def simulate(
    config: SimulationConfig,
    out: Path,
    *,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> SimulationSummary:
    """Write a simulated world to the folder `out`, in constant memory, all or nothing.

    `progress` is called with the tests written so far and in all. Raises UsageError when
    `out` holds anything already, unless `overwrite`.
    """
    with whole_folder(out, overwrite=overwrite) as folder:
        made = World(config)
        contents = package(made.assessments)
        write_package(contents, folder)
        with _table(config, folder, "entities", ENTITIES) as entities:
            entities.write(made.hierarchy.table())
        student_count = _write_people(made, folder)
        test_count, response_count = _write_tests(made, folder, progress)
        names = tuple(sorted(path.name for path in folder.iterdir()))
    return SimulationSummary(
        folder=out,
        files=names,
        students=student_count,
        tests=test_count,
        responses=response_count,
        entities=len(made.hierarchy.entities),
        assessments=contents.assessments.num_rows,
        items=contents.items.num_rows,
    )


def tests(config: SimulationConfig, n: int) -> SimulatedTests:
    """Return `n` tests in memory, from as small a world as gives that many.

    The config's `students` is not used. The package is complete: it holds every assessment
    of the config, the responses are `shapes.RESPONSES` in the order of the opportunities.
    """
    students = 2 * math.ceil(n / (len(config.subjects) * len(config.years))) + len(config.grades)
    made = World(replace(config, students=students))
    responses, opportunities, count = [], [], 0
    for plan in made.plans():
        drawn = made.tests(plan)
        responses.append(tables.responses(drawn).cast(shapes.RESPONSES))
        opportunities.append(tables.opportunities(drawn))
        count += len(drawn)
    kept = _spread(pa.concat_tables(opportunities).combine_chunks(), n)
    answers = pa.concat_tables(responses).combine_chunks()
    is_kept = pc.is_in(answers["opportunity_id"], kept["opportunity_id"])
    return SimulatedTests(package(made.assessments), answers.filter(is_kept), kept)


def _spread(opportunities: pa.Table, count: int) -> pa.Table:
    """Take `count` rows spread evenly over the table, in its order."""
    available = opportunities.num_rows
    if available < count:
        raise UsageError(f"the rates leave only {available} of {count} tests; raise participation")
    return opportunities.take([index * available // count for index in range(count)])


def _write_people(made: World, folder: Path) -> int:
    config = made.config
    count = 0
    with (
        _table(config, folder, "students", register.STUDENTS) as students,
        _table(config, folder, "enrollments", register.ENROLLMENTS) as enrollments,
    ):
        for block in made.student_blocks():
            students.write(register.students(block))
            for year in config.years:
                enrollments.write(register.enrollments(config, made.hierarchy, block, year))
            count += len(block)
    return count


def _write_tests(made: World, folder: Path, progress: Progress | None) -> tuple[int, int]:
    config, plans = made.config, made.plans()
    all_tests = sum(plan.test_count for plan in plans)
    test_count = response_count = 0
    with ExitStack() as files:
        responses, opportunities, truth = (
            files.enter_context(_table(config, folder, name, schema))
            for name, schema in (
                ("responses", shapes.RESPONSES),
                ("opportunities", shapes.OPPORTUNITIES),
                ("truth", tables.TRUTH),
            )
        )
        archive = files.enter_context(trt.Archive(config, made.hierarchy, folder, all_tests))
        for plan in plans:
            drawn = made.tests(plan)
            answers = tables.responses(drawn)
            responses.write(answers, len(drawn))
            opportunities.write(tables.opportunities(drawn))
            truth.write(tables.truth(drawn, made.hierarchy))
            archive.write(drawn)
            test_count += len(drawn)
            response_count += answers.num_rows
            if progress is not None:
                progress(test_count, all_tests)
    return test_count, response_count


def _table(config: SimulationConfig, folder: Path, name: str, schema: pa.Schema) -> TableFile:
    return TableFile(folder, name, schema, config.form, config.block_size)
