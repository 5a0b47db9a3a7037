"""Which results the tables of a batch already prove valid, without parsing them again.

The reader that fills the tables has made sure of the structure: elements known, each where it
may stand and in the schema's order. What is left to a schema is its attributes: whether they
are there, and their values. Values are looked at once each, the usual ones by their form, the
others by the schema's own type. Nothing is explained here, and no result is called invalid:
what isn't certain goes to `verdict`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from lxml import etree

from scorehouse import result_shapes as shapes
from scorehouse.intake.schema.declarations import ANY, AttributeDeclaration, attributes, types
from scorehouse.intake.schema.xsd import type_schema_text

_PLACES = {
    "TDSReport/Test": ("result", "test_", shapes.TEST),
    "TDSReport/Examinee": ("result", "examinee_", shapes.EXAMINEE),
    "TDSReport/Examinee/ExamineeAttribute": (
        "examinee_attribute", "", shapes.EXAMINEE_ATTRIBUTE,
    ),
    "TDSReport/Examinee/ExamineeRelationship": (
        "examinee_relationship", "", shapes.EXAMINEE_RELATIONSHIP,
    ),
    "TDSReport/Opportunity": ("result", "opportunity_", shapes.OPPORTUNITY),
    "TDSReport/Opportunity/Segment": ("segment", "", shapes.SEGMENT),
    "TDSReport/Opportunity/Accommodation": ("accommodation", "", shapes.ACCOMMODATION),
    "TDSReport/Opportunity/Score": ("score", "", shapes.SCORE),
    "TDSReport/Opportunity/GenericVariable": ("generic_variable", "", shapes.GENERIC_VARIABLE),
    "TDSReport/Opportunity/Item": ("item", "", shapes.ITEM),
    "TDSReport/Opportunity/Item/Response": ("item", "response_", shapes.RESPONSE),
    "TDSReport/Comment": ("comment", "", shapes.COMMENT),
    "TDSReport/ToolUsage": ("tool_page", "", shapes.TOOL_USAGE),
    "TDSReport/ToolUsage/ToolPage": ("tool_page", "", shapes.TOOL_PAGE),
    "ScoreInfo": ("score_info", "", shapes.SCORE_INFO),
}  # fmt: skip
"""Element -> its table, the prefix of its columns, and the attributes that have one."""

_WHOLE = r"^(?:0|[1-9][0-9]{0,8})$"
_NUMBER = r"^[0-9]{1,9}(?:\.[0-9]{1,15})?$"
_MOMENT = (
    r"^[12][0-9]{3}-(?:(?:0[13-9]|1[0-2])-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z?$"
)
_USUAL = {
    **dict.fromkeys(("count", "large_count", "integer", "long", "count_or_blank"), _WHOLE),
    **dict.fromkeys(("number", "not_negative", "points", "number_or_blank"), _NUMBER),
    **dict.fromkeys(("date_time", "date_time_or_blank"), _MOMENT),
}
"""Type -> a form whose values are certainly allowed; it needn't take all that are."""

_MOST_ASKED = 2_000  # other values of a column; a batch with more is left to `verdict`
_MOST_KEPT = 20_000


class _Column(NamedTuple):
    """What a revision asks of one column; `declared` None: that it isn't there."""

    table: str
    name: str
    declared: AttributeDeclaration | None
    is_of_response: bool


def certainly_valid(
    tables: Mapping[str, pa.Table], is_ordered: npt.NDArray[np.bool_], revision: str
) -> npt.NDArray[np.bool_]:
    """By result: whether it is valid for certain.

    `tables` are `result_shapes.ELEMENTS`, results counted from 0; `is_ordered` says by result
    that nothing unknown was met and that its elements stand in the schema's order.
    """
    is_certain = is_ordered.copy()
    frames: dict[str, pl.DataFrame] = {}
    for column in _columns(revision):
        if column.table not in frames:
            frames[column.table] = _frame(tables[column.table])
        frame = frames[column.table]
        doubt = _doubt(frame, column)
        if doubt is not None:
            is_certain[frame.filter(doubt)[shapes.RESULT].to_numpy()] = False
    there = frames["result"].select(pl.col("has_examinee") & pl.col("has_opportunity"))
    is_certain &= there.to_series().to_numpy()
    return is_certain


@cache
def _columns(revision: str) -> tuple[_Column, ...]:
    return tuple(_columns_of(revision))


def _columns_of(revision: str) -> Iterator[_Column]:
    for path, (table, prefix, names) in _PLACES.items():
        declared = {one.name: one for one in attributes(revision).get(path, ())}
        for name in names:
            one = declared.pop(name, None)
            if one is None or one.is_required or one.type_name != ANY:
                yield _Column(table, prefix + name, one, prefix == "response_")
        if any(one.is_required for one in declared.values()):
            raise KeyError(f"{path} requires an attribute that no table has")


def _frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def _doubt(frame: pl.DataFrame, column: _Column) -> pl.Series | None:
    """The rows that leave a doubt; None when there is none."""
    cells, declared = frame[column.name], column.declared
    nulls = cells.null_count()
    if declared is None:
        return cells.is_not_null() if nulls < len(cells) else None
    doubt: pl.Series | None = None
    if declared.is_required and nulls:
        doubt = cells.is_null()
        if column.is_of_response:
            doubt &= frame["response_text"].is_not_null()
    refused = _refused(cells, declared.type_name) if nulls < len(cells) else []
    if refused != []:
        is_refused = cells.is_not_null() if refused is None else cells.is_in(refused)
        doubt = is_refused if doubt is None else doubt | is_refused
    return doubt if doubt is None else doubt.fill_null(False)


def _refused(cells: pl.Series, type_name: str) -> list[str] | None:
    """The values of a column that a type refuses; None when there are too many to ask about."""
    if type_name == ANY:
        return []
    values = cells.drop_nulls().unique()
    if type_name in _USUAL:
        values = values.filter(~values.str.contains(_USUAL[type_name]))
    if len(values) > _MOST_ASKED:
        return None
    return [value for value in values.to_list() if not _types.allows(type_name, value)]


class _Types(threading.local):
    """The types as validators; what they said is remembered."""

    def __init__(self) -> None:
        self._schemas: dict[str, etree.XMLSchema] = {}
        self._said: dict[tuple[str, str], bool] = {}

    def allows(self, type_name: str, value: str) -> bool:
        """Whether a value belongs to a type."""
        key = type_name, value
        if key not in self._said:
            if len(self._said) >= _MOST_KEPT:
                self._said.clear()
            self._said[key] = self._asked(type_name, value)
        return self._said[key]

    def _asked(self, type_name: str, value: str) -> bool:
        declared = types()[type_name]
        if declared.one_of and value in declared.one_of:
            return True
        if type_name not in self._schemas:
            text = type_schema_text(type_name)
            self._schemas[type_name] = etree.XMLSchema(etree.fromstring(text))
        return self._schemas[type_name].validate(etree.Element("any", value=value))


_types = _Types()
