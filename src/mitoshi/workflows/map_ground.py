"""What lies below the signs of the situation map: permanent water, and the ground that the flood map did not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from mitoshi.core.features import Features
    from mitoshi.evidence import Bundle

__all__ = ["ground_layers"]

MOST_PIXELS = 500
"""Along a side: what the map's frame can show."""

PERMANENT, UNSEEN = 2, 255
GROUND: tuple[tuple[int, Text, str, str], ...] = (
    (PERMANENT, Text("sea, river, permanent water", "平常時水域（海・河川など）"), "#d3e3f3", "area"),
    (UNSEEN, Text("not observable", "観測不能"), "#9a9a9a", "hatched"),
)


def ground_layers(bundle: Bundle) -> list[tuple[Text, Features, str, Any]]:
    """Return words, areas, colour and symbol of permanent water and of what was not seen, in the order of drawing.

    Parameters
    ----------
    bundle
        Of a flood map: its product `flood` holds the codes 2 and 255.

    Returns
    -------
    list
        Empty where the map has no such product or no georeference. Wide maps are thinned to the pixels that the frame can show.
    """
    import rasterio
    from rasterio.enums import Resampling

    file = bundle.path / "flood.tif"
    if not file.is_file():
        return []
    with rasterio.open(file) as source:
        if source.crs is None:
            return []
        factor = max(1, -(-max(source.shape) // MOST_PIXELS))
        shape = tuple(-(-n // factor) for n in source.shape)
        codes = source.read(1, out_shape=shape, resampling=Resampling.nearest)
        transform = source.transform * source.transform.scale(source.width / shape[1], source.height / shape[0])
        crs = source.crs
    found = []
    for code, title, colour, symbol in GROUND:
        areas = _areas(codes == code, transform, crs)
        if len(areas):
            found.append((title, areas, colour, symbol))
    return found


def _areas(where: np.ndarray[Any, Any], transform: Any, crs: Any) -> Features:
    """Return the areas of a mask."""
    import geopandas
    from rasterio.features import shapes
    from shapely.geometry import shape

    rings = [shape(g) for g, _ in shapes(where.astype(np.uint8), mask=where, transform=transform)]
    return geopandas.GeoDataFrame(geometry=rings, crs=crs)
