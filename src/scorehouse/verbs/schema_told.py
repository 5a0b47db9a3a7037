"""The schema's verdict on each document of a delivery, as findings."""

from __future__ import annotations

from scorehouse.intake.checks import profile_named
from scorehouse.intake.checks.schema_faults import schema_finding
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.trt_documents import Batch
from scorehouse.intake.readers.trt_stream import Elements
from scorehouse.intake.schema import CURRENT, INCUMBENT, certainly_valid, verdict


class SchemaVerdicts:
    """Schema verdicts on the documents as they are read."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._revision = INCUMBENT if profile_named(profile).fields == "reporting" else CURRENT

    def __call__(self, batch: Batch, elements: Elements, log: FindingLog) -> None:
        """Tell the faults of each document; one that can't be parsed is told by the reader."""
        is_valid = certainly_valid(elements.tables, elements.is_ordered, self._revision)
        valid = set(elements.places[is_valid].tolist())
        for place, document in enumerate(batch.documents):
            if place in valid:
                continue
            for fault in verdict(document.content, self._revision):
                if fault.element:
                    log.append(schema_finding(document.name, fault, self._profile))
