"""What the file behind an asset says of its pixels, so that a client plans its reading without opening every file."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from mitoshi.core.errors import MitoshiError
from mitoshi.sensors.guard import open_raster

__all__ = ["PROJECTION", "described"]

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
TYPES = {"complex_int16": "cint16", "complex64": "cfloat32", "complex128": "cfloat64"}
KEPT = 65536  # headers in memory, about 1 kB each


def described(asset: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return an asset with the data type, "no data", bands and grid of its file, where it does not state them itself.

    Parameters
    ----------
    asset
        As the catalogue has it.
    path
        Its file.
    """
    if not str(asset.get("type", "")).startswith(("image/tiff", "image/jp2")):
        return asset
    try:
        status = path.stat()
        header = _header(str(path), status.st_mtime_ns, status.st_size)
    except (MitoshiError, OSError):
        return asset
    stated = {"nodata"} if "raster:bands" in asset or "data_type" in asset else set()
    stated |= {"data_type", "bands"} if "raster:bands" in asset else set()
    return {**{key: value for key, value in header.items() if key not in stated}, **asset}


@lru_cache(maxsize=KEPT)
def _header(path: str, _changed: int, _size: int) -> dict[str, Any]:
    with open_raster(path) as dataset:
        names = [name or f"{number}" for number, name in enumerate(dataset.descriptions, 1)]
        kind = str(dataset.dtypes[0])
        header: dict[str, Any] = {"data_type": TYPES.get(kind, kind)}
        if dataset.nodata is not None:
            header["nodata"] = _number(dataset.nodata)
        if dataset.count > 1:
            header["bands"] = [{"name": name} for name in names]
        code = dataset.crs.to_epsg() if dataset.crs else None
        if code is not None:
            header["proj:code"] = f"EPSG:{code}"
            header["proj:shape"] = [dataset.height, dataset.width]
            header["proj:transform"] = [float(v) for v in tuple(dataset.transform)[:6]]
    return header


def _number(value: float) -> float | int | str:
    """Return "no data" as STAC spells it, which JSON cannot where it is no finite number."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if float(value).is_integer() else float(value)
