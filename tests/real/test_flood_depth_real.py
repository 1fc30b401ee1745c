"""Flood depth on real terrain: Carlisle 2005 beside its peers, and the numbers HydroSAR's own tests pin."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import rasterio

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def peers():
    path = Path(__file__).parents[2] / "benchmarks/flood_depth_peers.py"
    spec = importlib.util.spec_from_file_location("flood_depth_peers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("estimator", "level"), [("nmad", 7.887911), ("logstat", 21.023645), ("numpy", 16.353520)])
def test_the_peer_is_hydrosar(shared_data, peers, estimator, level):
    """ASF HydroSAR, tests/hydrosar/test_flood_map.py: the level of one segment by each estimator."""
    folder = "disaster/hydrosar_reference"
    hand = np.load(shared_data(f"{folder}/hand_window.npz"))["hand_window"]
    flood = np.load(shared_data(f"{folder}/flood_window.npz"))["flood_window"]
    assert peers.hydrosar_level(hand[flood == 1], estimator) == pytest.approx(level, abs=2e-6 * level)


@pytest.mark.parametrize(("name", "limit", "bias"), [("dat", 0.50, 0.10), ("wd", 0.20, 0.05)])
def test_carlisle_depth_is_near_the_reference_and_nearer_than_the_peers(shared_data, peers, name, limit, bias, capsys):
    """The reference is a model's depth, not an observation; the mask is where it is deeper than 0.1 m."""
    folder = "disaster/flood_carlisle2005"

    def read(file):
        with rasterio.open(shared_data(f"{folder}/{file}")) as dataset:
            return dataset.read(1)

    ground, truth = read("carlisle_dem_5m.tif"), read(f"carlisle_depth_{name}_5m.tif")
    with capsys.disabled():
        print()
        scores = peers.compare(f"Carlisle {name}", (truth > 0.1).astype(float), ground, truth, 5.0)
    ours = scores.pop("mitoshi")
    assert ours[1] < limit
    assert abs(ours[0]) < bias
    assert all(ours[1] < 0.8 * other[1] for other in scores.values())
