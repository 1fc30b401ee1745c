"""How much of a run's grid its rasters reach, so that what lies outside of them is said to be unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.longitude import near_longitude
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.inputs import Given

__all__ = ["outside"]

LATTICE = 128  # places per axis at which it is looked
LEAST = 0.01  # share of the grid below which a rim is not worth a sentence
OUTSIDE = Text(
    "{share:.0f} % of the area lies outside of {name}: nothing is known of it there, which is not zero",
    "対象範囲の {share:.0f}％ は {name} のデータ範囲外です（値は不明で、0 ではありません）",
)


def outside(given: Mapping[str, tuple[Given, ...]], frame: Frame) -> tuple[Text, ...]:
    """Return a sentence for every raster argument that does not reach the whole grid of a run.

    Parameters
    ----------
    given
        By argument.
    frame
        The run's grid.

    Raises
    ------
    InputError
        If a raster lies elsewhere altogether.
    """
    if not frame.georeferenced:
        return ()
    rows, columns = ((np.arange(min(n, LATTICE)) + 0.5) * n / min(n, LATTICE) for n in frame.shape)
    pixels = np.stack([axis.ravel() for axis in np.meshgrid(columns, rows)], axis=1)
    longitude, latitude = frame.longitude_latitude(pixels).T
    sentences = []
    for name, group in given.items():
        if group[0].argument.is_features:
            continue
        reached = np.zeros(longitude.shape, bool)
        for one in group:
            reached |= _inside(one.layer, longitude, latitude)
        if not reached.any() and not any(_touches(one.layer, frame) for one in group):
            raise InputError(
                f"{name} ({group[0].root.name}) lies elsewhere: no part of it is in the area of this run; give another file, "
                "or the right reference system"
            )
        share = 1.0 - float(reached.mean())
        if share >= LEAST:
            sentences.append(OUTSIDE.format(share=100.0 * share, name=name))
    return tuple(sentences)


def _touches(layer: Any, frame: Frame) -> bool:
    """Return whether any place of a raster lies on the grid of a run, which may fall between the places that were looked at."""
    import odc.geo.xr  # noqa: F401 - registers the accessor

    from mitoshi.evidence.frame import Frame as Grid

    grid = layer.odc.geobox
    if grid is None or grid.crs is None:
        return True
    rows, columns = (np.linspace(0.0, n, LATTICE) for n in grid.shape)
    pixels = np.stack([axis.ravel() for axis in np.meshgrid(columns, rows)], axis=1)
    longitude, latitude = Grid(grid).longitude_latitude(pixels).T
    return bool(_on_grid(frame.geobox, longitude, latitude).any())


def _inside(layer: Any, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which places lie on the grid of a raster; all where it has no reference system."""
    import odc.geo.xr  # noqa: F401 - registers the accessor

    grid = layer.odc.geobox
    return np.ones(longitude.shape, bool) if grid is None or grid.crs is None else _on_grid(grid, longitude, latitude)


def _on_grid(grid: Any, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    from pyproj import CRS, Transformer

    crs = CRS.from_wkt(grid.crs.to_wkt()).to_2d()
    easting, northing = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    inverse = ~grid.affine
    with np.errstate(invalid="ignore"):
        if crs.is_geographic:
            easting = near_longitude(easting, float((grid.affine @ (grid.shape[1] / 2, grid.shape[0] / 2))[0]))
        column = inverse.a * easting + inverse.b * northing + inverse.c
        row = inverse.d * easting + inverse.e * northing + inverse.f
        return np.asarray((row >= 0) & (row <= grid.shape[0]) & (column >= 0) & (column <= grid.shape[1]))
