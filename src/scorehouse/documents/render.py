"""A page as one HTML file: no script, no other file, every text escaped."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scorehouse.documents.page import Page
from scorehouse.reports.charts import Chart
from scorehouse.reports.charts.palette import COLORS

_BLANK_LINES = re.compile(r"\n\s*\n+")


def html(page: Page) -> str:
    """Render a page."""
    environment = Environment(
        loader=PackageLoader("scorehouse.documents", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = _drawn
    environment.filters["what"] = lambda block: type(block).__name__
    text = environment.get_template("page.html").render(page=page, colors=COLORS)
    return _BLANK_LINES.sub("\n", text).lstrip()


def _drawn(chart: Chart) -> Markup:
    """The picture as it is: the chart module escapes every text that it writes."""
    wide = chart.svg.replace("<svg ", '<svg class="wide" ', 1) if 'width="720"' in chart.svg else ""
    return Markup(wide or chart.svg)  # noqa: S704
