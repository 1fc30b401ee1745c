"""Features in the CRS of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        If features have a place but the grid has none.
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
            return features
        raise InputError(
            f"{argument} has coordinates on the Earth but the raster has no georeference; give a georeferenced raster"
        )
    if features.crs is None:
        raise InputError(f"{argument} states no coordinate system; give one that does")
    wkt = grid.crs.to_wkt()
    return features if features.crs == wkt else features.to_crs(wkt)
