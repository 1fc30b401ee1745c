"""Codes on another grid take the class with the largest share of the cell."""

from __future__ import annotations

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from mitoshi.cube.largest_share import MISSING, largest_of_blocks, largest_share, point_count
from mitoshi.cube.resample import cell_ratio, mapping

UTM = "EPSG:32654"


def on(target, source, codes):
    how = mapping(target, source)
    return largest_share(
        lambda y, x: codes[y, x],
        how,
        point_count(cell_ratio(target, source)),
        slice(0, target.shape[0]),
        slice(0, target.shape[1]),
    )


def test_whole_cells_are_counted_exactly():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 3, (60, 80)).astype(np.uint8)
    codes[rng.random(codes.shape) < 0.3] = MISSING
    fine = GeoBox((60, 80), Affine(3, 0, 1000, 0, -3, 5000), UTM)
    coarse = GeoBox((6, 8), Affine(30, 0, 1000, 0, -30, 5000), UTM)
    found = on(coarse, fine, codes)
    for i in range(6):
        for j in range(8):
            block = codes[i * 10 : i * 10 + 10, j * 10 : j * 10 + 10].ravel()
            votes = np.bincount(block[block < 3], minlength=3)
            assert found.codes[i, j] == (np.argmax(votes) if votes.sum() >= 50 else MISSING)
            assert found.mixed[i, j] == ((votes > 0).sum() > 1)


def test_a_shifted_grid_keeps_what_has_most_of_the_cell():
    codes = np.zeros((4, 6), np.uint8)
    codes[:, 3:] = 1
    source = GeoBox((4, 6), Affine(10, 0, 0, 0, -10, 40), UTM)
    for shift, expected in ((3.0, [0, 0, 0, 1, 1]), (7.0, [0, 0, 1, 1, 1])):
        target = GeoBox((4, 5), Affine(10, 0, shift, 0, -10, 40), UTM)
        found = on(target, source, codes)
        np.testing.assert_array_equal(found.codes[1], expected)
        np.testing.assert_array_equal(found.mixed[1], [False, False, True, False, False])


def test_a_cell_beside_the_source_has_no_code():
    source = GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 40), UTM)
    target = GeoBox((4, 8), Affine(10, 0, 16, 0, -10, 40), UTM)
    found = on(target, source, np.ones((4, 4), np.uint8))
    np.testing.assert_array_equal(found.codes[0] == MISSING, [False, False, True, True, True, True, True, True])


def test_blocks_decide_as_points_do():
    fine = np.array([[0, 0, 1, 1], [1, 0, MISSING, MISSING], [2, 2, 2, 2], [2, 2, MISSING, MISSING]], np.uint8)
    found = largest_of_blocks(fine, 2)
    np.testing.assert_array_equal(found.codes, [[0, 1], [2, 2]])
    np.testing.assert_array_equal(found.mixed, [[True, False], [False, False]])
