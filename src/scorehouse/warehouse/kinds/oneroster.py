"""OneRoster 1.1 CSV, a folder or zip: schools, students, enrollments, classes as lists.

Organizations become entities, classes lists of students with their teachers as viewers, and
enrollments in classes are folded to enrollments at schools.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.kinds import oneroster_rows as rows_of
from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.mapping import oneroster_choices
from scorehouse.warehouse.kinds.oneroster_files import Delivery, delivered, member_of
from scorehouse.warehouse.kinds.oneroster_members import LIST, MEMBERS, Members
from scorehouse.warehouse.kinds.oneroster_parts import Part, Parts, parts
from scorehouse.warehouse.kinds.oneroster_rows import Choices, is_gone
from scorehouse.warehouse.kinds.people_checks import with_good_ids
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.kinds.replacements import in_force
from scorehouse.warehouse.kinds.result_values import instant
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.places import SCRATCH_FOLDER
from scorehouse.warehouse.schema import ROW_ID

_MARKS = ({"users", "orgs"}, {"users", "enrollments"}, {"users", "manifest"})


def recognise(head: Head) -> Guess | None:
    """Tell a delivery by the files it holds."""
    found = {member_of(name) for name in head.members}
    is_one = any(marks <= found for marks in _MARKS)
    return Guess(0.95, "it holds the files of OneRoster") if is_one else None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring everything that a delivery holds about people."""
    choices = oneroster_choices(loading.mapping)
    with delivered(path, loading.transaction.root / SCRATCH_FOLDER, loading.log) as delivery:
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
        self.scratch = loading.transaction.root / SCRATCH_FOLDER
        self.unknown: dict[tuple[str, str], int] = {}
        self.is_undated_told = False
        self.last_years: list[pl.DataFrame] = []
        self.effective = pl.lit(self.load.effective, pl.Date)
        self.deltas = self._deltas()

    def bring(self) -> Ending:
        orgs = self._table("orgs", {"identifier": "school"})
        self.orgs = rows_of.entity_ids(orgs)
        self.load.bring({"entity": rows_of.entities(orgs, self.orgs, self.effective)})
        self.sessions = self.delivery.table("academicSessions")
        self.classes = self._placed(self.delivery.table("classes"), "classes")
        with parts(self.delivery, self._student_of, self.scratch) as found:
            for part in found:
                self._bring_part(part)
            for (name, field), count in self.unknown.items():
                self.log.add("oneroster_unknown", file=self.delivery.shown(name), field=field,
                             count=count)  # fmt: skip
            self._bring_lists(found)
        return self.load.finish()

    def _student_of(self, users: pl.DataFrame) -> pl.Series:
        """What tells users' students apart; others are apart by themselves."""
        found = in_force(
            self.load.loading.transaction, rows_of.identified(users, self.choices)
        ).select(ROW, "student_id")
        joined = users.select(ROW, "sourcedId").join(
            found, on=ROW, how="left", maintain_order="left"
        )
        return joined.select(pl.coalesce(filled(pl.col("student_id")), "sourcedId")).to_series()

    def _bring_part(self, part: Part) -> None:
        students = self._identified(part.users)
        kept = students.filter(~is_gone())
        self._bring_people(kept, part.demographics)
        self._bring_enrollments(part, students, kept)

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

    def _bring_people(self, kept: pl.DataFrame, told: pl.DataFrame) -> None:
        demographics = told.filter(~is_gone())
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

    def _bring_enrollments(self, part: Part, students: pl.DataFrame, kept: pl.DataFrame) -> None:
        dated = self._dated(part)
        self._tell_strangers(_of_students(dated), part.users)
        seated = _with_students(dated, students)
        self.last_years.append(_last_years(dated))
        grades = kept.select(
            "student_id", text.grade(pl.col("grades").str.split(",").list.first().fill_null(""))
            .alias("grade_enrolled"),
        ).unique("student_id", keep="last")  # fmt: skip
        active = seated.filter(~is_gone()).join(kept, on="student_id", how="semi")
        self.load.bring({"enrollment": rows_of.school_periods(active, grades)})
        self._bring_unseated(kept, active, grades)
        self._end_enrollments(students.filter(is_gone()))
        self._withdraw_enrollments(seated, active)

    def _dated(self, part: Part) -> pl.DataFrame:
        seats = self._placed(part.enrollments, "enrollments")
        return rows_of.sittings(seats, self.classes, self.sessions)

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
            self.unknown[name, field] = self.unknown.get((name, field), 0) + count

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
        if self.load.effective is None and not self.is_undated_told:
            self.log.add("people_undated", file=self.delivery.shown("users"))
            self.is_undated_told = True
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

    def _bring_lists(self, found: Parts) -> None:
        """Classes as lists; a delivery that is complete withdraws who isn't on a list any more."""
        lists = _lists(self._with_years())
        self._withdraw_lists(lists.filter(is_gone()))
        kept = lists.filter(~is_gone()).drop("status")
        self.load.bring({"roster": kept.select(*LIST, ROW)})
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            members = [Members(self.load, name, Path(folder)) for name in MEMBERS]
            for part in found:
                for one, rows in zip(members, self._members(part, kept), strict=True):
                    one.bring(rows)
            for one in members:
                one.withdraw(None if "enrollments" in self.deltas else kept)

    def _with_years(self) -> pl.DataFrame:
        """Classes with the school year of their terms, else of the last of their enrollments."""
        years = pl.concat(self.last_years).sort(ROW).drop(ROW)
        terms = rows_of.terms(self.classes, self.sessions).select("classSourcedId", "term_year")
        return (
            self.classes.rename({"sourcedId": "classSourcedId"})
            .join(terms, on="classSourcedId", how="left")
            .join(years.unique("classSourcedId", keep="last"), on="classSourcedId", how="left")
            .with_columns(pl.coalesce("term_year", "school_year").alias("school_year"))
        )

    def _members(self, part: Part, lists: pl.DataFrame) -> list[pl.DataFrame]:
        """The students and the viewers of lists that a part tells."""
        dated = self._dated(part)
        students = rows_of.identified(part.users, self.choices).filter(pl.col("student_id") != "")
        good = with_good_ids(FindingLog(), "", students, {"student_id": "student"})
        seated = _with_students(dated, in_force(self.load.loading.transaction, good))
        logins = part.users.select(pl.col("sourcedId").alias("userSourcedId"),
                                   pl.col(self.choices.login).alias("login"))  # fmt: skip
        teachers = dated.filter(pl.col("role").str.to_lowercase() == "teacher").join(
            logins.filter(pl.col("login") != ""), on="userSourcedId"
        )
        on_list = lists.select("classSourcedId", *LIST)
        return [
            people.drop("school_id", "school_year").join(on_list, on="classSourcedId")
            .select(*LIST, who, ROW, "status")
            for people, who in ((seated, "student_id"), (teachers, "login"))
        ]  # fmt: skip

    def _withdraw_lists(self, gone: pl.DataFrame) -> None:
        if gone.is_empty():
            return
        for name in ("roster", "roster_student", "roster_viewer"):
            held = self.load.all_held(name, LIST)
            self.load.withdraw(name, held.join(gone, on=LIST, how="semi")[ROW_ID])


def _of_students(dated: pl.DataFrame) -> pl.DataFrame:
    return dated.filter(pl.col("role").str.to_lowercase() == "student")


def _with_students(dated: pl.DataFrame, students: pl.DataFrame) -> pl.DataFrame:
    """Enrollments of students who are known, with their statewide identifier."""
    who = students.select(pl.col("sourcedId").alias("userSourcedId"), "student_id").unique(
        "userSourcedId", keep="last"
    )
    return _of_students(dated).join(who, on="userSourcedId", how="inner")


def _last_years(dated: pl.DataFrame) -> pl.DataFrame:
    """The school year of the last enrollment in each class, and its row."""
    told = dated.select("classSourcedId", "school_year", ROW).drop_nulls("school_year")
    return told.sort(ROW).unique("classSourcedId", keep="last")


def _lists(classes: pl.DataFrame) -> pl.DataFrame:
    """Classes with the name of their list; names are told apart by codes."""
    coded = pl.when(pl.col("classCode") != "").then(
        pl.col("title") + " (" + pl.col("classCode") + ")"
    )
    named = classes.select(
        ROW, "status", "classSourcedId", "school_id", coded.otherwise("title").alias("roster_name"),
        "title", "school_year",
    ).drop_nulls("school_year")  # fmt: skip
    is_shared = pl.struct(LIST).is_duplicated() | (pl.col("roster_name") == "")
    longer = pl.col("title") + " (" + pl.col("classSourcedId") + ")"
    return named.with_columns(
        pl.when(is_shared).then(longer).otherwise("roster_name").alias("roster_name")
    ).drop("title")


KINDS = (Kind("oneroster", "OneRoster 1.1 CSV", 30, recognise, bring),)
