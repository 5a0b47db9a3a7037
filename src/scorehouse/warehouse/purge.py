"""Purging: a student or school years really gone, in one transaction, with a certificate.

First everything is written anew without what goes and becomes the warehouse in one step; then
the old bytes are removed, as soon as nobody reads them. A run that is killed before the step
has changed nothing; one that is killed after it is completed by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.terms import SchoolYear
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse import certificates
from scorehouse.warehouse.engine import quoted
from scorehouse.warehouse.going import Going
from scorehouse.warehouse.leak_search import Searched, search
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.needles import Needles
from scorehouse.warehouse.purge_archive import (
    ArchiveChanges,
    list_changes,
    name_moved_numbers,
    rewrite_archive,
)
from scorehouse.warehouse.purge_rest import Remains, finish_pending, remove_rest
from scorehouse.warehouse.purge_rows import Scope, drop_rows, every_id, find_going, sittings
from scorehouse.warehouse.schema import TABLES
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.transaction import Transaction

Say = Callable[[str], None]
_YEAR_GROUPS = ("people", "rosters", "results")
UNNAMED = "(purged)"


@dataclass(frozen=True)
class PurgeRequest:
    """What to purge: a student, or school years of some tables (`year_of`, retention).

    `waits`: wait for readers, so that nothing is left on disk when the purge ends.
    """

    student_id: str = ""
    years: Mapping[str, frozenset[str]] = field(default_factory=dict)
    payload_years: frozenset[str] = frozenset()
    takes_people: bool = False
    why: str = "purge"
    waits: bool = True


@dataclass
class PurgeSummary:
    """What a purge did. `certificate` 0: there was nothing of it.

    `proof` says where identifiers still stand: nowhere, if all went well.
    """

    certificate: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    students: int = 0
    payloads: ArchiveChanges = field(default_factory=lambda: ArchiveChanges((), ()))
    remains: Remains = field(default_factory=Remains)
    proof: Searched = field(default_factory=Searched)
    completed: int = 0  # purges of before that were interrupted, and are complete now

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of it was held."""
        return not self.rows and not self.payloads.payloads

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left anywhere."""
        return self.remains.is_nothing and self.proof.is_clean


def of_student(student_id: str, *, waits: bool = True) -> PurgeRequest:
    """Purge a student. Raises UsageError for a blank identifier."""
    if not student_id.strip():
        raise UsageError("name the student by the statewide identifier")
    return PurgeRequest(student_id=student_id.strip(), why="purge of a student", waits=waits)


def of_year(text: str, *, waits: bool = True) -> PurgeRequest:
    """Purge what is held of all students for a school year. Raises UsageError for no year."""
    try:
        year = str(SchoolYear.parse(text))
    except ValueError as error:
        raise UsageError(str(error)) from None
    names = [
        table.name
        for table in TABLES.values()
        if table.group in _YEAR_GROUPS and "school_year" in table.names
    ]
    years = {name: frozenset({year}) for name in (*names, "submission")}
    return PurgeRequest(
        years=years, payload_years=frozenset({year}), takes_people=True,
        why=f"purge of the school year {year}", waits=waits,
    )  # fmt: skip


def purge(
    warehouse: Warehouse,
    request: PurgeRequest,
    *,
    say: Say = lambda _sentence: None,
    progress: Progress = lambda _done, _expected: None,
) -> PurgeSummary:
    """Purge; what an earlier run left unfinished is finished first."""
    summary = PurgeSummary(completed=finish_pending(warehouse, say, waits=request.waits))
    with warehouse.transaction(request.why, say) as transaction:
        scope = _scope(transaction, request)
        needles = _take_out(warehouse, transaction, scope, summary, progress)
        if not summary.is_nothing:
            _commit(warehouse, transaction, request, scope, needles, summary)
    if summary.certificate:
        summary.remains = remove_rest(warehouse, say, waits=request.waits)
    passed_over = frozenset(summary.remains.files)
    summary.proof = search(warehouse, needles, progress, passed_over)
    if summary.certificate:
        certificates.complete(
            warehouse, summary.certificate, summary.remains.is_nothing, _proof(summary)
        )
    return summary


def would_go(warehouse: Warehouse, request: PurgeRequest) -> list[dict[str, Any]]:
    """The rows that a purge of years would take, by `table_name` and `school_year`."""
    rows: list[dict[str, Any]] = []
    with warehouse.snapshot() as snapshot:
        for name, years in request.years.items():
            listed = ", ".join(quoted(one) for one in sorted(years))
            rows += snapshot.sql(
                f"SELECT '{name}' AS table_name, school_year, count(*) AS n FROM {name}__rows "
                f"WHERE school_year IN ({listed}) GROUP BY school_year ORDER BY school_year"
            ).to_pylist()
    return rows


def _scope(transaction: Transaction, request: PurgeRequest) -> Scope:
    students = every_id(transaction, request.student_id) if request.student_id else ()
    return Scope(students, request.years, request.payload_years, request.takes_people)


def _take_out(
    warehouse: Warehouse,
    transaction: Transaction,
    scope: Scope,
    summary: PurgeSummary,
    progress: Progress,
) -> Needles:
    """Write data files and payloads anew; return what must be found nowhere afterwards."""
    students = find_going(transaction, scope)
    going = Going(Needles(students), scope.payload_years)
    gone_sittings = sittings(transaction)
    if scope.students:
        going.sittings |= set(gone_sittings)
    summary.students = len(students)
    summary.payloads = rewrite_archive(warehouse, transaction, going, progress)
    name_moved_numbers(warehouse, transaction, summary.payloads)
    summary.rows = drop_rows(transaction, scope, Needles(scope.students))
    return Needles((*students, *gone_sittings) if scope.students else students)


def _commit(
    warehouse: Warehouse,
    transaction: Transaction,
    request: PurgeRequest,
    scope: Scope,
    needles: Needles,
    summary: PurgeSummary,
) -> None:
    """The step: data files, payloads, certificate and audit in one transaction."""
    marks = [warehouse.mark(student) for student in scope.students]

    def also(connection: sa.Connection, _number: int) -> None:
        list_changes(connection, summary.payloads)
        _unname(connection, needles)
        summary.certificate = certificates.write(connection, request.why, _details(summary))
        about = f"purged, certificate {summary.certificate}"
        connection.execute(
            sa.update(tables.audit).where(tables.audit.c.about.in_(marks)).values(about=about)
        )
        note = certificates.audit_entry(about, request.why, _number)
        connection.execute(sa.insert(tables.audit).values(note))

    transaction.commit(request.why, also)


def _unname(connection: sa.Connection, needles: Needles) -> None:
    """Take names of files out of the catalog that name a student."""
    one = tables.imported.c
    for import_id, file in connection.execute(sa.select(one.import_id, one.file)).all():
        words = needles.masked(str(file).encode()).decode()
        if words != file or any(name in str(file) for name in needles.all - needles.sure):
            connection.execute(
                sa.update(tables.imported).where(one.import_id == import_id).values(file=UNNAMED)
            )


def _details(summary: PurgeSummary) -> dict[str, Any]:
    return {
        "rows": summary.rows,
        "identifiers": summary.students,
        "payloads": [
            {"digest": change.digest, "kept_digest": change.kept_digest, "how": change.how,
             "records": change.records}
            for change in summary.payloads.payloads
        ],
        "payloads_not_opened": list(summary.payloads.unsearchable),
    }  # fmt: skip


def _proof(summary: PurgeSummary) -> dict[str, Any]:
    proof = summary.proof
    return {"files": proof.files, "bytes": proof.size, "found": proof.found,
            "not_opened": proof.unsearchable}  # fmt: skip
