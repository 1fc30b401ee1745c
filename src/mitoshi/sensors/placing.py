"""Where a raster file says that it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text

__all__ = ["NO_CRS", "checked_crs", "crs_text", "place_of"]

NO_CRS = Text(
    "the file has coordinates but has no CRS (coordinate reference system), so it has no place on the Earth; state it with "
    "'#crs=EPSG:…'",
    "座標はありますが座標参照系（CRS）の記載がないため、地球上の位置が決まりません（'#crs=EPSG:…' で指定できます）",
)
DEGREES_BEYOND = 0.01  # of a turn of latitude and longitude: cell edges may lie a little outside
SMALLEST_METRES = 1e-3  # no sensor has a pixel of less than a millimetre


def crs_text(crs: Any) -> str:
    """Return a CRS of rasterio as ``EPSG:…`` where it is exactly that one, else as WKT."""
    from rasterio.crs import CRS

    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None and CRS.from_epsg(code) == crs else str(crs.to_wkt())


def checked_crs(text: str, name: str) -> str:
    """Return the CRS that a user states, as ``EPSG:…`` or WKT.

    Raises
    ------
    InputError
        If it is none, or says no place on the Earth.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        crs = CRS.from_user_input(text)
    except (CRSError, ValueError):
        raise InputError(f"{name}: {text[:60]!r} is no known CRS; write it as EPSG:32654") from None
    return crs_text(_on_earth(crs, name))


def place_of(dataset: Any, name: str) -> dict[str, Any]:
    """Return the transform, the CRS and the unit of its vertical axis that a dataset states.

    Raises
    ------
    InputError
        If its CRS says no place on the Earth, or does not fit its coordinates.
    """
    from pyproj import CRS

    placed = not dataset.transform.is_identity
    transform = tuple(dataset.transform)[:6] if placed else None
    if dataset.crs is None or not placed:
        return {"transform": transform, "wkt": None}
    text = crs_text(_on_earth(dataset.crs, name))
    check_fit(dataset.transform, (dataset.height, dataset.width), dataset.crs.is_geographic, name)
    vertical = None
    if dataset.crs.wkt.startswith(("COMPD_CS", "COMPOUNDCRS")):
        axes = [axis for part in CRS.from_wkt(dataset.crs.wkt).sub_crs_list for axis in part.axis_info]
        vertical = next((a.unit_name for a in axes if a.direction in {"up", "down"}), None)
    return {"transform": transform, "wkt": text, "vertical_unit": vertical}


def _on_earth(crs: Any, name: str) -> Any:
    wkt = str(crs.to_wkt())
    if wkt.startswith(("LOCAL_CS", "ENGCRS", "ENGINEERINGCRS")) or not (crs.is_geographic or crs.is_projected):
        title = wkt.split('"')[1] if '"' in wkt else "unnamed"
        raise InputError(
            f"{name}: its CRS {title[:60]!r} is a local one that says no place on the Earth; assign the true one "
            "(gdal_edit.py -a_srs EPSG:…)"
        )
    return crs


def check_fit(transform: Any, shape: tuple[int, int], geographic: bool, name: str) -> None:  # noqa: FBT001
    """Refuse coordinates that contradict the kind of the CRS.

    Raises
    ------
    InputError
        For latitudes beyond the poles, or degrees where the CRS says metres.
    """
    rows, columns = shape
    corners = [transform * corner for corner in ((0, 0), (columns, 0), (0, rows), (columns, rows))]
    x, y = (np.abs(np.array(values, dtype=np.float64)) for values in zip(*corners, strict=True))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return
    if geographic and (y.max() > 90 * (1 + DEGREES_BEYOND) or x.max() > 720 * (1 + DEGREES_BEYOND)):
        raise InputError(
            f"{name}: its CRS is in degrees but its coordinates reach {x.max():.8g}, {y.max():.8g}; its CRS is wrong, "
            "assign the true one (gdal_edit.py -a_srs EPSG:…)"
        )
    step = max(abs(transform.a), abs(transform.b), abs(transform.d), abs(transform.e))
    if not geographic and step < SMALLEST_METRES and x.max() <= 360 and y.max() <= 90:
        raise InputError(
            f"{name}: its CRS is in metres but its coordinates look like degrees (pixels of {step:.3g}); its CRS is wrong, "
            "assign the true one (gdal_edit.py -a_srs EPSG:4326)"
        )
