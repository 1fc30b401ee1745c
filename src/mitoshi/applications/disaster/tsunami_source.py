"""The sea and the ground just after an earthquake, from faults or from a displaced surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.core.longitude import near_longitude
from mitoshi.methods.hydraulics.okada import Fault, displacement

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.features import Features

__all__ = ["sea_cells", "uplift"]

Floats = NDArray[np.float64]


def uplift(faults: Features, grid: Grid) -> Floats:
    """Return the vertical displacement of the ground by the sum of fault segments (Okada 1985).

    Parameters
    ----------
    faults
        One row per segment; longitude and latitude are those of the centre of the top edge.
    grid
        Of the run; it must have a reference system.

    Returns
    -------
    NDArray[np.float64]
        Upward [m], (y, x).

    Raises
    ------
    InputError
        If the grid has no reference system, or a fault is impossible.

    Notes
    -----
    The map is taken as flat, in metres at the grid's centre, and its north as true north.
    """
    if grid.crs is None:
        raise InputError("faults are placed by longitude and latitude; give elevation with a reference system")
    import pyproj

    transform = pyproj.Transformer.from_crs("EPSG:4326", pyproj.CRS.from_user_input(str(grid.crs)), always_xy=True)
    x, y = transform.transform(
        np.asarray(faults["longitude"], dtype=np.float64), np.asarray(faults["latitude"], dtype=np.float64)
    )
    if grid.crs.geographic:
        middle = float(grid.centre(np.array(grid.shape[0] // 2), np.array(grid.shape[1] // 2))[0])
        x = near_longitude(np.asarray(x, float), middle)
    rows, columns = np.indices(grid.shape)
    east, north = (c * s for c, s in zip(grid.centre(rows, columns), grid.scale, strict=True))
    names = ("depth_top_m", "strike_deg", "dip_deg", "rake_deg", "length_m", "width_m", "slip_m")
    total = np.zeros(grid.shape)
    for k in range(len(faults)):
        numbers = [float(faults[name].iloc[k]) for name in names]
        fault = Fault(float(x[k]) * grid.scale[0], float(y[k]) * grid.scale[1], *numbers)
        total += displacement(east, north, fault).up
    return total


def sea_cells(bed: Floats, sea_level_m: float) -> NDArray[np.bool_]:
    """Return where the sea is: below its level and joined to the grid's edge.

    Parameters
    ----------
    bed
        Elevation before the earthquake [m], NaN outside.
    sea_level_m
        Still water level [m].
    """
    from scipy import ndimage

    below = np.isfinite(bed) & (bed < sea_level_m)
    labels, count = ndimage.label(below)
    joined = np.zeros(count + 1, dtype=bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        joined[np.unique(edge)] = True
    joined[0] = False
    return np.asarray(joined[labels])
