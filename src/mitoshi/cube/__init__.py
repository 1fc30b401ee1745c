"""From items to arrays on one grid: which items, on which grid, masked and composed.

resolution = cube.resolve(method, area, event, catalogue).require()
grid = cube.grid_for(resolution.picked["after"].items[0], area)
after = cube.open_layer(resolution.picked["after"].items, "backscatter", grid)      # lazy, (polarisation, y, x)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitoshi.cube.alignment import align, mosaic
    from mitoshi.cube.composite import latest, masked, median
    from mitoshi.cube.grid import crop, geobox_of, grid_for, same_grid
    from mitoshi.cube.ingestion import ingest
    from mitoshi.cube.loading import load, load_remote, open_layer, passes
    from mitoshi.cube.resolution import Choice, Rejected, Resolution, resolve

# GDAL's virtual rasters may name any local file, also from inside a remote one; GDAL reads this once, when it starts.
os.environ.setdefault("GDAL_SKIP", "VRT")

_HOME = {
    "align": "alignment",
    "mosaic": "alignment",
    "latest": "composite",
    "masked": "composite",
    "median": "composite",
    "crop": "grid",
    "geobox_of": "grid",
    "grid_for": "grid",
    "same_grid": "grid",
    "load": "loading",
    "load_remote": "loading",
    "open_layer": "loading",
    "passes": "loading",
    "ingest": "ingestion",
    "Choice": "resolution",
    "Rejected": "resolution",
    "Resolution": "resolution",
    "resolve": "resolution",
}

__all__ = [
    "Choice",
    "Rejected",
    "Resolution",
    "align",
    "crop",
    "geobox_of",
    "grid_for",
    "ingest",
    "latest",
    "load",
    "load_remote",
    "masked",
    "median",
    "mosaic",
    "open_layer",
    "passes",
    "resolve",
    "same_grid",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"mitoshi.cube.{_HOME[name]}"), name)
    globals()[name] = found
    return found
