"""Invented item pools: parameters, claims and targets of one subject and grade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse import shapes
from scorehouse.simulate.config import PoolSizes, Settings, world
from scorehouse.terms import Part, Subject

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]

MAXIMUM_STEPS = len(shapes.STEP_COLUMNS)
WRITING_DIMENSIONS = ("C", "D")
_KEYS_A_POOL = 5000  # item numbers set aside for each subject, grade and pool


@dataclass(frozen=True)
class ItemRow:
    """One row of a package: an item, or one dimension of a writing item."""

    number: int
    dimension: str
    part: Part
    discrimination: float
    steps: tuple[float, ...]
    strand: str
    target: str
    operational: bool
    item_type: str
    purpose: str = ""

    @property
    def item_id(self) -> str:
        """Bank and key, joined by a hyphen."""
        return f"{world()['general']['bank']}-{self.number}"

    def record(self, assessment_id: str) -> dict[str, object]:
        """Return the row as a record of the published items table."""
        steps = [*self.steps, *[None] * (MAXIMUM_STEPS - len(self.steps))]
        return {
            "assessment_id": assessment_id,
            "item_id": self.item_id,
            "dimension": self.dimension,
            "part": str(self.part),
            "model": "2PL" if len(self.steps) == 1 else "GPCM",
            "a": self.discrimination,
            **dict(zip(shapes.STEP_COLUMNS, steps, strict=True)),
            "claim": self.strand,
            "target": self.target,
            "operational": self.operational,
            "item_type": self.item_type,
            "purpose": self.purpose,
            "unscorable": None,
        }


@dataclass(frozen=True)
class Pool:
    """The items of one assessment, as rows and as the arrays the drawing works on.

    `rows` come main part first (by strand, each strand by difficulty; then field test),
    then performance task by task. `strand_bounds[i] : strand_bounds[i + 1]` are the rows of
    the main part's i-th strand, the last of them being field test; `sequence` names the
    strand of each operational slot of a test; `tasks` holds the rows of each task.
    """

    rows: tuple[ItemRow, ...]
    strand_bounds: Integers
    sequence: Integers
    tasks: tuple[tuple[int, ...], ...]
    discrimination: Floats
    steps: Floats
    step_count: Integers

    @property
    def mean_difficulty(self) -> float:
        """The average of the main part's operational items."""
        operational = slice(0, int(self.strand_bounds[-2]))
        totals = np.where(np.isnan(self.steps), 0.0, self.steps)[operational].sum(axis=1)
        return float(np.mean(totals / self.step_count[operational]))

    def table(self, assessment_id: str = "") -> pa.Table:
        """Return the package rows (`shapes.ITEMS`)."""
        records = [row.record(assessment_id) for row in self.rows]
        return pa.Table.from_pylist(records, schema=shapes.ITEMS)


def item_pool(rng: np.random.Generator, subject: Subject, grade: str, size: int) -> pa.Table:
    """Draw a pool of `size` operational CAT items, with field test and one performance task.

    Returns `shapes.ITEMS`, the assessment id left blank.
    """
    sizes = PoolSizes(size, max(1, size // 10), 1)
    return adaptive_pool(rng, subject, grade, sizes).table()


def adaptive_pool(rng: np.random.Generator, subject: Subject, grade: str, sizes: PoolSizes) -> Pool:
    """Draw the pool of a summative test: CAT items by strand, field test, performance tasks."""
    wanted = _cat_blueprint(subject, grade)
    counts = _share_out(sizes.cat_items, wanted)
    draw = _Drawing(rng, subject, grade, form=0)
    strands = [draw.strand(strand, count, Part.CAT) for strand, count in counts.items()]
    field_test = draw.field_test(list(wanted), sizes.field_test_items)
    tasks = [draw.performance_task() for _ in range(sizes.performance_tasks)]
    return _assemble([*strands, field_test], list(wanted.values()), tasks)


def comprehensive_pool(rng: np.random.Generator, subject: Subject, grade: str) -> Pool:
    """Draw an interim comprehensive form: the CAT's blueprint as a fixed form, and one task."""
    wanted = _cat_blueprint(subject, grade)
    draw = _Drawing(rng, subject, grade, form=1)
    strands = [draw.strand(strand, count, Part.FIXED) for strand, count in wanted.items()]
    return _assemble([*strands, []], list(wanted.values()), [draw.performance_task()])


def block_pool(
    rng: np.random.Generator, subject: Subject, grade: str, strand: str, form: int
) -> Pool:
    """Draw an interim block: one fixed form of one strand, no task."""
    fewest, most = world()["interim"]["block_items"]
    count = int(rng.integers(fewest, most + 1))
    draw = _Drawing(rng, subject, grade, form=form)
    return _assemble([draw.strand(strand, count, Part.FIXED), []], [count], [])


def cat_length(subject: Subject, grade: str) -> int:
    """Operational items of a complete CAT."""
    return sum(_cat_blueprint(subject, grade).values())


def _cat_blueprint(subject: Subject, grade: str) -> dict[str, int]:
    blueprint = world()["blueprint"][str(subject)]
    chosen: Settings = blueprint.get("by_grade", {}).get(grade, blueprint)
    return dict(chosen["cat"])


def _share_out(size: int, wanted: dict[str, int]) -> dict[str, int]:
    """Share a pool among strands as the blueprint does, never below what one test takes."""
    length = sum(wanted.values())
    return {strand: max(count, round(size * count / length)) for strand, count in wanted.items()}


def _assemble(
    strands: Sequence[list[ItemRow]], wanted: Sequence[int], tasks: Sequence[list[ItemRow]]
) -> Pool:
    main = [row for strand in strands for row in strand]
    rows = (*main, *(row for task in tasks for row in task))
    task_ends = np.cumsum([len(main), *(len(task) for task in tasks)])
    steps = np.full((len(rows), MAXIMUM_STEPS), np.nan)
    for index, row in enumerate(rows):
        steps[index, : len(row.steps)] = row.steps
    return Pool(
        rows=rows,
        strand_bounds=np.cumsum([0, *(len(strand) for strand in strands)]).astype(np.int32),
        sequence=np.repeat(np.arange(len(wanted)), wanted).astype(np.int32),
        tasks=tuple(tuple(range(int(start), int(end))) for start, end in pairwise(task_ends)),
        discrimination=np.array([row.discrimination for row in rows]),
        steps=steps,
        step_count=np.array([len(row.steps) for row in rows], dtype=np.int32),
    )


class _Drawing:
    """Draws items one strand at a time, numbering them as it goes."""

    def __init__(
        self, rng: np.random.Generator, subject: Subject, grade: str, *, form: int
    ) -> None:
        self._rng = rng
        self._grade = grade
        self._settings: Settings = world()["items"]
        self._blueprint: Settings = world()["blueprint"][str(subject)]
        self._center = float(self._settings["mean_difficulty"][str(subject)][grade])
        place = (list(Subject).index(subject) * 20 + int(grade)) * 10 + form
        self._next = (20 + place) * _KEYS_A_POOL

    def strand(
        self, strand: str, count: int, part: Part, *, operational: bool = True
    ) -> list[ItemRow]:
        """Draw a strand's items, easiest first."""
        rows = [self._item(strand, part, operational) for _ in range(count)]
        return sorted(rows, key=lambda row: float(np.mean(row.steps)))

    def field_test(self, strands: Sequence[str], count: int) -> list[ItemRow]:
        """Draw items that don't count, from all strands in turn."""
        turns = [strands[index % len(strands)] for index in range(count)]
        return [self._item(strand, Part.CAT, False) for strand in turns]

    def performance_task(self) -> list[ItemRow]:
        """Draw one task: its items in order, the writing item last."""
        rows = [self._item(strand, Part.PT, True) for strand in self._blueprint["performance_task"]]
        return rows + self._writing() if self._blueprint["has_writing"] else rows

    def _item(self, strand: str, part: Part, operational: bool) -> ItemRow:
        steps = self._steps()
        types = self._settings["types_of_one_step" if len(steps) == 1 else "types_of_several_steps"]
        return ItemRow(
            number=self._number(),
            dimension="",
            part=part,
            discrimination=self._discrimination(),
            steps=steps,
            strand=strand,
            target=self._target(strand),
            operational=operational,
            item_type=self._one_of(types),
        )

    def _writing(self) -> list[ItemRow]:
        number = self._number()
        purpose = self._one_of(self._settings["purposes"][self._grade])
        target = self._target("2-W")
        return [
            ItemRow(
                number,
                dimension,
                Part.PT,
                float(self._settings["writing"][dimension]["discrimination"]),
                self._writing_steps(dimension),
                "2-W",
                target,
                True,
                "WER",
                purpose,
            )
            for dimension in WRITING_DIMENSIONS
        ]

    def _writing_steps(self, dimension: str) -> tuple[float, ...]:
        writing = self._settings["writing"]
        center = self._center + np.array(writing[dimension]["steps"])
        return self._rounded(center + self._rng.normal(0, writing["jitter"], len(center)))

    def _steps(self) -> tuple[float, ...]:
        center = self._rng.normal(self._center, self._settings["difficulty_spread"])
        if self._rng.random() >= self._settings["share_of_several_steps"]:
            return self._rounded([center])
        several = self._settings["steps"]
        count = int(self._rng.choice(several["counts"], p=several["shares"]))
        even = (np.arange(count) - (count - 1) / 2) * several["apart"]
        return self._rounded(center + even + self._rng.normal(0, several["jitter"], count))

    def _discrimination(self) -> float:
        rule = self._settings["discrimination"]
        drawn = rule["center"] * exp(self._rng.normal(0, rule["spread"]))
        return self._rounded([min(max(drawn, rule["lowest"]), rule["highest"])])[0]

    def _target(self, strand: str) -> str:
        target = self._one_of(self._blueprint["targets"][strand])
        return f"{strand}|{target.format(g=int(self._grade))}"

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _one_of(self, choices: Sequence[str]) -> str:
        return choices[int(self._rng.integers(len(choices)))]

    def _rounded(self, values: Iterable[float]) -> tuple[float, ...]:
        decimals = self._settings["decimals"]
        return tuple(round(float(value), decimals) for value in values)
