"""The first line of a situation: people in the water as a range, those of them nobody saw, and those nothing is known of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.text import Text
from mitoshi.evidence.wording import decimals_of
from mitoshi.handover.ranges import ranged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language

__all__ = ["PEOPLE", "PeopleWords", "people_words"]

PEOPLE, UNSEEN, UNKNOWN = "affected_population", "affected_population_unseen", "population_not_determined"
TITLE = Text("People in water: {}", "浸水域内人口：{}")
ALL = Text(
    "all of them estimated where nothing was observed",
    "この人数はすべて、観測できなかった範囲（市街地など）での推定です",
)
OF_THESE = Text("of these {} where nothing was observed", "うち未観測域（市街地など）{}")
NO_ESTIMATE = Text("not determined for {} more", "ほかに推定不能 {}")
ALMOST = 0.995
NOT_DETERMINED = Text("not determined ({})", "推定不能（{}）")


class PeopleWords(NamedTuple):
    """People in water in words.

    Attributes
    ----------
    number
        The range with its best estimate, or that it is not determined and why.
    note
        How many of them nobody saw and of how many nothing is known; empty where there is nothing to say.
    """

    number: Text
    note: Text

    @property
    def line(self) -> Text:
        """Both as one line."""
        if not self.note.en:
            return self.number
        stop = "。" if self.note.ja.startswith(ALL.ja) else "、"
        return Text(f"{self.number.en}, {self.note.en}", f"{self.number.ja}{stop}{self.note.ja}")


def people_words(figures: Iterable[Figure], why_not: Text | None = None) -> PeopleWords | None:
    r"""Return the people in water in words; None where no figure tells of them and there is nothing to say why.

    Parameters
    ----------
    figures
        Of the impact.
    why_not
        Why there is none, where there is no impact.

    Examples
    --------
    >>> from mitoshi.core.product import Figure
    >>> known = Figure("affected_population", Text("", ""), 210.0, 120.0, 340.0, "1", 0.9)
    >>> unseen = Figure("affected_population_unseen", Text("", ""), 180.3, None, None, "1", None)
    >>> told = people_words([known, unseen]).line
    >>> told.en.replace("\u202f", " ")
    'People in water: 120–340 people (best 210), of these 180 people where nothing was observed'
    >>> told.ja.replace("\u202f", " ")
    '浸水域内人口：120～340 人（最良推定 210）、うち未観測域（市街地など）180 人'
    """
    known = {f.name: f._replace(units="person") for f in figures if f.name in (PEOPLE, UNSEEN, UNKNOWN)}
    if PEOPLE not in known and why_not is None:
        return None
    if PEOPLE not in known or not math.isfinite(known[PEOPLE].value):
        reason = known[PEOPLE].reason if PEOPLE in known else why_not
        return PeopleWords(_not_determined(reason or Text("", "")), Text("", ""))
    return PeopleWords(
        Text(*(TITLE.in_(language).format(ranged(known[PEOPLE], language).said) for language in ("en", "ja"))),
        Text(_note(known, "en"), _note(known, "ja")),
    )


def _not_determined(reason: Text) -> Text:
    en = NOT_DETERMINED.en.format(reason.en.removeprefix("not determined: "))
    ja = NOT_DETERMINED.ja.format(reason.ja.removeprefix("推定不能："))
    return Text(TITLE.en.format(en), TITLE.ja.format(ja))


def _note(known: dict[str, Figure], language: Language) -> str:
    said: list[str] = []
    if UNSEEN in known and known[UNSEEN].value >= 1:
        part = OF_THESE.in_(language).format(ranged(_rounded(known[UNSEEN], known[PEOPLE]), language).words)
        said.append(ALL.in_(language) if known[UNSEEN].value > ALMOST * known[PEOPLE].value else part)
    if UNKNOWN in known and known[UNKNOWN].value >= 1:
        said.append(NO_ESTIMATE.in_(language).format(ranged(known[UNKNOWN], language).words))
    between = Text(", ", "。" if ALL.ja in said else "、")
    return between.in_(language).join(said)


def _rounded(part: Figure, whole: Figure) -> Figure:
    """Return a part of a number as finely as the number's own interval allows."""
    half = 0.0 if whole.upper is None or whole.lower is None else (whole.upper - whole.lower) / 2
    return part._replace(value=float(round(part.value, min(decimals_of(half), 0)))) if half > 0 else part
