"""From students to the sums of the Academic Indicator on an engine, subject by subject.

The engine needs two names, in the shapes of `accountability.academic.shapes`: `academic_roster`
and `academic_results`. The texts stand in `marts/academic_*.sql`; the same in plain Python is
`accountability.academic.members`, and the tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.accountability.academic.members import Setting
from scorehouse.accountability.academic.students import (
    BITS,
    CURRENT_SWD,
    LAST_DAY,
    RACES,
    STATE_ID,
    Place,
)
from scorehouse.accountability.academic.sums import LEFT_OUT, POINT
from scorehouse.rulebook.dashboard_students import BY_TEST, EVERYWHERE, SPECIAL, StudentRules
from scorehouse.warehouse.academic_cells import REASONS, entity_sums
from scorehouse.warehouse.engine import Engine, Local
from scorehouse.warehouse.marts import filled, in_list, text_of

_Key = TypeVar("_Key", bound=Hashable)

_WAS_RECLASSIFIED = "r.el_status = 'RFEP' AND r.reclassified_on >= p.reclassified_since"
_CONDITIONS = {
    "ALL": "true",
    **{race: f"r.race_ethnicity = '{race}'" for race in RACES},
    "EL": f"r.el_status = 'EL' OR ({_WAS_RECLASSIFIED})",
    "ELO": "r.el_status = 'EL'",
    "RFP": _WAS_RECLASSIFIED,
    "EO": "r.el_status = 'EO'",
    "LTEL": "r.long_term_english_learner",
    "SED": "r.economically_disadvantaged",
    "SWD": "r.student_with_disabilities OR r.disability_ended_on >= p.disability_since",
    CURRENT_SWD: "r.student_with_disabilities",
    "FOS": "r.foster_youth",
    "HOM": "r.homeless",
}
_NUMBER = (
    "CASE WHEN CAST(TRY_CAST(r.student_id AS BIGINT) AS STRING) = r.student_id "
    "THEN TRY_CAST(r.student_id AS BIGINT) END"
)
"""A student's number, which is joined sooner than a text; null where it isn't the identifier."""

_HALVES = {"plain": "NULL", "moving": "NOT NULL"}
"""Students with one enrollment, and movers: what `academic_movers` says of them."""


class SumsRun:
    """Sums of several subjects and years from one roster; numbers its entities once.

    What all subjects and years read is computed once.
    """

    def __init__(
        self, engine: Engine, rules: StudentRules, entity_ids: Iterable[str], groups: Sequence[str]
    ) -> None:
        """`entity_ids` are all schools and LEAs that may occur, `groups` those to be summed."""
        self._engine = engine
        self._rules = rules
        self._ids = [*sorted({*entity_ids, STATE_ID} - {""})]
        self._numbers = {entity: number for number, entity in enumerate(self._ids, start=1)}
        self._groups = sorted({*groups, CURRENT_SWD})
        self._settings: dict[tuple[str, str], int] = {}
        self._years: dict[str, int] = {}
        self._movers_of: object = None
        engine.register("academic_entities", self._entities())
        engine.register("academic_groups", _groups(self._groups))
        engine.register("academic_conditions", _conditions(rules))

    def prepare(self, settings: Sequence[tuple[str, Setting]]) -> None:
        """Read the roster and the results of school years and subjects, all in one go.

        A school is the same in all subjects of a year but for its window.
        """
        self._years = _numbered(year for year, _ in settings)
        self._settings = _numbered((year, about.subject) for year, about in settings)
        self._movers_of = None
        self._engine.register("academic_schools", self._schools(settings))
        self._engine.register("academic_settings", _settings(self._settings))
        if not self._read(_NUMBER):
            self._read("r.student_id")
        self._keep("repeaters", {})

    def _read(self, student: str) -> bool:
        """Read with an expression for a student; whether it stood for all of them."""
        if student == _NUMBER and not isinstance(self._engine, Local):
            return False
        for rows in ("spells", "records"):
            self._keep(rows, {**self._rule_names(), "student": student})
            lacking = f"SELECT count(*) AS n FROM academic_{rows} WHERE student_id IS NULL"
            if student == _NUMBER and self._engine.sql(lacking)["n"][0].as_py():
                return False
        return True

    def sums(self, about: Setting, school_year: str) -> pa.Table:
        """The sums of one subject and year by entity, its type and group, in this order."""
        return self.sums_of(self.cells(about, school_year))

    def cells(self, about: Setting, school_year: str) -> pa.Table:
        """Students of one subject and year who are alike, for `sums_of`."""
        self.define(about, school_year)
        return self._engine.sql(
            filled(text_of("academic_cells"), **self._names(about, school_year))
        )

    def sums_of(self, cells: pa.Table) -> pa.Table:
        """What `sums` gives, of cells; the engine has no part in it."""
        return entity_sums(cells, self._numbers[STATE_ID], self._ids, self._groups)

    def members(self, about: Setting, school_year: str, where: str = "true") -> pa.Table:
        """The students of a subject and year, with reasons in words, blank where they count.

        `where` is a condition on `school_id`, `lea_id` or `student_id`.
        """
        self.define(about, school_year)
        text = (
            "SELECT * FROM (SELECT CAST(m.student_id AS STRING) AS student_id, "
            "coalesce(s.entity_id, '') AS school_id, coalesce(l.entity_id, '') AS lea_id, "
            "m.student_groups, m.school_reason, m.lea_reason, m.state_reason, m.distance, "
            "m.is_enrolled, m.is_tested, m.records FROM academic_members AS m "
            "LEFT JOIN academic_entities AS s ON s.entity_no = m.school_no "
            "LEFT JOIN academic_entities AS l ON l.entity_no = m.lea_no) AS t "
            f"WHERE {where} ORDER BY student_id NULLS LAST"
        )
        return _in_words(self._engine.sql(text))

    def define(self, about: Setting, school_year: str) -> None:
        """Name what a subject and year need, up to `academic_members`."""
        if (school_year, about.subject) not in self._settings:
            self.prepare([(school_year, about)])
        names = self._names(about, school_year)
        self._engine.register("academic_places", self._places(about))
        self._engine.register("academic_cuts", _cuts(about))
        places = school_year, frozenset(about.places)
        if is_new := places != self._movers_of:
            self._keep("movers", names)
        for half, which in _HALVES.items():
            for rows, text in (("spells", "placed"), ("records", "settled")):
                self._view(f"{half}_{rows}", text, {**names, "which": which})
        if is_new:
            self._keep("stays", names)
        self._movers_of = places
        if isinstance(self._engine, Local):
            self._view("members", "members", names)
        else:  # a cluster would compute them for each use that a query makes of them
            self._keep("members", names)

    def _keep(self, text: str, names: Mapping[str, str]) -> None:
        self._engine.keep(f"academic_{text}", filled(text_of(f"academic_{text}"), **names))

    def _view(self, name: str, text: str, names: Mapping[str, str]) -> None:
        self._engine.view(f"academic_{name}", filled(text_of(f"academic_{text}"), **names))

    def _names(self, about: Setting, school_year: str) -> dict[str, str]:
        """What fills the braces of the texts of a subject and year."""
        rules = self._rules
        by_test = rules.testing_day == BY_TEST
        return {
            **self._rule_names(),
            **{reason: str(number) for reason, number in REASONS.items()},
            "year_no": str(self._years[school_year]),
            "setting_no": str(self._settings[school_year, about.subject]),
            "plain_testing_day": _day("b.completed_on", "s.starts_on", by_test),
            "chosen_testing_day": _day("c.completed_on", "c.starts_on", by_test),
            "recent_not_scored": _truth(about.subject in rules.recent_not_scored),
            "recent_not_enrolled": _truth(about.subject in rules.recent_not_enrolled),
        }

    def _rule_names(self) -> dict[str, str]:
        """What fills the braces of any text."""
        rules = self._rules
        return {
            "last_day": LAST_DAY.isoformat(),
            "groups": " + ".join(
                f"CASE WHEN {condition} THEN {BITS[code]} ELSE 0 END"
                for code, condition in _CONDITIONS.items()
            ),
            "everybody": str(BITS["ALL"]),
            "sba": str(BITS["SBA"]),
            "caa": str(BITS["CAA"]),
            "point": str(POINT),
            "joined_days": str(rules.gap_days + 1),
            "charters_apart": _truth(rules.charters_apart),
            "residence_everywhere": _truth(rules.residence == EVERYWHERE),
            "residence_special": _truth(rules.residence == SPECIAL),
            "pools_alternate": _truth(rules.pools_alternate),
            "tested": in_list(sorted(rules.tested)),
        }

    def _entities(self) -> pa.Table:
        numbers = pa.array(list(self._numbers.values()), pa.int32())
        return pa.table({"entity_id": pa.array(self._ids), "entity_no": numbers})

    def _schools(self, settings: Sequence[tuple[str, Setting]]) -> pa.Table:
        """What the schools of each year are, and the days that decide on groups."""
        rows = {
            (year, place.school_id): (self._years[year], place, about.days)
            for year, about in settings
            for place in about.places.values()
        }
        found = list(rows.values())
        columns = {
            "school_year": pa.array([year for year, _ in rows], pa.string()),
            "year_no": pa.array([number for number, _, _ in found], pa.int32()),
            "school_id": pa.array([place.school_id for _, place, _ in found], pa.string()),
            **self._what_is([place for _, place, _ in found]),
        }
        for name in ("reclassified_since", "disability_since"):
            columns[name] = pa.array([getattr(days, name) for _, _, days in found], pa.date32())
        return pa.table(columns)

    def _places(self, about: Setting) -> pa.Table:
        """Schools with the days of a subject and year."""
        places = list(about.places.values())
        columns = self._what_is(places)
        for name in ("starts_on", "ends_on", "recent_after"):
            columns[name] = pa.array([getattr(place, name) for place in places], pa.date32())
        columns["census_on"] = pa.array([about.days.census_on] * len(places), pa.date32())
        return pa.table(columns)

    def _what_is(self, places: Sequence[Place]) -> dict[str, pa.Array]:
        numbers = self._numbers
        columns = {
            "school_no": pa.array([numbers[one.school_id] for one in places], pa.int32()),
            "lea_no": pa.array([numbers.get(one.lea_id, 0) for one in places], pa.int32()),
        }
        for name in ("is_charter", "is_nonpublic", "is_special"):
            columns[name] = pa.array([getattr(place, name) for place in places], pa.bool_())
        return columns


def _numbered(keys: Iterable[_Key]) -> dict[_Key, int]:
    return {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}


def _settings(numbers: Mapping[tuple[str, str], int]) -> pa.Table:
    return pa.table(
        {
            "school_year": pa.array([year for year, _ in numbers], pa.string()),
            "subject": pa.array([subject for _, subject in numbers], pa.string()),
            "setting_no": pa.array(list(numbers.values()), pa.int32()),
            "setting_bit": pa.array([1 << number for number in numbers.values()], pa.int64()),
        }
    )


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _day(tested: str, window: str, by_test: bool) -> str:
    return f"coalesce({tested}, {window})" if by_test else window


def _groups(codes: Sequence[str]) -> pa.Table:
    bits = [BITS[code] for code in codes]
    return pa.table(
        {
            "student_group": pa.array(codes, pa.string()),
            "group_no": pa.array(range(len(codes)), pa.int32()),
            "group_bit": pa.array(bits, pa.int64()),
        }
    )


def _conditions(rules: StudentRules) -> pa.Table:
    told = list(rules.conditions.values())
    return pa.table(
        {
            "condition_code": pa.array(list(rules.conditions), pa.string()),
            "include_indicator": pa.array([indicator for indicator, _ in told], pa.string()),
            "told": pa.array([reason for _, reason in told], pa.string()),
        }
    )


def _cuts(about: Setting) -> pa.Table:
    ranges = about.ranges.values()
    return pa.table(
        {
            "test_grade": pa.array(list(about.ranges), pa.string()),
            "standard_met": pa.array([one.standard_met for one in ranges], pa.int64()),
            "lowest": pa.array([one.lowest for one in ranges], pa.int64()),
            "highest": pa.array([one.highest for one in ranges], pa.int64()),
        }
    )


def _in_words(members: pa.Table) -> pa.Table:
    """Reasons and groups as words instead of numbers."""
    words = pa.array(["", *LEFT_OUT])
    columns = {name: members[name] for name in ("student_id", "school_id", "lea_id")}
    columns["student_groups"] = pa.array(
        [_codes(groups) for groups in members["student_groups"].to_pylist()], pa.list_(pa.string())
    )
    for name in ("school_reason", "lea_reason", "state_reason"):
        columns[name] = words.take(members[name].combine_chunks().cast(pa.int32()))
    columns["distance"] = members["distance"].cast(pa.int64())
    for name in ("is_enrolled", "is_tested"):
        columns[name] = pc.equal(members[name], 1)
    columns["records"] = members["records"].cast(pa.int64())
    return pa.table(columns)


def _codes(groups: int) -> list[str]:
    return [code for code, bit in BITS.items() if groups & bit]
