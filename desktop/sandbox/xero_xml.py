"""Xero reads XML as well: what older client libraries write, as the same plain data that JSON would give."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from desktop.sandbox.service import Json, Request

XML_TYPES = ("application/xml", "text/xml")
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_DEPTH = 12
LISTS = {
    "Contacts": "Contact",
    "Items": "Item",
    "Invoices": "Invoice",
    "Payments": "Payment",
    "Accounts": "Account",
    "LineItems": "LineItem",
    "Addresses": "Address",
    "Phones": "Phone",
    "ContactPersons": "ContactPerson",
    "Tracking": "TrackingCategory",
}
"""What a list's members are called; everything else with members is an object."""


def xml_text(request: Request) -> str | None:
    """The XML of a body: as it is, or in the form field `xml`; None if there is none."""
    if request.content_type in XML_TYPES:
        return request.body.decode("utf-8", "replace")
    if request.content_type == FORM_TYPE:
        return dict(parse_qsl(request.body.decode("utf-8", "replace"))).get("xml")
    return None


def from_xml(text: str) -> Json:
    """A document as data: `{"Contacts": [...]}`, whether it names one contact or several.

    Raises `ValueError`. A document type is refused: it could blow up into any size.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type is not taken")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}") from None
    if root.tag in LISTS:
        return {root.tag: _value(root, 0)}
    plural = next((name for name, one in LISTS.items() if one == root.tag), None)
    if plural is None:
        raise ValueError(f"<{root.tag}> is nothing that can be written")
    return {plural: [_value(root, 0)]}


def _value(node: ElementTree.Element, depth: int) -> Any:
    if depth > MOST_DEPTH:
        raise ValueError("nested too deeply")
    if node.tag in LISTS:
        return [_value(child, depth + 1) for child in node]
    if len(node):
        return {child.tag: _value(child, depth + 1) for child in node}
    return (node.text or "").strip()
