"""Write simulated observations as GeoTIFF files that say, each of them, that they are simulated."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.quantity import quantity as quantity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mitoshi.simulation.region import Region

    Array = np.ndarray[Any, Any]

__all__ = ["BLOCK", "VERSION", "create", "tags", "trimmed", "write_array", "write_json"]

VERSION = "2"  # of the simulated world: raised whenever the same seed gives other bytes
BLOCK = 512
MANTISSA_BITS = 11


def tags(place: Region, quantity: str, time: str | None, **more: str) -> dict[str, str]:
    """Return the tags of one file.

    Parameters
    ----------
    place
        The region.
    quantity
        Name of a quantity; its unit is stated too.
    time
        ISO 8601, or None for what has none.
    more
        Further tags without their prefix, such as ``bands="VV+VH"``.
    """
    stated = {"simulated": "true", "quantity": quantity, "units": quantity_of(quantity).units, "platform": "simulated"}
    stated |= {"seed": str(place.seed), "simulation_version": VERSION} | more
    if time is not None:
        stated["datetime"] = time
    return {f"MITOSHI_{name.upper()}": value for name, value in stated.items()}


def trimmed(values: Array) -> Array:
    """Return float32 values with the last twelve bits of the mantissa rounded away.

    The relative step is 2^-12, a thousandth of a decibel; the files shrink by a third, as those of operational products do.

    >>> float(abs(trimmed(np.array([0.1], np.float32))[0] - 0.1)) < 0.1 / 4096
    True
    """
    drop = np.uint32(23 - MANTISSA_BITS)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    half = np.uint32(1) << (drop - np.uint32(1))
    rounded = ((bits + half) >> drop) << drop
    result: Array = np.where(np.isnan(values), np.float32(np.nan), rounded.view(np.float32))
    return result


@contextmanager
def create(
    path: Path,
    place: Region,
    dtype: str,
    labels: Sequence[str],
    stated: Mapping[str, str],
    nodata: float | None = None,
) -> Iterator[Any]:
    """Open a tiled, compressed GeoTIFF on the region's grid for writing; it appears under its name when it is complete.

    Parameters
    ----------
    path
        The file.
    place
        The region.
    dtype
        NumPy name of the data type.
    labels
        Names of the bands.
    stated
        Tags of the dataset.
    nodata
        Value of missing cells.
    """
    import rasterio
    from rasterio.transform import Affine

    temporary = path.with_name(f".{path.name}.partial")
    profile = {
        "driver": "GTiff", "dtype": dtype, "count": len(labels), "height": place.shape[0], "width": place.shape[1],
        "crs": place.crs, "transform": Affine(*place.transform), "nodata": nodata, "tiled": True, "blockxsize": BLOCK,
        "blockysize": BLOCK, "compress": "deflate", "zlevel": 1, "interleave": "band", "BIGTIFF": "IF_SAFER",
        "predictor": 3 if dtype.startswith("float") else 2, "NUM_THREADS": str(min(4, os.cpu_count() or 1)),
    }  # fmt: skip
    try:
        with rasterio.open(temporary, "w", **profile) as dataset:
            dataset.update_tags(**stated)
            for n, label in enumerate(labels, 1):
                dataset.set_band_description(n, label)
            yield dataset
        _publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def write_array(
    path: Path,
    place: Region,
    values: Array,
    labels: Sequence[str],
    stated: Mapping[str, str],
    nodata: float | None = None,
) -> Path:
    """Write one whole layer.

    Parameters
    ----------
    path, place
        The file and its region.
    values
        (rows, columns) or (bands, rows, columns).
    labels, stated, nodata
        As for `create`.
    """
    bands = values if values.ndim == 3 else values[None]
    with create(path, place, str(bands.dtype), labels, stated, nodata) as dataset:
        dataset.write(bands)
    return path


def write_json(path: Path, text: str) -> Path:
    """Write a text file in one step."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    _publish(temporary, path)
    return path
