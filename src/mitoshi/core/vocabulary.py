"""What words of columns and cells are understood, in both languages; the others are unknown, and said."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mitoshi.core.errors import QuantityError
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.features import FeatureKind, Features

__all__ = ["Understood", "head_of", "understood", "vocabulary", "word_of"]

MOST_WORDS = 5
NOT_UNDERSTOOD = Text(
    "{count} of {total} {kind} have a value of {column} that is not understood: {words}; treated as unknown",
    "{kind} {total}件中{count}件は{column}の値を解釈できないため（{words}）、不明として扱います",
)
HEADS = Text("columns are read by their meaning: {heads}", "列名を次のとおり読み替えました：{heads}")


class Understood(NamedTuple):
    """Features in the words of their kind, and what is to be said of it."""

    features: Features
    texts: tuple[Text, ...]


@cache
def vocabulary() -> dict[str, Any]:
    """Return the table of words, with its sources."""
    return cast("dict[str, Any]", json.loads(files("mitoshi.core").joinpath("vocabulary.json").read_text("utf-8")))


def _plain(text: object) -> str:
    """Return text without differences of width, case and spaces."""
    return "".join(unicodedata.normalize("NFKC", str(text)).lower().replace("_", " ").split())


@cache
def _heads() -> dict[str, str]:
    return {_plain(word): name for name, words in vocabulary()["heads"].items() for word in (name, *words)}


@cache
def _words(column: str) -> dict[str, str]:
    return {_plain(w): meaning for meaning, words in vocabulary()["words"][column].items() for w in words}


def head_of(head: str) -> str | None:
    """Return which column a heading means; None where it is not understood.

    >>> head_of("緯度")
    'latitude'
    """
    return _heads().get(_plain(head))


def word_of(column: str, value: object, head: str = "") -> str | None:
    """Return what a cell means in a column of the vocabulary; None where it is not understood.

    Parameters
    ----------
    column
        bridge, facility, structure or use.
    value
        The cell.
    head
        The column's heading in the file, for codes that mean something only under it.

    >>> word_of("structure", "木造"), word_of("bridge", "viaduct"), word_of("facility", "1", "P04_001")
    ('wood', 'true', 'hospital')
    """
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    known = _words(column)
    return known.get(_plain(f"{head}={text}")) or known.get(_plain(text))


def understood(features: Features, kind: FeatureKind) -> Understood:
    """Return features with the columns and words of a kind. Empty is missing; what is not understood is unknown and counted.

    Parameters
    ----------
    features
        As read.
    kind
        What they are.

    Raises
    ------
    QuantityError
        If two columns mean the same and neither bears its name.
    """
    declared = {c.name for c in kind.columns}
    renamed: dict[str, str] = {}
    for head in map(str, features.columns):
        name = head_of(head)
        if name is None or name not in declared or name in features.columns or head in declared:
            continue
        if name in renamed.values():
            other = next(h for h, n in renamed.items() if n == name)
            raise QuantityError(f"columns {other!r} and {head!r} both mean {name}; rename the right one to {name!r}")
        renamed[head] = name
    texts = [HEADS.format(heads=", ".join(f"{h} = {n}" for h, n in renamed.items()))] if renamed else []
    out = features.rename(columns=renamed) if renamed else features
    heads = {name: head for head, name in renamed.items()}
    for name in sorted(declared & set(vocabulary()["words"]) & set(out.columns)):
        values, others = _meanings(name, out[name], heads.get(name, name))
        out = out.assign(**{name: values})
        if others:
            texts.append(_said(kind, name, others, len(out)))
    return Understood(out, tuple(texts))


def _meanings(column: str, series: Any, head: str) -> tuple[Any, Counter[str]]:
    import numpy as np
    import pandas as pd

    others: Counter[str] = Counter()
    values = pd.Series(np.full(len(series), None, object), index=series.index, dtype=object)
    for n, value in enumerate(series):
        if pd.isna(value) or not str(value).strip():
            continue
        meaning = word_of(column, value, head)
        if meaning is None:
            others[str(value)[:40]] += 1
        values.iloc[n] = meaning or (None if column == "bridge" else "unknown")
    return values, others


def _said(kind: FeatureKind, column: str, others: Counter[str], total: int) -> Text:
    words = ", ".join(f"'{w}' ({n})" for w, n in sorted(others.items(), key=lambda o: (-o[1], o[0]))[:MOST_WORDS])
    words += ", …" if len(others) > MOST_WORDS else ""
    title = next(c.title for c in kind.columns if c.name == column)
    count = sum(others.values())
    return Text(
        NOT_UNDERSTOOD.en.format(count=count, total=total, kind=kind.title.en, column=title.en, words=words),
        NOT_UNDERSTOOD.ja.format(count=count, total=total, kind=kind.title.ja, column=title.ja, words=words),
    )
