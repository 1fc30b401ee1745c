"""Zonal statistics against rasterio's own rasteriser, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_allclose, assert_array_equal
from rasterio.features import rasterize
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from mitoshi.methods.statistics.zonal import bands, empty_statistics, gather, shapes_of, update

AFFINE = Affine(10.0, 0.0, 1000.0, 0.0, -10.0, 5000.0)


def statistics_of(geometry, layers, rows=7, affine=AFFINE):
    shapes = shapes_of(np.array(geometry, object), affine, layers.shape[1:])
    found = empty_statistics(shapes, len(layers))
    for first, last in bands(layers.shape[1:], rows):
        update(found, shapes, layers[:, first:last], first)
    return found


def test_a_box_over_four_pixels_by_hand():
    layers = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    found = statistics_of([box(1010, 4970, 1030, 4990)], layers)  # rows 1 and 2, columns 1 and 2: 5, 6, 9, 10
    assert found.cells[0] == 4
    assert found.total[0, 0] == 30
    assert (found.lowest[0, 0], found.highest[0, 0]) == (5, 10)
    assert found.mean[0, 0] == 7.5


def test_the_pixel_of_a_point_and_of_a_footprint_smaller_than_a_pixel():
    layers = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    found = statistics_of(
        [Point(1025, 4985), box(1001, 4991, 1003, 4993), LineString([(1000, 4995), (1008, 4995)])], layers
    )
    assert_array_equal(found.mean[:, 0], [6, 0, 0])
    assert_array_equal(found.cells, [1, 1, 1])


def test_outside_the_raster_nothing_is_seen():
    found = statistics_of([box(0, 0, 10, 10), Point(999, 4995), Polygon()], np.ones((1, 4, 4), np.float32))
    assert_array_equal(found.cells, 0)
    assert np.isnan(found.mean).all()


def test_missing_pixels_are_left_out_layer_by_layer():
    first = np.array([[[3, 1], [np.nan, 2]], [[30, 10], [5, 20]]], np.float32)
    found = statistics_of([box(1000, 4980, 1020, 5000)], first)
    assert_array_equal(found.seen[0], [3, 4])
    assert_array_equal(found.lowest[0], [1, 5])
    assert found.mean[0, 0] == 2


def star(rng, centre, radius, points):
    angle = np.sort(rng.uniform(0, 2 * np.pi, points))
    reach = radius * rng.uniform(0.3, 1.0, points)
    return Polygon(np.stack([centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)], axis=1))


@pytest.mark.parametrize("rows", [5, 64, 1000])
def test_it_agrees_with_rasterio_on_polygons_with_holes_and_parts(rows):
    rng = np.random.default_rng(11)
    layers = rng.normal(size=(2, 120, 90)).astype(np.float32)
    layers[0][rng.uniform(size=(120, 90)) < 0.1] = np.nan
    shapes = [star(rng, rng.uniform((1000, 3800), (1900, 5000)), 150, 12) for _ in range(40)]
    holed = star(rng, (1400, 4400), 300, 20).buffer(0).difference(box(1380, 4380, 1440, 4440))
    two = MultiPolygon([box(1100, 4100, 1180, 4170), box(1300, 4300, 1340, 4390)])
    shapes += [holed, two]
    found = statistics_of(shapes, layers, rows)
    for n, shape in enumerate(shapes):
        inside = rasterize([(shape, 1)], out_shape=(120, 90), transform=AFFINE).astype(bool)
        if not inside.any():
            continue
        assert found.cells[n] == inside.sum()
        assert_allclose(found.mean[n, 0], np.nanmean(layers[0][inside].astype(float)), rtol=1e-6)
        assert found.lowest[n, 1] == layers[1][inside].min()


def test_districts_that_share_a_side_share_no_pixel():
    left, right = Polygon([(1000, 5000), (1047, 5000), (1013, 4000), (1000, 4000)]), None
    right = box(1000, 4000, 1200, 5000).difference(left)
    found = statistics_of([left, right], np.ones((1, 100, 20), np.float32))
    assert found.cells.sum() == 2000


def test_values_at_points_by_bands():
    values = np.arange(40, dtype=np.float32).reshape(10, 4)
    rows, columns = np.array([0, 9, 4, -2]), np.array([3, 0, 2, -2])
    into = np.full(4, np.nan, np.float32)
    for first, last in bands((10, 4), 3):
        gather(values[first:last], first, rows, columns, into)
    assert_array_equal(into, [3, 36, 18, np.nan])


def test_pixel_coordinates_follow_the_affine():
    shapes = shapes_of(np.array([box(1010, 4970, 1030, 4990)], object), AFFINE, (4, 4))
    assert sorted(set(shapes.columns)) == [1, 3]
    assert sorted(set(shapes.rows)) == [1, 3]
    assert shapely.is_valid(box(1010, 4970, 1030, 4990))
