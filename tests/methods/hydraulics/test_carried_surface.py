"""Water carried into unseen ground: lowest barriers by brute force, and a membrane whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_ndtr

from mitoshi.methods.hydraulics.carried_surface import Contact, DryGround, carry_water_surface, reach_of
from mitoshi.methods.hydraulics.water_surface import SAMPLES, Lattice, bilinear_weights, shared_corners, stiffness_of

ROUGH = 0.4
NOWHERE = DryGround(np.zeros(0, int), *(np.zeros(0),) * 5)


def row_of_cells(count):
    """Return a lattice of cells side by side, each full of unseen ground."""
    pieces = np.arange(count)
    east = np.stack([pieces[:-1], pieces[1:]], axis=1)
    cells = np.stack([np.zeros(count, int), pieces], axis=1)
    corners, place = shared_corners(count, east, np.zeros((0, 2), int), cells, count)
    return Lattice(corners, np.ones(count), place, np.zeros(count, int))


def western_contact(level, deviation):
    draws = np.random.default_rng(3).normal(0.0, deviation, (1, SAMPLES))
    return Contact(np.array([0]), np.array([0.0]), np.array([0.5]), np.array([level]), draws)


def east_of(lattice, values):
    return values[lattice.corners[-1]][[1, 2]].mean()


def prior_deviation(lattice, tie=0.05, free=50.0):
    """Return the standard deviation at the eastern end by the inverse of the whole matrix."""
    size = lattice.place.size
    basis = np.zeros(size)
    basis[lattice.corners[0]] = bilinear_weights(np.array([0.0]), np.array([0.5]))[0]
    matrix = stiffness_of(lattice, 1.0 / ROUGH**2).toarray() + np.outer(basis, basis) / tie**2 + np.eye(size) / free**2
    end = np.zeros(size)
    end[lattice.corners[-1][[1, 2]]] = 0.5
    return float(np.sqrt(end @ np.linalg.solve(matrix, end)))


def test_the_level_goes_on_and_its_uncertainty_grows_with_distance():
    near, far = (carry_water_surface(row_of_cells(n), western_contact(5.0, 0.2), NOWHERE, ROUGH) for n in (1, 12))
    assert_allclose(near.level, 5.0, atol=0.01)
    assert_allclose(far.level, 5.0, atol=0.01)
    lattice = row_of_cells(12)
    expected = np.hypot(0.2, prior_deviation(lattice))
    assert east_of(lattice, far.uncertainty) == pytest.approx(expected, rel=0.4)  # 24 draws: 14 % each
    assert far.uncertainty[lattice.corners[0][0]] < 0.6 * east_of(lattice, far.uncertainty)


@pytest.mark.parametrize("height", [3.5, 4.5, 5.5, 9.0])
def test_dry_ground_holds_the_surface_down_by_bayes_rule(height):
    """The mode of a normal level under the probability of lying below the ground, found on a fine grid."""
    lattice, deviation = row_of_cells(12), 0.3
    dry = DryGround(
        np.array([11]), np.array([1.0]), np.array([0.5]), np.array([height]), np.array([deviation]), np.ones(1)
    )
    found = carry_water_surface(lattice, western_contact(5.0, 0.2), dry, ROUGH)
    levels = np.linspace(1.0, 7.0, 60_001)
    spread = prior_deviation(lattice)
    score = -0.5 * ((levels - 5.0) / spread) ** 2 + log_ndtr((height - levels) / deviation)
    assert east_of(lattice, found.level) == pytest.approx(levels[score.argmax()], abs=0.02)
    free = carry_water_surface(lattice, western_contact(5.0, 0.2), NOWHERE, ROUGH)
    assert east_of(lattice, found.uncertainty) <= 1.001 * east_of(lattice, free.uncertainty)


def lowest_barriers(ground, wet):
    """Return the highest ground on the lowest way from the wet places: every place asks its neighbours until none learns."""
    barrier = np.where(wet, ground, np.inf)
    while True:
        around = np.pad(barrier, 1, constant_values=np.inf)
        beside = np.min([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]], axis=0)
        better = np.minimum(barrier, np.maximum(ground, beside))
        if (better == barrier).all():
            return barrier
        barrier = better


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_barriers_are_the_lowest_on_any_way(seed):
    noise = np.random.default_rng(seed)
    ground = noise.normal(0.0, 1.0, (12, 15)).astype(np.float32)
    wet = noise.random(ground.shape) < 0.05
    wet[0, 0] = True
    level = np.where(wet, np.float32(10.0), np.float32(np.nan))
    found = reach_of(ground, level, np.where(wet, np.float32(0.1), np.float32(np.nan)), 0.01)
    assert found.reached.all()
    assert_allclose(found.barrier, lowest_barriers(ground.astype(float), wet), atol=1e-6)


def test_water_does_not_come_where_a_barrier_is_too_high_or_nothing_is_unseen():
    ground = np.array([[1.0, 1.0, 9.0, 1.0, 1.0], [1.0, np.nan, 1.0, 1.0, 1.0]], np.float32)
    level, spread = np.full(ground.shape, np.nan, np.float32), np.full(ground.shape, np.nan, np.float32)
    level[0, 0], spread[0, 0] = 2.0, 0.1
    found = reach_of(ground, level, spread, 0.0)
    assert_array_equal(found.reached, [[True, True, False, False, False], [True, False, False, False, False]])
    assert_array_equal(np.isinf(found.barrier), ~found.reached)
