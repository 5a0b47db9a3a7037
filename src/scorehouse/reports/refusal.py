"""A query that can't be answered, with every mistake in it as a finding."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Finding


class QueryRefusedError(UsageError):
    """A query that can't be answered; its `findings` say what is wrong, where, and what to do."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(" ".join(finding.message for finding in findings))


def refuse_query(findings: Sequence[Finding]) -> None:
    """Raise QueryRefusedError with all findings, if there are any."""
    if findings:
        raise QueryRefusedError(findings)
