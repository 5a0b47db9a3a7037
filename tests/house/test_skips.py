"""The build fails on a test skipped without leave, and only then."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from house.walk import ROOT

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="runs"/>
<testcase classname="tests.a" name="known">
  <skipped type="pytest.skip" message="needs a printer"/></testcase>
<testcase classname="tests.a" name="expected"><skipped type="pytest.xfail" message="x"/></testcase>
{more}</testsuite></testsuites>"""
UNKNOWN = """<testcase classname="tests.b" name="silent">
  <skipped type="pytest.skip" message="Skipped: on a whim"/></testcase>"""


@pytest.fixture(scope="module")
def check_skips() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_skips", ROOT / ".ci" / "check_skips.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("more", "leave", "code"),
    [
        ("", "always | needs a printer", 0),
        ("", "absent no/such/folder | needs a .*", 0),
        ("", "absent tests | needs a printer", 1),
        ("", "always | needs", 1),
        ("", "# nothing is allowed", 1),
        (UNKNOWN, "always | needs a printer", 1),
        (UNKNOWN, "always | needs a printer\nalways | on a whim", 0),
    ],
)
def test_skips_need_leave(
    check_skips: ModuleType, tmp_path: Path, more: str, leave: str, code: int
) -> None:
    report, listed = tmp_path / "report.xml", tmp_path / "allowed.txt"
    report.write_text(REPORT.format(more=more), encoding="utf-8")
    listed.write_text(leave, encoding="utf-8")
    assert check_skips.main(str(report), str(listed)) == code


def test_a_refused_skip_is_named(
    check_skips: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, listed = tmp_path / "report.xml", tmp_path / "allowed.txt"
    report.write_text(REPORT.format(more=UNKNOWN), encoding="utf-8")
    listed.write_text("always | needs a printer", encoding="utf-8")
    check_skips.main(str(report), str(listed))
    assert capsys.readouterr().err == "skipped without leave: tests.b::silent: on a whim\n"
