"""The water surface: planes are kept, levees part, outliers do not pull, and the uncertainty is that of the field."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mitoshi.core.errors import InputError
from mitoshi.methods.hydraulics.water_surface import (
    SPRINGS,
    STIFFNESS,
    Lattice,
    Shoreline,
    bilinear_weights,
    roots,
    shared_corners,
    solve_water_surface,
)


def grid(rows, columns, *, open_between=lambda r, c: True):
    """A lattice of one piece per cell, touching its neighbours; `open_between` closes a column's eastern side."""
    number = np.arange(rows * columns).reshape(rows, columns)
    cell = np.stack(np.divmod(number.ravel(), columns), axis=1)
    east = [(number[r, c], number[r, c + 1]) for r in range(rows) for c in range(columns - 1) if open_between(r, c)]
    south = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    east = np.array(east, int).reshape(-1, 2)
    corners, place = shared_corners(number.size, east, south, cell, columns)
    water = roots(number.size, np.concatenate([east[:, 0], south[:, 0]]), np.concatenate([east[:, 1], south[:, 1]]))
    return Lattice(corners, np.ones(number.size), place, water), cell


def shoreline(cells, across, down, height, sigma=0.1, weight=1.0):
    n = len(cells)
    full = lambda v: np.broadcast_to(np.asarray(v, float), n).copy()  # noqa: E731
    return Shoreline(np.asarray(cells), full(across), full(down), full(height), full(sigma**2), full(weight))


def solved(lattice, seen, roughness=0.3, prior=0.0, spread=50.0):
    size = lattice.place.size
    return solve_water_surface(lattice, seen, roughness, np.full(size, prior), np.full(size, spread))


def test_the_springs_are_the_stiffness():
    assert_allclose(SPRINGS.T @ SPRINGS, STIFFNESS, atol=1e-15)
    assert_allclose(STIFFNESS.sum(axis=1), 0, atol=1e-15)


def test_connected_pieces_share_their_corners_and_others_do_not():
    lattice, _ = grid(2, 2, open_between=lambda r, c: False)
    assert len(lattice.place) == 2 * 3 * 2  # two columns of two cells, each with corners of its own
    assert lattice.corners[0, 3] == lattice.corners[2, 0]  # south-west of the upper is north-west of the lower
    assert lattice.corners[0, 1] != lattice.corners[1, 0]
    assert lattice.place[lattice.corners[0, 1]] == lattice.place[lattice.corners[1, 0]]


def test_a_river_that_slopes_evenly_is_found_everywhere():
    """A plane is harmonic: with its level known along both banks the inside follows exactly, however wide."""
    rows, columns = 12, 9
    lattice, cell = grid(rows, columns)
    plane = lambda y, x: 20.0 - 0.13 * y + 0.02 * x  # noqa: E731
    rim = np.flatnonzero((cell[:, 0] == 0) | (cell[:, 0] == rows - 1) | (cell[:, 1] == 0) | (cell[:, 1] == columns - 1))
    known = np.concatenate([rim, rim])
    across, down = np.repeat([0.2, 0.8], len(rim)), np.repeat([0.7, 0.3], len(rim))
    height = plane(cell[known, 0] + down, cell[known, 1] + across)
    found = solved(lattice, shoreline(known, across, down, height, 0.01))
    row, column = np.divmod(lattice.place, columns + 1)
    inner = (row > 1) & (row < rows - 1) & (column > 1) & (column < columns - 1)
    assert_allclose(found.level[inner], plane(row, column)[inner], atol=0.02)


def test_water_on_two_sides_of_a_levee_keeps_its_two_levels():
    lattice, cell = grid(6, 8, open_between=lambda r, c: c != 3)
    height = np.where(cell[:, 1] < 4, 5.0, 3.0)
    found = solved(lattice, shoreline(np.arange(48), 0.5, 0.5, height))
    assert_allclose(found.level[lattice.corners[cell[:, 1] < 4]], 5.0, atol=0.03)
    assert_allclose(found.level[lattice.corners[cell[:, 1] > 3]], 3.0, atol=0.03)


def test_a_few_wrong_heights_do_not_pull():
    lattice, _ = grid(8, 8)
    noise = np.random.default_rng(3)
    height = 10.0 + noise.normal(0, 0.1, 64)
    height[[5, 20, 33, 47, 60]] += (4.0, -3.0, 6.0, 5.0, 8.0)
    found = solved(lattice, shoreline(np.arange(64), 0.5, 0.5, height), roughness=0.05)
    assert abs(found.level.mean() - 10.0) < 0.05


def test_the_uncertainty_of_one_level_seen_many_times_is_that_of_a_mean():
    lattice, _ = grid(3, 3)
    n = 25
    seen = shoreline(np.arange(n) % 9, 0.5, 0.5, 7.0, 0.5)
    found = solved(lattice, seen, roughness=1e-4)
    assert_allclose(found.level, 7.0, atol=1e-3)
    assert_allclose(found.uncertainty, 0.5 / np.sqrt(n), rtol=0.35)  # 24 draws know it to 14 %


def test_the_uncertainty_grows_away_from_the_shoreline():
    lattice, _ = grid(1, 30)
    found = solved(lattice, shoreline(np.array([0]), 0.5, 0.5, 4.0, 0.1), roughness=0.2, prior=4.0)
    west = lattice.place == 1
    east = lattice.place == 29
    assert found.uncertainty[west].mean() < 0.4
    assert_allclose(found.uncertainty[east].mean(), 0.2 * np.sqrt(28), rtol=0.45)  # a random walk, in one dimension
    assert_allclose(found.level, 4.0, atol=0.01)


def test_scatter_beyond_what_is_stated_widens_the_uncertainty():
    lattice, _ = grid(6, 6)
    noise = np.random.default_rng(1).normal(0, 1.0, 36)
    calm = solved(lattice, shoreline(np.arange(36), 0.5, 0.5, 5.0 + 0.1 * noise), roughness=0.01)
    wild = solved(lattice, shoreline(np.arange(36), 0.5, 0.5, 5.0 + 0.3 * noise), roughness=0.01)
    assert wild.uncertainty.mean() > 1.5 * calm.uncertainty.mean()


def test_water_without_a_shoreline_takes_its_prior():
    lattice, _ = grid(2, 2)
    nothing = shoreline(np.zeros(0, int), 0.5, 0.5, 0.0)
    found = solve_water_surface(lattice, nothing, 0.3, np.full(9, 12.5), np.full(9, 2.0))
    assert_allclose(found.level, 12.5, atol=1e-6)
    assert 0.4 < found.uncertainty.mean() < 2.0


def test_the_same_input_gives_the_same_bytes():
    lattice, _ = grid(5, 7)
    seen = shoreline(np.arange(35), 0.3, 0.6, np.random.default_rng(2).normal(3, 0.2, 35))
    one, two = solved(lattice, seen), solved(lattice, seen)
    assert one.level.tobytes() == two.level.tobytes()
    assert one.uncertainty.tobytes() == two.uncertainty.tobytes()


def test_bilinear_weights_sum_to_one_and_hit_the_corners():
    weights = bilinear_weights(np.array([0.0, 1.0, 1.0, 0.0, 0.3]), np.array([0.0, 0.0, 1.0, 1.0, 0.8]))
    assert_allclose(weights[:4], np.eye(4))
    assert_allclose(weights.sum(axis=1), 1.0)


@pytest.mark.parametrize(("roughness", "spread"), [(0.0, 1.0), (0.1, -1.0)])
def test_scales_must_be_positive(roughness, spread):
    lattice, _ = grid(1, 1)
    with pytest.raises(InputError, match="positive"):
        solve_water_surface(
            lattice, shoreline(np.array([0]), 0.5, 0.5, 1.0), roughness, np.zeros(4), np.full(4, spread)
        )
