"""Fill the tables of scoring-rules.md from the rulebook: python docs/rules/rules_page.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from scorehouse.rulebook import Rulebook, RuleEntry, load
from scorehouse.terms import Subject

PAGE = Path(__file__).parent / "scoring-rules.md"
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: str, rows: Iterable[Iterable[object]]) -> str:
    """Render rows under a header given as "one | two"."""
    columns = header.split(" | ")
    lines = [header, " | ".join(["---"] * len(columns))]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def cuts(book: Rulebook) -> str:
    """Every cut, scale score and theta."""
    rules = book.at(book.review.through)
    rows = []
    for (subject, grade), cut in rules.cuts.items():
        pairs = zip(cut.scale, cut.theta, strict=True)
        rows.append([subject, grade, *(f"{scale} ({theta:.3f})" for scale, theta in pairs)])
    return table("Subject | Grade | Level 2 from | Level 3 from | Level 4 from", rows)


def bounds(book: Rulebook) -> str:
    """Both sets of bounds side by side."""
    rules = book.at(book.review.through)
    sets = list(dict.fromkeys(key[0] for key in rules.bounds))
    header = " | ".join(["Subject | Grade", *(f"{s}: {n}" for s in sets for n in _BOUNDS)])
    rows = []
    for subject, grade in rules.cuts:
        row: list[object] = [subject, grade]
        for set_name in sets:
            found = rules.bounds[set_name, subject, grade]
            row += [found.lowest_scale_score, found.highest_scale_score]
            row += [f"{found.lowest_theta:.4f} to {found.highest_theta:.4f}"]
        rows.append(row)
    return table(header, rows)


_BOUNDS = ("LOSS", "HOSS", "LOT to HOT")


def average_items(book: Rulebook) -> str:
    """The average items, which are the same in every year so far."""
    items = book.at(book.review.through).average_items.items()
    rows = [[s, g, f"{i.discrimination:.2f}", f"{i.difficulty:.2f}"] for (s, g), i in items]
    return table("Subject | Grade | Discrimination | Difficulty", rows)


def parts(book: Rulebook) -> str:
    """Claims and composites with their strands."""
    found = book.at(book.review.through).parts
    rows = [
        [subject, f"`{part.code}`", part.kind, part.name, ", ".join(part.strands)]
        for subject in Subject
        for part in found[subject]
    ]
    return table("Subject | Code | Kind | Name | Strands", rows)


def history(topic: str) -> Callable[[Rulebook], str]:
    """Make a renderer of a topic's whole history, for each program that differs."""

    def render(book: Rulebook) -> str:
        rows: dict[tuple[object, ...], list[str]] = {}
        for program in book.programs:
            for answer in book.show(topic, program=program):
                rows.setdefault(_history_row(answer), []).append(program)
        rules = list(dict.fromkeys(row[0] for row in rows))
        ordered = sorted(rows.items(), key=lambda item: rules.index(item[0][0]))
        cells = [[*row[:3], _who(book, names), *row[3:]] for row, names in ordered]
        return table("Rule | Since | Value | Program | Says who | Confidence", cells)

    return render


def _history_row(answer: RuleEntry) -> tuple[object, ...]:
    who = f"{answer.title}, {answer.page}" if answer.page else answer.title
    value = answer.value or answer.state
    return (f"`{answer.rule}`", str(answer.since), value, who, answer.confidence)


def _who(book: Rulebook, names: list[str]) -> str:
    return "all" if len(names) == len(book.programs) else ", ".join(names)


def sources(book: Rulebook) -> str:
    """Every cited document."""
    rows = [
        [f"`{s.source_id}`", s.title, s.publisher, s.date, s.where] for s in book.sources.values()
    ]
    return table("Id | Title | Publisher | Date | Where", rows)


TABLES: dict[str, Callable[[Rulebook], str]] = {
    "cuts": cuts,
    "bounds": bounds,
    "average-items": average_items,
    "parts": parts,
    "sources": sources,
    **{
        f"history-{topic}": history(topic)
        for topic in ("scale", "policies", "writing", "rounding", "attemptedness", "suspensions")
    },
}


def render(text: str, book: Rulebook) -> str:
    """Return the page with each table made anew; the text between them stays."""
    return _TABLE.sub(lambda m: f"{m[1]}\n{TABLES[m[2]](book)}\n\n{m[3]}", text)


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8")


if __name__ == "__main__":
    main()
