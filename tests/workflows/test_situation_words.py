"""The words of the situation report that are made from a response: names for people, counters, the number of the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.handover.ranges import ranged
from mitoshi.handover.situation import Section
from mitoshi.workflows import situation
from mitoshi.workflows.response import STEPS, Entry, Record, read_record, write_record


@pytest.mark.parametrize(
    ("named", "en", "ja"),
    [
        ({}, "Event of 2026-10-12 00:00 UTC", "2026年10月12日 9:00 JST発災の災害"),
        ({"disaster": "台風第19号"}, "台風第19号 (2026-10-12)", "台風第19号（令和8年10月12日）"),
        (
            {"disaster": "台風第19号", "report": 3},
            "台風第19号 (2026-10-12), report no. 3",
            "台風第19号（令和8年10月12日）第3報",
        ),
        ({"report": 1}, "Event of 2026-10-12 00:00 UTC, report no. 1", "2026年10月12日 9:00 JST発災の災害 第1報"),
    ],
)
def test_the_disaster_and_the_number_of_the_report(tmp_path, named, en, ja):
    record = Record((139.0, 35.0, 140.0, 36.0), "2026-10-12T00:00:00Z", "2026-10-12T01:00:00Z", **named)
    write_record(tmp_path, record)
    assert situation._event(read_record(tmp_path)) == Text(en, ja)


@pytest.mark.parametrize(
    ("event", "era"),
    [("2019-04-30T12:00:00Z", "2019年"), ("2019-05-01T00:00:00Z", "令和元年"), ("2019-04-30T15:00:00Z", "令和元年")],
)
def test_the_era_changes_at_midnight_in_japan(event, era):
    record = Record((139.0, 35.0, 140.0, 36.0), event, event, disaster="災害")
    assert situation._event(record).ja.startswith(f"災害（{era}")


def test_identifiers_and_statuses_are_shown_as_names():
    names = situation.WORDS | situation._unit_sets()
    assert situation._cell("moe_2018", names).ja == "環境省 平成30年（全量）"
    assert situation._cell("read", names).ja == "原典確認済み"
    assert situation._cell("unconfirmed", names).ja == "未確認"


@pytest.mark.parametrize(
    "name", ["not_observed_buildings", "buildings_not_observed", "footprints", "damaged_buildings"]
)
def test_buildings_are_counted_with_their_counter(name):
    figure = Figure(name, Text("buildings not observed", "未観測の建物数"), 0.0, None, None, "1", None, None)
    assert ranged(figure._replace(units=situation.UNITS[name]), "ja").words == "0\u202f棟"


def test_without_elevation_the_people_in_water_are_not_determined():
    """The flood is mapped, depth waits for an elevation model and impact for the depth: that is said first, and no zero."""
    waits = {
        "depth": Entry("depth", "waiting", reason="the catalogue has no observation for elevation"),
        "impact": Entry("impact", "waiting", reason="depth waits for depth"),
    }
    record = Record((139.0, 35.0, 140.0, 36.0), "2026-10-12T00:00:00Z", "2026-10-12T01:00:00Z", waits)
    area = Figure("flooded_area", Text("flooded area", "浸水面積"), 9.0, 2.0, 46.0, "km2", 0.9)
    told = situation._message((Section(Text("Flood extent", "浸水域"), (area,)),), {}, record)
    assert told.en.startswith(
        "People in water: not determined (no depth of water: the catalogue has no observation for elevation); flooded area: 2–46"
    )
    assert told.ja.startswith(
        "浸水域内人口：推定不能（浸水深がありません。理由は respond.json に記載）。浸水面積：2～46"
    )


def test_what_is_awaited_is_named_as_people_read_it():
    waits = {"impact": Entry("impact", "waiting", reason="depth waits for depth or tsunami")}
    record = Record((139.0, 35.0, 140.0, 36.0), "2026-10-12T00:00:00Z", "2026-10-12T01:00:00Z", waits)
    (row,) = situation._clock(record, {s.name: s.title for s in STEPS})
    assert row.note == Text("waits for “Flood depth” or “Tsunami inundation”", "「浸水深」または「津波浸水」の完成待ち")


def test_the_rows_of_a_drill_say_that_their_clock_is_simulated():
    done = {"flood": Entry("flood", "done", "", "", "", "2026-10-12T23:00:00Z", "2026-10-12T23:02:00Z")}
    record = Record((139.0, 35.0, 140.0, 36.0), "2026-10-12T00:00:00Z", "2026-10-12T00:00:00Z", done)
    titles = {s.name: s.title for s in STEPS}
    assert situation._clock(record, titles)[0].note is None
    (row,) = situation._clock(replace(record, clock="simulated"), titles)
    assert row.after_s == 23 * 3600 + 120
    assert "simulated clock" in row.note.en
    assert "模擬の時刻" in row.note.ja
