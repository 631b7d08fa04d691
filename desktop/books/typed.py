"""What people type is kept byte for byte, or refused with the character shown; never changed in silence (U1, U2)."""

from __future__ import annotations

import unicodedata

from desktop.errors import InputError
from desktop.text import tr


def shown(character: str) -> str:
    """A character as a person can read it: its code point, and its name where it has one."""
    name = unicodedata.name(character, "")
    code = f"U+{ord(character):04X}"
    return f"{code} ({name})" if name else code


def checked(field: str, label: str, value: str, limit: int, *, multiline: bool = False, needed: bool = False) -> str:
    """`value` unchanged.

    Raises InputError for control characters (line breaks and tabs are welcome in `multiline` fields), half
    characters, more than `limit` characters, and for nothing at all in a `needed` field.
    """
    for character in "" if value.isprintable() else value:
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and not (multiline and character in "\n\t")):
            raise InputError(
                field,
                tr(
                    "{label} holds a character that can't be kept: {character}.",
                    label=label,
                    character=shown(character),
                ),
                tr("Delete it and type the text again."),
            )
    if len(value) > limit:
        raise InputError(
            field,
            tr("{label} is too long: {count} of {limit} characters.", label=label, count=len(value), limit=limit),
        )
    if needed and not value.strip():
        raise InputError(field, tr("{label} is missing.", label=label))
    return value


def fold(text: str, limit: int = 500) -> str:
    """`text` without case, accents and doubled blanks: what search and order go by."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return " ".join(plain.casefold().split())[:limit]
