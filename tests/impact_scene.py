"""A plain of 100 × 100 pixels of 10 m for the tests of the impact chain, small enough to count by hand.

A band of water 20 pixels wide runs from north to south (columns 40 to 59). Two roads cross it from west to east, one of them on a
bridge; they are joined in the west and in the east.
"""

from __future__ import annotations

import geopandas
import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry import LineString, Point, box

# A map of true scale around the scene, so that lengths and areas are whole numbers.
CRS = "+proj=tmerc +lat_0=31.6 +lon_0=140 +k=1 +x_0=400500 +y_0=3499500 +ellps=WGS84 +units=m +type=crs"
WEST, NORTH, SIDE = 400_000.0, 3_500_000.0, 10.0
SHAPE = (100, 100)
GRID = GeoBox(SHAPE, Affine(SIDE, 0, WEST, 0, -SIDE, NORTH), CRS)


def raster(values, quantity, units, grid=GRID):
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": SIDE}
    return xr.DataArray(
        np.asarray(values, np.float32), dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs=attrs
    )


def at(column, row):
    """Return the place of a pixel coordinate."""
    return WEST + SIDE * column, NORTH - SIDE * row


def features(geometry, **columns):
    return geopandas.GeoDataFrame(columns, geometry=geometry, crs=CRS)


def pixels(first_column, first_row, last_column, last_row):
    west, north = at(first_column, first_row)
    east, south = at(last_column, last_row)
    return box(west, south, east, north)


def band(depth=1.5):
    values = np.zeros(SHAPE)
    values[:, 40:60] = depth
    return values


def depth_of(values):
    return raster(values, "water_depth", "m")


def sigma(value):
    return raster(np.full(SHAPE, value), "standard_uncertainty_m", "m")


def line(*points):
    return LineString([at(*p) for p in points])


ROADS = features(
    [
        line((10.5, 20.5), (90.5, 20.5)),  # the bridge
        line((10.5, 80.5), (90.5, 80.5)),  # through the water
        line((10.5, 20.5), (10.5, 80.5)),
        line((90.5, 20.5), (90.5, 80.5)),
    ],
    id=["bridge", "ford", "west", "east"],
    bridge=[1.0, 0.0, 0.0, 0.0],
)
VILLAGE = features([Point(*at(10.5, 80.5))], id=["v"], name=["village"], population=[100.0])
FACILITIES = features(
    [Point(*at(90.5, 20.5)), Point(*at(90.5, 80.5)), Point(*at(50.5, 50.5))],
    id=["h", "s", "w"],
    name=["hospital", "shelter", "wet hospital"],
    facility=["hospital", "shelter", "hospital"],
)
