"""OneRoster's tables as rows of the warehouse: entities, students, enrollments, lists.

Sources: the published OneRoster 1.1 CSV columns. What OneRoster leaves open is stated in
`Choices`: which identifier is the statewide one, which the person's login.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.people_checks import year_of
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.kinds.result_values import instant

_BREAK_DAYS = 31
"""Between two terms: a gap of so many days doesn't end an enrollment."""

_ENTITY_TYPES = {"school": "school", "district": "district", "local": "district", "state": "state"}
_USER_ID = r"\{([^:{}]+):([^{}]*)\}"
_RACES = {
    "americanIndianOrAlaskaNative": "american_indian_or_alaska_native", "asian": "asian",
    "blackOrAfricanAmerican": "black_or_african_american",
    "nativeHawaiianOrOtherPacificIslander": "native_hawaiian_or_other_pacific_islander",
    "white": "white", "demographicRaceTwoOrMoreRaces": "two_or_more_races",
    "hispanicOrLatinoEthnicity": "hispanic_or_latino",
}  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """What the delivery's users chose.

    `student_id`: the statewide identifier, as `userIds:TYPE` or the name of a column of users;
    `login`: the column of users that says who a teacher is when signing in.
    """

    student_id: str = "userIds:SSID"
    login: str = "username"


def is_gone() -> pl.Expr:
    """Whether a row says that its record is to be deleted."""
    return pl.col("status").str.to_lowercase() == "tobedeleted"


def entity_ids(orgs: pl.DataFrame) -> pl.DataFrame:
    """Organizations with the identifier they have here: `identifier`, else `sourcedId`."""
    return orgs.select(
        pl.col("sourcedId").alias("org"),
        pl.coalesce(filled(pl.col("identifier")), "sourcedId").alias("entity_id"),
        pl.col("type").str.to_lowercase().alias("org_type"),
    ).unique("org", keep="last", maintain_order=True)


def entities(orgs: pl.DataFrame, ids: pl.DataFrame, effective: pl.Expr) -> pl.DataFrame:
    """Schools, districts and states; one to be deleted ends on the day of its change."""
    parents = ids.select(
        pl.col("org").alias("parentSourcedId"), pl.col("entity_id").alias("parent_id")
    )
    changed = instant(filled(pl.col("dateLastModified"))).cast(pl.Date)
    return (
        orgs.join(parents, on="parentSourcedId", how="left")
        .select(
            ROW,
            pl.coalesce(filled(pl.col("identifier")), "sourcedId").alias("entity_id"),
            effective.cast(pl.Date).alias("valid_from"),
            pl.when(is_gone()).then(pl.coalesce(changed, effective)).alias("valid_to"),
            pl.col("type").str.to_lowercase()
            .replace_strict(_ENTITY_TYPES, default=None).alias("entity_type"),
            filled(pl.col("name")).alias("entity_name"),
            "parent_id",
        )
        .drop_nulls("entity_type")
    )  # fmt: skip


def identified(users: pl.DataFrame, choices: Choices) -> pl.DataFrame:
    """Students with their statewide identifier (`student_id`; blank where they have none)."""
    students = users.filter(pl.col("role").str.to_lowercase() == "student")
    column, _, kind = choices.student_id.partition(":")
    if column != "userIds":
        return students.with_columns(pl.col(column).alias("student_id"))
    of_kind = _typed_ids(students).filter(pl.col("id_type").str.to_lowercase() == kind.lower())
    first = of_kind.unique(ROW, keep="first", maintain_order=True)
    found = students.join(first.select(ROW, pl.col("id").alias("student_id")), on=ROW, how="left")
    return found.with_columns(pl.col("student_id").fill_null(""))


def _typed_ids(users: pl.DataFrame) -> pl.DataFrame:
    return (
        users.select(ROW, pl.col("userIds").str.extract_all(r"\{[^{}]*\}").alias("one"))
        .explode("one")
        .select(
            ROW,
            pl.col("one").str.extract(_USER_ID, 1).str.strip_chars().alias("id_type"),
            pl.col("one").str.extract(_USER_ID, 2).str.strip_chars().alias("id"),
        )
        .drop_nulls()
        .filter(pl.col("id") != "")
    )


def students(users: pl.DataFrame, demographics: pl.DataFrame, effective: pl.Expr) -> pl.DataFrame:
    """People, with what demographics tell of them."""
    told = demographics.select(
        "sourcedId",
        pl.col("birthDate"), pl.col("sex"), *_RACES,
        instant(filled(pl.col("dateLastModified"))).alias("told_at"),
    ).unique("sourcedId", keep="last")  # fmt: skip
    at = pl.max_horizontal(instant(filled(pl.col("dateLastModified"))), "told_at")
    return users.join(told, on="sourcedId", how="left").select(
        ROW,
        "student_id",
        filled(pl.col("familyName")).alias("last_or_surname"),
        filled(pl.col("givenName")).alias("first_name"),
        filled(pl.col("middleName")).alias("middle_name"),
        text.day(filled(pl.col("birthDate"))).alias("birth_date"),
        text.known(pl.col("sex"), "sex").alias("sex"),
        *(text.flag(pl.col(name)).alias(field) for name, field in _RACES.items()),
        pl.coalesce(at, effective.cast(pl.Datetime("us"))).alias("info_at"),
        pl.lit("roster").alias("info_from"),
    )


def local_ids(users: pl.DataFrame, ids: pl.DataFrame, choices: Choices) -> pl.DataFrame:
    """Every identifier but the statewide one, as given by the student's only organization."""
    _, _, kind = choices.student_id.partition(":")
    typed = _typed_ids(users).filter(pl.col("id_type").str.to_lowercase() != kind.lower())
    plain = users.filter(pl.col("identifier") != "").select(
        ROW, pl.lit("identifier").alias("id_type"), pl.col("identifier").alias("id")
    )
    chosen = plain.clear() if choices.student_id == "identifier" else plain
    given = users.select(ROW, "student_id", pl.col("orgSourcedIds").alias("org"))
    return (
        pl.concat([typed, chosen])
        .join(given, on=ROW)
        .join(ids, on="org", how="left")
        .select(
            ROW,
            "student_id",
            pl.col("entity_id").fill_null(""),
            pl.col("id").alias("local_id"),
            "id_type",
        )
    )


# --- enrollments ---


def sittings(
    enrollments: pl.DataFrame, classes: pl.DataFrame, sessions: pl.DataFrame
) -> pl.DataFrame:
    """Enrollments in classes with their days and school year, from their terms where blank."""
    days = enrollments.join(terms(classes, sessions), on="classSourcedId", how="left")
    begin = pl.coalesce(text.day(filled(pl.col("beginDate"))), "term_begin")
    end = pl.coalesce(text.day(filled(pl.col("endDate"))), "term_end")
    return days.with_columns(begin.alias("begin"), end.alias("end")).with_columns(
        pl.coalesce("term_year", year_of(pl.col("begin"))).alias("school_year")
    )


def terms(classes: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Each class with the first and last day of its terms, and their school year."""
    ends = filled(pl.col("schoolYear")).cast(pl.Int32, strict=False)
    named = (ends - 1).cast(pl.String) + "-" + (ends % 100).cast(pl.String).str.zfill(2)
    told = sessions.select(
        pl.col("sourcedId").alias("term"),
        text.day(filled(pl.col("startDate"))).alias("term_begin"),
        text.day(filled(pl.col("endDate"))).alias("term_end"),
        named.alias("term_year"),
    ).unique("term", keep="last")
    return (
        classes.select(
            pl.col("sourcedId").alias("classSourcedId"),
            pl.col("termSourcedIds").str.split(",").alias("term"),
        )
        .explode("term")
        .with_columns(pl.col("term").str.strip_chars())
        .join(told, on="term", how="left")
        .group_by("classSourcedId", maintain_order=True)
        .agg(
            pl.col("term_begin").min(),
            pl.col("term_end").max(),
            pl.col("term_year").drop_nulls().last(),
        )
    )


def school_periods(seated: pl.DataFrame, grades: pl.DataFrame) -> pl.DataFrame:
    """Enrollments in classes folded to enrollments at schools.

    `seated` has student_id, school_id, begin, end, school_year. Classes of one school and year
    that overlap, or lie no more than a break between terms apart, are one enrollment.
    """
    keys = ["student_id", "school_id", "school_year"]
    ordered = seated.sort([*keys, "begin"], nulls_last=False, maintain_order=True)
    until = pl.col("end").fill_null(pl.date(9999, 12, 31)).cum_max().shift(1).over(keys)
    is_apart = (pl.col("begin") > until.dt.offset_by(f"{_BREAK_DAYS}d")).fill_null(False)
    runs = ordered.with_columns(is_apart.cum_sum().over(keys).alias("run_"))
    return (
        runs.group_by([*keys, "run_"], maintain_order=True)
        .agg(
            pl.col(ROW).first(),
            pl.col("begin").first().alias("entered_on"),
            pl.when(pl.col("end").null_count() == 0).then(pl.col("end").max()).alias("exited_on"),
        )
        .drop("run_")
        .join(grades, on="student_id", how="left")
    )
