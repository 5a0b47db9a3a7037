"""Running one case of the numbered rules: change the base record, check it, list what was found."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from cases import results_rules_base as base
from scorehouse.intake.checks import results_rules
from scorehouse.intake.checks.frames import Setting
from scorehouse.intake.checks.rule_data import profile_named
from scorehouse.intake.checks.run import check_results
from scorehouse.intake.findings import Finding, FindingLog
from scorehouse.intake.readers.results import read_results
from scorehouse.rulebook import Rulebook, load
from scorehouse.terms import SchoolYear
from scorehouse.verbs.check import SchemaVerdicts, today

LETTERS = {
    "information": "I",
    "warning": "W",
    "record_left_out": "E",
    "file_refused": "F",
    "stop": "S",
}
PACKAGE = {"EXAMPLE-ELA-7": frozenset({"200-50001", "200-50002", "200-50003"})}


class Case(NamedTuple):
    """One row of `results_rules.csv`; `expected` names rules and consequences: `X5:E R1:W`."""

    form: str
    profile: str
    options: str
    change: str
    expected: str
    why: str


def cases() -> Iterator[Case]:
    """Every case of the table."""
    text = Path(__file__).with_name("results_rules.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield Case(**row)


@cache
def rulebook() -> Rulebook:
    """The packaged rulebook, loaded once."""
    return load()


def changes_of(case: Case) -> list[str]:
    """The changes of a case, one by one."""
    return [change.strip() for change in case.change.split(" && ") if change.strip()]


def document(case: Case, number: int | None = None) -> etree._Element:
    """The changed document; with a number that of another student."""
    root = base.document()
    if number is not None:
        base.name_document(root, number)
    for change in changes_of(case):
        base.change_document(root, change)
    return root


def tables(case: Case, number: int | None = None) -> base.Tables:
    """The changed rows; with a number those of another student."""
    found = ([base.test_row()], base.item_rows())
    if number is not None:
        base.name_rows(found, number)
    for change in changes_of(case):
        base.change_tables(found, change)
    return found


def written(case: Case, folder: Path) -> Path:
    """Write the changed record in the case's form."""
    if case.form == "tables":
        return base.write_tables(folder, tables(case))
    roots = [document(case)]
    if "twice" in case.options:
        roots.append(document(case))
        again = case.options.partition("twice:")[2]
        for change in filter(None, again.split("&&")):
            base.change_document(roots[1], change)
    return base.write_documents(folder, *roots)


def option(case: Case, name: str) -> str:
    """The value of an option such as `policy=…`; blank when it isn't given."""
    pairs = dict(part.split("=", 1) for part in case.options.split(";") if "=" in part)
    return pairs.get(name, "")


def setting_of(case: Case) -> Setting:
    """What the case asks the check for."""
    profile = profile_named(case.profile)
    year = option(case, "year") or profile.year
    return Setting(
        profile=profile,
        year=SchoolYear.parse(year) if year else None,
        today=today(),
        required=frozenset([option(case, "require")]) if option(case, "require") else None,
        is_deidentified="deidentified" in case.options,
        is_policy_stated=bool(option(case, "policy")),
        items_of=PACKAGE if "package" in case.options else {},
    )


def findings(case: Case, path: Path) -> FindingLog:
    """Check what was written as the case asks."""
    log = FindingLog()
    chunks = read_results(path, log, beside=SchemaVerdicts(case.profile))
    check_results(chunks, setting_of(case), rulebook().at, log, policy=option(case, "policy"))
    return log


def told(finding: Finding) -> str:
    """A finding of a numbered rule as the table writes it, else blank."""
    if finding.rule not in results_rules():
        return ""
    return f"{finding.rule}:{LETTERS[finding.consequence]}"


def run(case: Case, folder: Path) -> set[str]:
    """Check the record alone; return the numbered rules found, each with its consequence."""
    return {told(f) for f in findings(case, written(case, folder))} - {""}


def needs_to_be_alone(case: Case) -> bool:
    """Whether the case is about a delivery, or changes who the record is of."""
    about_delivery = any(rule in case.expected for rule in ("F4:", "X44:"))
    changes_id = re.search(
        r"TestOpportunityId|Opportunity@key|StudentIdentifier|\+test", case.change
    )
    return bool(case.options or about_delivery or changes_id)


def run_together(some: list[Case], folder: Path) -> list[set[str]]:
    """Check the records of cases of one form and profile as one delivery.

    Each is a student of its own, so that no record may change what is said of another.
    """
    places: dict[str, int] = {}
    if some[0].form == "xml":
        base.write_documents(folder, *(document(case, n) for n, case in enumerate(some)))
        places = {f"{folder.name}#{n + 1}": n for n in range(len(some))}
    else:
        all_tables = [tables(case, n) for n, case in enumerate(some)]
        tests, items = (
            [row for part in parts for row in part] for parts in zip(*all_tables, strict=True)
        )
        base.write_tables(folder, (tests, items))
        places = {base.key_of(n): n for n in range(len(some))}
    found: list[set[str]] = [set() for _ in some]
    for finding in findings(some[0], folder):
        if told(finding) and (place := finding.file if some[0].form == "xml" else finding.record):
            found[places[place]].add(told(finding))
    return found
