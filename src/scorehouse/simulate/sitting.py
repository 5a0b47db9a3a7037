"""One block of tests: who sits, what they see, and the item scores their true theta gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from scorehouse.simulate import kernel
from scorehouse.simulate.config import SimulationConfig, world
from scorehouse.simulate.people import StudentBlock
from scorehouse.simulate.plan import Assessment, BlockPlan
from scorehouse.simulate.seeds import Stream, generator
from scorehouse.terms import AssessmentType, Part

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
Integers = NDArray[np.int32]
Scores = NDArray[np.int8]

PARTS = (str(Part.CAT), str(Part.PT), str(Part.FIXED))
DIMENSIONS = ("", "organization", "evidence", "conventions")
UNANSWERED = kernel.UNANSWERED


def condition_codes() -> tuple[str, ...]:
    """Return the blank and the codes, in the order that `Rows.condition` counts them."""
    return ("", *world()["condition_codes"])


class Ending(IntEnum):
    """How a test ended; the values are those of the truth table's `ending` column."""

    COMPLETE = 0
    INCOMPLETE_CAT = 1
    MISSING_CAT = 2
    MISSING_PT = 3
    NOTHING_ANSWERED = 4


@dataclass(frozen=True)
class Rows:
    """Response rows as arrays, one test after the other: `test` says whose each row is.

    `item` is a row of the pool (for a writing item, its first), `part`, `dimension` and
    `condition` are indexes into `PARTS`, `DIMENSIONS` and `condition_codes()`.
    """

    test: Integers
    item: Integers
    part: Scores
    dimension: Scores
    position: Integers
    score: Scores
    condition: Scores

    @property
    def answered(self) -> Flags:
        """Whether the student gave an answer."""
        answered: Flags = self.score != UNANSWERED
        return answered


@dataclass(frozen=True)
class Sittings:
    """The sittings of one block, in the order in which they are written."""

    assessment: Assessment
    block: StudentBlock
    student: Counts  # index into the block
    theta: Floats
    provisional_theta: Floats  # where the CAT's own estimate ended; NaN without a CAT
    ending: Scores
    force_completed: Flags
    purposes: Integers  # the performance task taken; -1 without
    started: NDArray[np.datetime64]
    seconds: Counts  # from first start to submission
    opportunity_ids: list[str]
    rows: Rows

    def __len__(self) -> int:
        return len(self.student)

    @property
    def logged_on_main(self) -> Flags:
        """Who logged on to the CAT, or to the fixed form."""
        logged_on: Flags = self.ending != Ending.MISSING_CAT
        return logged_on

    @property
    def logged_on_pt(self) -> Flags:
        """Who logged on to the performance task."""
        logged_on: Flags = self.ending != Ending.MISSING_PT
        return logged_on


@dataclass
class _Grid:
    """Rows before they are put one after the other: a line a test, a column a slot."""

    item: Integers
    score: Scores
    part: int
    dimension: Scores | None = None
    condition: Scores | None = None
    same_position: Flags | None = None  # columns that continue the item before


def draw_tests(config: SimulationConfig, plan: BlockPlan, block: StudentBlock) -> Sittings:
    """Draw the tests of one block; nothing but the arguments decides the result."""
    assessment = plan.assessment
    rng = generator(config.seed, Stream.TESTS, assessment.ordinal, plan.block)
    student = np.sort(rng.permutation(len(block))[: plan.test_count])
    theta = block.theta(assessment.subject, assessment.grade)[student]
    ending = _endings(rng, config, assessment, len(student))
    main, provisional = _main_part(rng, config, assessment, theta, ending)
    grids = [main]
    task = np.full(len(student), -1, dtype=np.int32)
    if assessment.pool.tasks:
        task = rng.integers(0, len(assessment.pool.tasks), len(student)).astype(np.int32)
        grids.append(_performance_task(rng, config, assessment, theta, ending, task))
    started, seconds = _times(rng, assessment, len(student))
    unfinished = ending != Ending.COMPLETE
    return Sittings(
        assessment=assessment,
        block=block,
        student=student,
        theta=theta,
        provisional_theta=provisional,
        ending=ending,
        force_completed=unfinished & (rng.random(len(student)) < config.rates.force_completed),
        purposes=task,
        started=started,
        seconds=seconds,
        opportunity_ids=_opportunity_ids(rng, len(student)),
        rows=_flattened(grids),
    )


def _endings(
    rng: np.random.Generator, config: SimulationConfig, assessment: Assessment, count: int
) -> Scores:
    """Draw how each test ends; a block of one part can't miss one."""
    rates = config.rates
    missing = rates.missing_part / 2 if assessment.pool.tasks else 0.0
    shares = [rates.incomplete_cat, missing, missing, rates.nothing_answered]
    drawn = np.searchsorted(np.cumsum(shares), rng.random(count), side="right")
    endings = np.array([*range(1, len(Ending)), Ending.COMPLETE], dtype=np.int8)
    return endings[drawn]


def _main_part(
    rng: np.random.Generator,
    config: SimulationConfig,
    assessment: Assessment,
    theta: Floats,
    ending: Scores,
) -> tuple[_Grid, Floats]:
    slots = _slots(rng, config, assessment, len(theta))
    presented = _presented(rng, ending, slots.shape[1])
    rates = config.rates
    skipped = rng.random(slots.shape) < (
        rates.unanswered_cat if assessment.is_adaptive else rates.unanswered
    )
    skipped |= (ending == Ending.NOTHING_ANSWERED)[:, None]
    if assessment.is_adaptive:
        _leave_last_unanswered(skipped, presented, ending)
    else:
        presented = _present_whole_form(skipped, presented)
    draw = _adaptive if assessment.is_adaptive else _fixed
    items, scores, provisional = draw(rng, config, assessment, theta, slots, presented, skipped)
    provisional[presented == 0] = np.nan
    part = PARTS.index(str(Part.CAT if assessment.is_adaptive else Part.FIXED))
    return _Grid(items, scores, part), provisional


def _slots(
    rng: np.random.Generator, config: SimulationConfig, assessment: Assessment, count: int
) -> Integers:
    """Return the strand of each slot, in an order of each student's own when adaptive."""
    pool = assessment.pool
    if not assessment.is_adaptive:
        return np.tile(pool.sequence, (count, 1))
    field_test = round(config.rates.field_test * len(pool.sequence))
    field_test = min(field_test, config.pool.field_test_items)
    strands = np.append(pool.sequence, np.full(field_test, len(pool.strand_bounds) - 2))
    order = np.argsort(rng.random((count, len(strands)), dtype=np.float32), axis=1)
    return strands.astype(np.int32)[order]


def _presented(rng: np.random.Generator, ending: Scores, length: int) -> Integers:
    """Return how many items of the main part each student saw."""
    presented = np.full(len(ending), length, dtype=np.int32)
    short = (ending == Ending.INCOMPLETE_CAT) | (ending == Ending.NOTHING_ANSWERED)
    some = rng.integers(1, max(2, length), len(ending), dtype=np.int32)
    few = np.minimum(some, 3)
    presented[short] = np.where(ending == Ending.NOTHING_ANSWERED, few, some)[short]
    presented[ending == Ending.MISSING_CAT] = 0
    return presented


def _leave_last_unanswered(skipped: Flags, presented: Integers, ending: Scores) -> None:
    """Mark the item on which an incomplete CAT was left, unless it is the only one."""
    left = np.flatnonzero((ending == Ending.INCOMPLETE_CAT) & (presented > 1))
    skipped[left, presented[left] - 1] = True
    skipped[left, 0] = False


def _present_whole_form(skipped: Flags, presented: Integers) -> Integers:
    """Leave a fixed form's items after the last one seen unanswered: all were delivered."""
    skipped |= np.arange(skipped.shape[1]) >= presented[:, None]
    return np.where(presented > 0, np.int32(skipped.shape[1]), np.int32(0)).astype(np.int32)


def _adaptive(
    rng: np.random.Generator,
    config: SimulationConfig,
    assessment: Assessment,
    theta: Floats,
    slots: Integers,
    presented: Integers,
    skipped: Flags,
) -> tuple[Integers, Scores, Floats]:
    pool = assessment.pool
    items = np.full(slots.shape, -1, dtype=np.int32)
    scores = np.zeros(slots.shape, dtype=np.int8)
    provisional = np.zeros(len(theta))
    settings = world()["items"]
    prior = settings["prior_spread"] ** 2
    kernel.adapt(
        theta,
        slots,
        presented,
        skipped,
        rng.random((*slots.shape, 2)),
        np.nanmean(pool.steps, axis=1),
        pool.discrimination,
        pool.steps,
        pool.step_count,
        pool.strand_bounds,
        (pool.mean_difficulty, prior, config.model_constant, int(settings["nearest"])),
        items,
        scores,
        provisional,
    )
    return items, scores, provisional


def _fixed(
    rng: np.random.Generator,
    config: SimulationConfig,
    assessment: Assessment,
    theta: Floats,
    slots: Integers,
    presented: Integers,
    skipped: Flags,
) -> tuple[Integers, Scores, Floats]:
    places = np.arange(slots.shape[1], dtype=np.int32)
    items = np.where(places < presented[:, None], places, np.int32(-1))
    scores = _answers(rng, config, assessment, theta, items)
    scores[skipped] = UNANSWERED
    return items, scores, np.full(len(theta), np.nan)


def _answers(
    rng: np.random.Generator,
    config: SimulationConfig,
    assessment: Assessment,
    theta: Floats,
    items: Integers,
) -> Scores:
    pool = assessment.pool
    scores = np.zeros(items.shape, dtype=np.int8)
    kernel.answer_form(
        theta,
        items,
        rng.random(items.shape),
        pool.discrimination,
        pool.steps,
        pool.step_count,
        config.model_constant,
        scores,
    )
    return scores


def _performance_task(
    rng: np.random.Generator,
    config: SimulationConfig,
    assessment: Assessment,
    theta: Floats,
    ending: Scores,
    task: Integers,
) -> _Grid:
    items = np.array(assessment.pool.tasks, dtype=np.int32)[task]
    items[ending == Ending.MISSING_PT] = -1
    scores = _answers(rng, config, assessment, theta, items)
    skipped = rng.random(items.shape) < config.rates.unanswered
    skipped |= (ending == Ending.NOTHING_ANSWERED)[:, None]
    part = PARTS.index(str(Part.PT))
    if not assessment.pool.rows[-1].dimension:
        scores[skipped] = UNANSWERED
        return _Grid(items, scores, part)
    skipped[:, -1] = skipped[:, -2]  # C and D are one item
    scores[skipped] = UNANSWERED
    return _with_traits(rng, config, _Grid(items, scores, part))


def _with_traits(rng: np.random.Generator, config: SimulationConfig, task: _Grid) -> _Grid:
    """Replace the last two columns, the dimensions C and D, by the three traits."""
    conventions, dimension = task.score[:, -2], task.score[:, -1]
    organization, evidence = _raters_traits(rng, dimension)
    traits = np.stack([organization, evidence, conventions], axis=1)
    condition = np.zeros_like(traits)
    _give_codes(rng, config.rates.condition_codes, traits, condition)
    first_row = np.repeat(task.item[:, -2:-1], 3, axis=1)
    plain = task.item.shape[1] - 2
    zeros = np.zeros((len(task.item), plain), dtype=np.int8)
    return _Grid(
        item=np.concatenate([task.item[:, :plain], first_row], axis=1),
        score=np.concatenate([task.score[:, :plain], traits], axis=1),
        part=task.part,
        dimension=np.array([0] * plain + [1, 2, 3], dtype=np.int8),
        condition=np.concatenate([zeros, condition], axis=1),
        same_position=np.array([False] * (plain + 1) + [True, True]),
    )


def _raters_traits(rng: np.random.Generator, dimension: Scores) -> tuple[Scores, Scores]:
    """Draw organization and evidence whose mean, half rounded up, is the dimension drawn.

    Traits are 1 to 4 when the dimension is above 0, else both 0; they differ by one at most.
    """
    lean = rng.integers(0, 3, len(dimension))
    can_differ = dimension > 1
    lower = (dimension - can_differ).astype(np.int8)
    organization = np.where(lean == 1, lower, dimension)
    evidence = np.where(lean == 2, lower, dimension)
    return organization.astype(np.int8), evidence.astype(np.int8)


def _give_codes(rng: np.random.Generator, rate: float, traits: Scores, condition: Scores) -> None:
    """Give some answered writing items a condition code, in place.

    A code takes all three traits to 0; M (off purpose) leaves conventions as scored.
    """
    weights: Mapping[str, float] = world()["condition_codes"]
    shares = np.array(list(weights.values()))
    has_code = (rng.random(len(traits)) < rate) & (traits[:, 0] != UNANSWERED)
    drawn = 1 + rng.choice(len(shares), len(traits), p=shares / shares.sum())
    off_purpose = drawn == condition_codes().index("M")
    for trait in range(3):
        coded = has_code & ~(off_purpose & (trait == 2))
        traits[coded, trait] = 0
        condition[coded, trait] = drawn[coded]


def _flattened(grids: list[_Grid]) -> Rows:
    """Put the rows of each test one after the other, numbering its items from 1."""
    shape = (len(grids[0].item), sum(grid.item.shape[1] for grid in grids))
    item = np.concatenate([grid.item for grid in grids], axis=1)
    score = np.concatenate([grid.score for grid in grids], axis=1)
    dimension = np.concatenate([_line(grid, grid.dimension, np.int8) for grid in grids])
    continues = np.concatenate([_line(grid, grid.same_position, np.bool_) for grid in grids])
    part = np.concatenate([np.full(grid.item.shape[1], grid.part, np.int8) for grid in grids])
    coded = [grid.condition for grid in grids]
    condition = np.concatenate(
        [
            np.zeros_like(grid.score) if codes is None else codes
            for grid, codes in zip(grids, coded, strict=True)
        ],
        axis=1,
    )
    seen = item >= 0
    position = np.cumsum(seen & ~continues, axis=1, dtype=np.int32)
    test = np.broadcast_to(np.arange(shape[0], dtype=np.int32)[:, None], shape)
    return Rows(
        test=test[seen],
        item=item[seen],
        part=np.broadcast_to(part, shape)[seen],
        dimension=np.broadcast_to(dimension, shape)[seen],
        position=position[seen],
        score=score[seen],
        condition=condition[seen],
    )


def _line(
    grid: _Grid, values: NDArray[np.generic] | None, of_type: type[np.generic]
) -> NDArray[np.generic]:
    return np.zeros(grid.item.shape[1], dtype=of_type) if values is None else values


def _times(
    rng: np.random.Generator, assessment: Assessment, count: int
) -> tuple[NDArray[np.datetime64], Counts]:
    """Draw when each test was first started, in the window, and how long it lay open."""
    general = world()["general"]
    if assessment.assessment_type is AssessmentType.SUMMATIVE:
        opens, days = f"{assessment.year.ends}-{general['window_opens']}", general["window_days"]
    else:
        before = assessment.year.ends - 1
        opens, days = f"{before}-{general['interim_opens']}", general["interim_days"]
    day = rng.integers(0, days, count)
    second = rng.integers(8 * 3600, 14 * 3600, count)
    started = np.datetime64(opens, "s") + (day * 86_400 + second).astype("timedelta64[s]")
    days_open = rng.integers(0, 6, count) if assessment.pool.tasks else np.zeros(count, np.int64)
    return started, days_open * 86_400 + rng.integers(1200, 7200, count)


def _opportunity_ids(rng: np.random.Generator, count: int) -> list[str]:
    """Return identifiers that look like GUIDs."""
    text = rng.bytes(16 * count).hex()
    return [
        f"{text[at : at + 8]}-{text[at + 8 : at + 12]}-{text[at + 12 : at + 16]}-"
        f"{text[at + 16 : at + 20]}-{text[at + 20 : at + 32]}"
        for at in range(0, 32 * count, 32)
    ]
