"""The release at hand beside every earlier one that its audience has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import DIFFERENCING, TOTAL, Decision
from scorehouse.disclosure.differencing import hide_small_differences
from scorehouse.disclosure.knowledge import Ranges
from scorehouse.disclosure.lines import Line, Scene, earlier_lines
from scorehouse.disclosure.protection import Scenery, secure
from scorehouse.disclosure.shapes import Earlier, Relation, RowKey, ScoreRange
from scorehouse.rulebook.small_groups import SmallGroupRules

_RESTATED = 0.5  # between a snapshot and the next: the same data, counted otherwise
_COMPARABLE = ("school_year", "student_group", "entity_id", "test_grade")


def scenery_of(
    current: Sequence[Line],
    earlier: Iterable[Earlier],
    relations: Sequence[Relation],
    years: Mapping[str, SmallGroupRules],
    score_ranges: Mapping[tuple[str, str], ScoreRange],
) -> Scenery:
    """Put rows and sums of now and before side by side, each in its scene."""
    past: list[Line] = []
    told: list[tuple[Scene, Relation]] = []
    for release in earlier:
        lines = list(earlier_lines(release, years))
        past += lines
        scenes = dict.fromkeys(line.asked for line in lines)
        told += [(scene, relation) for scene in scenes for relation in release.relations]
    if _is_restated(current, past):
        current = [_later(line) for line in current]
    scenes = dict.fromkeys(line.asked for line in current)
    told += [(scene, relation) for scene in scenes for relation in relations]
    ranges = {key: _range(found) for key, found in score_ranges.items()}
    return Scenery(current, past, told, ranges | _pooled(ranges))


def _is_restated(current: Iterable[Line], past: Iterable[Line]) -> bool:
    """Whether rows of the same snapshot now have other counts than were released."""
    shown = {(line.scene, line.key): line for line in past if not line.decision.row}
    for line in current:
        other = shown.get((line.scene, line.key))
        if other is None:
            continue
        pairs = [(line.counts[name], other.counts[name]) for name in names.COUNTS]
        pairs += list(zip(line.levels, other.levels, strict=False))
        if any(a is not None and b is not None and a != b for a, b in pairs):
            return True
    return False


def _later(line: Line) -> Line:
    return replace(line, asked=line.asked._replace(moment=line.asked.moment + _RESTATED))


def _range(found: ScoreRange) -> Ranges:
    return Ranges(found.lowest - found.standard_met, found.highest - found.standard_met)


def _pooled(ranges: Mapping[tuple[str, str], Ranges]) -> dict[tuple[str, str], Ranges]:
    """For each subject with all grades pooled, the widest of the grades' ranges."""
    by_subject: dict[str, list[Ranges]] = defaultdict(list)
    for (subject, _), found in ranges.items():
        by_subject[subject].append(found)
    return {
        (subject, ""): Ranges(min(r.low for r in found), max(r.high for r in found))
        for subject, found in by_subject.items()
    }


def protected(scenery: Scenery, decisions: Sequence[Decision]) -> tuple[RowKey, ...]:
    """Complete first decisions by all that overlaps asks for; return rows past help."""
    rules = [line.rules for line in scenery.current]
    hide_small_differences(scenery.current, scenery.earlier, decisions)
    interval = max(rule.smallest_interval for rule in rules)
    exposed = secure(scenery, decisions, interval)
    for line in scenery.current:
        _hide_pooled_means(line)
    _hide_compared(scenery.current)
    return exposed


def _hide_pooled_means(line: Line) -> None:
    """Of pooled grades, show the distance from standard and not the mean scale score.

    The two together tell how many students each grade has: their difference is the mean of
    the grades' cuts.
    """
    is_both = all(line.figures.get(name) is not None for name in names.MEANS)
    if not line.key.test_grade and is_both and not line.decision.scale:
        line.decision.scale = TOTAL


def _hide_compared(current: Sequence[Line]) -> None:
    """Hide a change when the row compared with isn't shown: the change would tell its mean."""
    shown = {
        (line.scene, line.key)
        for line in current
        if not (line.decision.row or line.decision.results or line.decision.scale)
    }
    for line in current:
        keys = [(line.scene, key) for key in _compared(line) if key != line.key]
        if line.compared_with and shown.isdisjoint(keys):
            line.decision.compared = DIFFERENCING


def _compared(line: Line) -> Iterator[RowKey]:
    """What `compared_with` can mean: another year, group, entity or grade, or a cohort's step."""
    for name in _COMPARABLE:
        yield line.key._replace(**{name: line.compared_with})
    year, is_step, grade = line.compared_with.partition(":")
    if is_step:
        yield line.key._replace(school_year=year, test_grade=grade)
