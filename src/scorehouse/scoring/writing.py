"""Full writes: from three traits and condition codes to the two scored dimensions.

D = the mean of organization/purpose and evidence/elaboration, a half rounded up; C = the
conventions. Both enter the likelihood, both belong to the writing claim. Source: Test
Scoring Specifications 2015-16, section 3.2; hand-scoring rules (codes B, I, L, T, M).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scorehouse.terms import WritingCode

ORGANIZATION, EVIDENCE, CONVENTIONS = "organization", "evidence", "conventions"
TRAITS = (ORGANIZATION, EVIDENCE, CONVENTIONS)
TRAIT_POINTS = {ORGANIZATION: 4, EVIDENCE: 4, CONVENTIONS: 2}
DIMENSION_D, DIMENSION_C = "D", "C"
TRAIT_SUFFIX = {ORGANIZATION: "ORG", EVIDENCE: "EVI", CONVENTIONS: "CON"}


def dimension_d(organization: float, evidence: float) -> int:
    """The organization and evidence dimension: their mean, a half rounded up.

    >>> dimension_d(3, 2), dimension_d(1, 2), dimension_d(4, 4)
    (3, 2, 4)
    """
    return math.ceil((organization + evidence) / 2)


def coded_score(
    trait: str, score: float | None, code: str, codes: Mapping[str, WritingCode]
) -> float | None:
    """A trait's points after its condition code: 0 where the code says so.

    None means that there is neither a score nor a code that gives one: nothing to score by.
    """
    if code and trait in codes[code].zeroed_traits:
        return 0.0
    return None if score is None or score < 0 else score


def trait_measure(trait: str, purpose: str) -> str:
    """The measure of a trait, coded as results files do.

    >>> trait_measure("evidence", "EXPL"), trait_measure("conventions", "")
    ('trait:SOCK_EXPL_EVI', 'trait:CON')
    """
    suffix = TRAIT_SUFFIX[trait]
    return f"trait:SOCK_{purpose}_{suffix}" if purpose else f"trait:{suffix}"
