"""Rows of the state's research files from figures that have passed the exit door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from scorehouse.exports.research_layout import Codes, Era, codes
from scorehouse.exports.research_write import HIDDEN, Value
from scorehouse.reports.figure_shape import ALL_GRADES, ALL_STUDENTS, OVERALL
from scorehouse.terms import SchoolYear

_CODE_DIGITS, _COUNTY_DIGITS, _DISTRICT_DIGITS = 14, 2, 7
_MET = 3
_EXACT = 1_000
"""Scale scores with up to three decimals give exact means."""

Figures = Mapping[str, Any]
Told = Callable[[str, str], None]
"""Told the kind of thing that has no place in the files, and which one it is."""


@dataclass(frozen=True)
class ResearchEntity:
    """An entity as research files name it: `type_of` is a key of the type codes."""

    code: str
    type_of: str
    county_name: str = ""
    district_name: str = ""
    school_name: str = ""
    zip_code: str = ""


class _Key(NamedTuple):
    entity_id: str
    subject: str
    student_group: str
    test_grade: str


def research_rows(
    figures: Iterable[Figures],
    entities: Mapping[str, ResearchEntity],
    groups: Mapping[str, str],
    year: SchoolYear,
    era: Era,
    told: Told = lambda _what, _which: None,
) -> Iterator[dict[str, Value]]:
    """A row for each entity, test, student group and grade, in the order of their codes.

    `figures` are rows of the table of figures as the exit door gave them, claims and
    composites among them; `groups` maps codes of groups to the files' ids. What has no code
    in the files is told and left out.
    """
    overall, parts = _by_key(figures, entities, groups, told)
    for key in sorted(overall, key=lambda key: _order(key, entities, groups)):
        row = _entity_cells(entities[key.entity_id], era) | {
            "test_year": year.ends,
            "student_group_id": groups[key.student_group],
            "test_type": codes().test_type,
            "test_id": codes().tests[key.subject][0],
            "grade": key.test_grade or codes().all_grades,
        }
        row |= _overall_cells(overall[key], is_pooled=key.test_grade == ALL_GRADES)
        row |= _entity_counts(overall, key)
        yield row | _part_cells(parts, key)


def entity_rows(
    entities: Iterable[ResearchEntity], year: SchoolYear, era: Era
) -> Iterator[dict[str, Value]]:
    """Rows of the file of entities, in the order of their codes."""
    for entity in sorted(entities, key=lambda entity: entity.code):
        names = {"county_name": entity.county_name, "district_name": entity.district_name,
                 "school_name": entity.school_name, "zip_code": entity.zip_code}  # fmt: skip
        yield (
            _entity_cells(entity, era)
            | {"test_year": year.ends}
            | {**names}
            | ({"county_name": era.state_name} if entity.type_of == "state" else {})
        )


def group_rows(names: Mapping[str, str], kinds: Mapping[str, str]) -> Iterator[dict[str, Value]]:
    """Rows of the file of student groups; names and kinds by the files' ids."""
    for group, name in sorted(names.items(), key=lambda pair: int(pair[0])):
        yield {"group_id": group, "group_number": group.zfill(3), "group_name": name,
               "group_category": kinds[group]}  # fmt: skip


def rows_of_tests() -> Iterator[dict[str, Value]]:
    """Rows of the file of tests."""
    for number, name in codes().tests.values():
        yield {"test_id": number, "test_number": number.zfill(2), "test_name": name}


def _by_key(
    figures: Iterable[Figures],
    entities: Mapping[str, ResearchEntity],
    groups: Mapping[str, str],
    told: Told,
) -> tuple[dict[_Key, Figures], dict[tuple[_Key, str], Figures]]:
    overall: dict[_Key, Figures] = {}
    parts: dict[tuple[_Key, str], Figures] = {}
    for row in figures:
        key = _Key(*(row[name] for name in _Key._fields))
        if lacking := _lacking(key, entities, groups, codes()):
            told(*lacking)
        elif row["measure"] == OVERALL:
            overall[key] = row
        else:
            parts[key, row["measure"]] = row
    return overall, parts


def _lacking(
    key: _Key,
    entities: Mapping[str, ResearchEntity],
    groups: Mapping[str, str],
    known: Codes,
) -> tuple[str, str] | None:
    """What of a key has no code in the files."""
    entity = entities.get(key.entity_id)
    if entity is None or len(entity.code) != _CODE_DIGITS or not entity.code.isdigit():
        return "entity", key.entity_id
    if key.student_group not in groups:
        return "student group", key.student_group
    return None if key.subject in known.tests else ("subject", key.subject)


def _order(
    key: _Key, entities: Mapping[str, ResearchEntity], groups: Mapping[str, str]
) -> tuple[str, str, int, str]:
    group = groups[key.student_group]
    test = codes().tests[key.subject][0]
    return entities[key.entity_id].code, test, int(group), key.test_grade or codes().all_grades


def _entity_cells(entity: ResearchEntity, era: Era) -> dict[str, Value]:
    names: dict[str, Value] = {
        "district_name": entity.district_name, "school_name": entity.school_name,
    }  # fmt: skip
    if entity.type_of == "state":
        names["district_name"] = era.state_name
    return {
        "county_code": entity.code[:_COUNTY_DIGITS],
        "district_code": entity.code[_COUNTY_DIGITS:_DISTRICT_DIGITS],
        "school_code": entity.code[_DISTRICT_DIGITS:],
        "type_id": codes().type_ids[entity.type_of],
        **names,
    }


def _overall_cells(row: Figures, *, is_pooled: bool) -> dict[str, Value]:
    counts = _counts(row)
    cells: dict[str, Value] = {
        "enrolled": _cell(row, "n_enrolled"),
        "tested": _cell(row, "n_tested"),
        "scored": _cell(row, "n_scored"),
        "mean_scale_score": None if is_pooled else _mean(row),
        "total": _sum(counts),
        **_shares("", counts),
    }
    return cells | _share("met", _sum(counts[_MET - 1 :]), _sum(counts))


def _cell(row: Figures, column: str) -> Value:
    value: Value = row[column]
    return HIDDEN if value is None and column in _hidden(row) else value


def _hidden(row: Figures) -> set[str]:
    return {entry["column"] for entry in row.get("hidden") or ()}


def _mean(row: Figures) -> Value:
    """The mean as the exact number it is."""
    mean: float | None = row["mean_scale_score"]
    if mean is None:
        return _cell(row, "mean_scale_score")
    return Fraction(mean).limit_denominator(max(row["n_scored"] or 0, 1) * _EXACT)


def _counts(row: Figures) -> list[Value]:
    """Counts by level, from the lowest; none where the row has no levels."""
    levels: Sequence[int | None] | None = row["level_counts"]
    if levels is None:
        return [HIDDEN] * 4 if "level_counts" in _hidden(row) else []
    return [HIDDEN if count is None else count for count in levels]


def _sum(counts: Sequence[Value]) -> Value:
    if not counts:
        return None
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if len(known) == len(counts) else HIDDEN


def _shares(prefix: str, counts: Sequence[Value]) -> dict[str, Value]:
    cells: dict[str, Value] = {}
    for level, count in enumerate(counts, start=1):
        cells |= _share(str(level), count, _sum(counts), prefix)
    return cells


def _share(name: str, count: Value, total: Value, prefix: str = "") -> dict[str, Value]:
    percent: Value = None
    if isinstance(count, int) and isinstance(total, int) and total:
        percent = Fraction(100 * count, total)
    elif HIDDEN in (count, total):
        percent = HIDDEN
    return {f"{prefix}count:{name}": count, f"{prefix}percent:{name}": percent}


def _entity_counts(overall: Mapping[_Key, Figures], key: _Key) -> dict[str, Value]:
    """Counts over all grades: of everybody at the entity, and of the row's group."""
    everybody = overall.get(key._replace(test_grade=ALL_GRADES, student_group=ALL_STUDENTS))
    group = overall.get(key._replace(test_grade=ALL_GRADES))
    cells: dict[str, Value] = {}
    for prefix, row in (("entity", everybody), ("group", group)):
        for name in ("enrolled", "tested", "scored"):
            cells[f"{prefix}_{name}"] = None if row is None else _cell(row, f"n_{name}")
    return cells


def _part_cells(parts: Mapping[tuple[_Key, str], Figures], key: _Key) -> dict[str, Value]:
    areas = codes().areas[key.subject]
    composites = codes().composite_areas[key.subject]
    places = [("area", number, f"claim:{code}") for number, code in enumerate(areas, start=1)]
    places += [
        ("composite", number, f"composite:{code}")
        for number, code in enumerate(composites, start=1)
    ]
    cells: dict[str, Value] = {}
    for kind, number, measure in places:
        row = parts.get((key, measure))
        if row is not None:
            counts = _counts(row)[:_MET]
            cells |= _shares(f"{kind}:{number}:", counts)
            cells[f"{kind}:{number}:total"] = _sum(counts)
    return cells
