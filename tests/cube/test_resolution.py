"""Which observation answers which need."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import pytest

from mitoshi import cube
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError, UnmetNeedError
from mitoshi.core.grid import BBox
from mitoshi.core.method import method
from mitoshi.core.product import Coded, CodedClass
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, INCIDENCE_ANGLE, LAND_COVER, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.support import Pixel, Stack
from mitoshi.core.text import Text

EVENT = datetime(2019, 10, 12, 12, tzinfo=UTC)
AREA = BBox(139.2, 35.2, 139.8, 35.8)


CLASSES = (CodedClass(0, Text("dry", "乾"), "#ffffff"), CodedClass(1, Text("flooded", "浸水"), "#0000ff"))


class Extent(NamedTuple):
    flood: Annotated[Raster, Coded(Text("flood", "浸水"), CLASSES, no_uncertainty=Text("a test", "試験用"))]


def declare():
    @method(version="1.0.0", reference="test", support=Pixel(), title=Text("test", "試験"))
    def extent(
        before: Annotated[Raster, BACKSCATTER, Need("before", "60d", 30.0, 0.8, "after")],
        after: Annotated[Raster, BACKSCATTER, Need("after", "6d", 30.0, 0.8)],
        elevation: Annotated[Raster | None, ELEVATION, Need("any", coverage=0.9)] = None,
        cover: Annotated[Raster | None, LAND_COVER, Need("any")] = None,
        /,
    ) -> Extent:
        """Return nothing."""
        raise NotImplementedError

    return extent


@pytest.fixture(scope="module")
def flood():
    import sys

    module = sys.modules[__name__]
    module.extent = declare()
    return module.extent


@pytest.fixture
def catalogue(tmp_path):
    return Catalogue(tmp_path / "c")


def ids(choice):
    return [i.id for i in choice.items]


def why_not(resolution, name):
    return next(r.why.en for r in resolution.rejected if name in r.items)


def test_latest_before_and_first_after_of_one_track(flood, catalogue, item):
    catalogue.add(
        [
            item("b-old", "2019-09-18T09:00:00+00:00"),
            item("b-late", "2019-10-06T09:00:00+00:00"),
            item("b-other-orbit", "2019-10-11T21:00:00+00:00", orbit=("descending", 46)),
            item("a-first-other-orbit", "2019-10-12T21:00:00+00:00", orbit=("descending", 119)),
            item("a-same", "2019-10-13T09:00:00+00:00"),
            item("a-late", "2019-10-17T21:00:00+00:00"),
            item("too-early", "2019-08-01T09:00:00+00:00"),
        ]
    )
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert (ids(found.picked["before"]), ids(found.picked["after"])) == (["b-late"], ["a-same"])
    assert found.unmet == ()
    assert "latest suitable before the event" in found.picked["before"].why.en
    assert "same track" in found.picked["before"].why.en
    assert "同じ軌道" in found.picked["after"].why.ja
    assert "a-same was preferred" in why_not(found, "a-first-other-orbit")
    assert found.require() is found


def test_without_a_pair_of_one_track_the_nearest_in_time_are_taken_and_it_is_said(flood, catalogue, item):
    catalogue.add(
        [
            item("before", "2019-10-06T09:00:00+00:00", orbit=("ascending", 39)),
            item("after", "2019-10-13T21:00:00+00:00", orbit=("descending", 46)),
        ]
    )
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert set(found.picked) == {"before", "after"}
    assert "no pair of one track" in found.picked["before"].why.en


def test_unlike_polarisations_or_quantities_are_no_pair(flood, catalogue, item):
    catalogue.add(
        [
            item("b-hh", "2019-10-10T09:00:00+00:00", **{"sar:polarizations": ["HH"]}),
            item("b-sigma", "2019-10-09T09:00:00+00:00", quantities=("sigma0",)),
            item("b-good", "2019-10-06T09:00:00+00:00"),
            item("after", "2019-10-13T09:00:00+00:00"),
        ]
    )
    assert ids(cube.resolve(flood, AREA, EVENT, catalogue).picked["before"]) == ["b-good"]


def test_too_small_too_coarse_and_unmet_are_said(flood, catalogue, item):
    catalogue.add(
        [
            item("coarse", "2019-10-06T09:00:00+00:00", gsd=100.0),
            item("small", "2019-10-05T09:00:00+00:00", (139.0, 35.0, 139.4, 36.0)),
            item("unknown", "2019-10-04T09:00:00+00:00", gsd=None),
            item("after", "2019-10-13T09:00:00+00:00"),
        ]
    )
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert why_not(found, "coarse") == "pixel of 100 m, 30 m or finer is needed"
    assert why_not(found, "small") == "covers 33% of the area, 80% is needed"
    assert why_not(found, "unknown") == "pixel size unknown, 30 m or finer is needed"
    assert found.lacking == ("before",)
    assert found.unmet[0] == flood.data[0].need.at(BACKSCATTER, AREA, EVENT)
    with pytest.raises(UnmetNeedError, match=r"before \(backscatter over 139.2,35.2.*3 found and rejected") as caught:
        found.require()
    assert "\n" not in str(caught.value)


def test_an_observation_across_the_event_is_neither_before_nor_after(flood, catalogue, item):
    spanning = item("mosaic", "2019-10-12T12:00:00+00:00")
    spanning.properties |= {"start_datetime": "2019-10-01T00:00:00Z", "end_datetime": "2019-10-20T00:00:00Z"}
    catalogue.add([spanning])
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert found.lacking == ("before", "after")
    assert {r.why.en for r in found.rejected} == {"not wholly before the event", "not wholly after the event"}


def test_adjacent_slices_of_one_pass_are_taken_together(flood, catalogue, item):
    catalogue.add(
        [
            item("south", "2019-10-06T09:00:00+00:00", (139.0, 34.5, 140.0, 35.5)),
            item("north", "2019-10-06T09:00:25+00:00", (139.0, 35.4, 140.0, 36.5)),
            item("far", "2019-10-06T09:00:50+00:00", (139.0, 36.4, 140.0, 37.5)),
            item("other-day", "2019-09-24T09:00:00+00:00", (139.0, 34.5, 140.0, 35.5)),
            item("after", "2019-10-13T09:00:00+00:00"),
        ]
    )
    choice = cube.resolve(flood, AREA, EVENT, catalogue).picked["before"]
    assert ids(choice) == ["north", "south"]
    assert choice.coverage == pytest.approx(1.0)
    assert "2 adjacent slices" in choice.why.en


def test_what_does_not_change_takes_the_finest_then_the_most_recent(flood, catalogue, item):
    def dem(name, time, gsd, collection, bbox=(139.0, 35.0, 140.0, 36.0)):
        return item(name, time, bbox, None, ("elevation",), gsd=gsd, collection=collection)

    catalogue.add(
        [
            item("before", "2019-10-06T09:00:00+00:00"),
            item("after", "2019-10-13T09:00:00+00:00"),
            dem("srtm", "2000-02-11T00:00:00+00:00", 90.0, "srtm"),
            dem("cop-west", "2021-04-22T00:00:00+00:00", 30.0, "cop", (139.0, 35.0, 139.5, 36.0)),
            dem("cop-east", "2021-04-22T00:00:00+00:00", 30.0, "cop", (139.5, 35.0, 140.0, 36.0)),
            dem("cop-east-old", "2011-04-22T00:00:00+00:00", 30.0, "cop", (139.5, 35.0, 140.0, 36.0)),
            dem("lidar-corner", "2022-01-01T00:00:00+00:00", 1.0, "lidar", (139.2, 35.2, 139.3, 35.3)),
        ]
    )
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert set(ids(found.picked["elevation"])) == {"cop-west", "cop-east"}
    assert "cover" not in found.picked  # optional and absent
    assert why_not(found, "lidar-corner").startswith("covers 3%")


def test_simulated_and_real_are_not_mixed(flood, catalogue, item):
    simulated = {"mitoshi:simulated": True}
    catalogue.add(
        [
            item("real-before", "2019-10-11T09:00:00+00:00"),
            item("sim-before", "2019-10-06T09:00:00+00:00", collection="simulated", **simulated),
            item("sim-after", "2019-10-13T09:00:00+00:00", collection="simulated", **simulated),
        ]
    )
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert (ids(found.picked["before"]), ids(found.picked["after"])) == (["sim-before"], ["sim-after"])
    assert "the two are not mixed" in why_not(found, "real-before")
    # Once the real pair is complete it comes first.
    catalogue.add([item("real-after", "2019-10-14T09:00:00+00:00")])
    found = cube.resolve(flood, AREA, EVENT, catalogue)
    assert (ids(found.picked["before"]), ids(found.picked["after"])) == (["real-before"], ["real-after"])
    given = catalogue.search(collections=["simulated"])
    with pytest.raises(InputError, match="mix simulated and real"):
        cube.resolve(flood, AREA, EVENT, catalogue, {"before": given[:1], "after": catalogue.search()[-1:]})


def test_what_the_caller_gives_is_taken_and_its_track_followed(flood, catalogue, item):
    catalogue.add(
        [
            item("b1", "2019-10-11T09:00:00+00:00", orbit=("descending", 46)),
            item("b2", "2019-10-06T09:00:00+00:00"),
        ]
    )
    mine = item("mine", "2019-10-20T09:00:00+00:00")
    found = cube.resolve(flood, AREA, EVENT, catalogue, {"after": [mine]})
    assert found.picked["after"].why.en == "given by the caller"
    assert ids(found.picked["before"]) == ["b2"]
    with pytest.raises(InputError, match="did you mean 'after'"):
        cube.resolve(flood, AREA, EVENT, catalogue, {"aftr": [mine]})
    with pytest.raises(InputError, match="give --event TIME"):
        cube.resolve(flood, AREA, None, catalogue)


def test_across_the_antimeridian(flood, catalogue, item):
    pieces = [
        [[[179, -18], [180, -18], [180, -16], [179, -16], [179, -18]]],
        [[[-180, -18], [-179, -18], [-179, -16], [-180, -16], [-180, -18]]],
    ]
    items = []
    for name, time in (("before", "2019-10-06T09:00:00+00:00"), ("after", "2019-10-13T09:00:00+00:00")):
        one = item(name, time)
        one.geometry = {"type": "MultiPolygon", "coordinates": pieces}
        one.bbox = [179.0, -18.0, -179.0, -16.0]
        items.append(one)
    catalogue.add(items)
    found = cube.resolve(flood, BBox(179.5, -17.5, -179.5, -16.5), EVENT, catalogue)
    assert found.picked["before"].coverage == pytest.approx(1.0)
    half = cube.resolve(flood, BBox(178.0, -17.5, -179.5, -16.5), EVENT, catalogue)
    assert why_not(half, "after") == "covers 60% of the area, 80% is needed"


def test_an_optional_argument_relative_to_an_event_is_left_out_where_there_is_none(catalogue):
    import sys

    @method(version="1.0.0", reference="test", support=Pixel(), title=Text("test", "試験"))
    def scenario(
        elevation: Annotated[Raster, ELEVATION, Need("any", coverage=0.9)],
        start: Annotated[Raster | None, BACKSCATTER, Need("before", "2d")] = None,
        /,
    ) -> Extent:
        """Return nothing."""
        raise NotImplementedError

    sys.modules[__name__].scenario = scenario
    catalogue.add([])
    catalogue.folder.mkdir(exist_ok=True)
    found = cube.resolve(scenario, AREA, None, catalogue)
    assert found.lacking == ("elevation",)
    assert "start" not in found.picked
    with pytest.raises(InputError, match="give --event"):
        cube.resolve(declare(), AREA, None, catalogue)


def series_method(**need):
    """Return a method of one stack."""
    import sys

    module = sys.modules[__name__]
    module.WANTED = Need("any", resolution=30.0, coverage=0.8, **need)

    def series(images: Annotated[Raster, BACKSCATTER, WANTED], /) -> Extent:  # noqa: F821 - set above
        """Return nothing."""
        raise NotImplementedError

    declared = method(version="1.0.0", reference="test", support=Stack(), title=Text("test", "試験"))(series)
    module.series = declared
    return declared


def test_a_stack_takes_every_pass_of_the_track_that_has_most(catalogue, item):
    catalogue.add(
        [
            item("d2", "2019-10-06T09:00:00+00:00"),
            item("d1", "2019-09-24T09:00:00+00:00"),
            item("d3", "2019-10-18T09:00:00+00:00"),
            item("other-1", "2019-10-19T21:00:00+00:00", orbit=("descending", 46)),
            item("other-2", "2019-10-31T21:00:00+00:00", orbit=("descending", 46)),
            item("coarse", "2019-10-30T09:00:00+00:00", gsd=100.0),
        ]
    )
    found = cube.resolve(series_method(dates=3, gap="12d"), AREA, None, catalogue)
    assert ids(found.picked["images"]) == ["d1", "d2", "d3"]
    assert found.picked["images"].why.en == (
        "3 dates from 2019-09-24 to 2019-10-18, the longest gap 12 days, all of one track"
    )
    assert why_not(found, "other-1") == "another track than the stack's"
    assert why_not(found, "coarse").startswith("pixel of 100 m")
    short = cube.resolve(series_method(dates=4), AREA, None, catalogue)
    assert short.lacking == ("images",)
    assert why_not(short, "d1") == "3 dates of one track, 4 are needed"
    wide = cube.resolve(series_method(dates=3, gap="6d"), AREA, None, catalogue)
    assert why_not(wide, "d1") == "a gap of 12 days, 6d at most"
    with pytest.raises(UnmetNeedError, match="images"):
        wide.require()


@pytest.fixture(scope="module")
def with_angles():
    import sys

    @method(version="1.0.0", reference="test", support=Pixel(), title=Text("test", "試験"))
    def angled(
        after: Annotated[Raster, BACKSCATTER, Need("after", "6d", 30.0, 0.8)],
        before: Annotated[Raster | None, BACKSCATTER, Need("before", "60d", 30.0, 0.8, "after")] = None,
        angles: Annotated[Raster | None, INCIDENCE_ANGLE, Need("after", "6d", same_product_as="after")] = None,
        /,
    ) -> Extent:
        """Return nothing."""
        raise NotImplementedError

    module = sys.modules[__name__]
    module.angled = angled
    return module.angled


BOTH = ("gamma0", "incidence_angle")


def test_angles_are_those_of_the_very_image(with_angles, catalogue, item):
    """The first pass after the event has angles and no partner before: the pair of one track stays, with its own angles."""
    catalogue.add(
        [
            item("before", "2019-10-06T09:00:00+00:00", quantities=BOTH),
            item("other-track", "2019-10-12T21:00:00+00:00", orbit=("descending", 119), quantities=BOTH),
            item("after", "2019-10-13T09:00:00+00:00", quantities=BOTH),
        ]
    )
    found = cube.resolve(with_angles, AREA, EVENT, catalogue)
    assert {name: ids(choice) for name, choice in found.picked.items()} == {
        "after": ["after"],
        "before": ["before"],
        "angles": ["after"],
    }


def test_angles_of_another_product_are_left_out(with_angles, catalogue, item):
    catalogue.add(
        [
            item("after", "2019-10-13T09:00:00+00:00"),
            item("mosaic", "2019-10-12T21:00:00+00:00", orbit=None, quantities=("incidence_angle",)),
        ]
    )
    found = cube.resolve(with_angles, AREA, EVENT, catalogue)
    assert list(found.picked) == ["after"]
    assert why_not(found, "mosaic") == "of another product than the image that it belongs to"


def test_angles_follow_an_image_that_is_given(with_angles, catalogue, item):
    own = item("given", "2019-10-14T09:00:00+00:00", quantities=BOTH)
    catalogue.add([item("after", "2019-10-13T09:00:00+00:00", quantities=BOTH), own])
    found = cube.resolve(with_angles, AREA, EVENT, catalogue, {"after": [own]})
    assert ids(found.picked["angles"]) == ["given"]
