"""Obsolete values of results, in the two tables or as elements, brought up to date and counted.

Source: facts on the format, status vocabularies (4.2), conflicts resolved (6.1 to 6.5, 6.15,
6.32, 6.48) and the obsolete accessibility codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from scorehouse.intake.unflatten_notes import Features, Note, Notes
from scorehouse.intake.unflatten_scores import parse_accessibility
from scorehouse.result_shapes import ELEMENTS, TEST_TABLE

_RULE = "value_upgraded"
_OBSOLETE_STATUS = ("completed", "expired", "invalidated")
_NOW = "scored"


def upgrade_tests(tests: pa.Table, features: Features) -> tuple[pa.Table, Notes]:
    """Bring obsolete values of a test table up to date."""
    notes: Notes = Notes()
    frame = pl.from_arrow(tests)
    assert isinstance(frame, pl.DataFrame)
    words = {
        "DeliveryMode": _replaced("DeliveryMode", {"scanned": "Paper"}),
        "Completeness": _replaced("Completeness", {"none": ""}),
        "Section504Status": _replaced(
            "Section504Status", {"unknown/cannot provide": "", "unknown/cannotprovide": ""}
        ),
        "TitleIIILanguageInstructionProgramType": _replaced(
            "TitleIIILanguageInstructionProgramType", {"heritagelangague": "HeritageLanguage"}
        ),
        "AccessibilityCodes": _codes(frame, features),
    }
    words |= _status("Status", "Completeness", "AdministrationCondition", "Invalid", words)
    return _counted(frame, words, notes).to_arrow().cast(TEST_TABLE), notes


def upgrade_elements(
    elements: Mapping[str, pa.Table], features: Features
) -> tuple[dict[str, pa.Table], Notes]:
    """Bring obsolete values of elements up to date."""
    notes: Notes = Notes()
    changed = dict(elements)
    results = pl.from_arrow(elements["result"])
    supports = pl.from_arrow(elements["accommodation"])
    assert isinstance(results, pl.DataFrame)
    assert isinstance(supports, pl.DataFrame)
    words = {
        "opportunity_completeness": _replaced("opportunity_completeness", {"none": ""}),
        "test_mode": _replaced("test_mode", {"scanned": "paper"}),
    }
    words |= _status(
        "opportunity_status",
        "opportunity_completeness",
        "opportunity_administrationCondition",
        "IN",
        words,
    )
    new = _counted(results, words, notes)
    changed["result"] = new.to_arrow().cast(ELEMENTS["result"])
    replaced = {"code": _replaced("code", features.replacements)}
    changed["accommodation"] = (
        _counted(supports, replaced, notes).to_arrow().cast(ELEMENTS["accommodation"])
    )
    return changed, notes


def _replaced(column: str, words: Mapping[str, str]) -> pl.Expr:
    folded = pl.col(column).str.strip_chars().str.to_lowercase()
    return folded.replace_strict(dict(words), default=pl.col(column), return_dtype=pl.String)


def _status(
    status: str, completeness: str, condition: str, invalid: str, words: Mapping[str, pl.Expr]
) -> dict[str, pl.Expr]:
    """An obsolete status says what a column of its own says now, unless that one disagrees."""
    folded = pl.col(status).str.strip_chars().str.to_lowercase().fill_null("")
    complete, tested = words[completeness].fill_null(""), pl.col(condition).fill_null("")
    said = (
        pl.when((folded == "completed") & (complete == ""))
        .then(pl.lit("Complete"))
        .when((folded == "expired") & (complete == ""))
        .then(pl.lit("Partial"))
        .otherwise(words[completeness])
    )
    is_told = tested.str.to_lowercase().is_in(["", "in", "invalid"])
    is_obsolete = folded.is_in(_OBSOLETE_STATUS) & ((folded != "invalidated") | is_told)
    return {
        completeness: said,
        condition: pl.when((folded == "invalidated") & (tested == ""))
        .then(pl.lit(invalid))
        .otherwise(pl.col(condition)),
        status: pl.when(is_obsolete).then(pl.lit(_NOW)).otherwise(pl.col(status)),
    }


def _codes(tests: pl.DataFrame, features: Features) -> pl.Expr:
    texts = tests["AccessibilityCodes"].unique().drop_nulls().to_list()
    new = {text: _with_current_codes(text, features) for text in texts}
    return pl.col("AccessibilityCodes").replace_strict(
        {old: text for old, text in new.items() if old != text},
        default=pl.col("AccessibilityCodes"),
        return_dtype=pl.String,
    )


def _with_current_codes(text: str, features: Features) -> str:
    found = parse_accessibility(text)
    if not any(support.code.lower() in features.replacements for support in found):
        return text
    return ";".join(
        f"{features.replacements.get(support.code.lower(), support.code)}:{support.delivery}"
        for support in found
    )


def _counted(frame: pl.DataFrame, words: Mapping[str, pl.Expr], notes: Notes) -> pl.DataFrame:
    new = frame.with_columns(**words)
    for column in words:
        changed = int((frame[column].ne_missing(new[column])).sum())
        if changed:
            notes[Note(_RULE, column)] += changed
    return new
