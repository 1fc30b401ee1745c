"""How much of a run's grid its rasters reach, so that what lies outside of them is said to be unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.features import FeatureKind
from mitoshi.core.longitude import near_longitude
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.inputs import Given

__all__ = ["not_counted", "outside"]

LATTICE = 128  # places per axis at which it is looked
LEAST = 0.01  # share of the grid below which a rim is not worth a sentence
OUTSIDE = Text(
    "{share:.0f} % of the area lies outside of {name}: nothing is known of it there, which is not zero",
    "対象範囲の {share:.0f}％ は {name} のデータ範囲外です（値は不明で、0 ではありません）",
)


MOST_CELLS, STRIP = 25_000_000, 256  # cells of counts that are summed, rows at a time
NOT_COUNTED = Text(
    "{name}: {amount} of its total ({share:.0f} %) lie outside of the area of this run and are not counted",
    "{name}：合計のうち {amount}（{share:.0f}％）は対象範囲の外にあり、集計に含みません",
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


def not_counted(given: Mapping[str, tuple[Given, ...]], frame: Frame) -> tuple[Text, ...]:
    """Return how much of what is counted per cell, such as people, lies outside of the run's grid.

    Parameters
    ----------
    given
        By argument.
    frame
        The run's grid.

    Returns
    -------
    A sentence for each argument of counts of which more than `LEAST` lies outside. Densities, and rasters of more than
    `MOST_CELLS`, are left to `outside`.
    """
    if not frame.georeferenced:
        return ()
    sentences = []
    for name, group in given.items():
        quantity = group[0].argument.quantity
        if isinstance(quantity, FeatureKind) or not quantity.extensive:
            continue
        layers = [g.layer for g in group if str(g.layer.attrs.get("units", "1")) == "1"]
        if len(layers) < len(group) or sum(int(np.prod(layer.shape)) for layer in layers) > MOST_CELLS:
            continue
        parts = np.array([_amounts(layer, frame) for layer in layers])
        whole, inside = (float(v) for v in parts.sum(axis=0))
        if whole > 0 and 1.0 - inside / whole >= LEAST:
            share = 100.0 * (1.0 - inside / whole)
            sentences.append(NOT_COUNTED.format(amount=f"{whole - inside:,.0f}", share=share, name=name))
    return tuple(sentences)


def _amounts(layer: Any, frame: Frame) -> tuple[float, float]:
    """Return the sum of a raster of counts, and of its cells whose centre lies on the run's grid."""
    import odc.geo.xr  # noqa: F401 - registers the accessor

    from mitoshi.evidence.frame import Frame as Grid

    grid = layer.odc.geobox
    if grid is None or grid.crs is None:
        return 0.0, 0.0
    whole = inside = 0.0
    columns = np.arange(grid.shape[1]) + 0.5
    for top in range(0, int(grid.shape[0]), STRIP):
        rows = np.arange(top, min(top + STRIP, int(grid.shape[0]))) + 0.5
        values = np.asarray(layer[..., top : top + STRIP, :].to_numpy(), float).reshape(-1, columns.size)
        counts = np.where(values > 0, values, 0.0).ravel()
        pixels = np.stack([axis.ravel() for axis in np.meshgrid(columns, rows)], axis=1)
        there = _on_grid(frame.geobox, *Grid(grid).longitude_latitude(pixels).T)
        whole, inside = whole + float(counts.sum()), inside + float(counts[there].sum())
    return whole, inside


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
