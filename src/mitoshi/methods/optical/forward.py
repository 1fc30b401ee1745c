"""What an optical sensor measures over a known ground: surface reflectance by land cover, water, cloud and cloud shadow.

Reflectances are rounded from the classes of the USGS spectral library version 7 (Kokaly et al. 2017, doi:10.3133/ds1035)
for the bands of Sentinel-2; the flood's turbid water follows the shape of sediment-laden rivers (bright in red, dark beyond
1 micrometre).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["BANDS", "CLOUD", "REFLECTANCE", "TURBID", "surface_reflectance"]

BANDS = ("B02", "B03", "B04", "B08", "B11")  # 490, 560, 665, 842, 1610 nm

# One row per scatterer of mitoshi.methods.sar.forward: sea, water, bare, tarmac, paddy, grass, forest, urban, road.
REFLECTANCE = np.array(
    [
        (0.055, 0.045, 0.025, 0.012, 0.006),
        (0.050, 0.060, 0.040, 0.022, 0.010),
        (0.170, 0.220, 0.260, 0.320, 0.400),
        (0.085, 0.095, 0.100, 0.120, 0.130),
        (0.060, 0.090, 0.110, 0.210, 0.240),
        (0.040, 0.075, 0.055, 0.330, 0.200),
        (0.025, 0.045, 0.028, 0.300, 0.140),
        (0.110, 0.120, 0.130, 0.180, 0.190),
        (0.090, 0.100, 0.105, 0.150, 0.160),
    ],
    np.float32,
)
TURBID = np.array((0.075, 0.105, 0.115, 0.065, 0.020), np.float32)
CLOUD = np.array((0.66, 0.65, 0.66, 0.68, 0.52), np.float32)
SHADOW_LIGHT = np.array((0.62, 0.56, 0.50, 0.44, 0.40), np.float32)  # diffuse light left under a cloud


def surface_reflectance(
    cover: Array, depth: Array, tall: Array, texture: Array, opacity: Array, shade: Array, band: str
) -> Array:
    """Return one band of surface reflectance.

    Parameters
    ----------
    cover
        (rows, columns) index of the land cover, see `REFLECTANCE`.
    depth
        (rows, columns) depth of flood water [m].
    tall
        (rows, columns) true where trees or buildings stand above the flood.
    texture
        (rows, columns) standard normal deviation of the place; one standard deviation is 12 % of reflectance.
    opacity
        (rows, columns) share of the ground hidden by cloud, 0 to 1.
    shade
        (rows, columns) share of direct light taken by a cloud's shadow, 0 to 1.
    band
        One of `BANDS`.

    Returns
    -------
    float32 (rows, columns).
    """
    n = BANDS.index(band)
    ground = REFLECTANCE[cover, n] * np.clip(1.0 + 0.12 * texture, 0.4, 1.8)
    flooded = np.where(tall, 0.0, np.clip(depth / 0.2, 0.0, 1.0))
    surface = ground * (1.0 - flooded) + TURBID[n] * flooded
    lit = surface * (1.0 - shade * (1.0 - SHADOW_LIGHT[n]))
    seen: Array = (lit * (1.0 - opacity) + CLOUD[n] * opacity).astype(np.float32, copy=False)
    return seen
