"""HydroSAR (ASF): the numbers its own tests pin, from its own tiles."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mitoshi.methods.sar.thresholds import expectation_maximisation_threshold, median_of_lowest

SCALING = 8.732284197109262
"""256 / (mean + 3 standard deviations) of the scene that the tiles come from."""


@pytest.mark.real
def test_thresholds_of_the_five_tiles(shared_data):
    stored = np.load(shared_data("disaster/hydrosar_reference/em_tiles.npz"))
    published = np.load(shared_data("disaster/hydrosar_reference/em_thresholds.npz"))["thresholds"]
    ours = []
    for tile, mask in zip(stored["tiles"], stored["mask"], strict=True):
        grey = np.around((np.log10(tile[~mask]) + 30.0) * SCALING).astype(int)
        ours.append(expectation_maximisation_threshold(grey))
    assert_allclose(ours, published, rtol=0, atol=1e-9)
    assert_allclose(median_of_lowest(np.array(ours) / SCALING), 27.482176801248677, rtol=1e-12)
