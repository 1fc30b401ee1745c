"""Pages, items by name, what collections hold, and taking items out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mitoshi.catalog import Catalogue
from mitoshi.catalog.summary import around
from mitoshi.core.errors import InputError

pytestmark = pytest.mark.slow


def names(items):
    return [item["id"] for item in items]


@pytest.fixture
def many(tmp_path, item):
    """Return a catalogue of 60 items in two collections; many share their time, some their name."""
    catalogue = Catalogue(tmp_path / "c")
    made = []
    for n in range(30):
        time = f"2020-01-{1 + n // 7:02d}T00:00:00Z"
        made += [item(f"i{n:02d}", west=10.0 + n, time=time, collection=c) for c in ("one", "two")]
    for first in range(0, len(made), 9):  # several parts
        catalogue.add(made[first : first + 9])
    return catalogue


def walk(catalogue, limit, **conditions):
    """Return the pages from the first to the last."""
    pages = [catalogue.page(limit, **conditions)]
    while pages[-1].later:
        pages.append(catalogue.page(limit, after=pages[-1].last, **conditions))
    return pages


@pytest.mark.parametrize("limit", [1, 7, 59, 60, 61])
def test_pages_together_are_the_search_in_its_order(many, limit):
    pages = walk(many, limit)
    assert [n for p in pages for n in names(p.items)] == [i.id for i in many.search()]
    assert all(p.matched == 60 for p in pages)
    assert all(len(p.items) == limit for p in pages[:-1])
    assert len({(i["collection"], i["id"]) for p in pages for i in p.items}) == 60


def test_the_way_back_meets_the_same_pages(many):
    forth = walk(many, 7)
    back = [forth[-1]]
    while back[-1].earlier:
        back.append(many.page(7, before=back[-1].first))
    assert not forth[0].earlier
    assert not back[-1].earlier
    assert [names(p.items) for p in reversed(back)] == [names(p.items) for p in forth]
    assert back[-1].later


def test_an_item_that_comes_meanwhile_shifts_no_page(many, item):
    first = many.page(7)
    many.add([item("early", time="2019-01-01T00:00:00Z")])
    second = many.page(7, after=first.last)
    assert names(second.items) == [i.id for i in many.search()[8:15]]
    many.remove([(first.last.collection, first.last.id)])
    assert names(many.page(7, after=first.last).items) == names(second.items)


def test_conditions_hold_on_every_page(many):
    pages = walk(many, 3, collections=["two"], bbox=(12.5, 35, 20.5, 36), time="2020-01-02/..")
    wanted = many.search(collections=["two"], bbox=(12.5, 35, 20.5, 36), time="2020-01-02/..")
    assert [n for p in pages for n in names(p.items)] == [i.id for i in wanted] != []


def test_items_are_found_by_name_alone_and_within_a_collection(many):
    assert [i.id for i in many.search(ids=["i03", "i20", "none"])] == ["i03", "i03", "i20", "i20"]
    assert many.get("two", "i03").collection_id == "two"
    assert many.get("two", "i99") is None
    assert many.get("three", "i03") is None
    assert many.search(ids=[]) == []
    with pytest.raises(InputError, match="list of names"):
        many.search(ids="i03")


def test_a_page_without_an_item_or_between_two_keys_is_refused(many):
    with pytest.raises(InputError, match="1 item or more"):
        many.page(0)
    key = many.page(1).last
    with pytest.raises(InputError, match="give one"):
        many.page(1, after=key, before=key)


def test_nothing_found_is_an_empty_page(many):
    page = many.page(5, ids=["none"])
    assert page == ([], 0, None, None, False, False)


def test_collections_say_where_when_and_what(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    catalogue.add(
        [
            item("a", west=170.0, time="2020-01-01T00:00:00Z", platform="x"),
            item("b", west=-180.0, time="2021-06-01T12:00:00Z", platform="y"),
            item("c", west=0.0, collection="dem", time="2022-01-01T00:00:00Z"),
        ]
    )
    dem, radar = catalogue.collections()
    assert (dem.id, dem.count, tuple(dem.box)) == ("dem", 1, (0, 35, 1, 36))
    assert (radar.id, radar.count, tuple(radar.box)) == ("sentinel-1-grd", 2, (170, 35, -179, 36))
    assert (radar.start.isoformat(), radar.end.isoformat()) == (
        "2020-01-01T00:00:00+00:00",
        "2021-06-01T12:00:00+00:00",
    )
    assert radar.values["platform"] == ("x", "y")
    assert radar.values["mitoshi:quantities"] == ("beta0", "gamma0", "sigma0")
    catalogue.remove([("sentinel-1-grd", "a")])
    assert tuple(catalogue.collections()[1].box) == (-180, 35, -179, 36)


def test_a_time_that_nobody_knows_widens_no_collection(tmp_path, item):
    catalogue = Catalogue(tmp_path / "c")
    timeless = item("a", start_datetime="0001-01-01T00:00:00Z", end_datetime="9999-12-31T23:59:59Z")
    del timeless["properties"]["datetime"]
    catalogue.add([timeless])
    assert catalogue.collections()[0].start is None
    catalogue.add([item("b", time="2020-01-01T00:00:00Z")])
    assert catalogue.collections()[0].start.year == catalogue.collections()[0].end.year == 2020


def test_what_is_taken_out_is_gone_and_can_come_back(many, item):
    before = len(many)
    assert many.remove([("one", "i05"), ("one", "none"), ("three", "i05")]) == ("i05",)
    assert len(many) == before - 1
    assert many.get("one", "i05") is None
    assert many.get("two", "i05") is not None
    assert many.remove([("one", "i05")]) == ()
    assert many.add([item("i05", collection="one")]).added == ("i05",)


def test_members_of_a_geometry_collection_are_all_searched(many):
    point = {"type": "Point", "coordinates": [12.5, 35.5]}
    line = {"type": "LineString", "coordinates": [[30.2, 35.5], [30.4, 35.5]]}
    both = {"type": "GeometryCollection", "geometries": [point, line]}
    alone = [{i.id for i in many.search(intersects=shape)} for shape in (point, line)]
    assert {i.id for i in many.search(intersects=both)} == alone[0] | alone[1]
    assert all(alone)
    for bad in ({"type": "GeometryCollection"}, {"type": "GeometryCollection", "geometries": []}):
        with pytest.raises(InputError):
            many.search(intersects=bad)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-180, 179), st.integers(0, 120)),
        min_size=1,
        max_size=6,
    )
)
def test_the_box_around_covers_every_box_and_none_is_smaller(given_boxes):
    degrees = np.zeros(360, bool)
    rows = []
    for west, width in given_boxes:
        east = west + width
        degrees[np.arange(west, east) % 360] = True
        rows.append([west, 0, east - 360 if east > 180 else east, 1])
    box = around(np.array(rows, float))
    width = (box.east - box.west) % 360 if box.west != box.east else 0
    if (box.west, box.east) == (-180, 180):
        width = 360
    covered = np.zeros(360, bool)
    covered[(int(box.west) + np.arange(int(width))) % 360] = True
    assert not (degrees & ~covered).any()
    # The widest run of degrees that no box touches is what the box leaves out, up to boxes without width.
    if all(w for _, w in given_boxes):
        turns = "".join("1" if d else "0" for d in np.tile(degrees, 2))
        widest = min(360, max(len(run) for run in turns.split("1")))
        assert width == 360 - widest
