"""Draw the pictures of pages in the how-tos: python docs/assets/page_pictures.py.

The district and its schools are those of the tests: nobody in them is real.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scorehouse.documents.indicator_page import entity_page
from scorehouse.documents.render_pdf import preview
from scorehouse.documents.report_page import report_pages
from scorehouse.reports.compare import comparisons

HERE = Path(__file__).parent
DOTS_PER_INCH = 88
SCHOOL = "overall-99640010000001"


def main() -> None:
    """Write the first sheet of a report page and of an indicator page."""
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    import page_samples as samples

    released = samples.released(reports="overall")
    pages = report_pages(released, samples.ABOUT, comparisons(released.figures))
    report = next(page for page in pages if page.stem == SCHOOL)
    indicator = entity_page(samples.school_story(), samples.INDICATOR_ABOUT)
    for name, page in (("report-page", report), ("indicator-page", indicator)):
        (HERE / f"{name}.png").write_bytes(preview(page, DOTS_PER_INCH))


if __name__ == "__main__":
    main()
