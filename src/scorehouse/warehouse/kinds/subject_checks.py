"""What a subject's definition has to be, and what of it results already rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from scorehouse.terms import AssessmentType
from scorehouse.warehouse.loading import Loading
from scorehouse.warehouse.schema import TABLES

Row = dict[str, object]
Rows = dict[str, list[Row]]
SUBJECT_TABLES = tuple(name for name, table in TABLES.items() if table.group == "subjects")
LONGEST_CODE = 10
_LONGEST_STANDARD = 20
_BLOCK, _BLOCK_LEVELS = AssessmentType.IAB.value, 3
_MOST = 6
_MAY_BE_BLANK = ("parent_code",)
_SHOWN_CODES = 5


def keyed(loading: Loading, shown: str, rows: Rows) -> Rows:
    """The rows whose keys are filled; the others are told. Of a key twice the last counts."""
    return {name: list(_keyed(loading, shown, name, own)) for name, own in rows.items()}


def _keyed(loading: Loading, shown: str, name: str, rows: list[Row]) -> Iterator[Row]:
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        missing = [
            key for key in TABLES[name].keys
            if key not in _MAY_BE_BLANK and row.get(key) in (None, "")
        ]  # fmt: skip
        if missing:
            loading.log.add(
                "subject_row_unsound", file=shown, record=name, field=missing[0], value=""
            )
            continue
        if row.get("assessment_type") not in (None, *AssessmentType):
            loading.log.add(
                "subject_row_unsound", file=shown, record=name, field="assessment_type",
                value=row["assessment_type"],
            )  # fmt: skip
            continue
        key = tuple(row.get(column) for column in TABLES[name].keys)
        if key in seen:
            loading.log.add(
                "subject_code_twice", file=shown, field=name, value=" ".join(map(str, key))
            )
        seen.add(key)
        yield row


def check(loading: Loading, shown: str, rows: Rows) -> None:
    """Tell levels that don't count from 1, and what is beyond the limits."""
    for (kind, score_kind), levels in _levels(rows["subject_level"]).items():
        is_whole = levels == list(range(1, len(levels) + 1)) and len(levels) <= _MOST
        if not is_whole or (kind == _BLOCK and len(levels) != _BLOCK_LEVELS):
            loading.log.add(
                "subject_levels", file=shown, field=f"{kind} {score_kind}",
                value=", ".join(map(str, levels)),
            )  # fmt: skip
    told = chain(_odd_scales(rows), _odd_parts(rows["subject_part"]), _odd_cuts(rows))
    for field, value in told:
        loading.log.add("subject_limit", file=shown, field=field, value=value)


def _levels(rows: list[Row]) -> Mapping[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        key = str(row["assessment_type"]), str(row["score_kind"])
        found.setdefault(key, set()).add(int(str(row["level"])))
    return {key: sorted(levels) for key, levels in found.items()}


def _odd_scales(rows: Rows) -> Iterator[tuple[str, str]]:
    levels = _levels(rows["subject_level"])
    for row in rows["subject_scale"]:
        kind, score_kind = str(row["assessment_type"]), str(row["score_kind"])
        name = f"{kind} {score_kind}"
        low, high, standard = (
            row["lowest_scale_score"], row["highest_scale_score"], row["standard_level"],
        )  # fmt: skip
        if low is not None and high is not None and float(str(low)) >= float(str(high)):
            yield name, "the lowest score isn't below the highest"
        if standard is not None and standard not in levels.get((kind, score_kind), []):
            yield name, f"the standard begins at level {standard}, which isn't one of its levels"
        if kind == _BLOCK and standard is not None:
            yield name, "a block has no level at which a standard begins"
        if kind == _BLOCK and score_kind != "overall":
            yield name, "a block reports an overall result only"


def _odd_parts(parts: list[Row]) -> Iterator[tuple[str, str]]:
    counted = Counter(
        str(row["part_kind"]) for row in parts if row.get("is_scorable")
    )  # fmt: skip
    for kind, count in counted.items():
        if count > _MOST:
            yield kind, f"{count} of them have scores, where at most {_MOST} can"
    for row in parts:
        longest = _LONGEST_STANDARD if row["part_kind"] == "standard" else LONGEST_CODE
        if len(str(row["code"])) > longest:
            yield (
                f"{row['part_kind']} {row['code']}",
                f"the code has more than {longest} characters",
            )


def _odd_cuts(rows: Rows) -> Iterator[tuple[str, str]]:
    for row in rows["subject_difficulty"]:
        low, high = row["moderate_from"], row["difficult_from"]
        if low is None or high is None or float(str(low)) >= float(str(high)):
            yield (
                f"difficulty of grade {row['test_grade']}",
                "moderate doesn't begin below difficult",
            )


# --- what results rest on ---

_RESTED_ON = {
    "subject_type": ("has_target_report", "has_printed_report"),
    "subject_scale": ("lowest_scale_score", "highest_scale_score", "standard_level"),
    "subject_difficulty": ("moderate_from", "difficult_from"),
    "subject_part": ("reference", "max_score", "is_scorable"),
}


def tell_changes(loading: Loading, shown: str, subject: str, rows: Rows) -> None:
    """Where results of the subject are held, tell every change of what they rest on."""
    results = loading.transaction.sql("SELECT DISTINCT subject FROM result")["subject"]
    if subject not in results.to_pylist():
        return
    held = {name: _held(loading, name, subject) for name in (*_RESTED_ON, "subject_level")}
    before, after = _levels(held["subject_level"]), _levels(rows["subject_level"])
    for key, levels in before.items():
        if levels != after.get(key, []):
            _tell(loading, shown, " ".join(key), "the number of levels", len(levels),
                  len(after.get(key, [])))  # fmt: skip
    for name, fields in _RESTED_ON.items():
        _tell_fields(loading, shown, name, fields, held[name], rows[name])
    _tell_gone(loading, shown, held["subject_part"], rows["subject_part"])


def _held(loading: Loading, name: str, subject: str) -> list[Row]:
    names = ", ".join(TABLES[name].names)
    rows = loading.transaction.sql(f"SELECT {names} FROM {name}").to_pylist()
    return [row for row in rows if row["subject"] == subject]


def _tell_fields(
    loading: Loading, shown: str, name: str, fields: tuple[str, ...], held: list[Row],
    rows: list[Row],
) -> None:  # fmt: skip
    keys = [key for key in TABLES[name].keys if key != "subject"]
    coming = {tuple(row[key] for key in keys): row for row in rows}
    for row in held:
        now = coming.get(tuple(row[key] for key in keys))
        for field in fields if now else ():
            if now and now.get(field) != row[field]:
                of = " ".join(str(row[key]) for key in keys if row[key])
                _tell(loading, shown, of, field, row[field], now.get(field))


def _tell_gone(loading: Loading, shown: str, held: list[Row], rows: list[Row]) -> None:
    """Codes that results may name and the definition no longer has, together by what they are."""
    kept = {(row["part_kind"], row["parent_code"], row["code"]) for row in rows}
    gone: dict[str, list[str]] = {}
    for row in held:
        if (row["part_kind"], row["parent_code"], row["code"]) not in kept:
            gone.setdefault(str(row["part_kind"]), []).append(str(row["code"]))
    for kind, codes in gone.items():
        named = ", ".join(codes[:_SHOWN_CODES]) + (" and more" if codes[_SHOWN_CODES:] else "")
        _tell(loading, shown, f"{kind} {named}", "the definition", "there", "gone")


def _tell(
    loading: Loading, shown: str, of: str, field: str, held: object, value: object
) -> None:  # fmt: skip
    loading.log.add(
        "subject_changed", file=shown, record=of, field=field, held=held, value=str(value)
    )
