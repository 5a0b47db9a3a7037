"""Write results-rules.md from the rules' data: python docs/reference/results_rules_page.py."""

from __future__ import annotations

from pathlib import Path

from scorehouse.intake.checks.rule_data import (
    OFF,
    ResultsRule,
    profiles,
    results_rules,
    sources,
)

HERE = Path(__file__).parent
SECTIONS = {
    "F": "Files and packing",
    "P": "Presence",
    "R": "Type, format and range",
    "X": "Fields, rows and files against each other",
}
KEEPERS = {
    "reader": "kept by the reader",
    "writer": "kept by the writer",
    "schema": "kept by the schema",
    "packager": "kept when packing and sending",
    "rule": "kept by another rule",
}
TABLES = {"xml": "TRT", "test": "test table", "item": "item table"}
HEAD = """\
# Rules of a results delivery

What `scorehouse check` asks of a delivery: every numbered rule, with what follows when it is
broken, by profile. Facts are published by the sources named; what follows is Scorehouse's
recommendation, since the documents rarely say. This page is made from
`rulebook/data/layouts/results_rules.toml`; edit that.

*Left out*: the result can't be accepted until it is corrected. *Refused*: the file can't be
accepted, though it is checked to its end. *Warning*: kept; somebody should look. *Information*:
nothing to do. *Off*: not asked under that profile.

"""
WORDS = {
    "information": "information",
    "warning": "warning",
    "record_left_out": "left out",
    "file_refused": "refused",
    "stop": "stop",
    OFF: "off",
}


def what_follows(rule: ResultsRule) -> str:
    """The consequence, and the profiles where it is another."""
    usual = WORDS[rule.parts[""].consequence.value]
    others = [f"{name}: {WORDS[word]}" for name, word in rule.when.items()]
    return usual + (f" ({'; '.join(others)})" if others else "")


def entry(rule: ResultsRule) -> str:
    """One rule: its title, what it says, where it holds, where it is from."""
    lines = [f"### {rule.rule}: {rule.title}", ""]
    tables = ", ".join(words for table, words in TABLES.items() if table in rule.tables)
    follows = what_follows(rule)
    if rule.by != "check":
        findings = ", ".join(f"`{name}`" for name in rule.covered)
        follows += f"; {KEEPERS[rule.by]}" + (f" ({findings})" if findings else "")
    lines += [f"*{tables}. What follows: {follows}. Source: {rule.source}.*", ""]
    for name, part in rule.parts.items():
        if part.message:
            also = f"{WORDS[part.consequence.value].capitalize()}: " if name else ""
            lines.append(f"- {also}“{part.message}” {part.remedy}")
    return "\n".join(lines).rstrip() + "\n"


def render() -> str:
    """The whole page."""
    parts = [HEAD + "## Profiles\n"]
    parts.append(
        "\n".join(f"- `{name}`: {profile.label}." for name, profile in profiles().items()) + "\n"
    )
    for letter, title in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [entry(rule) for name, rule in results_rules().items() if name[0] == letter]
    parts.append("## Sources\n")
    rows = [
        f"- **{name}**: {about['title']}. {about['publisher']}, {about['date']}."
        for name, about in sources().items()
    ]
    parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    (HERE / "results-rules.md").write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
