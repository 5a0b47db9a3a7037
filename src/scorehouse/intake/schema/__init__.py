"""The schema of the Test Results Transmission Format, and its verdicts on documents."""

from scorehouse.intake.schema.certain import certainly_valid
from scorehouse.intake.schema.declarations import CURRENT, INCUMBENT, revisions
from scorehouse.intake.schema.verdicts import (
    SchemaFault,
    is_valid,
    older_verdicts,
    verdict,
    verdict_on,
)
from scorehouse.intake.schema.xsd import schema_text

__all__ = [
    "CURRENT",
    "INCUMBENT",
    "SchemaFault",
    "certainly_valid",
    "is_valid",
    "older_verdicts",
    "revisions",
    "schema_text",
    "verdict",
    "verdict_on",
]
