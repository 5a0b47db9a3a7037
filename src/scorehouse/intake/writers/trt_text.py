"""Elements as the text of TRT documents: many documents at once, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.unflatten_conform import attribute_path
from scorehouse.intake.unflatten_notes import Note, Notes
from scorehouse.result_shapes import (
    ACCOMMODATION,
    COMMENT,
    EXAMINEE,
    EXAMINEE_ATTRIBUTE,
    EXAMINEE_RELATIONSHIP,
    GENERIC_VARIABLE,
    ITEM,
    OPPORTUNITY,
    RESPONSE,
    RESULT,
    SCORE,
    SCORE_INFO,
    SEGMENT,
    TEST,
    TOOL_PAGE,
    TOOL_USAGE,
)

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ILLEGAL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_NOT_WRITTEN = {"confLevel"}  # in no schema in force
_TEXTS = {"item": ("response_text",), "score_info": ("rationale", "message"), "comment": ("text",)}


class Documents(NamedTuple):
    """Documents in the order of their results, and what was taken out of them."""

    results: list[int]
    texts: list[str]
    notes: Notes


def documents(elements: Mapping[str, pa.Table], *, score_codes: bool = False) -> Documents:
    """Write one document a result, in the order of elements that the schema enforces.

    Line breaks and tabs in attributes, and carriage returns anywhere, are written as
    character references, so that a parser gives back what was there. `score_codes` writes
    Score/@conditionCode, which only the reporting warehouse's schema knows.
    """
    notes: Notes = Notes()
    frames = {name: _legal(table, name, notes) for name, table in elements.items()}
    parts = {
        "examinee": _joined(_examinee(frames)),
        "before_items": _joined(_opportunity_parts(frames, score_codes, notes)),
        "items": _joined(_items(frames)),
        "after": _joined(_after(frames)),
    }
    whole = frames["result"].select(RESULT, **_heads())
    for name, texts in parts.items():
        column = texts.rename({"text": name})
        whole = whole.join(column, on=RESULT, how="left", maintain_order="left")
    made = whole.select(RESULT, text=pl.concat_str(_shape(), ignore_nulls=True))
    return Documents(made[RESULT].to_list(), made["text"].to_list(), notes)


def _shape() -> list[pl.Expr]:
    """The document from its parts; Examinee and Opportunity are always there."""
    return [
        pl.lit(f"{_DECLARATION}<TDSReport>\n"),
        pl.col("test_head"),
        pl.lit("/>\n"),
        pl.col("examinee_head"),
        pl.lit(">\n"),
        pl.col("examinee"),
        pl.lit("</Examinee>\n"),
        pl.col("opportunity_head"),
        pl.lit(">\n"),
        pl.col("before_items"),
        pl.col("items"),
        pl.lit("</Opportunity>\n"),
        pl.col("after"),
        pl.lit("</TDSReport>\n"),
    ]


def _heads() -> dict[str, pl.Expr]:
    names = {"test": TEST, "examinee": EXAMINEE, "opportunity": OPPORTUNITY}
    return {
        f"{kind}_head": _opened(kind.capitalize(), attributes, f"{kind}_")
        for kind, attributes in names.items()
    }


def _legal(table: pa.Table, name: str, notes: Notes) -> pl.DataFrame:
    """Take out the characters that XML can't hold, and count where."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    texts = [column for column, kind in frame.schema.items() if kind == pl.String]
    if not frame.height or not texts:
        return frame
    illegal = frame.select(pl.col(texts).str.contains(_ILLEGAL).sum()).row(0, named=True)
    found = [column for column, count in illegal.items() if count]
    for column in found:
        notes[Note("xml_character_removed", attribute_path(name, column))] += illegal[column]
    return frame.with_columns(pl.col(found).str.replace_all(_ILLEGAL, ""))


def _escaped(column: str) -> pl.Expr:
    """Text between tags."""
    text = pl.col(column)
    for character, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.str.replace_all(character, reference, literal=True)
    return text


def _attribute(column: str, name: str) -> pl.Expr:
    text = _escaped(column)
    for character, reference in (('"', "&quot;"), ("\n", "&#10;"), ("\t", "&#9;")):
        text = text.str.replace_all(character, reference, literal=True)
    return pl.concat_str(pl.lit(f' {name}="'), text, pl.lit('"'))


def _opened(element: str, attributes: Sequence[str], prefix: str = "") -> pl.Expr:
    """A start tag without its end: attributes that aren't there are left out."""
    given = [_attribute(f"{prefix}{a}", a) for a in attributes if a not in _NOT_WRITTEN]
    return pl.concat_str(pl.lit(f"<{element}"), *given, ignore_nulls=True)


def _empty(frame: pl.DataFrame, element: str, attributes: Sequence[str]) -> pl.DataFrame:
    text = pl.concat_str(_opened(element, attributes), pl.lit("/>\n"))
    return frame.select(RESULT, text=text)


def _joined(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All texts of a result behind one another, part after part."""
    rows = pl.concat(parts)
    return rows.group_by(RESULT, maintain_order=True).agg(pl.col("text").str.join(""))


def _examinee(frames: Mapping[str, pl.DataFrame]) -> list[pl.DataFrame]:
    return [
        _empty(frames["examinee_attribute"], "ExamineeAttribute", EXAMINEE_ATTRIBUTE),
        _empty(frames["examinee_relationship"], "ExamineeRelationship", EXAMINEE_RELATIONSHIP),
    ]


def _opportunity_parts(
    frames: Mapping[str, pl.DataFrame], score_codes: bool, notes: Notes
) -> list[pl.DataFrame]:
    score = SCORE if score_codes else SCORE[:-1]
    return [
        _empty(frames["segment"], "Segment", SEGMENT),
        _empty(frames["accommodation"], "Accommodation", ACCOMMODATION),
        *_scores(frames["score"], score, notes),
        _empty(frames["generic_variable"], "GenericVariable", GENERIC_VARIABLE),
    ]


def _scores(scores: pl.DataFrame, attributes: Sequence[str], notes: Notes) -> list[pl.DataFrame]:
    """Scores; a condition code that the schema has no attribute for becomes a Score of its own."""
    plain = _empty(scores, "Score", attributes)
    coded = scores.filter(pl.col("conditionCode").fill_null("") != "")
    if "conditionCode" in attributes or not coded.height:
        return [plain]
    notes[Note("condition_code_moved", "Score/@conditionCode")] += coded.height
    moved = coded.with_columns(
        measureLabel=pl.lit("conditionCode"), value="conditionCode", standardError=pl.lit("")
    )
    return [plain, _empty(moved, "Score", attributes)]


def _items(frames: Mapping[str, pl.DataFrame]) -> list[pl.DataFrame]:
    items = frames["item"]
    nodes = _node_texts(frames["score_info"])
    joined = items.join(nodes, on=[RESULT, "item"], how="left", maintain_order="left")
    has_response = pl.col("response_date").is_not_null()
    response = pl.concat_str(
        _opened("Response", RESPONSE, "response_"),
        pl.lit(">"),
        _escaped("response_text").fill_null(""),
        pl.lit("</Response>"),
    )
    parts = [
        _opened("Item", ITEM),
        pl.lit(">"),
        pl.when(has_response).then(response),
        pl.col("nodes"),
        pl.lit("</Item>\n"),
    ]
    return [joined.select(RESULT, text=pl.concat_str(parts, ignore_nulls=True))]


def _node_texts(nodes: pl.DataFrame) -> pl.DataFrame:
    """One text an item: its ScoreInfo with all that it holds, built from the deepest nodes up."""
    rows = nodes.with_columns(depth=_depths(nodes), below=pl.lit(None, pl.String))
    deepest = rows["depth"].max()
    for depth in range(deepest if isinstance(deepest, int) else 0, 0, -1):
        inner = rows.filter(pl.col("depth") == depth).select(
            RESULT, "item", node="parent", inside=_node_text()
        )
        listed = inner.group_by(RESULT, "item", "node", maintain_order=True).agg(
            pl.col("inside").str.join("")
        )
        rows = rows.join(listed, on=[RESULT, "item", "node"], how="left", maintain_order="left")
        rows = rows.with_columns(below=pl.coalesce("inside", "below")).drop("inside")
    tops = rows.filter(pl.col("depth") == 0)
    return tops.group_by(RESULT, "item", maintain_order=True).agg(nodes=_node_text().str.join(""))


def _depths(nodes: pl.DataFrame) -> pl.Series:
    """How deep each node stands; a node's parent comes before it."""
    depths: list[int] = []
    starts = 0
    keys = nodes.select(RESULT, "item", "node", "parent")
    for place, (_, _, node, parent) in enumerate(keys.iter_rows()):
        if node == 0:
            starts = place
        depths.append(0 if parent < 0 else depths[starts + parent] + 1)
    return pl.Series("depth", depths, pl.Int32)


def _node_text() -> pl.Expr:
    message = pl.concat_str(pl.lit("<Message>"), _escaped("message"), pl.lit("</Message>"))
    has_rationale = pl.col("rationale").is_not_null() | pl.col("message").is_not_null()
    rationale = pl.concat_str(
        pl.lit("<ScoreRationale>"),
        _escaped("rationale"),
        message,
        pl.lit("</ScoreRationale>"),
        ignore_nulls=True,
    )
    listed = pl.concat_str(pl.lit("<SubScoreList>"), pl.col("below"), pl.lit("</SubScoreList>"))
    return pl.concat_str(
        _opened("ScoreInfo", SCORE_INFO),
        pl.lit(">"),
        pl.when(has_rationale).then(rationale),
        listed,
        pl.lit("</ScoreInfo>"),
        ignore_nulls=True,
    )


def _after(frames: Mapping[str, pl.DataFrame]) -> list[pl.DataFrame]:
    comments = frames["comment"].select(
        RESULT,
        text=pl.concat_str(
            _opened("Comment", COMMENT),
            pl.lit(">"),
            _escaped("text").fill_null(""),
            pl.lit("</Comment>\n"),
        ),
    )
    pages = frames["tool_page"].with_columns(
        inside=pl.concat_str(_opened("ToolPage", TOOL_PAGE), pl.lit("/>"))
    )
    usages = pages.group_by(RESULT, "usage", maintain_order=True).agg(
        pl.col(*TOOL_USAGE).first(), pl.col("inside").str.join("")
    )
    tools = usages.select(
        RESULT,
        text=pl.concat_str(
            _opened("ToolUsage", TOOL_USAGE),
            pl.lit(">"),
            pl.col("inside"),
            pl.lit("</ToolUsage>\n"),
        ),
    )
    return [comments, tools]


def each(made: Documents) -> Iterator[bytes]:
    """Yield the documents as they are written: UTF-8 without a byte order mark."""
    for text in made.texts:
        yield text.encode()
