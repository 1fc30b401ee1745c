"""Inputs for any method, made from what its data arguments declare."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry import LineString, Point, box

from mitoshi.core.discovery import methods
from mitoshi.core.method import Whole

SHAPE = (300, 340)
CRS, WEST, NORTH = "EPSG:32654", 400_000.0, 3_500_000.0


def pytest_generate_tests(metafunc):
    if "declared" in metafunc.fixturenames:
        found = methods()
        assert found, "no method was discovered"
        metafunc.parametrize("declared", found.values(), ids=list(found))


def plausible(quantity, seed, shape=SHAPE):
    """Return an array of the quantity with structure and noise; nothing here is a truth."""
    noise = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    bowl = np.hypot((rows - shape[0] * 0.4) / shape[0], (columns - shape[1] * 0.6) / shape[1])
    attrs = {"quantity": quantity.name, "units": quantity.units, "pixel_size_m": 10.0}
    if quantity.name == "backscatter" or "gamma0" in quantity.members or quantity.name in ("gamma0", "sigma0"):
        attrs["quantity"] = "gamma0"
        wet = bowl < 0.1 + 0.1 * seed
        mean = np.stack([np.where(wet, 0.008, 0.08), np.where(wet, 0.0015, 0.015)])
        power = (mean * noise.gamma(4.4, 1 / 4.4, (2, *shape))).astype("float32")
        coords = {"polarisation": ["VV", "VH"], **places(shape)}
        return xr.DataArray(power, dims=("polarisation", "y", "x"), coords=coords, attrs=attrs)
    if quantity.name == "elevation":
        values = 60 * bowl * shape[0] / SHAPE[0] + noise.normal(0, 0.3, shape)  # slopes do not depend on the size
    elif quantity.name == "flood_extent":
        values = np.where(bowl < 0.08, 2.0, np.where(bowl < 0.25, 1.0, 0.0))
    elif quantity.name == "water_depth":
        values = np.maximum(0.0, 15 * (0.25 - bowl))
    elif quantity.name == "elevation_change":
        values = np.where(bowl < 0.1, -3.0, np.where(bowl < 0.2, 2.0, 0.0)) + noise.normal(0, 0.1, shape)
    elif quantity.name == "optical":
        attrs["quantity"] = "surface_reflectance"
        stack = (0.1 + 0.2 * bowl + noise.normal(0, 0.01, (5, *shape))).astype("float32")
        stack[3:] *= np.where(bowl < 0.15 + 0.02 * seed, 0.2, 1.5).astype("float32")  # water absorbs infrared
        stack[:, 20:60, 20:60] += np.float32(0.4)  # a cloud
        coords = {"band": ["B02", "B03", "B04", "B08", "B11"], **places(shape)}
        return xr.DataArray(stack, dims=("band", "y", "x"), coords=coords, attrs=attrs)
    elif quantity.name == "manning_roughness":
        values = noise.uniform(0.02, 0.1, shape)
    elif quantity.name == "cloud_mask":
        values = np.where(bowl > 0.45, 1.0, 0.0)
    elif quantity.name == "quality":
        attrs["flag_scheme"] = "sentinel2-scl"
        values = noise.choice([4.0, 5.0, 6.0, 9.0], shape, p=[0.4, 0.3, 0.2, 0.1])
    elif quantity.name == "land_cover":
        values = noise.choice([0.0, 10.0, 40.0, 50.0], (shape[0] // 20 + 1, shape[1] // 20 + 1), p=[0.1, 0.2, 0.6, 0.1])
        values = np.kron(values, np.ones((20, 20)))[: shape[0], : shape[1]]
    elif quantity.name == "built_up_share":
        values = np.where(noise.uniform(0, 1, shape) < 0.01, 0.4, 0.0)
    elif quantity.name == "water_occurrence":
        values = (bowl < 0.08).astype(float)
    elif quantity.name == "incidence_angle":
        values = 30.0 + 12.0 * bowl + noise.normal(0, 0.5, shape)  # degrees
    else:
        values = noise.uniform(0, 1, shape)
    return xr.DataArray(values.astype("float32"), dims=("y", "x"), coords=places(shape), attrs=attrs)


def features_of(kind, seed, shape=SHAPE, count=40):
    """Return features of the kind on the grid of the arrays, with plausible attributes; nothing here is a truth."""
    noise = np.random.default_rng(seed)
    words = {
        "structure": ("wood", "reinforced_concrete", "steel"),
        "facility": ("hospital", "shelter", "pump_station"),
        "road_class": ("primary", "local"),
        "side": ("south",),
        "name": ("one",),
    }
    table = {}
    for column in kind.columns:
        if column.dtype == "str":
            choice = words.get(column.name)
            table[column.name] = [choice[n % len(choice)] if choice else f"{column.name}-{n}" for n in range(count)]
        elif column.name == "time_s":
            table[column.name] = np.arange(count) * 600.0
        elif column.name == "water_level_m":
            # Of a small scene: just above the lowest ground at the southern side.
            table[column.name] = noise.uniform(3.6, 4.0, count)
        elif column.dtype == "bool":
            table[column.name] = noise.uniform(size=count) < 0.1
        else:
            table[column.name] = noise.uniform(1, 5, count)
    if kind.name == "faults":
        table |= {"longitude": np.full(count, 140.0), "latitude": np.full(count, 31.0)}
    if not kind.geometry:
        return geopandas.GeoDataFrame(table)
    rows, columns = noise.uniform(10, shape[0] - 10, count), noise.uniform(10, shape[1] - 10, count)
    east, north = WEST + 10.0 * columns, NORTH - 10.0 * rows
    if "LineString" in kind.geometry and "Polygon" not in kind.geometry:
        order = np.argsort(east)
        ends = list(zip(east[order], north[order], strict=True))
        lines = [LineString([ends[n], ends[(n + 1) % count]]) for n in range(count)]
        return geopandas.GeoDataFrame(table, geometry=lines, crs=CRS)
    if kind.name == "inflows":
        return geopandas.GeoDataFrame(table, geometry=[Point(east[0], north[0])] * count, crs=CRS)
    boxes = [box(e - 8, n - 8, e + 8, n + 8) for e, n in zip(east, north, strict=True)]
    return geopandas.GeoDataFrame(table, geometry=boxes, crs=CRS)


def places(shape):
    """Return the coordinates of pixel centres and the reference system, as every array of a run has them."""
    grid = GeoBox(shape, Affine(10.0, 0.0, WEST, 0.0, -10.0, NORTH), CRS)
    return xr_coords(grid)


@pytest.fixture
def inputs():
    def make(declared, **changes):
        # A method that sees the scene whole is not cut into tiles here, and may be slow: a small scene is enough.
        shape = (30, 34) if isinstance(declared.support, Whole) else SHAPE
        arrays = [
            features_of(d.quantity, seed, shape) if d.is_features else plausible(d.quantity, seed, shape)
            for seed, d in enumerate(declared.data, start=1)
        ]
        return [changes.get(d.name, a) for d, a in zip(declared.data, arrays, strict=True)]

    return make
