"""The first line of a situation report: a range, who nobody saw, and no number where none is known."""

from __future__ import annotations

import math

import pytest

from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.workflows.people_words import people_words

NOTHING = Text("", "")


def people(value, lower=None, upper=None, name="affected_population", reason=None):
    return Figure(name, NOTHING, value, lower, upper, "1", None if lower is None else 0.9, reason)


def unseen(value):
    return people(value, name="affected_population_unseen")


def unknown(value):
    return people(value, name="population_not_determined")


def plain(text):
    return text.en.replace("\u202f", " "), text.ja.replace("\u202f", " ")


def test_the_range_comes_first_then_those_nobody_saw_then_those_nothing_is_known_of():
    told = people_words([unknown(35.0), unseen(180.4), people(210.0, 120.0, 340.0)])
    assert plain(told.line) == (
        "People in water: 120–340 people (best 210), of these 180 people where nothing was observed, "
        "not determined for 35 people more",
        "浸水域内人口：120～340 人（最良推定 210）、うち未観測域（市街地など）180 人、ほかに推定不能 35 人",
    )


def test_where_all_were_unseen_it_says_all_and_gives_no_second_number():
    told = people_words([people(6079.0, 2694.0, 13061.0), unseen(6079.0), unknown(0.0)])
    assert plain(told.note) == (
        "all of them estimated where nothing was observed",
        "この人数はすべて、観測できなかった範囲（市街地など）での推定です",
    )
    # In Japanese a whole sentence follows a whole sentence.
    assert plain(told.line)[1].count("。") == 1


def test_a_whole_sentence_is_not_joined_to_what_follows_by_a_comma():
    told = people_words([people(6079.0, 2694.0, 13061.0), unseen(6079.0), unknown(35.0)])
    assert plain(told.line)[1].endswith("での推定です。ほかに推定不能 35 人")


def test_a_part_is_written_no_finer_than_the_whole():
    told = people_words([people(6079.0, 2694.0, 13061.0), unseen(3512.0)])
    assert plain(told.note)[0] == "of these 4000 people where nothing was observed"


@pytest.mark.parametrize(
    ("reason", "en", "ja"),
    [
        (
            Text("not determined: population not given", "推定不能：人口のデータなし"),
            "People in water: not determined (population not given)",
            "浸水域内人口：推定不能（人口のデータなし）",
        ),
        (
            Text("not determined: none of what was given was observed", "推定不能：観測された対象がありません"),
            "People in water: not determined (none of what was given was observed)",
            "浸水域内人口：推定不能（観測された対象がありません）",
        ),
    ],
)
def test_what_is_not_known_is_said_with_its_reason_and_is_not_zero(reason, en, ja):
    assert plain(people_words([people(math.nan, reason=reason)]).line) == (en, ja)


def test_without_an_impact_the_reason_is_that_of_the_step():
    told = people_words([], Text("no depth of water: elevation is missing", "浸水深がありません"))
    assert plain(told.line) == (
        "People in water: not determined (no depth of water: elevation is missing)",
        "浸水域内人口：推定不能（浸水深がありません）",
    )
    assert people_words([]) is None
