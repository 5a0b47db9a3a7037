"""The published shapes: the columns of every table that Scorehouse reads or writes.

These names are a promise to users; they are part of the vocabulary. Columns marked
*own* in a comment are ours beyond the published ones, always after them.
"""

from __future__ import annotations

import pyarrow as pa

_TEXT = pa.string()

RESPONSES = pa.schema(
    [
        ("opportunity_id", _TEXT),
        ("student_id", _TEXT),
        ("assessment_id", _TEXT),
        ("school_year", _TEXT),
        ("part", _TEXT),  # CAT, PT or fixed
        ("item_id", _TEXT),  # bank-key
        ("dimension", _TEXT),  # blank, or organization / evidence / conventions
        ("position", pa.int32()),
        ("answered", pa.bool_()),
        ("score", pa.float64()),  # null: no score given; -1 as delivered
        ("condition_code", _TEXT),
    ]
)
"""Item responses, long form: one row for an item, or for each dimension of a writing item."""

OPPORTUNITIES = pa.schema(
    [
        ("opportunity_id", _TEXT),
        ("mode", _TEXT),
        ("status", _TEXT),
        ("completeness", _TEXT),
        ("logged_on_cat", pa.bool_()),
        ("logged_on_pt", pa.bool_()),
        ("started_at", _TEXT),
        ("submitted_at", _TEXT),
        ("force_completed", pa.bool_()),  # own; null: not known
    ]
)
"""One row for each sitting; stands beside the responses."""

ASSESSMENTS = pa.schema(
    [
        ("assessment_id", _TEXT),
        ("name", _TEXT),
        ("subject", _TEXT),
        ("test_grade", _TEXT),
        ("assessment_type", _TEXT),  # summative, ICA or IAB
        ("school_year", _TEXT),
        ("minimum_cat_items", pa.int32()),
    ]
)
"""A package's tests (the first of its two files)."""

STEP_COLUMNS = ("b1", "b2", "b3", "b4", "b5", "b6")

ITEMS = pa.schema(
    [
        ("assessment_id", _TEXT),
        ("item_id", _TEXT),
        ("dimension", _TEXT),  # blank; writing: C (conventions) or D (organization + evidence)
        ("part", _TEXT),
        ("model", _TEXT),  # 2PL or GPCM
        ("a", pa.float64()),
        *((name, pa.float64()) for name in STEP_COLUMNS),
        ("claim", _TEXT),
        ("target", _TEXT),
        ("operational", pa.bool_()),
        ("item_type", _TEXT),  # own: MC, EQ, WER, ...; blank when the package has none
        ("purpose", _TEXT),  # own: ARGU, EXPL, INFO, NARR or OPIN on writing items
        ("unscorable", _TEXT),  # own: id of the finding that forbids scoring; null: scorable
    ]
)
"""A package's items (the second of its two files)."""

SCORES = pa.schema(
    [
        ("opportunity_id", _TEXT),
        ("student_id", _TEXT),
        ("assessment_id", _TEXT),
        ("school_year", _TEXT),
        ("subject", _TEXT),
        ("test_grade", _TEXT),
        ("measure", _TEXT),  # overall, claim:…, composite:…, target:…, trait:…
        ("theta", pa.float64()),
        ("se_theta", pa.float64()),
        ("theta_reported", pa.float64()),
        ("scale_score_unrounded", pa.float64()),
        ("scale_score", pa.int32()),
        ("se_scale", pa.float64()),
        ("achievement_level", pa.int8()),
        ("claim_rating", pa.int8()),
        ("item_count", pa.int32()),
        ("raw_score", pa.float64()),
        ("raw_score_max", pa.float64()),
        ("score_status", _TEXT),  # scored, lowest_score or not_scored
        ("reason", _TEXT),
        ("rulebook_digest", _TEXT),
        ("policy", _TEXT),  # own
        ("target_residual_to_student", pa.float64()),  # own
        ("target_residual_to_standard", pa.float64()),  # own
        ("accuracy", pa.float64()),  # own: overall only, probability that the level is right
        ("consistency", pa.float64()),  # own: overall only, same level on a parallel sitting
    ]
)
"""What `scorehouse score` writes: one row a measure, overall and parts alike."""

FINDINGS = pa.schema(
    [
        ("rule", _TEXT),
        ("consequence", _TEXT),
        ("file", _TEXT),
        ("record", _TEXT),
        ("field", _TEXT),
        ("row", pa.int64()),
        ("value", _TEXT),
        ("message", _TEXT),
        ("remedy", _TEXT),
    ]
)
"""What is wrong with an input: one row a finding."""
