"""Connected water by bands against scipy's labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from mitoshi.applications.disaster.impact_segments import Band, segments_of


def cut(depth, sigma, rows):
    return [Band(n, depth[n : n + rows], sigma[n : n + rows]) for n in range(0, len(depth), rows)]


def label(depth, sigma=None, rows=4, area=100.0, query=((), ())):
    depth = np.asarray(depth, np.float32)
    sigma = np.zeros_like(depth) if sigma is None else np.asarray(sigma, np.float32)
    query = tuple(np.array(q, np.int64) for q in query)
    return segments_of(cut(depth, sigma, rows), depth.shape[1], np.full(len(depth), area), 1.645, query)


def test_a_levee_one_pixel_wide_parts_the_water_and_corners_do_not_join():
    found = label([[1, 0, 2, 2], [1, 0, 2, 0], [0, 0, 0, 1]])
    assert_array_equal(found.cells, [3, 2, 1])
    assert_allclose(found.volume_m3, [600, 200, 100])
    assert_array_equal((found.row[0], found.column[0], found.depth_m[0]), (0, 2, 2))


def test_the_arms_of_a_u_are_one_water():
    found = label([[1, 0, 1], [1, 0, 1], [1, 1, 1]], rows=1, query=([0, 0, 1, 2], [0, 2, 1, 1]))
    assert_array_equal(found.cells, [7])
    assert_array_equal(found.of_query, [0, 0, -1, 0])


def test_volumes_have_the_range_of_a_common_error():
    found = label([[1.0, 0.2, np.nan]], [[0.2, 0.2, 0.2]])
    assert_allclose(found.volume_m3, [120], rtol=1e-6)
    assert_allclose(found.volume_lower, [100 * (1 - 0.329)], rtol=1e-6)
    assert_allclose(found.volume_upper, [100 * (1.2 + 0.658)], rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 200])
def test_it_agrees_with_scipy_on_noise(rows):
    rng = np.random.default_rng(5)
    depth = np.where(rng.uniform(size=(120, 150)) < 0.58, rng.uniform(0.1, 3, (120, 150)), 0.0).astype(np.float32)
    labels, count = ndimage.label(depth > 0)
    points = rng.integers(0, 120, 300), rng.integers(0, 150, 300)
    found = label(depth, rows=rows, query=points)
    assert found.cells.size == count
    volumes = ndimage.sum_labels(depth.astype(float), labels, np.arange(1, count + 1)) * 100
    assert_allclose(np.sort(found.volume_m3), np.sort(volumes), rtol=1e-9)
    assert_allclose(found.depth_m, depth[found.row, found.column])
    mine, theirs = found.of_query, labels[points]
    assert_array_equal(mine < 0, theirs == 0)
    wet = theirs > 0
    assert_allclose(found.volume_m3[mine[wet]], volumes[theirs[wet] - 1], rtol=1e-9)


def test_no_water_and_many_waters():
    assert label(np.zeros((5, 5))).cells.size == 0
    chess = np.indices((200, 200)).sum(axis=0) % 2
    assert label(chess, rows=64).cells.size == 20_000
