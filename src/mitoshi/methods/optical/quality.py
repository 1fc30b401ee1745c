"""Quality flags of optical products: which pixels show the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["FMASK_BAD", "QA_PIXEL_BAD", "SCL_CLEAR", "bare_ground_seen"]

SCL_CLEAR = (2, 4, 5, 6, 7, 11)
"""Sentinel-2 scene classification that sees the surface: dark, vegetation, bare, water, unclassified, snow (Level-2A algorithm
theoretical basis, table of SCL classes)."""

QA_PIXEL_BAD = 0b11111
"""Landsat Collection 2 QA_PIXEL bits: fill, dilated cloud, cirrus, cloud, cloud shadow (USGS LSDS-1619, table 6-3)."""

FMASK_BAD = 0b1111
"""HLS version 2 Fmask bits: cirrus (reserved, not set), cloud, beside cloud or shadow, cloud shadow (HLS User Guide V2, table 9).
Bit 5 (water) and bits 6 and 7 (aerosol) hide nothing: water by Fmask is a test of colour, like the method's own, and knows no
shadow of terrain."""

FMASK_FILL = 255
SCL_SNOW, QA_PIXEL_SNOW, FMASK_SNOW = 11, 0b100000, 0b10000


def bare_ground_seen(quality: Raster, argument: str) -> NDArray[np.bool_]:
    """Return where the flags say that neither cloud, shadow nor snow hides the ground, shape (y, x).

    Parameters
    ----------
    quality
        Flags, with ``attrs["flag_scheme"]`` as the readers of Sentinel-2, Landsat and HLS set it; NaN is not seen.
    argument
        The caller's name for the flags, used in messages.

    Returns
    -------
    NDArray[np.bool_]
        False also where there is no data.

    Raises
    ------
    InputError
        If the scheme is another one or not stated.
    """
    scheme = quality.attrs.get("flag_scheme")
    values = np.asarray(quality.to_numpy())
    known = np.isfinite(values)
    flags = np.where(known, values, 0).astype(np.int64)
    if scheme == "sentinel2-scl":
        return np.asarray(known & np.isin(flags, SCL_CLEAR) & (flags != SCL_SNOW))
    if scheme == "landsat-qa-pixel":
        return np.asarray(known & ((flags & (QA_PIXEL_BAD | QA_PIXEL_SNOW)) == 0))
    if scheme == "hls-fmask":
        return np.asarray(known & (flags != FMASK_FILL) & ((flags & (FMASK_BAD | FMASK_SNOW)) == 0))
    raise InputError(
        f"{argument} holds flags of {'an unstated scheme' if scheme is None else scheme}, not of an optical image; give the "
        "Sentinel-2 product (scene classification), the Landsat scene (QA_PIXEL) or the HLS granule (Fmask) itself"
    )
