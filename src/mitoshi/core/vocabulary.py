"""What words of columns and cells are understood, in both languages; the others are unknown, and said."""

from __future__ import annotations

import json
import re
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

MOST_KNOWN = 10_000  # meanings held at a time: a column may hold a name in every row
MOST_WORDS = 5
NOT_UNDERSTOOD = Text(
    "{count} of {total} {kind} have a value of {column} that is not understood: {words}; treated as unknown",
    "{kind} {total}件中{count}件は{column}の値を解釈できないため（{words}）、不明として扱います",
)
BEYOND = Text(
    "{count} of {total} {kind} have a value of {column} that cannot be (such as -1 or 9999); treated as unknown",
    "{kind} {total}件中{count}件は{column}があり得ない値（-1、9999 など）のため、不明として扱います",
)
FIRST_OF_LIST = re.compile(r'^\s*\[\s*"?([^",\]]+)')
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
        bridge, facility, road_class, side, structure or use.
    value
        The cell; of a list in JSON the first word, which is the main one (PLATEAU).
    head
        The column's heading in the file, for codes that mean something only under it.

    >>> word_of("structure", "木造"), word_of("bridge", "viaduct"), word_of("facility", "1", "P04_001")
    ('wood', 'true', 'hospital')
    """
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    listed = FIRST_OF_LIST.match(text)
    text = listed[1] if listed else text
    known = _words(column)
    own = known.get(_plain(f"{head}={text}")) or known.get(_plain(f"{head}=*"))
    return own or known.get(_plain(text))


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
    heads = _heads_of(features, declared)
    texts: list[Text] = []
    if heads:
        shown = ", ".join(f"{h} = {n}" for n, hs in heads.items() for h in hs)
        texts.append(HEADS.format(heads=shown))
    table = vocabulary()
    out = features
    for name in sorted(declared & set(features.columns) | set(heads)):
        sources = heads.get(name, [name])
        if name in table["words"]:
            values, others = _meanings(name, [out[h] for h in sources])
            texts += [_said(kind, name, others, len(out))] if others else []
            out = out.assign(**{name: values})
        elif name in heads:
            out = out.rename(columns={sources[0]: name})
        if name in table["least"]:
            out, count = _within(out, name, table["least"][name], table["most"].get(name))
            texts += [_beyond(kind, name, count, len(out))] if count else []
    return Understood(out, tuple(texts))


def _heads_of(features: Features, declared: set[str]) -> dict[str, list[str]]:
    """Return the columns that lack their own name, and the headings that mean them in the order of the vocabulary.

    Several headings may mean one column of words; the first that says something in a row counts.
    """
    table = vocabulary()
    present = [str(h) for h in features.columns]
    found: dict[str, list[str]] = {}
    for head in present:
        name = head_of(head)
        other = table["other_edition"].get(head)
        if name is None or name not in declared or name in present or head in declared or other in present:
            continue
        found.setdefault(name, []).append(head)
    for name, heads in found.items():
        order = [_plain(w) for w in (name, *table["heads"][name])]
        heads.sort(key=lambda h: order.index(_plain(h)))
        if len(heads) > 1 and name not in table["words"]:
            raise QuantityError(
                f"columns {heads[0]!r} and {heads[1]!r} both mean {name}; rename the right one to {name!r}"
            )
    return found


def _meanings(column: str, sources: list[Any]) -> tuple[Any, Counter[str]]:
    """Return what the cells of a column mean, and the words that are not understood."""
    import numpy as np
    import pandas as pd

    others: Counter[str] = Counter()
    names = [str(s.name) for s in sources]
    values = np.full(len(sources[0]), None, object)
    known: dict[tuple[Any, ...], tuple[str | None, str | None]] = {}  # lists are long, and their words are few
    for n, row in enumerate(zip(*sources, strict=True)):
        key = tuple((type(v), str(v)) for v in row)
        if key not in known:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[key] = _meaning(column, row, names)
        values[n], other = known[key]
        if other is not None:
            others[other] += 1
    return pd.Series(values, index=sources[0].index, dtype=object), others


def _meaning(column: str, row: tuple[Any, ...], heads: list[str]) -> tuple[str | None, str | None]:
    """Return what the cells of a row mean together, None where they say nothing; and the word that is not understood."""
    import pandas as pd

    said = [(v, head) for v, head in zip(row, heads, strict=True) if not pd.isna(v) and str(v).strip()]
    if not said:
        return None, None
    meaning = next((m for v, head in said if (m := word_of(column, v, head))), None)
    if meaning is not None:
        return meaning, None
    word = str(said[0][0])
    return (word or "unknown", None) if column in vocabulary()["open"] else ("unknown", word[:40])


def _within(features: Features, name: str, least: float, most: float | None) -> tuple[Features, int]:
    """Return features without numbers that cannot be, such as -1 or 9999 for unknown; and how many there were."""
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(features[name], errors="coerce").to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        beyond = (numbers < least) | (numbers > (np.inf if most is None else most))
    count = int(np.count_nonzero(beyond))
    if not count:
        return features, 0
    values = features[name].astype(object).where(~beyond, None)
    return features.assign(**{name: values}), count


def _beyond(kind: FeatureKind, column: str, count: int, total: int) -> Text:
    title = next(c.title for c in kind.columns if c.name == column)
    return Text(
        BEYOND.en.format(count=count, total=total, kind=kind.title.en, column=title.en),
        BEYOND.ja.format(count=count, total=total, kind=kind.title.ja, column=title.ja),
    )


def _said(kind: FeatureKind, column: str, others: Counter[str], total: int) -> Text:
    words = ", ".join(f"'{w}' ({n})" for w, n in sorted(others.items(), key=lambda o: (-o[1], o[0]))[:MOST_WORDS])
    words += ", …" if len(others) > MOST_WORDS else ""
    title = next(c.title for c in kind.columns if c.name == column)
    count = sum(others.values())
    return Text(
        NOT_UNDERSTOOD.en.format(count=count, total=total, kind=kind.title.en, column=title.en, words=words),
        NOT_UNDERSTOOD.ja.format(count=count, total=total, kind=kind.title.ja, column=title.ja, words=words),
    )
