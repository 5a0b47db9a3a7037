"""`scorehouse explain`: one score's whole story."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scorehouse.cli.console import out, print_json, refuse
from scorehouse.errors import ScorehouseError
from scorehouse.scoring.explain import Explanation, ItemLine, Step
from scorehouse.terms import Origin
from scorehouse.verbs.explain import StoredExplanation, explain_stored

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
    try:
        story = explain_stored(
            scores, opportunity, new_input=new_input, new_packages=tuple(package or ())
        )
    except ScorehouseError as error:
        refuse(str(error), as_json)
    if as_json:
        print_json(_as_json(story))
    else:
        _print(story)
    raise typer.Exit(1 if story.differences else 0)


def _print(story: StoredExplanation) -> None:
    explanation = story.explanation
    test = explanation.scored.sitting.assessment
    out.print(
        f"[bold]{test.assessment_id}[/]  {test.subject} grade {test.test_grade}, "
        f"{test.assessment_type}, rules of {story.rules.year} ({story.rules.program}), "
        f"policy {explanation.scored.policy.policy_id}, rulebook {story.rules.digest[:12]}",
        highlight=False,
    )
    out.print(_item_table(explanation))
    if explanation.curve:
        out.print(plot(explanation), highlight=False, markup=False)
    for number, step in enumerate(explanation.steps, 1):
        _print_step(number, step)
    if story.rulebook_changed:
        out.print("[yellow]The rulebook has changed since these scores were made.[/]")
    for difference in story.differences:
        out.print(f"[red]differs:[/] {difference}", highlight=False)
    if not story.differences:
        out.print("The stored scores agree with this story.")


def _print_step(number: int, step: Step) -> None:
    out.print(f"\n[bold]{number}. {step.title}[/]")
    out.print(f"   {step.text}", highlight=False)
    for origin in step.origins:
        out.print(f"   [dim]{_source(origin)}[/]", highlight=False)


def _source(origin: Origin) -> str:
    page = f", {origin.page}" if origin.page else ""
    doubt = f" — {origin.confidence}: {origin.note}" if origin.is_uncertain else ""
    return f"{origin.rule}, since {origin.since}: {origin.title}{page}{doubt}"


def _item_table(explanation: Explanation) -> Table:
    table = Table(title="Responses", title_justify="left")
    for name in ("", "Item", "Part", "Claim"):
        table.add_column(name, no_wrap=name == "Item")
    for name in ("a", "Steps", "Score", "E(x)", "Weight"):
        table.add_column(name, justify="right")
    for number, line in enumerate(explanation.items, 1):
        table.add_row(str(number), *_item_cells(line))
    return table


def _item_cells(line: ItemLine) -> tuple[str, ...]:
    score = f"{line.score:g} of {len(line.steps)}" if line.answered else "0, not answered"
    if line.is_simulated:
        score = "0, average item"
    return (
        line.item,
        line.part,
        line.claim,
        f"{line.discrimination:.5g}",
        " ".join(f"{step:.4g}" for step in line.steps),
        score,
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


def _as_json(story: StoredExplanation) -> dict[str, Any]:
    explanation = story.explanation
    return {
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
        "likelihood": [[theta, height] for theta, height in explanation.curve],
        "steps": [
            {
                "title": step.title,
                "text": step.text,
                "sources": [_source(origin) for origin in step.origins],
            }
            for step in explanation.steps
        ],
        "scores": [
            {name: value for name, value in vars(score).items() if value is not None}
            for score in explanation.scored.scores
        ],
        "differences": list(story.differences),
        "rulebook_changed": story.rulebook_changed,
    }
