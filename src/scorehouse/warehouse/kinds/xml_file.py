"""Definitions in XML, read with nothing of XML that could harm."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from scorehouse.errors import InputRefusedError

_LARGEST_BYTES = 100_000_000


def root_of(path: Path) -> etree._Element:
    """The root of a document. Raises InputRefusedError: too large, a DOCTYPE, not XML."""
    if path.stat().st_size > _LARGEST_BYTES:
        raise InputRefusedError("the file is larger than a definition can be")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise InputRefusedError(f"this is not well-formed XML (line {line or 'unknown'})") from None
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise InputRefusedError("the file declares a DOCTYPE; such files are never read")
    return root


def text_in(element: etree._Element, name: str) -> str | None:
    """The text of a child; None: there is none, or it is blank."""
    found = element.findtext(name)
    return (found or "").strip() or None
