"""Pages of reports and of the indicator: HTML and PDF that everybody can read, nothing leaked."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pypdf
import pytest
from lxml import html as parser

import page_samples as samples
from scorehouse.documents.indicator_page import entity_page, placement_page, write_indicator_pages
from scorehouse.documents.page import Page
from scorehouse.documents.render import html
from scorehouse.documents.render_pdf import pdf
from scorehouse.documents.report_page import report_pages, write_report_pages
from scorehouse.errors import ScorehouseError
from scorehouse.reports.charts import Chart
from scorehouse.reports.compare import comparisons


@cache
def pages() -> dict[str, Page]:
    released = samples.released()
    made = [*report_pages(released, samples.ABOUT, comparisons(released.figures))]
    made.append(entity_page(samples.school_story(), samples.INDICATOR_ABOUT))
    made.append(placement_page(samples.district_story(), samples.INDICATOR_ABOUT))
    return {page.stem: page for page in made}


@cache
def tree(stem: str) -> parser.HtmlElement:
    return parser.document_fromstring(html(pages()[stem]))


STEMS = [
    "overall-side-by-side",
    "overall-00000000000000",
    "overall-99640000000000",
    "overall-99640010000001",
    "overall-99640010000002",
    "overall-99640010000003",
    "claims-99640000000000",
    "targets-99640000000000",
    "longitudinal-99640000000000",
    "items-99640000000000",
    "indicator-99640010000001",
    "placement-99640000000000-math",
]
every = pytest.mark.parametrize("stem", STEMS)


def test_there_is_a_page_for_each_entity_and_report() -> None:
    assert list(pages()) == STEMS


@every
def test_a_page_says_its_language_and_its_parts(stem: str) -> None:
    page = tree(stem)
    assert page.get("lang") == "en"
    assert [len(page.findall(f".//{tag}")) for tag in ("h1", "main", "footer")] == [1] * 3
    assert page.findtext("head/title").startswith(page.findtext(".//h1"))
    skip = page.find(".//body")[0]
    assert skip.get("class") == "skip"
    assert page.get_element_by_id(skip.get("href")[1:]).tag == "main"


@every
def test_headings_go_down_one_at_a_time(stem: str) -> None:
    levels = [int(e.tag[1]) for e in tree(stem).iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(e.text_content().strip() for e in tree(stem).iter("h1", "h2", "h3"))


@every
def test_ids_are_unique_and_what_is_pointed_at_exists(stem: str) -> None:
    page = tree(stem)
    ids = [e.get("id") for e in page.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    wanted = {e.get("href")[1:] for e in page.iter("a") if e.get("href").startswith("#")}
    for name in ("aria-labelledby", "aria-describedby"):
        wanted |= {one for e in page.iter() for one in (e.get(name) or "").split()}
    assert wanted <= set(ids)


@every
def test_tables_have_a_caption_and_headers(stem: str) -> None:
    for table in tree(stem).iter("table"):
        assert table.findtext("caption")
        heads = table.findall("thead/tr/th")
        assert heads
        assert {th.get("scope") for th in heads} == {"col"}
        width = len(table.find("thead/tr"))
        for row in table.findall("tbody/tr"):
            assert row[0].tag == "th"
            assert row[0].get("scope") == "row"
            assert len(row) == width


@every
def test_pictures_have_a_caption_a_text_alternative_and_their_numbers(stem: str) -> None:
    for figure in tree(stem).iter("figure"):
        svg = figure.find(".//svg")
        assert figure.findtext("figcaption").strip()
        assert svg.get("role") == "img"
        assert len(svg.findtext("desc")) > 15
        assert figure.find(".//table") is not None


@every
def test_scrolling_regions_can_be_reached_and_are_named(stem: str) -> None:
    regions = tree(stem).find_class("scroll")
    assert regions
    assert {(r.get("role"), r.get("tabindex")) for r in regions} == {("region", "0")}
    names = [r.get("aria-label") for r in regions]
    assert all(names)


@every
def test_a_page_is_whole_and_asks_for_nothing_else(stem: str) -> None:
    text = html(pages()[stem])
    assert text.startswith("<!DOCTYPE html>")
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert not re.search(r"@import|url\((?!#)", text)


def test_names_are_escaped_everywhere() -> None:
    for stem in ("overall-99640010000003", "overall-side-by-side", STEMS[-1]):
        text = html(pages()[stem])
        assert "<Hill>" not in text
        assert "Tiny &lt;Hill&gt;" in text


def test_small_groups_are_nowhere_on_a_public_page() -> None:
    public, staff = (
        {p.stem: html(p) for p in report_pages(samples.released(who, "overall"), samples.ABOUT)}
        for who in ("public", "staff")
    )
    stem = "overall-99640010000003"
    of_group = re.compile(r'<th scope="row">Asian</th>(.*?)</tr>')
    hidden = [row for row in of_group.findall(public[stem]) if "not shown" in row]
    told = of_group.findall(staff[stem])
    assert hidden
    assert all(not re.search(r">[−\d.,]+<", row) for row in hidden)
    assert all("†" in row for row in told if "3" in row)
    assert "The public doesn&#39;t see this number" in staff[stem]
    assert "†" not in public[stem]


def test_every_reason_that_is_used_is_explained() -> None:
    page = tree("targets-99640000000000")
    words = page.get_element_by_id("notes").getparent().text_content()
    assert "Not shown: fewer than 30" in words
    assert "Results of fewer than 30 students are not shown (n<30)." in words
    assert "Target relative to Standard Met" in words


def test_a_page_says_what_its_figures_are() -> None:
    text = tree("overall-99640010000001").text_content()
    for said in (
        "Alder Creek Elementary",
        "English language arts/literacy: met",
        "Standard Nearly Met",
        "Beside what it belongs to",
        "rose by 3 points since 2017-18",
        "Points from Standard Met by year, all grades",
        "Made by Scorehouse",
        "A note.",
    ):
        assert said in text


@every
def test_what_was_asked_is_said_once(stem: str) -> None:
    names = [dt.text for dt in tree(stem).find_class("asked")[0].iter("dt")]
    assert len(names) == len(set(names)) >= 3
    assert names[-1] == "Made"


def test_groups_say_how_far_they_are_from_everybody() -> None:
    tables = tree("overall-99640000000000").iter("table")
    beside = [t for t in tables if "Beside everybody" in t.text_content()]
    rows = {row[0].text: row[-1].text for row in beside[0].findall("tbody/tr")}
    assert rows["English learner"].startswith("−62 (likely −")
    assert len(rows) == len(samples.GROUPS) - 1


def test_longitudinal_pages_show_both_the_same_students_and_everybody() -> None:
    text = tree("longitudinal-99640000000000").text_content()
    assert "The same students" in text
    assert "Everybody tested" in text
    assert "+10.0" in text
    assert "6.1 to 13.9" in text


def test_reasons_of_missing_students_are_for_staff() -> None:
    for reports, said in (("overall", "Exempt"), ("longitudinal", "Was in another school")):
        for profile, is_told in (("staff", True), ("public", False)):
            made = report_pages(samples.released(profile, reports), samples.ABOUT)
            assert {said in html(page) for page in made if page.stem[-1] != "e"} == {is_told}


def test_item_pages_show_points_and_answers() -> None:
    page = tree("items-99640000000000")
    answers = [t for t in page.iter("table") if (t.findtext("caption") or "").startswith("Answers")]
    assert answers == []  # answers of a few students are for staff
    (staff,) = report_pages(samples.released("staff", "items"), samples.ABOUT)
    assert "Answers to 200-902" in html(staff)
    assert "no answer" in html(staff)


def test_the_placement_report_names_every_school_once() -> None:
    story, page = samples.district_story(), tree(STEMS[-1])
    cells = page.find_class("cells")[0]
    placed = [li.text for li in cells.iter("li")]
    colored = [row.name for row in story.schools if row.color]
    assert sorted(placed) == sorted(colored)
    without = {row.name for row in story.schools if not row.color}
    tables = [t for t in page.iter("table") if "without a color" in (t.findtext("caption") or "")]
    assert {row[0].text for t in tables for row in t.findall("tbody/tr")} == without


def test_the_indicator_page_says_why() -> None:
    text = tree("indicator-99640010000001").text_content()
    for said in (
        "Status +12.7 is High; Change +4.0 is Increased",
        "would make it Blue",
        "There is no prior year.",
        "Not drawn: 1 group (fewer than 11 students).",
        "that is uncertain",
    ):
        assert said in text


# --- PDF ---


@cache
def document(stem: str) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf(pages()[stem], samples.MADE_AT)))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.replace("ﬁ", "fi").replace("ﬂ", "fl").replace("ﬀ", "ff"))


PDFS = ("overall-99640010000001", "targets-99640000000000", "indicator-99640010000001", STEMS[-1])
of_pdf = pytest.mark.parametrize("stem", PDFS)


@of_pdf
def test_a_pdf_is_tagged_and_says_that_it_is_accessible(stem: str) -> None:
    catalog = document(stem).trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"].value is True
    assert catalog["/Lang"] == "en"
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert b"pdfuaid:part>1<" in catalog["/Metadata"].get_data()
    assert document(stem).metadata.title.startswith(pages()[stem].title)


def tags(node: pypdf.generic.PdfObject) -> list[pypdf.generic.DictionaryObject]:
    found, left = [], [node]
    while left:
        one = left.pop()
        one = one.get_object() if isinstance(one, pypdf.generic.PdfObject) else one
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            found.append(one)
            left.append(one.get("/K", []))
    return found


@of_pdf
def test_pictures_tables_and_headings_are_tagged(stem: str) -> None:
    page = pages()[stem]
    blocks = [b for s in page.sections for part in (s, *s.parts) for b in part.blocks]
    drawn = [block for block in blocks if isinstance(block, Chart)]
    found = tags(document(stem).trailer["/Root"]["/StructTreeRoot"])
    kinds = [str(one.get("/S", "")) for one in found]
    alternatives = {str(one["/Alt"]) for one in found if "/Alt" in one}
    assert {chart.description for chart in drawn} <= alternatives
    assert kinds.count("/H1") == 1
    assert kinds.count("/H2") == len(page.sections)
    assert kinds.count("/Table") >= len(drawn)
    assert kinds.count("/TH") >= len(drawn)


@of_pdf
def test_a_pdf_says_all_that_the_page_says(stem: str) -> None:
    told = set(words("\n".join(page.extract_text() for page in document(stem).pages)))
    main = tree(stem).find(".//main")
    for svg in list(main.iter("svg")):
        svg.getparent().remove(svg)
    for summary in list(main.iter("summary")):
        summary.getparent().remove(summary)
    missing = {word for word in words(" ".join(main.itertext())) if word not in told}
    broken = {w for w in missing if len(w) > 12}  # may be hyphenated or broken between lines
    assert missing - broken == set()


def test_the_same_page_and_moment_give_the_same_bytes() -> None:
    page = pages()["claims-99640000000000"]
    one, other = pdf(page, samples.MADE_AT), pdf(page, samples.MADE_AT)
    later = pdf(page, samples.MADE_AT + timedelta(days=1))
    assert one == other
    assert one != later
    assert html(page) == html(page)


def named(name: str) -> Page:
    story = samples.school_story()
    odd = type(story)(story.entity_id, name, "School", story.subjects[1:])
    return entity_page(odd, samples.INDICATOR_ABOUT)


def test_names_in_the_letters_of_many_languages_are_kept() -> None:
    reader = pypdf.PdfReader(
        io.BytesIO(pdf(named("Tiếng Việt Ñandú Ólafur Αθήνα"), samples.MADE_AT))
    )
    assert "Tiếng Việt Ñandú Ólafur Αθήνα" in reader.pages[0].extract_text()


def test_a_letter_that_no_font_has_is_named() -> None:
    unassigned = "\U0009fffe"
    with pytest.raises(ScorehouseError, match=r"001\.pdf: no font .*9fffe.*Noto"):
        pdf(named(f"School {unassigned}"), samples.MADE_AT)


# --- files ---


def test_files_are_named_by_report_and_entity(tmp_path: Path) -> None:
    written = write_report_pages(
        samples.released(reports="claims"), tmp_path / "new" / "out", samples.ABOUT, with_pdf=True
    )
    assert [path.name for path in written] == [
        "claims-99640000000000.html",
        "claims-99640000000000.pdf",
    ]
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {p.name for p in written}


def test_several_pages_have_a_list_that_leads_to_them(tmp_path: Path) -> None:
    written = write_indicator_pages(
        [samples.school_story()], [samples.district_story()], tmp_path, samples.INDICATOR_ABOUT
    )
    assert written[0].name == "index.html"
    links = [
        a.get("href")
        for a in parser.parse(str(written[0])).getroot().find_class("links")[0].iter("a")
    ]
    assert links == [path.name for path in written[1:]]


@pytest.mark.parametrize("reports", ["overall", "claims", "targets", "longitudinal", "items"])
def test_a_report_of_which_everything_is_hidden_is_still_a_page(reports: str) -> None:
    for page in report_pages(samples.all_small(reports), samples.ABOUT):
        text = html(page)
        assert "not shown" in text
        assert pdf(page, samples.MADE_AT)


def test_no_figures_are_still_a_page_or_none(tmp_path: Path) -> None:
    released = samples.released(reports="claims")
    empty = type(released)(**{**vars(released), "figures": released.figures.slice(0, 0)})
    assert write_report_pages(empty, tmp_path, samples.ABOUT) == []


def test_an_interim_test_stands_beside_the_same_test_alone() -> None:
    """Other tests of the same grade and type are other things."""
    rows = [
        {**row, "assessment_type": "IAB", "assessment_id": test}
        for test in ("Reading block", "Editing block")
        for row in samples.overall()
        if row["school_year"] == samples.YEARS[-1] and row["test_grade"]
    ]
    made = report_pages(samples.released_rows(rows, "staff"), samples.ABOUT)
    page = next(page for page in made if page.stem == "overall-99640010000001")
    tables = list(parser.document_fromstring(html(page)).iter("table"))
    named = [
        [cell.text_content() for cell in one.iter("th") if cell.get("scope") == "row"]
        for one in tables
    ]
    assert sum("Alder Creek Elementary" in names for names in named) == 4
    assert [names for names in named if len(set(names)) < len(names)] == []


def test_claims_stand_in_the_order_of_the_subject() -> None:
    rows = sorted(samples.claims(), key=lambda row: row["measure"])  # 2-W before SOCK_R
    (page,) = report_pages(samples.released_rows(rows, "staff"), samples.ABOUT)
    text = parser.document_fromstring(html(page)).text_content()
    assert -1 < text.index("Reading by student group") < text.index("Writing by student group")
    (chart,) = (c for c in parser.document_fromstring(html(page)).iter("table") if "Reading" in
                c.text_content() and "Writing" in c.text_content())  # fmt: skip
    assert chart.text_content().index("Reading") < chart.text_content().index("Writing")


def test_a_head_without_a_number_of_students_says_so() -> None:
    for page in report_pages(samples.all_small("overall"), samples.ABOUT):
        if page.stem == "overall-side-by-side":
            continue
        text = " ".join(parser.document_fromstring(html(page)).text_content().split())
        assert "All grades, students not shown" in text
        assert "fewer than 11 students not" not in text


def test_the_page_of_a_cohort_says_how_it_changed() -> None:
    first = f"{samples.YEARS[0]}:03"
    rows = [
        {**row, "compared_with": first} if row.get("change") else row
        for row in samples.longitudinal()
    ]
    told = samples.released_rows(rows, "staff")
    (page,) = report_pages(told, samples.ABOUT, comparisons(told.figures))
    text = " ".join(parser.document_fromstring(html(page)).text_content().split())
    assert "ELA (the same students) rose by 5 points since 2016-17" in text


@pytest.mark.parametrize(
    ("kept", "title"),
    [
        (("cohort:2016-17-2018-19",), "The same students over years in"),
        (("",), "Successive grades, whoever was in them in"),
        (("cohort:2016-17-2018-19", ""), "The same students over years, beside everybody tested"),
    ],
)
def test_a_longitudinal_page_is_named_after_who_is_in_it(kept: tuple[str, ...], title: str) -> None:
    rows = [row for row in samples.longitudinal() if row["population"] in kept]
    (page,) = report_pages(samples.released_rows(rows, "staff"), samples.ABOUT)
    text = html(page)
    assert page.lead.startswith(title)
    assert ("same students" in re.sub("Students who are not[^<]*", "", text)) == (
        "cohort" in kept[0]
    )


@pytest.mark.parametrize(
    ("met", "said"), [(0.0, "likely 0.0 to 39.0"), (100.0, "likely 61.0 to 100.0")]
)
def test_a_share_of_six_students_at_an_end_has_a_likely_range(met: float, said: str) -> None:
    """Wilson's interval: z² ÷ (n + z²) from the end, which is 3.84 ÷ 9.84 of six."""
    row = next(row for row in samples.overall() if row["test_grade"] == "03")
    row |= {"n_tested": 6, "n_scored": 6, "percent_met": met, "se_percent_met": 0.0}
    (page,) = report_pages(samples.released_rows([row], "staff"), samples.ABOUT)
    assert said in page.facts[0].remark
    assert said.removeprefix("likely ") in html(page)
