"""Records as a caller may hold them: an object of ours, or a mapping with the same field names, gaps included."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

_LONGEST = 400  # characters of a field that are read: no name or address is longer, and a book pasted in costs nothing

_TEXT = {str}

Record = TypeVar("Record")


def read_record(cls: type[Record], given: Record | Mapping[str, object]) -> Record:
    """`given` as an object of the dataclass `cls`: None is "not told", numbers become text where text is due, longer
    text is cut, fields of a mapping that `cls` has not are left aside.

    Raises TypeError for a mapping without a field that has no default, and for what is neither.
    """
    kind: Any = cls
    if isinstance(given, cls):
        values_of, texts_only = _reader(kind)
        found = values_of(given)
        if texts_only and set(map(type, found)) == _TEXT and max(map(len, found)) <= _LONGEST:
            return given  # the common case, of which an import has tens of thousands
        if all(map(_is_fit, _fields(kind), found)):
            return given
        told: Mapping[str, object] = {field.name: getattr(given, field.name) for field in _fields(kind)}
    elif isinstance(given, Mapping):
        told = given
    else:
        raise TypeError(f"{cls.__name__} or a mapping with its fields is expected, not {type(given).__name__}")
    values = {field.name: _fit(field, told[field.name]) for field in _fields(kind) if told.get(field.name) is not None}
    return cls(**values)


@cache
def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


@cache
def _reader(cls: Any) -> tuple[Callable[[Any], tuple[Any, ...]], bool]:
    """What takes all values of an object in the order of its fields, and whether all of them are texts."""
    names = [field.name for field in _fields(cls)]
    return attrgetter(*names), not any(isinstance(field.default, int) for field in _fields(cls))


def _is_fit(field: Field[Any], value: object) -> bool:
    if isinstance(field.default, int):
        return type(value) is int
    return type(value) is str and len(value) <= _LONGEST


def _fit(field: Field[Any], value: object) -> object:
    if isinstance(field.default, int):
        text = str(value).strip()
        return int(text) if text.isdecimal() and len(text) < 10 else field.default
    text = str(value)
    return text if field.default is MISSING else text[:_LONGEST]
