"""The CALPADS-style student extract: caret-delimited, a student a row, true as of one day.

A row says where a student is enrolled and what is so of the student on that day. The day is the
row's `InfoUpdate`, else what the load states, else the first day of the row's `AdminYear`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polars as pl

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.people_checks import with_good_ids, year_of
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.kinds.replacements import in_force
from scorehouse.warehouse.kinds.result_values import school_year
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.schema import ROW_ID

DELIMITER = "^"
_MARKS = {"SSID", "ResponsibleSchoolIdentifier"}
_IDS = {"SSID": "student", "ResponsibleSchoolIdentifier": "school",
        "ResponsibleDistrictIdentifier": "school"}  # fmt: skip
_SHORT, _DISTRICT = r"^\d{7}$", 7
_YEAR_BEGINS = "-07-01"
_PROGRAMS = {
    "IDEAIndicator": "student_with_disabilities", "Section504Status": "section_504",
    "EconomicDisadvantageStatus": "economically_disadvantaged", "MigrantStatus": "migrant",
}  # fmt: skip
_TEXTS = {
    "LastOrSurname": "last_or_surname", "FirstName": "first_name", "MiddleName": "middle_name",
    "LanguageCode": "language_code", "MilitaryStatus": "military_connected",
    "PrimaryDisabilityType": "primary_disability",
}  # fmt: skip
_DAYS = ("Birthdate", "FirstEntryDateIntoUSSchool", "LimitedEnglishProficiencyEntryDate",
         "LEPExitDate", "InfoUpdate")  # fmt: skip
_CODED = {"Sex": "sex", "Ethnicity": "race_ethnicity",
          "EnglishLanguageAcquisitionStatus": "el_status"}  # fmt: skip
_A_DAY = "a day as in 2019-06-30 or 20190630"


def recognise(head: Head) -> Guess | None:
    """Tell the extract by its header."""
    lines = head.start.decode("utf-8-sig", "replace").splitlines()
    columns = {cell.strip() for cell in lines[0].split(DELIMITER)} if lines else set()
    return Guess(1.0, "it has the header of the student extract") if columns >= _MARKS else None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring students, and where and what they are as of the extract's day."""
    load = PeopleLoad(loading, path.name, import_id)
    undated = 0
    for rows in text.pieces(path, loading.log, delimiter=DELIMITER):
        named = with_good_ids(loading.log, path.name, _complete(rows), _IDS)
        good = _with_days(load, _with_schools(load, named))
        _tell(loading.log, path.name, good)
        undated += good["day"].null_count()
        is_deleted = text.flag(pl.col("DeleteStudent")).fill_null(False)
        _withdraw(load, good.filter(is_deleted))
        kept = good.filter(~is_deleted)
        load.bring({"student": _students(kept)})
        load.bring(_dated_language(kept))
        states = {"enrollment": _enrollments(kept), "program_participation": _programs(kept),
                  "el_status": _language(kept)}  # fmt: skip
        load.bring(states, snapshot=True)
    if undated:
        loading.log.add("people_undated", file=path.name)
    return load.finish()


def _complete(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the table every column that is used; one that isn't there is blank."""
    used = (*_IDS, *_PROGRAMS, *_TEXTS, *_DAYS, *_CODED, "DistrictOfResidence", "AdminYear",
            "GradeLevelWhenAssessed", "LEPStatus", "DeleteStudent")  # fmt: skip
    missing = [pl.lit("").alias(name) for name in used if name not in rows.columns]
    return rows.with_columns(*missing)


def _with_days(load: PeopleLoad, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the day as of which a row holds, and its school year."""
    stated = load.loading.school_year or None
    year = pl.coalesce(school_year(filled(pl.col("AdminYear"))), pl.lit(stated, pl.String))
    first = (year.str.slice(0, 4) + _YEAR_BEGINS).str.to_date("%Y-%m-%d", strict=False)
    told = text.day(filled(pl.col("InfoUpdate")))
    return rows.with_columns(
        pl.coalesce(told, pl.lit(load.effective, pl.Date), first).alias("day"), year.alias("year")
    ).with_columns(pl.coalesce("year", year_of(pl.col("day"))).alias("year"))


def _tell(log: FindingLog, shown: str, rows: pl.DataFrame) -> None:
    for name in _DAYS:
        text.tell_cells(log, shown, rows, name, text.day(filled(pl.col(name))), _A_DAY)
    for name, field in _CODED.items():
        read = text.known(pl.col(name), field)
        text.tell_cells(log, shown, rows, name, read, "a code that is known")


def _students(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        ROW,
        pl.col("SSID").alias("student_id"),
        *(filled(pl.col(name)).alias(field) for name, field in _TEXTS.items()),
        text.day(filled(pl.col("Birthdate"))).alias("birth_date"),
        text.known(pl.col("Sex"), "sex").alias("sex"),
        *text.races(text.known(pl.col("Ethnicity"), "race_ethnicity")),
        text.day(filled(pl.col("FirstEntryDateIntoUSSchool"))).alias("first_entry_on"),
        pl.col("day").cast(pl.Datetime("us")).alias("info_at"),
        pl.lit("roster").alias("info_from"),
    )


def _enrollments(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("ResponsibleSchoolIdentifier") != "").select(
        ROW,
        pl.col("SSID").alias("student_id"),
        pl.col("school").alias("school_id"),
        pl.col("day").alias("entered_on"),
        pl.col("year").alias("school_year"),
        text.grade(pl.col("GradeLevelWhenAssessed")).alias("grade_enrolled"),
        filled(pl.col("ResponsibleDistrictIdentifier")).alias("lea_id"),
        filled(pl.col("DistrictOfResidence")).alias("residence_lea"),
    )


def _with_schools(load: PeopleLoad, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the school's 14 digits where the extract gives its own 7 only.

    They are those of the one known school that ends in them: no other school of the state does.
    Of a school that isn't known they are the district's 7 and its own, unless the district
    is the school itself, as of a charter school that is an LEA: then nobody can tell.
    """
    school = pl.col("ResponsibleSchoolIdentifier")
    district = pl.col("ResponsibleDistrictIdentifier")
    is_short = school.str.contains(_SHORT)
    has_district = district.str.contains(r"^\d{7}(\d{7})?$") & (district.str.slice(0, 7) != school)
    known = school.replace_strict(_known_schools(load), default=None, return_dtype=pl.String)
    whole = pl.when(has_district).then(district.str.slice(0, 7) + school)
    told = pl.when(is_short).then(pl.coalesce(known, whole, school)).otherwise(school)
    return rows.with_columns(told.alias("school"))


def _known_schools(load: PeopleLoad) -> dict[str, str]:
    """Schools by the last 7 of their 14 digits, where only one ends in them."""
    found = load.loading.transaction.sql(
        "SELECT DISTINCT entity_id FROM entity WHERE entity_type = 'school'"
    )
    codes = [code for code in found["entity_id"].to_pylist() if re.fullmatch(r"\d{14}", code)]
    counts = Counter(code[_DISTRICT:] for code in codes)
    return {code[_DISTRICT:]: code for code in codes if counts[code[_DISTRICT:]] == 1}


def _programs(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        rows.select(
            ROW,
            pl.col("SSID").alias("student_id"),
            pl.lit(program).alias("program"),
            pl.col("day").alias("began_on"),
            text.flag(pl.col(name)).alias("takes_part"),
        )
        for name, program in _PROGRAMS.items()
    ).drop_nulls("takes_part")


def _language(rows: pl.DataFrame) -> pl.DataFrame:
    """Language status as of the day, where the file doesn't tell since when."""
    stated = text.known(pl.col("EnglishLanguageAcquisitionStatus"), "el_status")
    learner = pl.when(text.flag(pl.col("LEPStatus"))).then(pl.lit("EL"))
    return (
        rows.select(
            ROW,
            pl.col("SSID").alias("student_id"),
            pl.col("day").alias("began_on"),
            pl.coalesce(stated, learner).alias("el_status"),
            _learner_days(*_DAYS[2:4]).alias("dated_"),
        )
        .filter(pl.col("el_status").is_not_null() & ~_is_dated())
        .drop("dated_")
    )


def _learner_days(entry: str, left: str) -> pl.Expr:
    return pl.struct(
        text.day(filled(pl.col(entry))).alias("entry"), text.day(filled(pl.col(left))).alias("left")
    )


def _is_dated() -> pl.Expr:
    """Whether the row tells since when its status holds: a learner's entry, an exit."""
    days = pl.col("dated_").struct
    return (
        ((pl.col("el_status") == "EL") & days.field("entry").is_not_null())
        | ((pl.col("el_status") == "RFEP") & days.field("left").is_not_null())
    )  # fmt: skip


def _dated_language(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Learners since their entry until their exit, and reclassified students since then."""
    days = rows.select(
        ROW,
        pl.col("SSID").alias("student_id"),
        text.known(pl.col("EnglishLanguageAcquisitionStatus"), "el_status").alias("told"),
        text.day(filled(pl.col(_DAYS[2]))).alias("entry"),
        text.day(filled(pl.col(_DAYS[3]))).alias("left"),
    )
    learned = days.drop_nulls("entry").select(
        ROW, "student_id", pl.lit("EL").alias("el_status"), pl.col("entry").alias("began_on"),
        pl.col("left").dt.offset_by("-1d").alias("ended_on"),
    )  # fmt: skip
    after = days.filter(pl.col("told") == "RFEP").drop_nulls("left").select(
        ROW, "student_id", pl.lit("RFEP").alias("el_status"), pl.col("left").alias("began_on"),
        pl.lit(None, pl.Date).alias("ended_on"),
    )  # fmt: skip
    return {"el_status": pl.concat([learned, after])}


def _withdraw(load: PeopleLoad, rows: pl.DataFrame) -> None:
    """A row marked as deleted withdraws the student's enrollment at its school in its year."""
    if rows.is_empty():
        return
    asked = rows.select(
        pl.col("SSID").alias("student_id"),
        pl.col("school").alias("school_id"),
        pl.col("year").alias("school_year"),
    )
    keys = ["student_id", "school_id", "school_year"]
    asked = in_force(load.loading.transaction, asked)
    held = load.held_rows("enrollment", asked, keys)
    load.withdraw("enrollment", held.join(asked, on=keys, how="semi")[ROW_ID])


KINDS = (Kind("students", "students (CALPADS-style extract)", 30, recognise, bring),)
