"""A small scene with known dark patches, the methods of `evidence_sample`, and a bundle made of them."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

sys.path.insert(0, str(Path(__file__).parent))

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAID = "quantity=sigma0,units=1,bands=VV+VH,time=2025-12-31T00:00Z"


def pytest_collection_modifyitems(items):
    # affine announces that `*` will go; odc-geo and rasterio still use it.
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"))


def power(shape=(700, 1100), seed=1):
    """Return (polarisation, y, x) power with a dark rectangle of known pixels and a corner that was not seen."""
    rng = np.random.default_rng(seed)
    values = (0.1 * rng.gamma(4, 0.25, (2, *shape))).astype(np.float32)
    values[:, 100:300, 400:700] *= 0.02
    values[:, :5, :7] = np.nan
    return values


def write_raster(path, values, *, crs="EPSG:32631", transform=None):
    place = {} if crs is None else {"crs": crs, "transform": transform or Affine(10, 0, 500000, 0, -10, 4000000)}
    profile = {"driver": "GTiff", "height": values.shape[-2], "width": values.shape[-1], "count": values.shape[0]}
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile, dtype="float32", nodata=np.nan, tiled=True, **place) as dataset:
            dataset.write(values)
    return path


@pytest.fixture(autouse=True)
def _known_methods(monkeypatch):
    """Let `verify` find the methods of these tests as it finds the installed ones."""
    from evidence_sample import methods as sample

    from mitoshi.core import discovery

    found = {m.name: m for m in (sample.scene_dark, sample.window_dark, sample.slow_dark, sample.trend)}
    real = discovery.find
    monkeypatch.setattr(discovery, "find", lambda name: found[name] if name in found else real(name))


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    return write_raster(tmp_path_factory.mktemp("scene") / "after.tif", power())


@pytest.fixture(scope="session")
def made(scene, tmp_path_factory):
    """Return a folder with the input and the bundle of `test.scene-dark`; take a copy before you change it."""
    from evidence_sample.methods import scene_dark

    from mitoshi import evidence

    folder = tmp_path_factory.mktemp("made")
    shutil.copy(scene, folder / "after.tif")
    evidence.run(scene_dark, {"after": f"{folder}/after.tif#{SAID}"}, {}, folder / "bundle", time=TIME, tile_size=512)
    return folder


@pytest.fixture
def case(made, tmp_path):
    """Return a copy of the input and the bundle that a test may change."""
    copied = tmp_path / "case"
    shutil.copytree(made, copied)
    return copied
