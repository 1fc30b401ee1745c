"""Features in the CRS of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.longitude import near_longitude

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from mitoshi.core.features import Features

__all__ = ["on_grid"]


def on_grid(parts: Sequence[Any], grid: GeoBox, argument: str) -> Features:
    """Return features, or several lists of them as one, in the CRS of a grid; tables without geometry pass through.

    Features outside the grid stay: what they mean there is for the method to say.

    Parameters
    ----------
    parts
        `geopandas.GeoDataFrame`, at least one.
    grid
        Of the run.
    argument
        The caller's name for them, used in messages.

    Raises
    ------
    InputError
        If features have a place but the grid has none, or they do not say where they are, or it with their coordinates exchanged.
    """
    import geopandas
    import pandas as pd

    moved = [_moved(part, grid, argument) for part in parts]
    if len(moved) == 1:
        return moved[0].reset_index(drop=True)
    return geopandas.GeoDataFrame(pd.concat(moved, ignore_index=True))


def _moved(features: Features, grid: GeoBox, argument: str) -> Features:
    if getattr(features, "_geometry_column_name", None) not in features.columns:
        return features
    if grid.crs is None:
        if features.crs is None:
            return _placed(features)
        raise InputError(
            f"{argument} has coordinates on the Earth but the raster has no georeference; give a georeferenced raster"
        )
    if features.crs is None:
        raise InputError(f"{argument} states no coordinate reference system; state it with '#crs=EPSG:…'")
    moved = _on_crs(features, grid, grid.crs)
    if len(moved) and not _any_inside(moved, grid):
        _refuse_exchanged(features, grid, grid.crs, argument)
    return moved


def _on_crs(features: Features, grid: GeoBox, crs: CRS) -> Features:
    wkt = crs.to_wkt()
    moved = _placed(features if features.crs == wkt else features.to_crs(wkt))
    if not crs.geographic or not len(moved):
        return moved
    middle = float((grid.affine @ (grid.shape[1] / 2, grid.shape[0] / 2))[0])
    return _near(moved, middle)


def _any_inside(features: Features, grid: GeoBox) -> bool:
    west, south, east, north = grid.boundingbox.bbox
    left, low, right, high = features.geometry.bounds.to_numpy().T
    with np.errstate(invalid="ignore"):
        return bool(((left <= east) & (right >= west) & (low <= north) & (high >= south)).any())


def _refuse_exchanged(features: Features, grid: GeoBox, crs: CRS, argument: str) -> None:
    """Refuse features that all lie outside the grid, and in it if their coordinates are exchanged or are degrees.

    Raises
    ------
    InputError
        If so. Features that are simply elsewhere stay: what they mean is for the method to say.
    """
    import shapely

    exchanged = features.set_geometry(
        shapely.transform(features.geometry.to_numpy(), lambda c: c[:, ::-1]), crs=features.crs
    )
    if _any_inside(_on_crs(exchanged, grid, crs), grid):
        raise InputError(
            f"all {argument} lie outside the area, and in it with their two coordinates exchanged; write longitude (or "
            "easting) first"
        )
    bounds = np.abs(features.total_bounds)
    if features.crs.is_geographic or not (bounds[[0, 2]].max() <= 360.0 and bounds[[1, 3]].max() <= 360.0):
        return
    for shapes, words in ((features, ""), (exchanged, ", latitude first")):
        if _any_inside(_on_crs(shapes.set_crs("EPSG:4326", allow_override=True), grid, crs), grid):
            raise InputError(
                f"all {argument} lie outside the area: their coordinates look like degrees{words}, but their CRS "
                f"{features.crs.name} is in {features.crs.axis_info[0].unit_name}; correct it"
            )


def _placed(features: Features) -> Features:
    """Return features whose place is finite or empty: what projects to infinity, or has no coordinates, lies nowhere."""
    import geopandas
    import shapely

    geometry = features.geometry.to_numpy()
    finite = np.isfinite(shapely.bounds(geometry).reshape(-1, 4)).all(axis=1)
    lost = np.flatnonzero(~finite & ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry))
    if not lost.size:
        return features
    out = geometry.copy()
    for n in lost:
        out[n] = type(geometry[n])()
    return features.set_geometry(geopandas.array.from_shapely(out, crs=features.crs))


def _near(features: Features, middle: float) -> Features:
    """Return features whose longitudes are counted in the turn of the grid: 200 and -160 are one meridian.

    Parts of a geometry that was cut at the antimeridian come side by side; a ring that jumps across it is closed there.
    """
    import shapely

    geometry = features.geometry.to_numpy()
    west, _, east, _ = shapely.bounds(geometry).T
    with np.errstate(invalid="ignore"):
        away = np.flatnonzero((west < middle - 180.0) | (east > middle + 180.0) | (east - west > 180.0))
    if not away.size:
        return features
    out = geometry.copy()
    for n in away:
        parts = [_turned(part, middle) for part in shapely.get_parts(geometry[n])]
        single = len(parts) == 1 and not geometry[n].geom_type.startswith("Multi")
        out[n] = parts[0] if single else type(geometry[n])(parts)
    import geopandas

    return features.set_geometry(geopandas.array.from_shapely(out, crs=features.crs))


def _turned(part: Any, middle: float) -> Any:
    import shapely

    longitude = shapely.get_coordinates(part)[:, 0]
    steps = np.abs(np.diff(longitude))
    if ((steps > 180.0) & (steps < 360.0)).any():
        return shapely.transform(part, lambda c: np.column_stack([near_longitude(c[:, 0], middle), c[:, 1]]))
    centre = (float(longitude.min()) + float(longitude.max())) / 2
    turn = float(near_longitude(centre, middle)) - centre
    return shapely.transform(part, lambda c: np.column_stack([np.round(c[:, 0] + turn, 10), c[:, 1]]))
