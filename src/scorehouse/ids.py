"""Identifiers that explain themselves: text, never integers, so leading zeros survive."""

from __future__ import annotations

import re


class Ssid(str):
    """California's statewide student identifier: ten digits, first digit not checked.

    >>> Ssid("9000007722")
    '9000007722'
    >>> Ssid("12345")
    Traceback (most recent call last):
        ...
    ValueError: an SSID has 10 digits; this text has 5 characters
    """

    def __new__(cls, text: str) -> Ssid:
        """Check and wrap a text."""
        if not re.fullmatch(r"\d{10}", text):
            raise ValueError(f"an SSID has 10 digits; this text has {len(text)} characters")
        return super().__new__(cls, text)


class CdsCode(str):
    """County-district-school code: 14 digits, 2 county + 5 district + 7 school.

    A district's own code ends in seven zeros.

    >>> code = CdsCode("99900010000000")
    >>> code.county, code.district, code.is_district
    ('99', '90001', True)
    """

    def __new__(cls, text: str) -> CdsCode:
        """Check and wrap a text."""
        if not re.fullmatch(r"\d{14}", text):
            hint = "; a lost leading zero is the usual cause" if len(text) == 13 else ""
            raise ValueError(f"a CDS code has 14 digits; this one has {len(text)}{hint}")
        return super().__new__(cls, text)

    @property
    def county(self) -> str:
        """The first two digits."""
        return self[:2]

    @property
    def district(self) -> str:
        """The five digits of the district within the county."""
        return self[2:7]

    @property
    def is_district(self) -> bool:
        """Whether the code names a district as a whole and no school in it."""
        return self[7:] == "0000000"
