"""JSON of a stranger is read in time that grows as the text does, and what is no strict JSON is refused with one line."""

from __future__ import annotations

import contextlib
import gc
import json
import time

import pytest

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.core.strict_json import MAX_DEPTH, nesting, parse_json

# Each gives a text of about n bytes that some checker somewhere reads in n² steps.
FAMILIES = {
    "escaped quotes, never closed": lambda n: b'["' + rb"\"" * (n // 2),
    "quotes and escaped quotes": lambda n: b'["' + rb"\"\"x" * (n // 5),
    "a backslash at the end": lambda n: b'["' + rb"\"" * (n // 2) + b"\\",
    "backslashes": lambda n: b'["' + b"\\" * n,
    "backslashes, closed": lambda n: b'["' + b"\\\\" * (n // 2) + b'"]',
    "strings, none closed properly": lambda n: b'"\\' * (n // 2),
    "empty strings": lambda n: b"[" + b'"",' * (n // 3) + b'""]',
    "brackets in strings": lambda n: b"[" + b'"[{",' * (n // 5) + b'""]',
    "line breaks before an error": lambda n: b"\n" * n + b"!",
    "openings": lambda n: b"[" * n,
    "pairs": lambda n: b"[" + b"[]," * (n // 3) + b"[]]",
    "closings first": lambda n: b"]" * (n // 2) + b"[" * (n // 2),
    "many names": lambda n: json.dumps({f"k{i}": 0 for i in range(n // 11)}).encode(),
    "one name many times": lambda n: b"{" + b'"a":0,' * (n // 6) + b'"a":0}',
    "a long whole number": lambda n: b"[" + b"1" * n + b"]",
    "long whole numbers": lambda n: b"[" + (b"1" * 300 + b",") * (n // 301) + b"0]",
    "a long fraction": lambda n: b"[0." + b"1" * n + b"]",
    "a long exponent": lambda n: b"[1e" + b"9" * n + b"]",
    "half characters": lambda n: b'["' + rb"\ud800" * (n // 6) + b'"]',
    "whole characters": lambda n: b'["' + rb"\ud83d\ude00" * (n // 12) + b'"]',
    "UTF-16": lambda n: ("[" * (n // 2)).encode("utf-16"),
}


def _seconds(content):
    best = float("inf")
    gc.disable()  # how often it runs depends on what other tests hold
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(InputError, RefusedError):
            parse_json(content, "it")
        best = min(best, time.process_time() - start)
    gc.enable()
    return best


@pytest.mark.parametrize("family", FAMILIES)
def test_twice_the_text_takes_about_twice_the_time(family):
    small, large = (_seconds(FAMILIES[family](n)) for n in (100_000, 800_000))
    assert large < 0.5
    # Eight times the text; a quadratic check would take 64 times as long. Below a few ms the clock and the caches are measured.
    assert large < 24 * max(small, 1e-3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[NaN]", "NaN"), (b"[-Infinity]", "Infinity"), (b"[1e999999]", "out of range"), (b"[-1e400]", "out of range"),
        (b"[" + b"1" * 100_000 + b"]", "100000 digits"), (b"[1" + b"0" * 308 + b"]", "309 digits"),
        (b"[0." + b"1" * 2000 + b"]", "2002 characters"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' is given twice"), (b'{"x": {"\\u0061": 1, "a": 3}}', "'a' is given twice"),
        (b'["\\ud800"]', "surrogate"), (b'{"\\udfff": 1}', "surrogate"), (b'["\\uD83D\\uD83D\\uDE00"]', "surrogate"),
        (b'["\xed\xa0\x80"]', "utf-8"), (b"\xff\xfe[\0]\0", "utf-8"), ("[1]".encode("utf-16-be"), "Expecting"), (b"\xef\xbb\xbf\xef\xbb\xbf[]", "BOM"),
        (b"", "Expecting"), (b"[1,]", "Expecting"), (b"['a']", "Expecting"), (b"[01]", "Expecting"), (b"[1] 2", "Extra"), (b'["\n"]', "control"),
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused_with_one_line(content, reason):
    with pytest.raises(InputError, match="it is not strict JSON") as caught:
        parse_json(content, "it")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['"\\"[[["', '{"a\\\\": [[]]}', '"\\\\\\"]]]"', "[[1], {}, [[2]]]", '{"a": {"b": [{"c": []}]}}', '"\\u005b"', "1", '"[{"', '["\\\\", [["\\\\\\\\\\""]]]'],
)  # fmt: skip
def test_depth_counted_in_the_bytes_is_the_depth_of_the_value(text):
    def depth(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    assert nesting(text.encode()) == depth(json.loads(text))
    assert parse_json(text.encode(), "it") == json.loads(text)


def test_depth_is_counted_across_the_pieces_in_which_a_text_is_read(monkeypatch):
    from mitoshi.core import strict_json

    text = b'[{"a]]\\"[": ["\\\\", [[["x"]]]]}, {"b": [1]}]'
    for size in range(1, len(text) + 1):
        monkeypatch.setattr(strict_json, "CHUNK", size)
        assert nesting(text) == 6


def test_limits_hold_exactly():
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    parse_json(deep, "it")
    with pytest.raises(RefusedError, match="nests deeper than 64"):
        parse_json(b"[" + deep + b"]", "it")
    assert parse_json(b"9" * 308, "it") == int("9" * 308)
    assert float(parse_json(b"9" * 308, "it")) < float("inf")
    assert parse_json(b'[{}, "[[["]', "it", most_containers=2) == [{}, "[[["]
    with pytest.raises(RefusedError, match="more than 2 lists and objects"):
        parse_json(b"[{}, []]", "it", most_containers=2)
    with pytest.raises(RefusedError, match="limit"):
        parse_json(b"[1, 2]", "it", most_bytes=5)
    assert parse_json('﻿{"名": "\\ud83d\\ude00"}'.encode(), "it") == {"名": "😀"}
