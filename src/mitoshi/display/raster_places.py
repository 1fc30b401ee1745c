"""Where places in degrees lie on a raster: the same for tiles, values and terrain, in any turn of longitude."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.longitude import near_longitude

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["from_degrees", "middle_longitude", "pixels_of"]

TRANSFORMERS = 16


class _Transformers(threading.local):
    """The coordinate transformations of one thread; PROJ's may not be shared."""

    def __init__(self) -> None:
        self.cached: OrderedDict[str, Any] = OrderedDict()


_TRANSFORMERS = _Transformers()


def from_degrees(wkt: str) -> Any:
    """Return the transformation from longitude and latitude to a reference system; what it cannot place becomes infinite."""
    from pyproj import CRS, Transformer

    cached = _TRANSFORMERS.cached
    if wkt not in cached:
        cached[wkt] = Transformer.from_crs("EPSG:4326", CRS.from_wkt(wkt).to_2d(), always_xy=True)
        while len(cached) > TRANSFORMERS:
            cached.popitem(last=False)
    return cached[wkt]


def middle_longitude(dataset: Any) -> float | None:
    """Return the longitude of the middle of a raster in degrees, which may count from 0 to 360; None in a projection."""
    if not dataset.crs.is_geographic:
        return None
    return float((dataset.transform @ (dataset.width / 2, dataset.height / 2))[0])


def pixels_of(dataset: Any, longitudes: Any, latitudes: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return row and column of places on an open raster, as fractions from its first corner.

    Parameters
    ----------
    dataset
        Of rasterio, with a CRS.
    longitudes, latitudes
        In degrees, of one shape, in any turn.

    Returns
    -------
    Infinite or NaN where the reference system of the raster has no such place.
    """
    easting, northing = from_degrees(dataset.crs.to_wkt()).transform(longitudes, latitudes)
    middle, t = middle_longitude(dataset), dataset.transform
    with np.errstate(invalid="ignore"):
        easting = easting if middle is None else near_longitude(easting, middle)
        area = t.a * t.e - t.b * t.d
        columns = (t.e * (easting - t.c) - t.b * (northing - t.f)) / area
        rows = (t.a * (northing - t.f) - t.d * (easting - t.c)) / area
    return np.asarray(rows, np.float64), np.asarray(columns, np.float64)
