"""The incumbent's aggregate queries, answered by our marts under its own display rules.

The marts count; what is the incumbent's alone stands here: results count rather than students,
an ethnicity for each that a student has, zero rows for what has no data, availability by year,
district and subject, rounding to whole numbers, targets' counts of the fullest target.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorehouse.reports.statistics import mean, rounded, se_mean
from scorehouse.reports.targets import TargetSums, standing
from scorehouse.rulebook.counting import counting
from scorehouse.warehouse.engine import Local, quoted
from scorehouse.warehouse.marts import is_in, mart

Row = dict[str, Any]
LEVELS = tuple(f"level{n}" for n in range(1, 7))
COLUMN = {
    "Gender": "gender", "ELAS": "elas", "Language": "language",
    "MilitaryConnectedCode": "military_connected", "LEP": "lep", "IEP": "iep",
    "EconomicDisadvantage": "economic_disadvantage", "Section504": "section504",
    "MigrantStatus": "migrant_status", "StudentEnrolledGrade": "enrolled_grade",
}  # fmt: skip
YES_NO, WITH_UNDEFINED = ("yes", "no"), ("yes", "no", "undefined")
FILLED: Mapping[str, str | tuple[str, ...]] = {
    "Gender": "gender_codes", "Ethnicity": "ethnicity_codes", "ELAS": "elas_codes",
    "MilitaryConnectedCode": "military_connected_codes", "LEP": YES_NO, "IEP": YES_NO,
    "EconomicDisadvantage": YES_NO, "Section504": WITH_UNDEFINED,
    "MigrantStatus": WITH_UNDEFINED, "Language": (), "StudentEnrolledGrade": (),
}  # fmt: skip
SHOWN = {"above": "Above", "near": "Near", "below": "Below", "insufficient": "InsufficientData",
         "excluded": "Excluded"}  # fmt: skip


def family(shared: Path, name: str) -> Row:
    """The entities and cases of a family of reports."""
    path = shared / "cases" / "rdw_aggregates" / f"{name}.json"
    found: Row = json.loads(path.read_text(encoding="utf-8"))
    return found


def with_changes(entities: Row, changes: Sequence[Row]) -> Row:
    """The entities with a case's changes; `embargo` holds the status of results."""
    found = {name: list(rows) for name, rows in entities.items()}
    found.setdefault("embargo", [])
    for change in changes:
        table, op = change["table"], change["op"]
        if op == "insert":
            found[table] += change["rows"]
        elif op == "delete_all":
            found[table] = []
        elif op == "release_all":
            found[table] = [
                {"school_year": y["school_year"], "district_id": d["district_id"],
                 "subject": subject, "status": "released"}
                for y in found["school_years_listed"] for d in found["districts"]
                for subject in ("Math", "ELA")
            ]  # fmt: skip
        else:
            raise AssertionError(op)
    return found


class House:
    """The entities as tables that the marts read."""

    def __init__(self, folder: Path, entities: Row, query: Row, scope: Row) -> None:
        self.query, self.scope, self.entities = query, scope, entities
        self.engine = Local(folder, threads=1)
        self.exams = self._exams()
        self.engine.register("exam", _table(self.exams))
        self.engine.view("counted", "SELECT * FROM exam")
        self.engine.register("score", _table(self._scores()))

    def _exams(self) -> list[Row]:
        tables = ("exams", "iab_exams", "longitudinal_exams")
        districts = {s["school_id"]: s["district_id"] for s in self.entities["schools"]}
        students = {s["student_id"]: s for s in self.entities["students"]}
        tests = {a["assessment_id"]: a for a in self.entities["assessments"]}
        found = []
        for row in (row for table in tables for row in self.entities.get(table, ())):
            test, student = tests[row["assessment_id"]], students[row["student_id"]]
            found.append(
                {
                    **row,
                    "row_id": row["exam_id"],
                    "score_row": row["exam_id"],
                    "subject": test["subject"],
                    "test_grade": test["grade"],
                    "assessment_type": {"sum": "summative"}.get(test["type"], test["type"]),
                    "district_id": districts[row["school_id"]],
                    "gender": student["gender"] or "undefined",
                    "level": row["performance_level"],
                    "scale_score": float(row["scale_score"]),
                    "se_scale": 20.0,
                    "include": "Y",
                    "place": 1,
                    "lea_id": "",
                }
            )
        return found

    def _scores(self) -> list[Row]:
        blank: Row = {
            "scale_score": 0.0, "se_scale": 0.0, "level": None,
            "target_residual_to_student": None, "target_residual_to_standard": None,
        }  # fmt: skip
        found = [
            {**blank, "owner_row": row["exam_id"], "measure": f"claim:{row['claim']}",
             "level": row["category"]}
            for row in self.entities.get("claim_scores", ())
        ]  # fmt: skip
        found += [
            {**blank, "owner_row": row["exam_id"], "measure": f"target:{row['target_id']}",
             "target_residual_to_student": float(row["student_relative_residual"]),
             "target_residual_to_standard": float(row["standard_met_relative_residual"])}
            for row in self.entities.get("target_scores", ())
        ]  # fmt: skip
        return found or [{**blank, "owner_row": 0, "measure": ""}]

    # --- what a query lets through ---

    def where(self) -> str:
        query = self.query
        kind = {"sum": "summative"}.get(query["assessment_type"], query["assessment_type"])
        parts = [f"assessment_type = {quoted(kind)}"]
        parts.append(is_in("subject", query.get("subjects") or ()))
        if "grades" in query:
            parts.append(is_in("test_grade", query["grades"]))
            parts.append(f"school_year IN ({_numbers(query['school_years'])})")
        for column, asked in (
            ("administration_condition", "administration_conditions"),
            ("completeness", "completeness"),
        ):
            values = query.get(asked) or ()
            parts += [is_in(column, values)] if values else []
        for name, values in query.get("filters", {}).items():
            parts.append(self._filter(name, values))
        return " AND ".join([*parts, self._available()])

    def _filter(self, name: str, values: Sequence[str]) -> str:
        if name == "Ethnicity":
            students = [
                s["student_id"] for s in self.entities["students"]
                if set(s["ethnicities"]) & set(values)
            ]  # fmt: skip
            return f"student_id IN ({_numbers(students)})"
        return is_in(COLUMN[name], values)

    def _available(self) -> str:
        """Availability as a condition on results: interim tests are never withheld."""
        own = {
            f"(school_year = {e['school_year']} AND district_id = {e['district_id']} "
            f"AND subject = {quoted(e['subject'])})": e
            for e in self.entities["embargo"]
        }
        seen = [
            text for text, e in own.items()
            if e["status"] == "released" or self._may(e["district_id"], e["status"])
        ]  # fmt: skip
        districts = [d["district_id"] for d in self.entities["districts"]]
        loading = [district for district in districts if self._may(district)]
        unlisted = f"NOT ({' OR '.join(own) or 'false'})"
        free = f"(district_id IN ({_numbers(loading)}) AND {unlisted})"
        return f"(assessment_type <> 'summative' OR {' OR '.join([free, *seen])})"

    def _may(self, district: int, status: str = "loading") -> bool:
        """Whether the user may see results of a district that aren't released."""
        names = ["embargo_loading"] + (["embargo_reviewing"] if status == "reviewing" else [])
        for name in names:
            told = self.scope.get(name) or {}
            is_local = self.query["rows_per"] != "state"
            if told.get("statewide") or (is_local and district in told.get("district_ids", ())):
                return True
        return False

    # --- entities, values, tests ---

    def units(self) -> list[tuple[str, int | None]]:
        asked, per = self.query["organizations"], self.query["rows_per"]
        if per == "state":
            return [("State", None)]
        if per == "district":
            every = asked.get("include_all_districts")
            wanted = set(asked["district_ids"])
            ids = [d["district_id"] for d in self.entities["districts"]]
            return [("District", one) for one in ids if every or one in wanted]
        parents = set(asked["all_schools_of_district_ids"])
        wanted = set(asked["school_ids"])
        return [
            ("School", s["school_id"]) for s in self.entities["schools"]
            if s["school_id"] in wanted or s["district_id"] in parents
        ]  # fmt: skip

    def inside(self, unit: tuple[str, int | None]) -> str:
        kind, number = unit
        return {"State": "true", "District": f"district_id = {number}",
                "School": f"school_id = {number}"}[kind]  # fmt: skip

    def values(self) -> list[tuple[str | None, str]]:
        """The values of the dimension that have data, each with its condition."""
        name = self.query["dimension"]
        if name == "Overall":
            return [(None, "true")]
        if name == "Ethnicity":
            codes = [e["code"] for e in self.entities["ethnicity_codes"]]
            own = self.query.get("filters", {}).get(name)
            return [(c, self._filter(name, [c])) for c in codes if own is None or c in own]
        column = COLUMN[name]
        found = sorted({exam[column] for exam in self.exams if exam[column] is not None})
        return [(value, is_in(column, [value])) for value in found]

    def filled(self) -> list[str | None]:
        """The values that get a zero row where there is no data."""
        name = self.query["dimension"]
        if name == "Overall":
            return [None]
        told = FILLED[name]
        codes = [c["code"] for c in self.entities[told]] if isinstance(told, str) else list(told)
        own = self.query.get("filters", {}).get(name)
        return [code for code in codes if own is None or code in own]

    def tests(self) -> list[Row]:
        """The active tests that the query is about, each with the year it is active in."""
        query = self.query
        pairs = {(p["school_year"], p["grade"]) for p in query.get("year_grade_pairs", ())}
        if not pairs:
            pairs = {(y, g) for y in query["school_years"] for g in query["grades"]}
        known = {a["assessment_id"]: a for a in self.entities["assessments"]}
        found = []
        for active in self.entities["assessment_active_years"]:
            test = known[active["assessment_id"]]
            same = test["type"] == query["assessment_type"] and test["subject"] in query["subjects"]
            if same and (active["school_year"], test["grade"]) in pairs:
                found.append({**test, "school_year": active["school_year"]})
        return found

    def label(self, value: str | None) -> tuple[str, str | None]:
        """Dimension and value as rows have them: a subgroup of one's own has its own name."""
        key = self.query.get("custom_subgroup_key")
        return ("Custom", key) if key else (self.query["dimension"], value)

    def sql(self, text: str) -> list[Row]:
        rows: list[Row] = self.engine.sql(text).to_pylist()
        return rows


def _numbers(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values) or "NULL"


def _table(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows))


# --- reports ---

KEYS = ("assessment_id", "subject", "test_grade", "school_year")


def overall(house: House) -> list[Row]:
    """The yearly report: mean, standard error, levels."""
    found = []
    for unit in house.units():
        for value, condition in house.values():
            where = f"{house.where()} AND {house.inside(unit)} AND {condition}"
            rows = house.sql(mart("overall", KEYS, where))
            found += [{**about(house, unit, value, row), **figures(house, row)} for row in rows]
    return found + list(zero_rows(house, found, [{}]))


def about(house: House, unit: tuple[str, int | None], value: str | None, row: Row) -> Row:
    dimension, shown = house.label(value)
    labels = {a["assessment_id"]: a["label"] for a in house.entities["assessments"]}
    return {
        "org_type": unit[0], "org_id": unit[1], "assessment_id": row["assessment_id"],
        "assessment_label": labels[row["assessment_id"]], "subject": row["subject"],
        "grade": row["test_grade"], "school_year": row["school_year"], "dimension": dimension,
        "dimension_value": shown,
    }  # fmt: skip


def figures(house: House, row: Row) -> Row:
    """Whole numbers, as the incumbent shows them; of blocks only three levels."""
    counts = [row[f"level_{n}"] for n in range(1, 7)]
    if house.query["assessment_type"] == "iab":
        counts[3:] = [0, 0, 0]
    n, total, squared = row["n_scored"], row["sum_score"], row["sum_score_squared"]
    return {
        "n": sum(counts), "mean": whole(mean(n, total)), "sem": whole(se_mean(n, total, squared)),
        **dict(zip(LEVELS, counts, strict=True)),
    }  # fmt: skip


def whole(value: float | None) -> int | None:
    return None if value is None else int(rounded(value))


def zero_rows(house: House, found: Sequence[Row], parts: Sequence[Row]) -> Iterator[Row]:
    """A row without data for each unit, test and value that has none."""
    is_block = house.query["assessment_type"] == "iab"
    tests: dict[tuple[Any, ...], Row] = {}
    for test in house.tests():
        own = (test["assessment_id"],) if is_block else ()
        tests.setdefault((test["subject"], test["grade"], test["school_year"], *own), test)
    for unit in house.units():
        for key, test in tests.items():
            for value in house.filled():
                for part in parts:
                    shown = house.label(value)
                    if not any(_is_of(row, unit, key, shown, part) for row in found):
                        told = {**test, "test_grade": test["grade"]}
                        yield {**about(house, unit, value, told), "n": 0, "mean": None,
                               "sem": None, "is_zero": True, **part}  # fmt: skip


def _is_of(
    row: Row, unit: tuple[str, int | None], key: tuple[Any, ...],
    shown: tuple[str, str | None], part: Row,
) -> bool:  # fmt: skip
    own = (row["subject"], row["grade"], row["school_year"], row["assessment_id"])[: len(key)]
    same = (row["org_type"], row["org_id"]) == unit and own == key
    named = (row["dimension"], row["dimension_value"]) == shown
    return same and named and all(row[name] == value for name, value in part.items())


def claims(house: House) -> list[Row]:
    """Levels of each claim asked for."""
    asked = [
        {"claim": claim}
        for subject in house.query["subjects"]
        for claim in house.query["claims_by_subject"].get(subject, ())
    ]
    listed = [f"claim:{part['claim']}" for part in asked]
    found = []
    for unit in house.units():
        for value, condition in house.values():
            where = f"{house.where()} AND {house.inside(unit)} AND {condition}"
            where += f" AND {is_in('measure', listed)}"
            for row in house.sql(mart("parts", (*KEYS, "measure"), where)):
                told = {**figures(house, row), "mean": None, "sem": None}
                claim = row["measure"].removeprefix("claim:")
                found.append({**about(house, unit, value, row), **told, "claim": claim})
    return found + list(zero_rows(house, found, asked))


def targets(house: House) -> list[Row]:
    """Where a school or district stands on each target of a test."""
    rules = counting().target
    known = {t["target_id"]: t for t in house.entities["targets"]}
    reported = {
        (r["assessment_id"], r["target_id"]): r["include_in_report"]
        for r in house.entities["assessment_targets"]
    }
    found, fullest = [], {}
    for unit in house.units():
        for value, condition in house.values():
            where = f"{house.where()} AND {house.inside(unit)} AND {condition}"
            for row in house.sql(mart("targets", (*KEYS, "measure"), where)):
                number = int(row["measure"].removeprefix("target:"))
                is_excluded = not reported[row["assessment_id"], number]
                own = about(house, unit, value, row)
                key = tuple(own.values())
                measure = quoted(row["measure"])
                taken = f"row_id IN (SELECT owner_row FROM score WHERE measure = {measure})"
                (counted,) = (
                    one for one in house.sql(mart("overall", KEYS, f"{where} AND {taken}"))
                    if all(one[name] == row[name] for name in KEYS)
                )  # fmt: skip
                counts = figures(house, counted)
                if row["n"] > fullest.get(key, {"n": 0})["n"]:
                    fullest[key] = {name: counts[name] for name in ("n", "mean", "sem")}
                sums = [TargetSums(row["n"], row[f"sum_to_{to}"], row[f"sum_to_{to}_squared"])
                        for to in ("student", "standard")]  # fmt: skip
                levels = [SHOWN[standing(s, rules, is_excluded=is_excluded)] for s in sums]
                found.append({**own, "target_id": number, "students": row["n"],
                              "student_relative_level": levels[0],
                              "standard_met_relative_level": levels[1]})  # fmt: skip
    found += _missing_targets(house, found, reported)
    for row in found:
        own = tuple(row[name] for name in
                    ("org_type", "org_id", "assessment_id", "assessment_label", "subject", "grade",
                     "school_year", "dimension", "dimension_value"))  # fmt: skip
        row |= fullest.get(own, {"n": 0, "mean": None, "sem": None})
        target = known[row["target_id"]]
        row |= {"target": target["target"], "claim": target["claim"]}
    return found


def _missing_targets(
    house: House, found: Sequence[Row], reported: Mapping[tuple[int, int], bool]
) -> list[Row]:
    missing = []
    for test in house.tests():
        for (assessment, number), is_told in reported.items():
            if assessment != test["assessment_id"]:
                continue
            level = "InsufficientData" if is_told else "Excluded"
            part = {"target_id": number}
            levels = {"student_relative_level": level, "standard_met_relative_level": level}
            own = (assessment, test["school_year"])
            missing += [
                {**row, **levels} for row in zero_rows(house, found, [part])
                if (row["assessment_id"], row["school_year"]) == own
            ]  # fmt: skip
    return missing


def longitudinal(house: House) -> list[Row]:
    """Everybody in each step, and the cohort that is in all of them."""
    pairs = [(p["school_year"], p["grade"]) for p in house.query["year_grade_pairs"]]
    house.engine.register("step", _table([
        {"school_year": year, "test_grade": grade, "step": place}
        for place, (year, grade) in enumerate(pairs, start=1)
    ]))  # fmt: skip
    units = house.units()
    house.engine.register("unit", _table([
        {"school_id": str(s["school_id"]), "lea_id": "", "entity_id": place}
        for place, unit in enumerate(units) for s in house.entities["schools"]
        if unit[1] in (None, s["school_id"] if unit[0] == "School" else s["district_id"])
    ] or [{"school_id": "", "lea_id": "", "entity_id": -1}]))  # fmt: skip
    found = []
    keys = ("unit", "subject", "test_grade", "school_year", "assessment_id", "standing")
    for value, condition in house.values():
        where = f"{house.where()} AND {condition}"
        rows = house.sql(mart("cohort", keys, where, steps=str(len(pairs))))
        by_key: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            by_key.setdefault(tuple(row[k] for k in keys[:4]), []).append(row)
        for own in by_key.values():
            shown = max(own, key=lambda row: row["assessment_id"])
            followed = [row for row in own if row["standing"] == "followed"]
            found.append(
                {
                    **about(house, units[own[0]["unit"]], value, shown),
                    **figures(house, added(own)),
                    "cohort": figures(house, added(followed)),
                    "single_assessment": len({row["assessment_id"] for row in own}) == 1,
                }
            )
    return found + list(zero_rows(house, found, [{}]))


def added(rows: Sequence[Row]) -> Row:
    """Sums of rows that a mart gave apart."""
    names = [f"level_{n}" for n in range(1, 7)] + ["n_scored", "sum_score", "sum_score_squared"]
    return {name: sum(row[name] for row in rows) for name in names}


REPORTS = {"custom_aggregate": overall, "claim": claims, "target": targets,
           "longitudinal": longitudinal}  # fmt: skip
