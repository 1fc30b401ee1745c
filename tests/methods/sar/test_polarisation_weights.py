"""The weights of VV and VH against Fisher's discriminant of classes that are known."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi.methods.sar.polarisation_weights import fit_two_classes, polarisation_weights

EXPECTED = np.array([[-19.5, -27.0], [-9.5, -17.0]])
SPREAD = np.array([[4.0, 2.0], [2.0, 4.0]])


def scene(water, land, share, size=20_000, seed=0):
    """Return samples (2, n) of a scene with a share of water."""
    noise = np.random.default_rng(seed)
    wet = noise.random(size) < share
    drawn = np.where(
        wet[:, None],
        noise.multivariate_normal(water, SPREAD, size),
        noise.multivariate_normal(land, SPREAD, size),
    )
    return drawn.T.astype(np.float32)


@pytest.mark.parametrize(
    ("water", "land"),
    [((-13.0, -28.0), (-10.5, -17.0)), ((-20.0, -24.0), (-10.0, -19.0)), ((-19.0, -27.0), (-10.0, -17.0))],
    ids=["wind", "dry soil", "alike"],
)
def test_the_weights_are_fishers(water, land):
    discriminant = np.maximum(np.linalg.solve(SPREAD, np.subtract(land, water)), 0.0)
    found = polarisation_weights(scene(water, land, 0.4), ("VV", "VH"))
    assert found[0] == pytest.approx(discriminant[0] / discriminant.sum(), abs=0.12)
    assert sum(found) == pytest.approx(1.0)


def test_the_classes_are_those_of_the_scene():
    fitted = fit_two_classes(scene((-18.0, -26.0), (-8.5, -15.5), 0.2).T, EXPECTED)
    assert fitted.share[0] == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose(fitted.mean[0], (-18.0, -26.0), atol=0.5)
    np.testing.assert_allclose(fitted.mean[1], (-8.5, -15.5), atol=0.1)


def test_a_scene_of_one_class_leaves_the_other_where_it_is_expected():
    dry = fit_two_classes(scene((0, 0), (-10.0, -17.0), 0.0).T, EXPECTED)
    wet = fit_two_classes(scene((-19.0, -26.0), (0, 0), 1.0).T, EXPECTED)
    assert dry.share[0] < 0.005
    assert wet.share[0] > 0.995
    np.testing.assert_allclose(dry.mean[0], EXPECTED[0], atol=0.5)
    np.testing.assert_allclose(wet.mean[1], EXPECTED[1], atol=0.5)


def test_order_missing_pixels_and_single_polarisations():
    samples = scene((-13.0, -28.0), (-10.5, -17.0), 0.4)
    forward = polarisation_weights(samples, ("VV", "VH"))
    assert polarisation_weights(samples[::-1], ("VH", "VV")) == forward[::-1]
    holes = np.concatenate([samples, np.full((2, 7), np.nan, np.float32)], axis=1)
    assert polarisation_weights(holes, ("VV", "VH")) == pytest.approx(forward, abs=0.011)
    assert polarisation_weights(samples, ("HH", "VV")) == (0.5, 0.5)
    assert polarisation_weights(np.full((2, 5), np.nan), ("VV", "VH")) == pytest.approx((0.5, 0.5), abs=0.1)
