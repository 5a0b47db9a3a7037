"""Invented results of grade 5 ELA as a delivery holds them, for rescaling."""

from __future__ import annotations

from bisect import bisect_right

from unit.two_table_files import TEST, Row, of

CUTS = (2442, 2502, 2582)
BLANK = {f"Claim{number}{what}": "" for number in range(1, 5)
         for what in ("Score", "ScoreStandardError", "ScoreAchievementLevel", "Theta")}  # fmt: skip


def result(theta: str, score: str, key: str = "op-1", /, **others: str) -> Row:
    """A result of grade 5 ELA in 2018-19, without claims unless they are named."""
    usual = {"TestGrade": "05", "GradeLevelWhenAssessed": "05", "SchoolYear": "2019"}
    level = str(1 + bisect_right(CUTS, float(score))) if score else ""
    made = {**TEST, **BLANK, **usual, "OverallTheta": theta, "ScaleScore": score}
    return of({**made, "ScaleScoreAchievementLevel": level, **others}, key)
