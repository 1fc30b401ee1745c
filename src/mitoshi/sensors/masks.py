"""What a file's own mask hides: an internal mask, one beside it (``.msk``), or an alpha band, which is never a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Mask", "mask_of", "sidecar_of", "with_sidecars"]


@dataclass(frozen=True)
class Mask:
    """Where the pixels of a file are not observed.

    Attributes
    ----------
    alpha
        Number of the alpha band; 0 for a mask.
    least
        Smallest alpha that counts as observed. Colours of associated alpha are already multiplied by it, so there only full
        alpha does.
    internal
        Whether the file has a mask inside.
    beside
        The file of a mask beside it, or None.
    """

    alpha: int = 0
    least: float = 0.0
    internal: bool = True
    beside: guard.Location | None = None

    def hidden(self, dataset: Any, band: int, **window: Any) -> NDArray[np.bool_]:
        """Return True where a window (or a reduced copy, with ``out_shape``) of one band is not observed.

        Within `guard.reading`.
        """
        hidden: NDArray[np.bool_] | None = None
        if self.alpha:
            alpha = np.asarray(dataset.read(self.alpha, **window))
            hidden = ~np.asarray(alpha >= self.least if self.least else alpha > 0)
        elif self.internal:
            hidden = np.asarray(dataset.read_masks(band, **window) == 0)
        if self.beside is not None:
            mask = guard.borrow_raster(self.beside)
            outside = np.asarray(mask.read(band if mask.count >= band else 1, **window) == 0)
            hidden = outside if hidden is None else hidden | outside
        return np.zeros((1, 1), bool) if hidden is None else hidden


def mask_of(dataset: Any, location: guard.Location | None = None) -> Mask | None:
    """Return the mask of a rasterio dataset, or None where it has neither alpha band nor mask.

    Parameters
    ----------
    dataset
        Open.
    location
        Its file, beside which a mask may lie; None looks for none.

    Raises
    ------
    InputError
        If the mask beside it has another shape.
    """
    from rasterio.enums import ColorInterp, MaskFlags

    beside = None if location is None else sidecar_of(location)
    if beside is not None:
        with guard.open_raster(beside) as mask:
            if (mask.height, mask.width) != (dataset.height, dataset.width):
                raise InputError(
                    f"the mask {beside.name} has {mask.height} x {mask.width} pixels, its raster {dataset.height} x "
                    f"{dataset.width}; make it again, or remove it"
                )
    for number, colour in enumerate(dataset.colorinterp, 1):
        if colour is ColorInterp.alpha:
            associated = dataset.tags(number, ns="IMAGE_STRUCTURE").get("ALPHA") == "PREMULTIPLIED"
            return Mask(number, _full(dataset.dtypes[number - 1]) if associated else 0.0, beside=beside)
    flags = dataset.mask_flag_enums[0]
    internal = MaskFlags.per_dataset in flags and MaskFlags.nodata not in flags
    return Mask(internal=internal, beside=beside) if internal or beside is not None else None


def sidecar_of(location: guard.Location) -> guard.Location | None:
    """Return the mask beside a raster, as GDAL names it; None where there is none, or the raster lies in an archive.

    Raises
    ------
    RefusedError
        If it is a link out of the folder, or no GeoTIFF.
    """
    path = Path(f"{location.path}.msk")
    if location.offset or not path.is_file():
        return None
    found = guard.regular_file(path)
    if found.parent != Path(location.path).resolve().parent:
        raise RefusedError(f"the mask {path.name} is a link out of its folder; it is not followed")
    beside = guard.Location(str(found))
    if guard.sniff(guard.magic(beside)) != "GTiff":
        raise RefusedError(f"the mask {path.name} is no GeoTIFF; make it again (gdal_translate -mask), or remove it")
    return beside


def with_sidecars(files: Iterable[Path]) -> tuple[Path, ...]:
    """Return files, each followed by the mask that lies beside it and is read with it."""
    out: list[Path] = []
    for file in files:
        out.append(file)
        if Path(f"{file}.msk").is_file() and guard.sniff(guard.magic(guard.Location(str(file)))) in RASTERS:
            beside = sidecar_of(guard.Location(str(file)))
            out += [] if beside is None else [Path(beside.path)]
    return tuple(out)


RASTERS = frozenset(driver for _, driver in guard.DRIVERS)


def _full(dtype: str) -> float:
    kind = np.dtype(dtype)
    return 1.0 if kind.kind == "f" else float(np.iinfo(kind).max)
