"""What is given to whom: the assessments of every year, and the blocks they are drawn in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from scorehouse import shapes
from scorehouse.simulate.config import SimulationConfig, world
from scorehouse.simulate.items import (
    Pool,
    adaptive_pool,
    block_pool,
    cat_length,
    comprehensive_pool,
)
from scorehouse.simulate.people import block_count
from scorehouse.simulate.seeds import Stream, generator
from scorehouse.terms import AssessmentType, SchoolYear, Subject


@dataclass(frozen=True)
class Assessment:
    """One assessment of one school year, with its items and the share of students it is for."""

    ordinal: int
    assessment_id: str
    name: str
    subject: Subject
    grade: str
    assessment_type: AssessmentType
    year: SchoolYear
    pool: Pool
    share: float
    minimum_cat_items: int

    @property
    def is_adaptive(self) -> bool:
        """Whether the main part is a CAT."""
        return self.assessment_type is AssessmentType.SUMMATIVE

    @property
    def cohort(self) -> int:
        """The cohort that is in this grade in this year."""
        return self.year.ends - int(self.grade)

    def record(self) -> dict[str, object]:
        """Return the assessment as a record of the published table."""
        return {
            "assessment_id": self.assessment_id,
            "name": self.name,
            "subject": str(self.subject),
            "test_grade": self.grade,
            "assessment_type": str(self.assessment_type),
            "school_year": str(self.year),
            "minimum_cat_items": self.minimum_cat_items,
        }


@dataclass(frozen=True)
class BlockPlan:
    """Some neighboring students of a cohort who take one assessment."""

    assessment: Assessment
    block: int
    test_count: int


@dataclass(frozen=True)
class Package:
    """A test package: `shapes.ASSESSMENTS` and `shapes.ITEMS`."""

    assessments: pa.Table
    items: pa.Table


@dataclass(frozen=True)
class _Form:
    """What the years of one assessment have in common."""

    label: str
    assessment_type: AssessmentType
    subject: Subject
    grade: str
    pool: Pool
    share: float


def plan_assessments(config: SimulationConfig) -> tuple[Assessment, ...]:
    """List the assessments, year by year, with the same item pools every year."""
    forms = [
        form
        for subject in config.subjects
        for grade in config.grades
        for form in _forms(config, subject, grade)
    ]
    pairs = [(year, form) for year in config.years for form in forms]
    return tuple(_assessment(ordinal, year, form) for ordinal, (year, form) in enumerate(pairs))


def plan_blocks(
    config: SimulationConfig, assessments: tuple[Assessment, ...]
) -> Iterator[BlockPlan]:
    """Yield the blocks in the order in which their tests are written."""
    for assessment in assessments:
        for block in range(block_count(config)):
            students = min(config.block_size, config.cohort_size - block * config.block_size)
            test_count = round(students * assessment.share)
            if test_count:
                yield BlockPlan(assessment, block, test_count)


def package(assessments: tuple[Assessment, ...]) -> Package:
    """Return the package that the assessments are scored with."""
    records = [assessment.record() for assessment in assessments]
    items = [assessment.pool.table(assessment.assessment_id) for assessment in assessments]
    return Package(
        pa.Table.from_pylist(records, schema=shapes.ASSESSMENTS),
        pa.concat_tables(items).combine_chunks(),
    )


def _assessment(ordinal: int, year: SchoolYear, form: _Form) -> Assessment:
    grade = int(form.grade)
    length = cat_length(form.subject, form.grade)
    return Assessment(
        ordinal=ordinal,
        assessment_id=f"INV-{form.label}-{form.subject}-{grade}-{year.ends}",
        name=f"(INV)INV-{form.label}-{form.subject}-{grade}-{year}",
        subject=form.subject,
        grade=form.grade,
        assessment_type=form.assessment_type,
        year=year,
        pool=form.pool,
        share=form.share,
        minimum_cat_items=length if form.assessment_type is AssessmentType.SUMMATIVE else 0,
    )


def _forms(config: SimulationConfig, subject: Subject, grade: str) -> Iterator[_Form]:
    place = (config.seed, Stream.POOL, list(Subject).index(subject), int(grade))
    summative = adaptive_pool(generator(*place, 0), subject, grade, config.pool)
    share = config.rates.participation
    yield _Form("SUM", AssessmentType.SUMMATIVE, subject, grade, summative, share)
    if not config.include_interim:
        return
    comprehensive = comprehensive_pool(generator(*place, 1), subject, grade)
    share = config.rates.interim_comprehensive
    yield _Form("ICA", AssessmentType.ICA, subject, grade, comprehensive, share)
    blocks = world()["interim"]["blocks"][str(subject)]
    for form, (label, strand) in enumerate(blocks.items(), start=2):
        pool = block_pool(generator(*place, form), subject, grade, strand, form)
        share = config.rates.interim_block
        yield _Form(f"IAB-{label}", AssessmentType.IAB, subject, grade, pool, share)
