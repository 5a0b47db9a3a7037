"""The families of rules: in which file each stands, under which keys, with which fields.

A family that isn't here doesn't exist for the loader, and neither does a field: what the
loader doesn't understand, it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass

from scorehouse.rulebook import fields
from scorehouse.rulebook.bands import INCLUDES
from scorehouse.rulebook.fields import Field

TRAITS = ("organization", "evidence", "conventions")
PARTS = ("claim", "composite")
LEVELS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Family:
    """Rules of one form.

    `is_required`: a year without it can't be used. `is_banded`: several rows make one
    entry, a set of bands. `is_named`: an option with a name of its own, which may be
    applied to any year (re-scoring with another option), whatever year it starts in.
    """

    name: str
    file: str
    keys: tuple[Field, ...]
    fields: tuple[Field, ...]
    is_required: bool = True
    is_banded: bool = False
    is_named: bool = False


_SUBJECT = Field("subject", fields.subject)
_GRADE = Field("grade", fields.grade)
_TYPE = Field("assessment_type", fields.assessment_type)
_NUMBER = (Field("value", fields.positive_number),)
_NOT_ATTEMPTED = fields.choice("not_scored", "lowest_score")

FAMILIES = (
    Family("grades", "measurement.toml", (_SUBJECT,), (Field("value", fields.grades),)),
    Family("model_constant", "measurement.toml", (), _NUMBER),
    Family(
        "scale",
        "measurement.toml",
        (_SUBJECT,),
        (Field("slope", fields.positive_number), Field("intercept", fields.number)),
    ),
    Family("se_ceiling", "measurement.toml", (), _NUMBER),
    Family("half_point", "policies.toml", (), _NUMBER, is_named=True),
    Family("most_at_bounds", "policies.toml", (), _NUMBER, is_required=False, is_named=True),
    Family(
        "policy",
        "policies.toml",
        (Field("policy", fields.step),),
        (
            Field("extremes", fields.choice("bounds", "half_point")),
            Field("limits", fields.choice("theta", "score", "none")),
            Field("bounds_set", fields.blank_or_text),
            Field("drops_unanswered_when_complete", fields.flag, is_required=False),
            Field("single_part_is_participant", fields.flag, is_required=False),
        ),
        is_named=True,
    ),
    Family("default_policy", "policies.toml", (), (Field("value", fields.text),)),
    Family("claim_band", "reporting.toml", (), _NUMBER),
    Family("claim_rounding", "reporting.toml", (_TYPE,), (Field("value", fields.flag),)),
    Family(
        "rounding",
        "reporting.toml",
        (Field("measure", fields.choice("scale_score", "achievement_level")),),
        (
            Field("method", fields.choice("half_away_from_zero")),
            Field("stage", fields.choice("after_bounds", "on_rounded_scale_score")),
        ),
    ),
    Family(
        "reporting",
        "reporting.toml",
        (Field("part", fields.choice(*PARTS)),),
        (Field("value", fields.choice("individual", "aggregate")),),
        is_required=False,
    ),
    Family(
        "target_strands",
        "reporting.toml",
        (_SUBJECT,),
        (Field("value", fields.words),),
        is_required=False,
    ),
    Family(
        "attemptedness",
        "attemptedness.toml",
        (_TYPE,),
        (
            Field("minimum_answered", fields.count),
            Field("minimum_cat_answered", fields.count),
            Field("minimum_pt_answered", fields.count),
            Field("needs_both_parts", fields.flag),
            Field("below_threshold", _NOT_ATTEMPTED),
            Field("nothing_answered", _NOT_ATTEMPTED),
            Field("force_completed", fields.choice("as_answered", "nonparticipant")),
        ),
    ),
    Family(
        "writing",
        "writing.toml",
        (Field("code", fields.step),),
        (Field("zeroed_traits", fields.some_of(*TRAITS)),),
    ),
    Family(
        "suspended",
        "administration.toml",
        (),
        (Field("value", fields.flag),),
        is_required=False,
    ),
    Family(
        "cuts",
        "cuts.csv",
        (_SUBJECT, _GRADE),
        (
            Field("level", fields.whole_number),
            Field("lower_scale_score", fields.whole_number, is_required=False),
            Field("upper_scale_score", fields.whole_number, is_required=False),
            Field("lower_theta", fields.number, is_required=False),
            Field("upper_theta", fields.number, is_required=False),
            Field("includes", fields.choice(*INCLUDES)),
        ),
        is_banded=True,
    ),
    Family(
        "bounds",
        "bounds.csv",
        (Field("bounds_set", fields.step), _SUBJECT, _GRADE),
        (
            Field("lowest_theta", fields.number),
            Field("highest_theta", fields.number),
            Field("lowest_scale_score", fields.whole_number),
            Field("highest_scale_score", fields.whole_number),
        ),
        is_named=True,
    ),
    Family(
        "average_items",
        "average_items.csv",
        (_SUBJECT, _GRADE),
        (
            Field("discrimination", fields.positive_number),
            Field("difficulty", fields.number),
            Field("score", fields.count),
        ),
    ),
    Family(
        "minimum_cat_items",
        "minimum_cat_items.csv",
        (_SUBJECT, _GRADE),
        (Field("value", fields.count),),
        is_required=False,
    ),
    Family(
        "parts",
        "parts.csv",
        (_SUBJECT, Field("code", fields.step)),
        (
            Field("kind", fields.choice(*PARTS)),
            Field("number", fields.text),
            Field("name", fields.text),
            Field("strands", fields.words),
        ),
    ),
)

BY_NAME = {family.name: family for family in FAMILIES}
FILES = tuple(dict.fromkeys(family.file for family in FAMILIES))


def families_of(file: str) -> tuple[Family, ...]:
    """Return the families that stand in a file of this name."""
    return tuple(family for family in FAMILIES if family.file == file)


def family_of(rule: str) -> Family:
    """Return the family of a rule path.

    >>> family_of("cuts/ELA/05").file
    'cuts.csv'
    """
    return BY_NAME[rule.split("/")[0]]
