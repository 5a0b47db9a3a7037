"""What a schema says of a document, as findings of the rules F13, P14 and P15."""

from __future__ import annotations

from typing import Protocol

from scorehouse.intake.catalogue import Finding
from scorehouse.intake.checks.rule_data import results_rules


class Fault(Protocol):
    """One thing that a schema forbids."""

    @property
    def line(self) -> int:
        """Line of the document, from 1."""

    @property
    def element(self) -> str:
        """Name of the element."""

    @property
    def attribute(self) -> str:
        """Name of the attribute, or blank."""

    @property
    def message(self) -> str:
        """What is wrong, without any value of the document."""


def schema_finding(file: str, fault: Fault, profile: str) -> Finding:
    """The finding of a fault: a missing attribute (P14), a wrong one (P15), the rest (F13)."""
    rule = results_rules()[_rule_of(fault)]
    field = f"{fault.element}/@{fault.attribute}" if fault.attribute else fault.element
    return Finding(
        rule=rule.rule,
        consequence=rule.consequence(profile).value,
        file=file,
        record="",
        field=field,
        row=None,
        value="",
        message=f"Line {fault.line}: {fault.message}",
        remedy="Write what the published schema asks for.",
    )


def _rule_of(fault: Fault) -> str:
    if not fault.attribute:
        return "F13"
    return "P14" if "lacks its attribute" in fault.message else "P15"
