"""Write data-dictionary.md from the schema: python docs/reference/data_dictionary_page.py."""

from __future__ import annotations

from pathlib import Path

from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES, Field, Table

PAGE = Path(__file__).parent / "data-dictionary.md"
HEAD = f"""\
# The warehouse's tables

Every table of the warehouse and every column: what it holds, in which unit, and how private it
is. This page is made from the schema (`python docs/reference/data_dictionary_page.py`); an export
writes the same beside its tables (`data-dictionary.csv`).

Every table has two more columns before its own: `{ROW_ID}`, unique in the warehouse, and
`{IMPORT_ID}`, the import that brought the row. Columns marked with * tell rows apart. Rows are
never changed: what replaced or withdrew one stands in `supersession`.

| privacy | what becomes of it without identities |
|---|---|
| public, internal, score, demographic, dates | stays |
| student_id, identifier | a keyed pseudonym, the same in every table |
| name, staff | removed |
| birth_date | the first day of its year |
| response | removed, unless asked for; then all but answers that name the student |
"""
COLUMNS = ("column", "type", "unit", "privacy", "CEDS", "in delivered files", "meaning")


def section(table: Table) -> str:
    """One table."""
    lines = [f"### `{table.name}`\n", f"{table.meaning}\n"]
    if table.slice:
        lines.append(f"A file holds rows of one `{table.slice}`.\n")
    lines += [_row(COLUMNS), "|".join(["", *("---" for _ in COLUMNS), ""])]
    lines += [_row(_cells(field)) for field in table.fields]
    return "\n".join([*lines, ""])


def _cells(field: Field) -> tuple[str, ...]:
    name = f"`{field.name}`{'*' if field.is_key else ''}"
    return (name, field.type, field.unit, field.privacy, field.ceds, field.origin, field.meaning)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for group in dict.fromkeys(table.group for table in TABLES.values()):
        parts.append(f"## {group[:1].upper()}{group[1:]}\n")
        parts += [section(table) for table in TABLES.values() if table.group == group]
    return "\n".join(parts)


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
