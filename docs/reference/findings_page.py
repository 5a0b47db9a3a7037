"""Write findings.md from the catalogue of findings: python docs/reference/findings_page.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from scorehouse.intake.findings import catalogue

PAGE = Path(__file__).parent / "findings.md"
HEAD = """\
# Findings

Every finding that reading and scoring can give: its rule, what happens because of it, what it
says, and what to do. How to go through a findings file is in
[Read findings](../how-to/read-findings.md). This page is made from the catalogue
(`python docs/reference/findings_page.py`).

Words in braces are filled in: `{value}` is what stood there, `{field}` the column or attribute,
`{record}` the opportunity, item or assessment.

| consequence | what happened |
|---|---|
| `information` | nothing: it is worth knowing |
| `warning` | the record was kept |
| `record_left_out` | this record has no score; the others have |
| `file_refused` | this file was not read; other files were |
| `stop` | the work could not start |
"""


def sections() -> Iterator[tuple[str, list[str]]]:
    """The headings of the catalogue, each with its rules."""
    text = resources.files("scorehouse.intake").joinpath("findings.toml").read_text("utf-8")
    for part in re.split(r"^# --- ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        yield heading.strip(" -"), re.findall(r"^\[([\w]+)\]", body, flags=re.MULTILINE)


def entry(name: str) -> str:
    """One rule."""
    rule = catalogue()[name]
    return (
        f"### `{name}`\n\n"
        f"*{rule.consequence.value.replace('_', ' ')}* — {_literal(rule.message)}\n\n"
        f"**What to do.** {_literal(rule.remedy)}\n"
    )


def _literal(text: str) -> str:
    """A text with what is filled in, commands and elements as code."""
    text = re.sub(r"\{(\w+)(?:!r)?\}", r"`{\1}`", text)
    return re.sub(r"(?<![`\w])(--[a-z-]+)", r"`\1`", text).replace("<", "&lt;")


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for heading, rules in sections():
        parts += [f"## {heading[:1].upper()}{heading[1:]}\n", *map(entry, rules)]
    return "\n".join(parts)


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
