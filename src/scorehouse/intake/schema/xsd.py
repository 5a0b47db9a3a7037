"""The schema of a revision, written out as XML Schema from the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from xml.sax.saxutils import quoteattr

from scorehouse.intake.schema.declarations import (
    ANY,
    AttributeDeclaration,
    ElementDeclaration,
    TypeDeclaration,
    attributes,
    elements,
    types,
)

_REUSABLE = ("ScoreInfo",)


@cache
def schema_text(revision: str) -> str:
    """Write the schema of a revision; an unknown revision is a `KeyError`."""
    lines = [
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">'
    ]
    for element in elements():
        if element.parent:
            continue
        if element.path in _REUSABLE:
            lines += _complex(element, revision, f' name="{element.path}Type"')
        else:
            lines += _element(element, revision, is_global=True)
    for declared in types().values():
        lines += _simple(declared)
    return "\n".join([*lines, "</xs:schema>", ""])


@cache
def type_schema_text(type_name: str) -> str:
    """Write a schema of one element, `any`, whose attribute `value` has this type."""
    lines = ['<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="any">']
    attribute = AttributeDeclaration("value", True, None, type_name)
    lines += ["<xs:complexType>", _attribute(attribute), "</xs:complexType></xs:element>"]
    for declared in types().values():
        lines += _simple(declared)
    return "\n".join([*lines, "</xs:schema>", ""])


def _element(
    element: ElementDeclaration, revision: str, *, is_global: bool = False
) -> Iterator[str]:
    occurs = "" if is_global else f' minOccurs="{element.least}" maxOccurs="{element.most}"'
    head = f'<xs:element name="{element.name}"{occurs}'
    if element.content.startswith("as "):
        yield f'{head} type="{element.content.removeprefix("as ")}Type"/>'
    elif element.content == "anything":
        yield f"{head}/>"
    else:
        yield f"{head}>"
        yield from _complex(element, revision, "")
        yield "</xs:element>"


def _complex(element: ElementDeclaration, revision: str, name: str) -> Iterator[str]:
    children = [child for child in elements() if child.parent == element.path]
    mixed = ' mixed="true"' if element.content == "text" else ""
    yield f"<xs:complexType{name}{mixed}>"
    if children:
        yield from _children(element, children, revision)
    for attribute in attributes(revision).get(element.path, ()):
        yield _attribute(attribute)
    yield "</xs:complexType>"


def _children(
    element: ElementDeclaration, children: list[ElementDeclaration], revision: str
) -> Iterator[str]:
    is_choice = element.content == "choice"
    yield '<xs:choice minOccurs="0" maxOccurs="unbounded">' if is_choice else "<xs:sequence>"
    for child in children:
        yield from _element(child, revision, is_global=is_choice)
    yield "</xs:choice>" if is_choice else "</xs:sequence>"


def _attribute(attribute: AttributeDeclaration) -> str:
    typed = "" if attribute.type_name == ANY else f' type="{attribute.type_name}"'
    use = ' use="required"' if attribute.is_required else ""
    default = "" if attribute.default is None else f" default={quoteattr(attribute.default)}"
    return f'<xs:attribute name="{attribute.name}"{typed}{use}{default}/>'


def _simple(declared: TypeDeclaration) -> Iterator[str]:
    yield f'<xs:simpleType name="{declared.name}">'
    if declared.either:
        yield f'<xs:union memberTypes="{" ".join(declared.either)}"/>'
    else:
        yield f'<xs:restriction base="xs:{_base(declared)}">'
        yield from _facets(declared)
        yield "</xs:restriction>"
    yield "</xs:simpleType>"


def _base(declared: TypeDeclaration) -> str:
    return declared.base or ("string" if declared.keeps_spaces else "token")


def _facets(declared: TypeDeclaration) -> Iterator[str]:
    for facet, value in (
        ("minInclusive", declared.least),
        ("maxInclusive", declared.most),
        ("maxLength", declared.longest),
        ("pattern", declared.pattern or None),
    ):
        if value is not None:
            yield f'<xs:{facet} value="{value}"/>'
    for value in declared.one_of:
        yield f"<xs:enumeration value={quoteattr(value)}/>"
