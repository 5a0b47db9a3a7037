"""What the fuzzer starts from: small invented inputs, good and odd, and words to put in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence

from fuzz.targets import BETWEEN
from properties.test_results_read_twice import PIECES, WHOLE
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from unit.intake_files import score_info, trt, trt_item, zipped
from unit.two_table_files import ITEM, TEST, TRAITS, as_csv, of

_ITEM_HEADER = b"assessment_id,item_id,dimension,part,model,a,b1,b2,claim,target,operational\n"
_ASSESSMENTS = b"assessment_id,name,subject,test_grade,assessment_type,school_year\n"
_TABULATOR = (
    b"AssessmentId,AssessmentName,AssessmentSubject,AssessmentGrade,AssessmentType,AcademicYear,"
    b"ItemId,BankKey,ItemType,MeasurementModel,ScorePoints,a,b0_b,b1_c,b2,b3,PerformanceTask\n"
)


def seeds(target: str) -> Sequence[bytes]:
    """Return the inputs a target starts from."""
    return _SEEDS[target]()


def words() -> Sequence[bytes]:
    """Return pieces that change what a file means."""
    return [
        *PIECES, b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\xef\xbb\xbf", b"\xff\xfe", b"NaN",
        b"INF", b"-INF", b"1E+10", b"9.00E+09", b"00", b'"', b'""', b"\r", b"\t", b",,", b";",
        b"<TDSReports>", b"2016-04-14T09:02:11Z", b"99999999999999999999", b"-1", BETWEEN,
    ]  # fmt: skip


def _documents() -> list[bytes]:
    rich = trt(
        "rich",
        trt_item(1) + trt_item(2, "5", score_info("Overall", "5", "B"), format="WER"),
        before_items='<GenericVariable context="COMPONENT_1" name="OPPID" value="1"/>',
    )
    wrapped = b"<TDSReports>" + trt("a") + trt("b") + b"</TDSReports>"
    utf16 = trt("u").decode().encode("utf-16")
    doctype = b'<!DOCTYPE x [<!ENTITY a "b">]>' + trt("d")
    return [trt(), rich, WHOLE, wrapped, utf16, doctype]


def _tables() -> list[bytes]:
    tests = as_csv([TEST, of(TEST, "op-2")], REQUIRED_TEST_COLUMNS).encode()
    items = as_csv([ITEM, *TRAITS, of(ITEM, "op-2")], REQUIRED_ITEM_COLUMNS).encode()
    semicolons = tests.replace(b",", b";")
    return [tests + BETWEEN + items, semicolons + BETWEEN + items, items + BETWEEN + tests]


def _archives() -> list[bytes]:
    members = {"a.xml": trt("a"), "b.xml": trt("b")}
    tests, _, items = _tables()[0].partition(BETWEEN)
    nested = zipped({"inner.zip": zipped(members), "x/__MACOSX": b""})
    return [
        zipped(members),
        zipped(members, zipfile.ZIP_STORED),
        nested,
        zipped({"t.csv": tests, "i.csv": items}),
        zipped({"../a.xml": trt(), "zeros": bytes(1 << 14)}),
        zipped({}),
    ]


def _packages() -> list[bytes]:
    items = _ITEM_HEADER + b"A,200-1,,CAT,2PL,1,0,,1,,true\nA,200-2,D,PT,GPCM,0.5,-1,1,2,,true\n"
    listed = _ASSESSMENTS + b"A,Test A,Math,03,summative,2018-19\n"
    tabulator = _TABULATOR + (
        b"A,Test,MATH,3,summative,2019,1,200,MC,IRT3PLn,1,0.5,0.1,,,,N\n"
        b"A,Test,ELA,3,ICA,2019,2,200,WER,IRTGPC,2,0.5,0.1,0.2,,,Y\n"
    )
    return [items + BETWEEN + listed, tabulator + BETWEEN]


_SEEDS: dict[str, Callable[[], Sequence[bytes]]] = {
    "archive": _archives,
    "checks": lambda: [*_documents(), *_tables()],
    "delimited": lambda: [b"a,b\n1,2\n", b'a;b\r\n"1\r\n2";3\r\n', *_packages()],
    "package": _packages,
    "scanner": lambda: [trt(), WHOLE],
    "tables": _tables,
    "trt": _documents,
}
