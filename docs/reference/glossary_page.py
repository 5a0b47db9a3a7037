"""Write glossary.md from glossary.toml: python docs/reference/glossary_page.py."""

from __future__ import annotations

import tomllib
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """\
# Glossary

The words of the field, as Scorehouse uses them in code, columns, messages and pages. The
words under *never* are kept out of the code by a test, because they mean something else
somewhere, or too many things. This page is made from `glossary.toml`; edit that.
"""


def entry(term: dict[str, object]) -> str:
    """Render one term."""
    names = ", ".join(f"`{name}`" for name in str(term["name"]).split(", "))
    lines = [f"{names}", f":   {term['meaning']}"]
    if beware := term.get("beware"):
        lines.append(f"    *Beware:* {beware}")
    if never := term.get("never"):
        assert isinstance(never, list)
        lines.append(f"    *Never:* {', '.join(f'`{word}`' for word in never)}.")
    return "\n\n".join([f"{lines[0]}\n{lines[1]}", *lines[2:]])


def render(glossary: dict[str, list[dict[str, object]]]) -> str:
    """Render the whole page, one heading for each run of terms of a section."""
    parts = [HEAD]
    for section, terms in groupby(glossary["term"], key=lambda term: str(term["section"])):
        parts += [f"## {section}\n", *(f"{entry(term)}\n" for term in terms)]
    return "\n".join(parts)


def main() -> None:
    """Read the one, write the other."""
    glossary = tomllib.loads((HERE / "glossary.toml").read_text(encoding="utf-8"))
    (HERE / "glossary.md").write_text(render(glossary), encoding="utf-8")


if __name__ == "__main__":
    main()
