"""From students to sums, in plain Python: who counts in which row, and why the others don't.

This is the readable form. The fast one is the SQL of `warehouse/marts/academic_*.sql`; both give
the same for generated students. One call is about one subject in one school year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from scorehouse.accountability.academic.students import (
    CAA,
    CURRENT_SWD,
    STATE_ID,
    Days,
    Place,
    Range,
    Record,
    Spell,
    groups_of,
    is_continuous,
    lea_row,
    mask,
    school_row,
)
from scorehouse.accountability.academic.sums import DISTRICT, LEFT_OUT, POINT, SCHOOL, STATE
from scorehouse.rulebook.dashboard_students import BY_TEST, StudentRules


@dataclass(frozen=True)
class Member:
    """A student in a subject and year. `reasons` by type of entity; blank: the score counts."""

    student_id: str
    school_id: str
    lea_id: str
    groups: frozenset[str]
    reasons: Mapping[str, str]
    distance: int | None
    is_enrolled: bool
    is_tested: bool
    records: int

    def entities(self) -> Iterator[tuple[str, str]]:
        """The entities whose rows the student belongs to, with their types."""
        if self.school_id:
            yield SCHOOL, self.school_id
        if self.lea_id:
            yield DISTRICT, self.lea_id
        yield STATE, STATE_ID


@dataclass
class Tally:
    """The sums of one entity and group."""

    scores: int = 0
    distance_sum: int = 0
    caa_scores: int = 0
    caa_distance_sum: int = 0
    color_scores: int = 0
    enrolled: int = 0
    tested: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEFT_OUT, 0))


# --- one student ---


@dataclass(frozen=True)
class Setting:
    """What a subject and year are judged by."""

    subject: str
    rules: StudentRules
    days: Days
    places: Mapping[str, Place]
    ranges: Mapping[str, Range]


def indicator_of(record: Record, rules: StudentRules) -> str:
    """Y counts, T too little answered, N not tested, E exempt, R invalid."""
    if record.include_indicator:
        return record.include_indicator
    if record.condition_code in rules.conditions:
        return rules.conditions[record.condition_code][0]
    has_value = record.scale_score is not None or record.distance is not None
    return "Y" if has_value else "N"


def told_of(record: Record, rules: StudentRules) -> str:
    """What the condition code tells: medical, opt_out, exempt or nothing."""
    return rules.conditions.get(record.condition_code, ("", ""))[1]


def best_record(records: Sequence[Record], rules: StudentRules) -> Record | None:
    """The latest record that counts; without one, the latest. Ties are settled by content."""

    def order(record: Record) -> tuple[object, ...]:
        indicator = indicator_of(record, rules)
        return (
            indicator == "Y" and record.value is not None,
            *_known(record.completed_on, date.min),
            record.test_program,
            record.test_grade,
            *_known(record.scale_score, 0),
            *_known(record.distance, 0),
            indicator,
            record.condition_code in rules.conditions,
            told_of(record, rules),
            record.tested_school,
        )

    return max(records, key=order, default=None)


def _known(value: object, blank: object) -> tuple[bool, object]:
    """Sorts what isn't known first."""
    return (value is not None, blank if value is None else value)


def chosen_spell(spells: Sequence[Spell], record: Record | None, about: Setting) -> Spell:
    """The enrollment that the result counts for.

    The one that held on the day of the test (without it, on the window's first); of several,
    the one at the school of the test; then one within the window, then the latest.
    """

    def order(spell: Spell) -> tuple[object, ...]:
        place = about.places[spell.school_id]
        return (
            spell.holds_on(day_of_test(record, place)),
            record is not None and spell.school_id == record.tested_school,
            spell.is_in_window(place),
            *_known(spell.entered_on, date.min),
            spell.last_on,
            spell.school_id,
            lea_row(spell, place, about.rules),
            mask(groups_of(spell, about.days)),
            is_recent(spell, place),
            *_known(spell.grade_enrolled, ""),
        )

    return max(spells, key=order)


def day_of_test(record: Record | None, place: Place) -> date:
    """The day of the test; the first day of the window where there is none."""
    return (record.completed_on if record else None) or place.starts_on


def is_recent(spell: Spell, place: Place) -> bool:
    """Whether the student is an English learner in the first year."""
    entry = spell.first_entry_on
    return spell.el_status == "EL" and entry is not None and entry > place.recent_after


def member(spells: Sequence[Spell], records: Sequence[Record], about: Setting) -> Member | None:
    """How one student counts; None for a student of another grade without a result."""
    record = best_record(records, about.rules)
    if not spells:
        return None if record is None else _off_roster(record, len(records), about)
    spell = chosen_spell(spells, record, about)
    grade = record.test_grade if record else spell.grade_enrolled or ""
    if record is None and grade not in about.ranges:
        return None
    place = about.places[spell.school_id]
    recent = is_recent(spell, place)
    why = reason(record, grade, recent, about)
    in_window = any(each.is_in_window(about.places[each.school_id]) for each in spells)
    groups = groups_of(spell, about.days) | ({record.test_program} if record else set())
    reasons = {level: why or r for level, r in _continuity(spells, spell, record, about).items()}
    return _member(
        spell.student_id, (school_row(place), lea_row(spell, place, about.rules)), groups,
        why, reasons, record, len(records), about, recent, in_window,
    )  # fmt: skip


def _off_roster(record: Record, count: int, about: Setting) -> Member:
    """A student whom the roster doesn't know: told at the school of the test, counted nowhere."""
    place = about.places.get(record.tested_school)
    school = school_row(place) if place else ""
    blank = Spell(record.student_id, record.tested_school, None)
    lea = lea_row(blank, place, about.rules) if place else ""
    why = reason(record, record.test_grade, False, about)
    reasons = dict.fromkeys((SCHOOL, DISTRICT, STATE), why or "enrollment_unknown")
    groups = frozenset({"ALL", record.test_program})
    return _member(
        record.student_id, (school, lea), groups, why, reasons, record, count, about, False, False
    )


def _member(
    student_id: str,
    entities: tuple[str, str],
    groups: frozenset[str],
    why: str,
    reasons: Mapping[str, str],
    record: Record | None,
    count: int,
    about: Setting,
    recent: bool,
    in_window: bool,
) -> Member:
    is_apart = why in ("other_grade", "medical", "exempt") or (
        recent and about.subject in about.rules.recent_not_enrolled
    )
    is_enrolled = in_window and not is_apart
    is_tested = record is not None and indicator_of(record, about.rules) in about.rules.tested
    return Member(
        student_id=student_id,
        school_id=entities[0],
        lea_id=entities[1],
        groups=groups,
        reasons=reasons,
        distance=None if why or record is None else distance(record, about),
        is_enrolled=is_enrolled,
        is_tested=is_enrolled and is_tested,
        records=count,
    )


def distance(record: Record, about: Setting) -> int | None:
    """Points × `POINT` from the lowest Level 3 score of the grade and subject of the test."""
    if record.test_program == CAA:
        return record.distance
    if record.scale_score is None:
        return None
    return (record.scale_score - about.ranges[record.test_grade].standard_met) * POINT


def reason(record: Record | None, grade: str, recent: bool, about: Setting) -> str:
    """Why a student has no score that counts, whatever the entity; blank: the score counts."""
    rules = about.rules
    if grade not in about.ranges:
        return "other_grade"
    if record is not None and told_of(record, rules) == "medical":
        return "medical"
    if recent and about.subject in rules.recent_not_scored:
        return "recent_english_learner"
    if record is None:
        return "no_score"
    indicator = indicator_of(record, rules)
    if indicator == "E":
        return "exempt"
    if told_of(record, rules) == "opt_out":
        return "opt_out"
    by_indicator = {"N": "no_score", "R": "invalid", "T": "lowest_score"}
    if indicator in by_indicator:
        return by_indicator[indicator]
    return _unscored(record, about)


def _unscored(record: Record, about: Setting) -> str:
    """Why a record that counts as tested has no distance."""
    if record.test_program == CAA:
        if not about.rules.pools_alternate:
            return "alternate"
        return "no_distance" if record.distance is None else ""
    if record.scale_score is None:
        return "no_score"
    limits = about.ranges[record.test_grade]
    is_within = limits.lowest <= record.scale_score <= limits.highest
    return "" if is_within else "out_of_range"


def _continuity(
    spells: Sequence[Spell], spell: Spell, record: Record | None, about: Setting
) -> Mapping[str, str]:
    """Whether the student was there long enough, by type of entity."""
    rules, places = about.rules, about.places

    def lea(each: Spell) -> str:
        return lea_row(each, places[each.school_id], rules)

    def school(each: Spell) -> str:
        return school_row(places[each.school_id])

    place = places[spell.school_id]
    until = day_of_test(record, place) if rules.testing_day == BY_TEST else place.starts_on
    there = {
        SCHOOL: [each for each in spells if school(each) == school(spell)],
        DISTRICT: [each for each in spells if lea(each) == lea(spell)],
        STATE: spells,
    }
    unknown = any(each.entered_on is None for each in spells)
    otherwise = "enrollment_unknown" if unknown else "not_continuously_enrolled"
    since = about.days.census_on
    return {
        level: "" if is_continuous(own, since, until, rules.gap_days) else otherwise
        for level, own in there.items()
    }


# --- everybody ---


def members(spells: Iterable[Spell], records: Iterable[Record], about: Setting) -> list[Member]:
    """How every student of a subject and year counts, in the order of their identifiers."""
    of_spells: dict[str, list[Spell]] = defaultdict(list)
    of_records: dict[str, list[Record]] = defaultdict(list)
    for spell in spells:
        of_spells[spell.student_id].append(spell)
    for record in records:
        of_records[record.student_id].append(record)
    found = (
        member(of_spells[student], of_records[student], about)
        for student in sorted({*of_spells, *of_records})
    )
    return [one for one in found if one is not None]


def tallies(everybody: Iterable[Member]) -> dict[tuple[str, str, str], Tally]:
    """The sums of every entity and group, by entity, its type, and group."""
    found: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
    for one in everybody:
        for entity_type, entity_id in one.entities():
            for group in one.groups - {CURRENT_SWD}:
                _count(found[entity_id, entity_type, group], one, entity_type, group)
    return dict(found)


def _count(tally: Tally, one: Member, entity_type: str, group: str) -> None:
    tally.enrolled += one.is_enrolled
    tally.tested += one.is_tested
    tally.left_out["duplicate"] += max(0, one.records - 1)
    if why := one.reasons[entity_type]:
        tally.left_out[why] += 1
        return
    assert one.distance is not None
    tally.scores += 1
    tally.distance_sum += one.distance
    tally.color_scores += (CURRENT_SWD if group == "SWD" else group) in one.groups
    if CAA in one.groups:
        tally.caa_scores += 1
        tally.caa_distance_sum += one.distance
