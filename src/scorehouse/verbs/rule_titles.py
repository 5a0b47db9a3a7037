"""What a rule asks, in words that hold no value of a file."""

from __future__ import annotations

import re

from scorehouse.intake.catalogue import catalogue
from scorehouse.intake.checks import results_rules


def title_of(rule: str) -> str:
    """A rule's title: a numbered rule's own, else the message of the catalogue without values.

    >>> title_of("load_twice")
    'The same file was loaded before (import …); it was compared with what is held now'
    """
    if rule in results_rules():
        return results_rules()[rule].title
    entry = catalogue().get(rule)
    return first_sentence(re.sub(r"\{[^}]*\}", "…", entry.message)) if entry else rule


def first_sentence(text: str) -> str:
    """The first sentence of a message, without its full stop.

    >>> first_sentence("The file is cut off. Ask for it again.")
    'The file is cut off'
    """
    return text.partition(". ")[0].removesuffix(".")
