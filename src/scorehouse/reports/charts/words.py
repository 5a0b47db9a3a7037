"""Numbers and missing numbers in words, the same in pictures, tables and text alternatives."""

from __future__ import annotations

from collections.abc import Sequence

from scorehouse.reports.charts.shapes import Amount, Number

NOT_SHOWN, NOTHING = "not shown", "–"
MARK = "†"
"""Stands after a number that the public doesn't see."""


def number(value: Number, decimals: int = 0) -> str:
    """A number for people: grouped by thousands, with a true minus sign.

    >>> number(-1234.5, 1), number(0)
    ('−1,234.5', '0')
    """
    text = f"{value:,.{decimals}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", "−")


def signed(value: Number, decimals: int = 0) -> str:
    """A number with its sign, also where it is positive.

    >>> signed(3.04, 1), signed(0), signed(-2)
    ('+3.0', '0', '−2')
    """
    text = number(value, decimals)
    return text if text.startswith("−") or not text.strip("0.,") else f"+{text}"


def told(amount: Amount, decimals: int = 0, *, unit: str = "", is_signed: bool = False) -> str:
    """An amount as a table says it: the number, its code, or why it isn't shown.

    >>> told(Amount(12)), told(Amount(why="fewer than 11 students")), told(Amount())
    ('12', 'not shown: fewer than 11 students', '–')
    """
    mark = f" {MARK}" if amount.is_marked else ""
    if amount.coded:
        return f"{amount.coded}{unit}{mark}"
    if amount.value is not None:
        say = signed if is_signed else number
        return f"{say(amount.value, decimals)}{unit}{mark}"
    return f"{NOT_SHOWN}: {amount.why}" if amount.why else NOTHING


def interval(amount: Amount, decimals: int = 0) -> str:
    """The ends of an amount's interval."""
    if amount.low is None or amount.high is None or amount.value is None:
        return NOTHING
    return f"{number(amount.low, decimals)} to {number(amount.high, decimals)}"


def students(n: int | None, why: str = "") -> str:
    """How many students; if that is not known, whether it is not shown.

    >>> students(1200), students(None), students(None, "fewer than 11")
    ('1,200', '–', 'not shown')
    """
    if n is not None:
        return number(n)
    return NOT_SHOWN if why else NOTHING


def heading(text: str) -> str:
    """A text with a capital at its beginning.

    >>> heading("points from Standard Met")
    'Points from Standard Met'
    """
    return text[:1].upper() + text[1:]


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def counted(n: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "school"), counted(1200, "school"), counted(2, "entity", "entities")
    ('1 school', '1,200 schools', '2 entities')
    """
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def reasons(amounts: Sequence[Amount]) -> str:
    """Why the amounts that aren't shown are not shown; blank: all are.

    >>> reasons([Amount(3), Amount(why="too few"), Amount(why="too few")])
    'too few'
    """
    return listed(list(dict.fromkeys(a.why for a in amounts if a.value is None and a.why)))


def suppressed_reasons(amounts: Sequence[Amount]) -> str:
    """Which reasons hide how many of the amounts; blank: none is hidden."""
    why = [amount.why for amount in amounts if amount.value is None and amount.why]
    each = [f"{number(why.count(reason))} ({reason})" for reason in dict.fromkeys(why)]
    return listed(each)
