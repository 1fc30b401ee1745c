"""Small files written for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

# rasterio 1.4 multiplies affine transforms in a way that affine 3 announces to retire.
MATMUL = "ignore:Use `@` matmul:PendingDeprecationWarning"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.filterwarnings(MATMUL))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MITOSHI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write_raster(tmp_path):
    """Return a function that writes (bands, rows, columns) as a GeoTIFF and returns its path."""
    import rasterio
    from rasterio.transform import from_origin

    def write(
        name, values, *, tags=None, crs="EPSG:32654", origin=(400_000, 4_000_000), pixel=10.0, nodata=None, **more
    ):
        values = np.atleast_3d(values) if values.ndim == 3 else values[np.newaxis]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        placed = {"crs": crs, "transform": from_origin(*origin, pixel, pixel)} if crs else {}
        profile = {"driver": "GTiff", "count": values.shape[0], "height": values.shape[1], "width": values.shape[2]}
        profile |= {"dtype": values.dtype, "nodata": nodata, "tiled": True, "blockxsize": 64, "blockysize": 64} | placed
        with rasterio.open(path, "w", **(profile | more)) as file:
            file.write(values)
            file.update_tags(**(tags or {}))
        return path

    return write
