"""`scorehouse explain`: one score's whole story."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scorehouse.cli.console import answering, finish, out, print_json
from scorehouse.terms import Origin

if TYPE_CHECKING:
    from scorehouse.scoring.explain import Explanation, ItemLine, Step
    from scorehouse.verbs.explain import StoredExplanation

PLOT_HEIGHT = 10
_BLOCKS = " ▁▂▃▄▅▆▇█"


def explain(
    scores: Annotated[Path, typer.Argument(metavar="OUT", help="A file `score` wrote.")],
    opportunity: Annotated[str, typer.Argument(metavar="OPPORTUNITY", help="opportunity_id")],
    new_input: Annotated[
        Path | None, typer.Option("--input", help="Where the responses are now.")
    ] = None,
    package: Annotated[
        list[Path] | None, typer.Option(help="Where the packages are now. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the story as JSON.")] = False,
) -> None:
    """Print how one test's scores came about: items, likelihood, every rule and its source.

    The responses are read again and scored by the readable implementation; exit code 1
    says that what is stored differs from it.
    """
    with answering(as_json):
        from scorehouse.verbs.explain import explain_stored

        story = explain_stored(
            scores, opportunity, new_input=new_input, new_packages=tuple(package or ())
        )
    if as_json:
        print_json(_as_json(story))
    else:
        _print(story)
    finish(len(story.differences))


def _print(story: StoredExplanation) -> None:
    explanation = story.explanation
    test = explanation.scored.sitting.assessment
    out.print(f"[bold]{escape(story.opportunity_id)}[/]", highlight=False)
    _paragraph(
        f"{test.assessment_id}: {test.subject} grade {test.test_grade}, {test.assessment_type}; "
        f"rules of {story.rules.year} ({story.rules.program}), "
        f"policy {explanation.scored.policy.policy_id}, rulebook {story.rules.digest[:12]}"
    )
    out.print()
    out.print(_item_table(explanation))
    if explanation.curve:
        out.print(plot(explanation), highlight=False, markup=False)
    for number, step in enumerate(explanation.steps, 1):
        _print_step(number, step)
    if story.notes:
        out.print("\n[bold]Found in its responses[/]")
    for note in story.notes:
        _paragraph(note)
    out.print()
    _print_verdict(story)


def _print_verdict(story: StoredExplanation) -> None:
    """Whether what is stored agrees."""
    if story.rulebook_changed:
        out.print("[yellow]The rulebook has changed since these scores were made.[/]")
    for difference in story.differences:
        out.print(f"[red]differs:[/] {escape(difference)}", highlight=False)
    if not story.differences:
        out.print("The stored scores agree with this story.")


def _print_step(number: int, step: Step) -> None:
    out.print(f"\n[bold]{number}. {escape(step.title)}[/]")
    _paragraph(step.text)
    for origin in step.origins:
        _paragraph(_source(origin), style="dim")


def _paragraph(text: str, style: str = "") -> None:
    """Print a text below a title, its further lines under the first."""
    out.print(Padding(Text(text, style=style), (0, 0, 0, 3)))


def _source(origin: Origin) -> str:
    page = f", {origin.page}" if origin.page else ""
    doubt = f" — {origin.confidence}: {origin.note}" if origin.is_uncertain else ""
    return f"{origin.rule}, since {origin.since}: {origin.title}{page}{doubt}"


def _item_table(explanation: Explanation) -> Table:
    caption = [words for sign, words in _SIGNS.items() if _has(sign, explanation)]
    table = Table(
        title="Responses",
        title_justify="left",
        title_style="bold",
        caption="; ".join(caption) or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("", "Item", "Part", "Claim"):
        table.add_column(name, no_wrap=True)
    for name in ("a", "Steps", "Score", "E(x)", "Weight"):
        table.add_column(name, justify="right", no_wrap=name != "Steps", min_width=7)
    for number, line in enumerate(explanation.items, 1):
        table.add_row(str(number), *_item_cells(line))
    return table


_UNANSWERED, _AVERAGE = "*", "~"
_SIGNS = {
    _UNANSWERED: f"{_UNANSWERED} presented and not answered",
    _AVERAGE: f"{_AVERAGE} an average item, for one never presented",
}


def _sign(line: ItemLine) -> str:
    if line.is_simulated:
        return _AVERAGE
    return " " if line.answered else _UNANSWERED


def _has(sign: str, explanation: Explanation) -> bool:
    return any(_sign(line) == sign for line in explanation.items)


def _item_cells(line: ItemLine) -> tuple[str, ...]:
    return (
        line.item,
        line.part,
        line.claim,
        f"{line.discrimination:.5f}",
        " ".join(f"{step:.4f}" for step in line.steps),
        f"{line.score:g} of {len(line.steps)}{_sign(line)}",
        "" if math.isnan(line.expected) else f"{line.expected:.3f}",
        "" if math.isnan(line.weight) else f"{line.weight:.1%}",
    )


def plot(explanation: Explanation) -> str:
    """The likelihood, relative to its maximum, as columns of text over theta."""
    curve = explanation.curve
    heights = [math.exp(height) for _theta, height in curve]
    rows = [
        "".join(_cell(height * PLOT_HEIGHT - row) for height in heights)
        for row in reversed(range(PLOT_HEIGHT))
    ]
    low, middle, high = curve[0][0], curve[len(curve) // 2][0], curve[-1][0]
    width = len(curve)
    ruler = f"{low:<.2f}".ljust(width // 2 - 3) + f"{middle:.3f}"
    ruler = ruler.ljust(width - 5) + f"{high:.2f}"
    return "\n".join(["\nLikelihood over theta", *rows, "─" * width, ruler])


def _cell(filled: float) -> str:
    return _BLOCKS[round(min(max(filled, 0.0), 1.0) * (len(_BLOCKS) - 1))]


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _plain(value: object) -> object:
    return _finite(value) if isinstance(value, float) else value


def _as_json(story: StoredExplanation) -> dict[str, Any]:
    explanation = story.explanation
    return {
        "opportunity_id": story.opportunity_id,
        "assessment_id": explanation.scored.sitting.assessment.assessment_id,
        "year": str(story.rules.year),
        "program": story.rules.program,
        "policy": explanation.scored.policy.policy_id,
        "rulebook_digest": story.rules.digest,
        "items": [
            {
                **{name: getattr(line, name) for name in ("item", "part", "claim", "answered")},
                "a": line.discrimination,
                "steps": list(line.steps),
                "score": line.score,
                "expected": _finite(line.expected),
                "weight": _finite(line.weight),
                "is_simulated": line.is_simulated,
            }
            for line in explanation.items
        ],
        "likelihood": [[theta, _finite(height)] for theta, height in explanation.curve],
        "steps": [
            {
                "title": step.title,
                "text": step.text,
                "sources": [_source(origin) for origin in step.origins],
            }
            for step in explanation.steps
        ],
        "scores": [
            {name: _plain(value) for name, value in vars(score).items() if value is not None}
            for score in explanation.scored.scores
        ],
        "found": list(story.notes),
        "differences": list(story.differences),
        "rulebook_changed": story.rulebook_changed,
    }
