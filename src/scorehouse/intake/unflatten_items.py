"""Segment, Item and ScoreInfo elements from the rows of the item table."""

from __future__ import annotations

import json

import polars as pl

from scorehouse.intake.unflatten_notes import Notes, note_where
from scorehouse.result_shapes import RESULT

_INVENTED = "value_invented"
_ITEM = [RESULT, "item"]
_FIRST_FILLED = (
    "ItemId", "ItemPosition", "AdminDateTime", "ResponseValue", "SegmentId", "SegmentPosition",
    "SelectionAlgorithm", "SelectionAlgorithmVersion", "FieldTest", "Dropped", "ItemType",
    "Strand", "ContentLevel", "Submitted", "SubmitDateTime", "NumberOfVisits",
    "ResponseContentType", "ItemScoreStatus",
)  # fmt: skip
_NEED_NODE = ("EQ", "SA", "WER")  # item types whose ScoreInfo the format requires
_RATERS = ((1, "Initial"), (2, "Reliability"), (3, "Resolution"))
_NOT_SCORED = "-1"
_YES = ("yes", "y", "true", "t", "1")
_NO = ("no", "n", "false", "f", "0")


def item_elements(
    items: pl.DataFrame, tests: pl.DataFrame, notes: Notes
) -> dict[str, pl.DataFrame]:
    """Return the segments, items and score nodes; `items` stand by result and item."""
    rows = _ranked(items)
    heads = _heads(rows).join(
        tests.select(RESULT, "AssessmentId"), on=RESULT, how="left", maintain_order="left"
    )
    heads = heads.with_columns(
        segment_id=pl.coalesce(_given("SegmentId"), pl.col("AssessmentId")),
        seconds=pl.col("ResponseDuration").cast(pl.Float64, strict=False),
    )
    _note_items(heads, notes)
    return {
        "segment": _segments(heads, notes),
        "item": _items(heads),
        "score_info": _nodes(rows, heads, notes),
    }


def _given(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column))


def _ranked(items: pl.DataFrame) -> pl.DataFrame:
    """Put each item's whole before its traits; `rank` 0 is the whole, unless it isn't there."""
    dimension = pl.col("ScoreDimension").str.strip_chars().str.to_lowercase()
    is_whole = dimension.is_in(["", "overall"]) | (pl.len().over(_ITEM) == 1)
    rows = items.with_columns(is_whole=is_whole & is_whole.cum_sum().over(_ITEM).eq(1))
    rows = rows.sort(*_ITEM, ~pl.col("is_whole"), maintain_order=True)
    has_whole = pl.col("is_whole").any().over(_ITEM)
    rank = pl.int_range(pl.len()).over(_ITEM) + pl.when(has_whole).then(0).otherwise(1)
    return rows.with_columns(rank=rank)


def _heads(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an item: what its rows say in common, and the whole's score."""
    filled = [pl.col(c).filter(pl.col(c) != "").first().fill_null("") for c in _FIRST_FILLED]
    seconds = pl.col("ResponseDuration").cast(pl.Float64, strict=False)
    longest = pl.col("ResponseDuration").sort_by(
        seconds.fill_null(-1), descending=True, maintain_order=True
    )
    heads = rows.group_by(_ITEM, maintain_order=True).agg(
        *filled,
        longest.first(),
        pl.col("ItemScore").filter("is_whole").first().alias("whole"),
        _total_of_traits().alias("of_traits"),
        pl.len().alias("row_count"),
    )
    return heads.with_columns(
        score=pl.coalesce(_given("whole"), pl.col("of_traits"), pl.lit(_NOT_SCORED))
    )


def _total_of_traits() -> pl.Expr:
    """A full write's total: conventions, and half of the other two traits, half rounded up."""
    dimension = pl.col("ScoreDimension").str.to_lowercase()
    points = pl.col("ItemScore").cast(pl.Int32, strict=False)
    organization = points.filter(dimension.str.starts_with("organization")).first()
    evidence = points.filter(dimension.str.starts_with("evidence")).first()
    conventions = points.filter(dimension.str.starts_with("conventions")).first()
    return ((organization + evidence + 1) // 2 + conventions).cast(pl.String)


def _note_items(heads: pl.DataFrame, notes: Notes) -> None:
    """Count the values that the item rows don't say."""
    blanks = {
        "segmentId": ("SegmentId", "AssessmentId"),
        "operational": ("FieldTest", "1"),
        "isSelected": ("Submitted", "whether there is a response"),
        "format": ("ItemType", "UNKNOWN"),
        "scoreStatus": ("ItemScoreStatus", "whether there is a score"),
        "numberVisits": ("NumberOfVisits", "1"),
        "mimeType": ("ResponseContentType", "text/plain"),
        "dropped": ("Dropped", "0"),
        "responseDuration": ("ResponseDuration", "0"),
    }
    for name, (column, origin) in blanks.items():
        note_where(notes, _INVENTED, f"Item/@{name}", heads, pl.col(column) == "", origin)
    for name, origin in (
        ("pageNumber", "ItemPosition"), ("pageVisits", "1"), ("pageTime", "ResponseDuration"),
    ):  # fmt: skip
        note_where(notes, _INVENTED, f"Item/@{name}", heads, pl.lit(True), origin)
    is_total = (pl.col("whole").fill_null("") == "") & pl.col("of_traits").is_not_null()
    note_where(notes, _INVENTED, "Item/@score", heads, is_total, "the traits")
    is_absent = (pl.col("whole").fill_null("") == "") & pl.col("of_traits").is_null()
    note_where(notes, _INVENTED, "Item/@score", heads, is_absent, _NOT_SCORED)
    has_date = (pl.col("ResponseValue") != "") & (pl.col("SubmitDateTime") == "")
    origin = "AdminDateTime and ResponseDuration"
    note_where(notes, _INVENTED, "Response/@date", heads, has_date, origin)


def _segments(heads: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """The segments that a result's items name, in the order they name them."""
    segments = heads.group_by([RESULT, "segment_id"], maintain_order=True).agg(
        pl.col("SegmentPosition", "SelectionAlgorithm", "SelectionAlgorithmVersion").first()
    )
    note_where(
        notes, _INVENTED, "Segment/@position", segments, pl.col("SegmentPosition") == "",
        "the order of the items",
    )  # fmt: skip
    place = (pl.int_range(pl.len()).over(RESULT) + 1).cast(pl.String)
    return segments.select(
        pl.col(RESULT),
        id=pl.col("segment_id"),
        position=pl.coalesce(_given("SegmentPosition"), place),
        algorithm=_given("SelectionAlgorithm"),
        algorithmVersion=_given("SelectionAlgorithmVersion"),
    )


def _items(heads: pl.DataFrame) -> pl.DataFrame:
    """Item elements, each with its Response."""
    has_response = pl.col("ResponseValue") != ""
    has_moment = pl.col("SubmitDateTime") != ""
    answered = pl.when(has_response).then(pl.lit("1")).otherwise(pl.lit("0"))
    is_scored = pl.col("score").str.strip_chars().str.starts_with("-")
    status = pl.when(is_scored).then(pl.lit("NOTSCORED")).otherwise(pl.lit("SCORED"))
    has_hyphen = pl.col("ItemId").str.contains("-", literal=True)
    parts = pl.col("ItemId").str.splitn("-", 2)
    milliseconds = (pl.col("seconds") * 1000).round().clip(-(2**31), 2**31 - 1)
    return heads.select(
        *_ITEM,
        position=pl.col("ItemPosition"),
        segmentId=pl.col("segment_id"),
        bankKey=pl.when(has_hyphen).then(parts.struct.field("field_0")).otherwise(pl.lit("")),
        key=pl.when(has_hyphen).then(parts.struct.field("field_1")).otherwise(pl.col("ItemId")),
        operational=_bit("FieldTest", yes="0", no="1", blank=pl.lit("1")),
        isSelected=_bit("Submitted", yes="1", no="0", blank=answered),
        format=pl.coalesce(_given("ItemType"), pl.lit("UNKNOWN")),
        score=pl.col("score"),
        scoreStatus=pl.coalesce(_given("ItemScoreStatus"), status),
        adminDate=pl.col("AdminDateTime"),
        numberVisits=pl.coalesce(_given("NumberOfVisits"), pl.lit("1")),
        mimeType=pl.coalesce(_given("ResponseContentType"), pl.lit("text/plain")),
        strand=_given("Strand"),
        contentLevel=_given("ContentLevel"),
        pageNumber=pl.col("ItemPosition"),
        pageVisits=pl.lit("1"),
        pageTime=milliseconds.cast(pl.Int64, strict=False).fill_null(0).cast(pl.String),
        dropped=_bit("Dropped", yes="1", no="0", blank=pl.lit("0")),
        responseDuration=pl.coalesce(_given("ResponseDuration"), pl.lit("0")),
        response_date=pl.when(has_response | has_moment).then(
            pl.coalesce(_given("SubmitDateTime"), _later())
        ),
        response_type=pl.when(has_response | has_moment).then(pl.lit("value")),
        response_text=pl.when(has_response | has_moment).then(pl.col("ResponseValue")),
    )


def _bit(column: str, *, yes: str, no: str, blank: pl.Expr) -> pl.Expr:
    text = pl.col(column).str.strip_chars().str.to_lowercase()
    return (
        pl.when(text == "")
        .then(blank)
        .when(text.is_in(_YES))
        .then(pl.lit(yes))
        .when(text.is_in(_NO))
        .then(pl.lit(no))
        .otherwise(pl.col(column))
    )


def _later() -> pl.Expr:
    """The moment an item was shown, and its duration later; the zone stays as written."""
    text = pl.col("AdminDateTime")
    zone = text.str.extract(r"(Z|[+-]\d\d:\d\d)$", 1).fill_null("")
    shown = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
    whole = pl.col("seconds").fill_nan(0).fill_null(0).clip(0, 10**9).floor().cast(pl.Int64)
    later = (shown + pl.duration(seconds=whole)).dt.strftime("%Y-%m-%dT%H:%M:%S")
    return pl.coalesce(later + zone, text)


def _nodes(rows: pl.DataFrame, heads: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """ScoreInfo: the whole, its traits below it, and each one's reads below that."""
    marked = rows.join(
        heads.select(*_ITEM, "row_count", "score", "ItemType"),
        on=_ITEM,
        how="left",
        maintain_order="left",
        suffix="_of_item",
    )
    needed = _needs_node(marked)
    marked = marked.filter(needed.any().over(_ITEM))
    is_blank = pl.col("MaxScore") == ""
    note_where(notes, _INVENTED, "ScoreInfo/@maxScore", marked, is_blank, _NOT_SCORED)
    nodes = pl.concat(
        [_wholes(marked), _traits(marked), *(_reads(marked, *rater) for rater in _RATERS)]
    ).sort(*_ITEM, "rank", "read")
    nodes = nodes.with_columns(node=pl.int_range(pl.len()).over(_ITEM).cast(pl.Int32))
    own = pl.col("node").first().over(*_ITEM, "rank")
    parent = pl.when(pl.col("read") > 0).then(own).when(pl.col("rank") > 0).then(0).otherwise(-1)
    return nodes.with_columns(parent=parent.cast(pl.Int32))


def _needs_node(rows: pl.DataFrame) -> pl.Expr:
    columns = [f"Rater{n}{part}" for n, _ in _RATERS for part in ("Score", "UserId")]
    columns += ["MaxScore", "ConditionCode", "ScoreRationale", "ScoreDimension"]
    says_more = pl.any_horizontal(pl.col(columns) != "")
    is_needed = pl.col("ItemType_of_item").str.to_uppercase().is_in(_NEED_NODE)
    return says_more | is_needed | (pl.col("row_count") > 1)


def _point(column: pl.Expr) -> pl.Expr:
    return pl.when(column.fill_null("") != "").then(column).otherwise(pl.lit(_NOT_SCORED))


def _node(score: pl.Expr, dimension: pl.Expr, read: int, message: pl.Expr) -> list[pl.Expr]:
    point, none = _point(score), pl.lit(None, pl.String)
    is_scored = ~point.str.strip_chars().str.starts_with("-")
    return [
        *(pl.col(name) for name in _ITEM),
        pl.col("rank").cast(pl.Int32),
        pl.lit(read, pl.Int32).alias("read"),
        point.alias("scorePoint"),
        _point(pl.col("MaxScore")).alias("maxScore"),
        dimension.alias("scoreDimension"),
        pl.when(is_scored)
        .then(pl.lit("Scored"))
        .otherwise(pl.lit("NotScored"))
        .alias("scoreStatus"),
        (none if read else _letter()).alias("conditionCode"),
        (none if read else _given("ScoreRationale")).alias("rationale"),
        message.alias("message"),
    ]  # fmt: skip


def _letter() -> pl.Expr:
    """The condition code where the format's attribute can hold it: one capital letter."""
    code = pl.col("ConditionCode")
    return pl.when(code.str.contains("^[A-Z]$")).then(code)


def _code_message() -> pl.Expr:
    code = pl.col("ConditionCode")
    is_other = (code != "") & ~code.str.contains("^[A-Z]$")
    return pl.when(is_other).then(_as_json("conditionCode", code))


def _as_json(name: str, column: pl.Expr) -> pl.Expr:
    return column.map_batches(
        lambda texts: pl.Series(
            [json.dumps({name: t}, separators=(",", ":"), ensure_ascii=False) for t in texts],
            dtype=pl.String,
        ),
        return_dtype=pl.String,
    )


def _wholes(rows: pl.DataFrame) -> pl.DataFrame:
    """The nodes of whole items; an item whose whole has no row gets one all the same."""
    dimension = pl.col("ScoreDimension")
    is_plain = (pl.col("row_count") > 1) | dimension.str.to_lowercase().is_in(["", "overall"])
    named = pl.when(is_plain).then(pl.lit("overall")).otherwise(dimension)
    wholes = rows.filter("is_whole").select(_node(pl.col("score"), named, 0, _code_message()))
    has_none = ~pl.col("is_whole").any().over(_ITEM)
    first = rows.filter(has_none).unique(_ITEM, keep="first", maintain_order=True)
    first = first.with_columns(
        pl.lit("").alias("MaxScore"), pl.lit("").alias("ConditionCode"),
        pl.lit("").alias("ScoreRationale"), rank=pl.lit(0, pl.Int64),
    )  # fmt: skip
    none = pl.lit(None, pl.String)
    made = first.select(_node(pl.col("score"), pl.lit("overall"), 0, none))
    return pl.concat([wholes, made])


def _traits(rows: pl.DataFrame) -> pl.DataFrame:
    traits = rows.filter(~pl.col("is_whole"))
    return traits.select(_node(pl.col("ItemScore"), pl.col("ScoreDimension"), 0, _code_message()))


def _reads(rows: pl.DataFrame, number: int, name: str) -> pl.DataFrame:
    score, user = f"Rater{number}Score", f"Rater{number}UserId"
    read = rows.filter((pl.col(score) != "") | (pl.col(user) != ""))
    message = pl.when(pl.col(user) != "").then(_as_json("scorerID", pl.col(user)))
    return read.select(_node(pl.col(score), pl.lit(name), number, message))
