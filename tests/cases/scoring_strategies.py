"""Hypothesis strategies: invented items, responses and sittings."""

from __future__ import annotations

from hypothesis import strategies as st

from cases.scoring_builders import Row, Taken, item, response, taken
from scorehouse.scoring.models import Item, ScoredResponse

difficulties = st.floats(-4, 4).map(lambda number: round(number, 4))
discriminations = st.floats(0.05, 3.5).map(lambda number: round(number, 4))
thetas = st.floats(-6, 6)


@st.composite
def model_items(draw: st.DrawFn, most_steps: int = 6) -> Item:
    """A 2PL or GPCM item, its steps in any order."""
    steps = draw(st.lists(difficulties, min_size=1, max_size=most_steps))
    return Item("made", draw(discriminations), tuple(steps))


@st.composite
def patterns(draw: st.DrawFn, *, ordinary: bool = True) -> list[ScoredResponse]:
    """Responses to a few items; ordinary ones are neither perfect nor zero."""
    items = draw(st.lists(model_items(), min_size=2, max_size=12))
    scores = [draw(st.integers(0, made.points)) for made in items]
    if ordinary and sum(scores) == 0:
        scores[0] = 1
    if ordinary and sum(scores) == sum(made.points for made in items):
        scores[-1] -= 1
    return [
        ScoredResponse(made, float(score), answered=True)
        for made, score in zip(items, scores, strict=True)
    ]


POOL = [
    item(
        f"i{n}",
        0.3 + 0.07 * (n % 13),
        *[round((n % 11 - 5) / 2.2 + 0.8 * step, 3) for step in range(1 + n % 7 % 5)],
        part="PT" if n % 8 == 7 else "CAT",
        claim=("1-LT", "2-W", "3-L", "4-CR")[n % 4],
        target=f"T{n % 5}",
    )
    for n in range(64)
]
"""A bank for whole sittings: 2PL to five steps, CAT and PT."""


def most(row: Row) -> int:
    """The points of an item's row."""
    return sum(row[f"b{step}"] is not None for step in range(1, 7))


@st.composite
def sittings(draw: st.DrawFn) -> Taken:
    """A sitting of some of the pool's items, some unanswered, maybe perfect or zero."""
    chosen = draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=20, unique_by=id))
    share = draw(st.sampled_from([0.0, 1.0, None, None, None]))
    rows = []
    for row in chosen:
        score = draw(st.integers(0, most(row))) if share is None else round(share * most(row))
        is_answered = share is not None or draw(st.integers(0, 9)) > 0
        rows.append(
            response(
                row["item_id"],
                float(score) if is_answered else None,
                answered=is_answered,
                part=row["part"],
            )
        )
    return taken(*rows, logged_on_cat=True, logged_on_pt=True)
