"""Arrays and items of a made-up place."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pystac
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords


def made_grid(shape=(200, 160), pixel=10.0, west=380_000.0, north=3_950_000.0, crs="EPSG:32654"):
    return GeoBox(shape, Affine(pixel, 0, west, 0, -pixel, north), crs)


def made_layer(values, grid, quantity="gamma0", units="1", **lead):
    values = np.asarray(values)
    dims = (*lead, "y", "x")
    coords = {**xr_coords(grid, dims=("y", "x")), **lead}
    return xr.DataArray(values, dims=dims, coords=coords, attrs={"quantity": quantity, "units": units})


def made_item(
    name, time, bbox=(139.0, 35.0, 140.0, 36.0), orbit=("ascending", 39), quantities=("gamma0",), **properties
):
    west, south, east, north = bbox
    geometry = {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }
    known = {"gsd": 10.0, "mitoshi:quantities": list(quantities), "mitoshi:simulated": False, "platform": "sentinel-1a"}
    if orbit:
        known |= {
            "sat:orbit_state": orbit[0],
            "sat:relative_orbit": orbit[1],
            "sar:polarizations": ["VV", "VH"],
            "sar:instrument_mode": "IW",
        }
    collection = properties.pop("collection", "sentinel-1-grd")
    made = pystac.Item(name, geometry, list(bbox), datetime.fromisoformat(time), {**known, **properties})
    made.collection_id = collection
    return made


@pytest.fixture
def grid():
    return made_grid


@pytest.fixture
def layer():
    return made_layer


@pytest.fixture
def item():
    return made_item
