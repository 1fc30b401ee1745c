"""Coherence as second evidence in towns: the density against drawn estimates, Bayes' rule, and who is not asked.

No labelled pair of a real flood is at hand: estimates are drawn from circular Gaussian pixels, which is the model's own world.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi.applications.disaster.flood_depth import flood_depth
from mitoshi.applications.disaster.flood_depth_coherence import Urban, evidence_table
from mitoshi.core.errors import InputError
from mitoshi.methods.sar.coherence_change import coherence_estimate_density
from mitoshi.methods.statistics.calibration import expected_calibration_error

LOOKS = 12
URBAN = Urban(12.0, 0.1, 0.5, 0.05, 0.1)


def estimates(coherence, seed, looks=LOOKS):
    """Return coherence magnitudes estimated from two circular Gaussian images of so many pixels."""
    noise = np.random.default_rng(seed)
    shape = (looks, *np.shape(coherence))
    one, other = noise.normal(size=(2, 2, *shape))
    first, second = one[0] + 1j * one[1], other[0] + 1j * other[1]
    second = coherence * first + np.sqrt(1 - np.square(coherence)) * second
    return np.abs((first * second.conj()).sum(0)) / np.sqrt((abs(first) ** 2).sum(0) * (abs(second) ** 2).sum(0))


def raster(values, quantity, units="1"):
    places = {name: np.arange(n) + 0.5 for name, n in zip(("y", "x"), values.shape, strict=True)}
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0}
    return xr.DataArray(np.asarray(values, np.float32), dims=("y", "x"), coords=places, attrs=attrs)


def lake(seed=0, ratio=0.9):
    """A bowl under a lake whose eastern part is a town; half of the town, in stripes, is under water indeed.

    As the method supposes, dry ground varies by 0.1 from pair to pair and one pixel in twenty does not follow.
    """
    rows, columns = np.mgrid[:320, :320]
    ground = 10.0 + 1e-4 * ((rows - 160.0) ** 2 + (columns - 160.0) ** 2)
    codes = np.where(columns > 200, np.nan, (ground < 11.5).astype(float))
    wet = (columns > 200) & (rows // 40 % 2 == 0)
    true = np.full(codes.shape, 0.75)
    before = estimates(true, seed + 1)
    noise = np.random.default_rng(seed + 3)
    lost = wet ^ (noise.random(codes.shape) < 0.05)
    left = np.clip(ratio * true + 0.1 * noise.normal(size=codes.shape), 0, 0.99)
    across = estimates(np.where(lost, ratio * true * noise.uniform(0, 0.5, codes.shape), left), seed + 2)
    built = np.where(columns > 200, 0.4, 0.0)
    layers = [raster(codes, "flood_extent"), raster(ground, "elevation", "m")]
    return layers, [raster(before, "coherence"), raster(across, "coherence"), raster(built, "built_up_share")], wet


class TestTheDensity:
    @pytest.mark.parametrize("coherence", [0.0, 0.3, 0.7, 0.95])
    @pytest.mark.parametrize("looks", [4, 12, 40])
    def test_is_that_of_drawn_estimates(self, coherence, looks):
        drawn = np.sort(estimates(np.full(20_000, coherence), 7, looks))
        g = (np.arange(2000) + 0.5) / 2000
        below = np.cumsum(coherence_estimate_density(g, coherence, float(looks))) / 2000
        assert below[-1] == pytest.approx(1.0, abs=2e-3)
        share = np.searchsorted(drawn, g + 0.25e-3) / drawn.size
        assert np.abs(share - below).max() < 0.015  # Kolmogorov-Smirnov at 20,000 draws: 0.0115 at 1 %

    def test_looks_out_of_bounds_are_refused(self):
        with pytest.raises(InputError, match="looks"):
            coherence_estimate_density(0.5, 0.5, 1.5)


class TestTheEvidence:
    def test_is_for_water_where_coherence_fell_and_against_it_where_it_stayed(self):
        table = evidence_table(URBAN, 1.0)
        assert table[80, 20] > 10
        assert table[80, 80] < 0.15
        assert table.max() <= 0.95 / 0.05 + 1e-6
        assert table.min() >= 0.05 / 0.95 - 1e-6

    def test_says_nothing_where_nothing_was_coherent_before(self):
        assert_allclose(evidence_table(URBAN, 1.0)[10, 20], 1.0, atol=0.5)

    def test_a_worse_pair_across_is_no_loss(self):
        """Half the coherence in the whole scene: what is left of 0.8 is 0.4, which speaks against water, not for it."""
        assert evidence_table(URBAN, 0.5)[80, 40] < 1 < 3 < evidence_table(URBAN, 1.0)[80, 40]


class TestInTheMap:
    def test_a_wet_town_rises_a_dry_one_falls_and_both_are_calibrated(self):
        layers, coherence, wet = lake()
        parameters = {"elevation_error_m": 1.5}
        plain = flood_depth(*layers, **parameters).water_probability.to_numpy()
        found = flood_depth(*layers, *coherence, **parameters)
        chance = found.water_probability.to_numpy()
        town = found.depth_source.to_numpy() == 2
        assert town.sum() > 10_000
        assert chance[town & wet].mean() > plain[town & wet].mean() + 0.1
        assert chance[town & ~wet].mean() < plain[town & ~wet].mean() - 0.1
        middle = town & (plain > 0.4) & (plain < 0.6)  # where the prior is that of the stripes
        assert expected_calibration_error(chance[middle], wet[middle]) < 0.08
        brier, prior = (((c[middle] - wet[middle]) ** 2).mean() for c in (chance, plain))
        assert brier < 0.5 * prior

    def test_nothing_else_changes(self):
        layers, coherence, _ = lake()
        plain, found = flood_depth(*layers), flood_depth(*layers, *coherence)
        town = found.depth_source.to_numpy() == 2
        assert_array_equal(plain.water_probability.to_numpy()[~town], found.water_probability.to_numpy()[~town])
        assert_array_equal(plain.depth.to_numpy(), found.depth.to_numpy())

    def test_loss_in_fields_and_missing_coherence_say_nothing(self):
        layers, coherence, _ = lake()
        plain = flood_depth(*layers).water_probability.to_numpy()
        field = [*coherence[:2], coherence[2] * 0]
        assert_array_equal(flood_depth(*layers, *field).water_probability.to_numpy(), plain)
        missing = [coherence[0] * np.float32(np.nan), *coherence[1:]]
        missing[0].attrs = coherence[0].attrs
        assert_array_equal(flood_depth(*layers, *missing).water_probability.to_numpy(), plain)

    def test_what_is_no_coherence_or_half_of_it_is_refused(self):
        layers, coherence, _ = lake()
        percent = (coherence[0] * 100).assign_attrs(coherence[0].attrs)
        with pytest.raises(InputError, match=r"coherence_before must lie in \[0, 1\].*percentage"):
            flood_depth(*layers, percent, *coherence[1:])
        with pytest.raises(InputError, match="built_up"):
            flood_depth(*layers, *coherence[:2])
