"""Bodies that are no plain, sane JSON are refused whole (B2, B6)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desktop.providers.answers import MAX_DEPTH, BadBody, is_json_type, parse_json


def test_numbers_arrive_exactly() -> None:
    assert parse_json(b'{"a": 0.10, "b": 12, "c": 1234567890.12}') == {
        "a": Decimal("0.10"),
        "b": 12,
        "c": Decimal("1234567890.12"),
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": 1e-400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": "ä"}'.encode("latin-1"),
        b'{"a": "\\ud800"}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_B2_B6_nothing_ambiguous_is_believed(raw: bytes) -> None:
    with pytest.raises(BadBody):
        parse_json(raw)


def test_depth_and_surrogate_pairs_within_reason_are_fine() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert parse_json(b'"\\ud83d\\udc1f"') == "\N{FISH}"


@pytest.mark.parametrize("kind", ["application/json;charset=UTF-8", "application/problem+json", "text/json"])
def test_json_types(kind: str) -> None:
    assert is_json_type(kind)


@pytest.mark.parametrize("kind", ["", "text/html", "application/xml", "text/plain; application/json"])
def test_other_types(kind: str) -> None:
    assert not is_json_type(kind)
