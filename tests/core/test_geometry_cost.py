"""Geometries of strangers are counted before they are worked with."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely

from mitoshi.catalog import footprint
from mitoshi.core import geometry_cost
from mitoshi.core.errors import InputError

pytestmark = pytest.mark.slow


def star(corners):
    """Return a star whose every side crosses all others that it does not touch: n (n - 3) / 2 crossings for odd n."""
    turn = 2 * np.pi * np.arange(corners) * (corners // 2) / corners
    return shapely.Polygon(np.c_[139 + 0.1 * np.cos(turn), 36 + 0.1 * np.sin(turn)])


def comb(teeth):
    """Return a valid polygon of slanting teeth, each side's box overlapping all others'."""
    x = 139 + np.arange(teeth) * 1e-5
    low, high = np.c_[x, np.full(teeth, 36.0)], np.c_[x + 0.5, np.full(teeth, 36.5)]
    zigzag = np.stack([low, high], axis=1).reshape(-1, 2)
    return shapely.Polygon(np.r_[zigzag, [[139.9, 35.9], [138.9, 35.9]]])


@pytest.mark.parametrize("corners", [5, 7, 31, 301, 601])
def test_the_crossings_of_a_star_are_counted(corners):
    # Sides that follow one another meet in a corner; every other pair crosses once.
    assert geometry_cost.contacts(star(corners)) == corners * (corners - 3) // 2


@pytest.mark.parametrize(
    ("geometry", "count"),
    [
        (shapely.box(0, 0, 1, 1), 0),
        (shapely.Polygon([(0, 0), (0, 0), (2, 0), (2, 2), (2, 2), (0, 2)]), 0),
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), 1),
        (shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (2, 1), (1, 2)]]), 0),
        (shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)]), 2),
        (shapely.LineString([(0, 0), (1, 0), (1, 1), (0.5, -1)]), 1),
        (shapely.LineString([(0, 0), (1, 0)]), 0),
        (shapely.MultiPoint([(0, 0), (0, 0)]), 0),
        (shapely.Polygon(), 0),
        (shapely.GeometryCollection([shapely.box(0, 0, 2, 2), shapely.LineString([(-1, 1), (3, 1)])]), 2),
        (comb(900), 0),
    ],
)
def test_sides_meet_so_often(geometry, count):
    assert geometry_cost.contacts(geometry) == count


def test_many_sides_are_counted_by_their_boxes():
    grain = 2 * np.pi * np.arange(3000) / 3000
    rough = shapely.Polygon(np.c_[(1 + 0.01 * np.cos(50 * grain)) * np.cos(grain), np.sin(grain)])
    geometry_cost.check_contacts(rough, 0, 10_000)
    with pytest.raises(InputError, match="3001 vertices"):
        geometry_cost.check_contacts(rough)
    tied = shapely.Polygon(
        np.r_[shapely.get_coordinates(rough)[:1500], [[0.9, -0.5], [-0.9, -0.6], [0.9, -0.9], [0.0, 2.0]]]
    )
    assert geometry_cost._many_contacts(tied, 100)[0] == geometry_cost.contacts(tied) > 0
    with pytest.raises(InputError, match="meet"):
        geometry_cost.check_contacts(star(3001), 400, 10_000)


def test_a_bow_tie_is_made_valid_and_a_star_of_many_corners_is_refused():
    tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert geometry_cost.joined([tie]).area == pytest.approx(2.0)
    overlapping = geometry_cost.joined([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    assert overlapping.area == pytest.approx(7.0)
    assert geometry_cost.joined([star(21)]).is_valid
    for corners, words in (
        (41, "meet 779 times"),
        (701, "meet 244649 times"),
        (1999, "meet"),
        (8001, "vertices"),
        (12_000, "10000"),
    ):
        start = time.process_time()
        with pytest.raises(InputError, match=words):
            geometry_cost.joined([star(corners)])
        assert time.process_time() - start < 3


def test_valid_polygons_of_many_vertices_are_taken_as_they_are():
    assert geometry_cost.joined([comb(2000)]).equals(comb(2000))
    with pytest.raises(InputError, match="10000 vertices"):
        geometry_cost.joined([comb(5001)])
    crossed = [comb(600), shapely.transform(comb(600), lambda c: c[:, ::-1] + [103.0, -103.0])]
    with pytest.raises(InputError, match="crosses itself|meet"):
        geometry_cost.joined(crossed)


def test_a_line_across_the_antimeridian_that_crosses_itself_often_is_refused():
    corners = np.add(shapely.get_coordinates(star(1001).exterior), [41.0, 0.0])
    with pytest.raises(InputError, match="meet"):
        footprint.checked_geometry({"type": "LineString", "coordinates": corners.tolist()}, [179.8, 35.8, -179.8, 36.2])
    found, _ = footprint.checked_geometry(
        {"type": "LineString", "coordinates": [[179, 1], [181, 2]]}, [179, 1, -179, 2]
    )
    assert shapely.length(found) == pytest.approx(np.hypot(2, 1))


def test_a_few_crossings_are_mended_and_many_are_named():
    tie, square = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), shapely.box(0, 0, 3, 3)
    start = time.process_time()
    valid, costly = geometry_cost.made_valid(np.array([tie, star(701), None, square, star(8001), comb(2000)], object))
    assert time.process_time() - start < 3
    assert costly.tolist() == [False, True, False, False, True, False]
    assert shapely.area(valid[[0, 3]]).tolist() == [2.0, 9.0]
    assert valid[2] is None
    start = time.process_time()
    _, costly = geometry_cost.made_valid(np.array([star(1001)] * 3000, object))
    assert time.process_time() - start < 10
    assert costly.all()


def test_a_large_outline_with_few_crossings_is_mended_and_many_such_do_not_cost_minutes():
    """As a district of OpenStreetMap is: 3,001 vertices and one knot; a star of as many crosses itself everywhere."""
    grain = 2 * np.pi * np.arange(3000) / 3000
    points = np.c_[np.cos(grain), np.sin(grain)]
    points[[100, 101]] = points[[101, 100]]
    knotted = shapely.Polygon(points)
    assert not knotted.is_valid
    start = time.process_time()
    (mended,), (costly,) = geometry_cost.made_valid(np.array([knotted], object))
    assert (mended.is_valid, bool(costly)) == (True, False)
    assert mended.area == pytest.approx(np.pi, rel=1e-3)
    found, costly = geometry_cost.made_valid(np.array([star(3001)] * 40, object))
    assert costly.all()
    assert all(a.equals_exact(star(3001), 0) for a in found)
    assert time.process_time() - start < 6
