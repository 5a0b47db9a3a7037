"""OneRoster 1.1 CSV, a folder or zip: schools, students, enrollments, classes as lists.

Organizations become entities, classes lists of students with their teachers as viewers, and
enrollments in classes are folded to enrollments at schools.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from scorehouse.warehouse.kinds import oneroster_rows as rows_of
from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.mapping import oneroster_choices
from scorehouse.warehouse.kinds.oneroster_files import Delivery, delivered, member_of
from scorehouse.warehouse.kinds.oneroster_rows import Choices, is_gone
from scorehouse.warehouse.kinds.people_checks import with_good_ids
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.kinds.replacements import in_force
from scorehouse.warehouse.kinds.result_rows import instant
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.places import SCRATCH_FOLDER
from scorehouse.warehouse.schema import ROW_ID

_MARKS = ({"users", "orgs"}, {"users", "enrollments"}, {"users", "manifest"})
_LIST = ["school_id", "roster_name", "school_year"]


def recognise(head: Head) -> Guess | None:
    """Tell a delivery by the files it holds."""
    found = {member_of(name) for name in head.members}
    is_one = any(marks <= found for marks in _MARKS)
    return Guess(0.95, "it holds the files of OneRoster") if is_one else None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring everything that a delivery holds about people."""
    choices = oneroster_choices(loading.mapping)
    scratch = loading.transaction.root / SCRATCH_FOLDER
    with delivered(path, scratch, loading.log) as delivery:
        delivery.tell_missing()
        return _Brought(loading, delivery, choices, path.name, import_id).bring()


class _Brought:
    """One delivery under way."""

    def __init__(
        self, loading: Loading, delivery: Delivery, choices: Choices, shown: str, import_id: int
    ) -> None:
        self.log = loading.log
        self.delivery = delivery
        self.choices = choices
        self.load = PeopleLoad(loading, shown, import_id)
        self.effective = pl.lit(self.load.effective, pl.Date)
        self.deltas = self._deltas()

    def bring(self) -> Ending:
        orgs = self._table("orgs", {"identifier": "school"})
        self.orgs = rows_of.entity_ids(orgs)
        self.load.bring({"entity": rows_of.entities(orgs, self.orgs, self.effective)})
        users = self.delivery.table("users")
        students = self._identified(users)
        kept = students.filter(~is_gone())
        self._bring_people(kept)
        self._bring_enrollments(users, students, kept)
        return self.load.finish()

    def _deltas(self) -> set[str]:
        """The files that hold changes only, by the manifest; each is told."""
        manifest = self.delivery.table("manifest")
        told = manifest.filter(pl.col("value").str.to_lowercase() == "delta")
        names = {name.removeprefix("file.") for name in told["propertyName"].to_list()}
        for name in sorted(names):
            self.log.add("oneroster_delta", file=self.delivery.shown("manifest"),
                         field=f"{name}.csv")  # fmt: skip
        return names

    def _table(self, name: str, ids: Mapping[str, str]) -> pl.DataFrame:
        return with_good_ids(self.log, self.delivery.shown(name), self.delivery.table(name), ids)

    # --- people ---

    def _identified(self, users: pl.DataFrame) -> pl.DataFrame:
        """Students by their statewide identifier; those without are told and left out."""
        found = rows_of.identified(users, self.choices)
        shown = self.delivery.shown("users")
        column, _, kind = self.choices.student_id.partition(":")
        for row in found.filter(pl.col("student_id") == "")[ROW].to_list():
            self.log.add("oneroster_no_student_id", file=shown, row=row, field=column,
                         expected=kind or column)  # fmt: skip
        named = found.filter(pl.col("student_id") != "")
        good = with_good_ids(self.log, shown, named, {"student_id": "student"})
        return in_force(self.load.loading.transaction, good)

    def _bring_people(self, kept: pl.DataFrame) -> None:
        demographics = self.delivery.table("demographics").filter(~is_gone())
        self._tell_cells(demographics)
        people = rows_of.students(kept, demographics, self.effective)
        self.load.bring({"student": people,
                         "local_id": rows_of.local_ids(kept, self.orgs, self.choices)})  # fmt: skip

    def _tell_cells(self, demographics: pl.DataFrame) -> None:
        shown = self.delivery.shown("demographics")
        born = text.day(filled(pl.col("birthDate")))
        text.tell_cells(self.log, shown, demographics, "birthDate", born, "a day as in 2010-06-30")
        sex = text.known(pl.col("sex"), "sex")
        text.tell_cells(self.log, shown, demographics, "sex", sex, "male or female")

    # --- enrollments and lists ---

    def _bring_enrollments(
        self, users: pl.DataFrame, students: pl.DataFrame, kept: pl.DataFrame
    ) -> None:
        classes = self._placed(self.delivery.table("classes"), "classes")
        seats = self._placed(self.delivery.table("enrollments"), "enrollments")
        sessions = self.delivery.table("academicSessions")
        dated = rows_of.sittings(seats, classes, sessions)
        who = students.select(pl.col("sourcedId").alias("userSourcedId"), "student_id").unique(
            "userSourcedId", keep="last"
        )
        is_student = pl.col("role").str.to_lowercase() == "student"
        seated = dated.filter(is_student).join(who, on="userSourcedId", how="inner")
        self._tell_strangers(dated.filter(is_student), users)
        grades = kept.select(
            "student_id", text.grade(pl.col("grades").str.split(",").list.first().fill_null(""))
            .alias("grade_enrolled"),
        ).unique("student_id", keep="last")  # fmt: skip
        active = seated.filter(~is_gone()).join(kept, on="student_id", how="semi")
        self.load.bring({"enrollment": rows_of.school_periods(active, grades)})
        self._bring_unseated(kept, active, grades)
        self._end_enrollments(students.filter(is_gone()))
        self._withdraw_enrollments(seated, active)
        terms = rows_of.terms(classes, sessions).select("classSourcedId", "term_year")
        self._bring_lists(classes.join(terms, left_on="sourcedId", right_on="classSourcedId",
                                       how="left"), dated, seated, users)  # fmt: skip

    def _placed(self, rows: pl.DataFrame, name: str) -> pl.DataFrame:
        """Add the school's identifier; rows of schools that aren't there are told and left out.

        Without orgs the sourcedId is the identifier.
        """
        if not self.delivery.has("orgs"):
            return rows.with_columns(pl.col("schoolSourcedId").alias("school_id"))
        ids = self.orgs.select(
            pl.col("org").alias("schoolSourcedId"), pl.col("entity_id").alias("school_id")
        )
        placed = rows.join(ids, on="schoolSourcedId", how="left")
        self._tell_unknown(name, placed["school_id"].null_count(), "schoolSourcedId")
        return placed.drop_nulls("school_id")

    def _tell_unknown(self, name: str, count: int, field: str) -> None:
        if count:
            shown = self.delivery.shown(name)
            self.log.add("oneroster_unknown", file=shown, field=field, count=count)

    def _tell_strangers(self, seated: pl.DataFrame, users: pl.DataFrame) -> None:
        named = users.select(pl.col("sourcedId").alias("userSourcedId"))
        if "users" not in self.deltas:
            strangers = seated.join(named, on="userSourcedId", how="anti")
            self._tell_unknown("enrollments", strangers.height, "userSourcedId")

    def _bring_unseated(
        self, kept: pl.DataFrame, active: pl.DataFrame, grades: pl.DataFrame
    ) -> None:
        """Students in no class are enrolled at their only school, as of the stated day."""
        schools = self.orgs.filter(pl.col("org_type") == "school")
        alone = (
            kept.join(active, on="student_id", how="anti")
            .join(schools, left_on="orgSourcedIds", right_on="org", how="inner")
            .select(ROW, "student_id", pl.col("entity_id").alias("school_id"),
                    self.effective.alias("entered_on"))
            .join(grades, on="student_id", how="left")
        )  # fmt: skip
        if "enrollments" in self.deltas or alone.is_empty():
            return
        if self.load.effective is None:
            self.log.add("people_undated", file=self.delivery.shown("users"))
        self.load.bring({"enrollment": alone}, snapshot=True)

    def _end_enrollments(self, gone: pl.DataFrame) -> None:
        """A student to be deleted has left: what is open ends on the day of the change."""
        if gone.is_empty():
            return
        changed = instant(filled(pl.col("dateLastModified"))).cast(pl.Date)
        left = gone.select("student_id", pl.coalesce(changed, self.effective, date.today())
                           .alias("left_on"))  # fmt: skip
        held = self.load.about_students(
            left, "SELECT h.student_id, h.school_id, h.entered_on, h.exited_on, h.school_year "
            "FROM enrollment AS h JOIN asked ON asked.student_id = h.student_id",
        )  # fmt: skip
        ended = held.join(left, on="student_id").filter(
            (pl.col("exited_on").is_null() | (pl.col("exited_on") > pl.col("left_on")))
            & (pl.col("entered_on").is_null() | (pl.col("entered_on") <= pl.col("left_on")))
        )
        rows = ended.with_columns(pl.col("left_on").alias("exited_on"), pl.lit(0).alias(ROW))
        self.load.bring({"enrollment": rows.drop("left_on")})

    def _withdraw_enrollments(self, seated: pl.DataFrame, active: pl.DataFrame) -> None:
        """A student whose every class at a school and year is to be deleted was not there."""
        keys = ["student_id", "school_id", "school_year"]
        gone = seated.filter(is_gone()).join(active, on=keys, how="anti", nulls_equal=True)
        if gone.is_empty() or "enrollments" in self.deltas:
            return
        held = self.load.held_rows("enrollment", gone, keys)
        self.load.withdraw("enrollment", held.join(gone, on=keys, how="semi")[ROW_ID])

    def _bring_lists(
        self, classes: pl.DataFrame, dated: pl.DataFrame, seated: pl.DataFrame,
        users: pl.DataFrame,
    ) -> None:  # fmt: skip
        """Classes as lists; a delivery that is complete withdraws who isn't on a list any more."""
        lists = _lists(classes, dated)
        self._withdraw_lists(lists.filter(is_gone()))
        kept = lists.filter(~is_gone()).drop("status")
        on_list = kept.select("classSourcedId", *_LIST)
        logins = users.select(pl.col("sourcedId").alias("userSourcedId"),
                              pl.col(self.choices.login).alias("login"))  # fmt: skip
        teachers = dated.filter(pl.col("role").str.to_lowercase() == "teacher").join(
            logins.filter(pl.col("login") != ""), on="userSourcedId"
        )
        self.load.bring({"roster": kept.select(*_LIST, ROW)})
        for name, people, who in (
            ("roster_student", seated, "student_id"), ("roster_viewer", teachers, "login"),
        ):  # fmt: skip
            rows = people.drop("school_id", "school_year").join(on_list, on="classSourcedId")
            self._bring_members(name, rows.select(*_LIST, who, ROW, "status"), who, kept)

    def _bring_members(self, name: str, rows: pl.DataFrame, who: str, lists: pl.DataFrame) -> None:
        keys = [*_LIST, who]
        active = rows.filter(~is_gone()).drop("status")
        self.load.bring({name: active})
        not_active = self.load.all_held(name, keys).join(active, on=keys, how="anti")
        gone = not_active.join(rows.filter(is_gone()), on=keys, how="semi")
        if "enrollments" not in self.deltas:
            gone = not_active.join(lists, on=_LIST, how="semi")
        self.load.withdraw(name, gone[ROW_ID])

    def _withdraw_lists(self, gone: pl.DataFrame) -> None:
        if gone.is_empty():
            return
        for name in ("roster", "roster_student", "roster_viewer"):
            held = self.load.all_held(name, _LIST)
            self.load.withdraw(name, held.join(gone, on=_LIST, how="semi")[ROW_ID])


def _lists(classes: pl.DataFrame, dated: pl.DataFrame) -> pl.DataFrame:
    """Classes with the name and school year of their list; names are told apart by codes."""
    years = dated.group_by("classSourcedId").agg(pl.col("school_year").drop_nulls().last())
    coded = pl.when(pl.col("classCode") != "").then(
        pl.col("title") + " (" + pl.col("classCode") + ")"
    )
    named = classes.select(
        ROW, "status", pl.col("sourcedId").alias("classSourcedId"), "school_id",
        coded.otherwise("title").alias("roster_name"), "title", "term_year",
    ).join(years, on="classSourcedId", how="left").with_columns(
        pl.coalesce("term_year", "school_year").alias("school_year")
    ).drop_nulls("school_year").drop("term_year")  # fmt: skip
    is_shared = pl.struct(_LIST).is_duplicated() | (pl.col("roster_name") == "")
    longer = pl.col("title") + " (" + pl.col("classSourcedId") + ")"
    return named.with_columns(
        pl.when(is_shared).then(longer).otherwise("roster_name").alias("roster_name")
    ).drop("title")


KINDS = (Kind("oneroster", "OneRoster 1.1 CSV", 30, recognise, bring),)
