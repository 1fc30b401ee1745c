"""What a layer says at a place or over an area, with its uncertainty or the reason why there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import NotFoundError
from mitoshi.core.text import Text
from mitoshi.display.legend import Classes
from mitoshi.display.value_reading import NO_VALUE, OUTSIDE, cells_within, statistics, values_at

if TYPE_CHECKING:
    from mitoshi.display.layers import Layer, Listing
    from mitoshi.display.rasters import Raster

__all__ = ["raster_of", "value_at", "values_over"]

MEAN_UNCERTAINTY = Text(
    "mean of the standard uncertainties of the cells: an upper bound of the standard uncertainty of the mean, reached where "
    "the errors of all cells are one error; how far they are independent is not known",
    "セルの標準不確かさの平均。平均値の標準不確かさの上限であり、全セルの誤差が完全に相関する場合に等しい（独立性の程度は不明）",
)
MEAN_PROBABILITY = Text(
    "mean probability over the cells: the expected share of the area",
    "セルの確率の平均。対象範囲に占める割合の期待値",
)
DECIMATED = Text(
    "read at every {step}th row and column, or from an overview of that size",
    "{step} 行・列おきに（または同程度の縮小画像から）読み取り",
)


def value_at(listing: Listing, layer: Layer, longitude: float, latitude: float) -> dict[str, Any]:
    """Return what a layer says at a place [degree]: observed or not, value, unit or class, uncertainty or why there is none.

    Raises
    ------
    NotFoundError
        Where the layer has no pixels.
    InputError
        If a file is damaged.
    """
    raster = raster_of(layer)
    answer: dict[str, Any] = {
        "layer": layer.id, "lon": longitude, "lat": latitude, "observed": False, "value": None, "units": layer.units,
        "class": None, "uncertainty": None, "noUncertainty": _reason(layer), "reason": None,
    }  # fmt: skip
    values = values_at(raster, longitude, latitude)
    if values is None:
        return {**answer, "reason": OUTSIDE._asdict()}
    if any(not math.isfinite(v) for v in values):
        return {**answer, "reason": NO_VALUE._asdict()}
    if len(values) > 1:
        return {**answer, "observed": True, "bands": values}
    if isinstance(raster.style, Classes):
        answer |= _classified(raster, raster.style, int(values[0]))
    else:
        answer |= {"observed": True, "value": _rounded(values[0])}
    return (
        {**answer, "uncertainty": _uncertainty(listing, layer, longitude, latitude)} if answer["observed"] else answer
    )


def values_over(listing: Listing, layer: Layer, shape: Any) -> dict[str, Any]:
    """Return the distribution of a layer's values over an area.

    Parameters
    ----------
    listing
        The layers, among which the one with the uncertainty is looked for.
    layer
        Which.
    shape
        A valid polygon of shapely in degrees.

    Raises
    ------
    NotFoundError
        Where the layer has no pixels, or is a picture.
    InputError
        If a file is damaged.
    """
    from pyproj import Geod

    raster = raster_of(layer)
    if len(raster.bands) > 1:
        raise NotFoundError(f"{layer.id[:120]!r} is a picture of three bands; ask for one of its bands")
    whole = abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0])
    answer: dict[str, Any] = {
        "layer": layer.id, "units": layer.units, "area_m2": whole, "seen_share": 0.0, "count": 0, "mean": None,
        "standard_deviation": None, "minimum": None, "maximum": None, "percentiles": {}, "classes": [],
        "uncertainty": None, "noUncertainty": _reason(layer), "reason": None, "note": None,
    }  # fmt: skip
    cells = cells_within(raster, shape)
    if cells is None:
        return {**answer, "reason": OUTSIDE._asdict()}
    answer |= statistics(raster, cells)
    answer["seen_share"] = min(1.0, answer["seen_area_m2"] / whole) if not cells.touched else float(answer["count"] > 0)
    if cells.step > 1:
        answer["note"] = DECIMATED.format(step=cells.step)._asdict()
    if not answer["count"]:
        return {**answer, "reason": NO_VALUE._asdict()}
    paired = _paired(listing, layer)
    if paired is not None:
        answer["uncertainty"] = _mean_uncertainty(paired, shape)
    return answer


def raster_of(layer: Layer) -> Raster:
    """Return the raster of a layer.

    Raises
    ------
    NotFoundError
        Where it has none.
    """
    if layer.raster is None:
        raise NotFoundError(f"{layer.id[:120]!r} has no pixels: {layer.no_tiles or 'its features carry their values'}")
    return layer.raster


def _reason(layer: Layer) -> dict[str, str] | None:
    """Return why a layer has no uncertainty, in both languages."""
    return None if layer.no_uncertainty is None else layer.no_uncertainty._asdict()


def _classified(raster: Raster, style: Classes, code: int) -> dict[str, Any]:
    entry = style.titled(code)
    hidden = style.nodata if raster.output is not None else style.bare
    if code == hidden:
        return {"reason": (entry.title if entry is not None else NO_VALUE)._asdict()}
    title = entry.title if entry is not None else Text(f"code {code}", f"コード {code}")
    return {"observed": True, "value": code, "class": {"code": code, "title": title._asdict()}}


def _paired(listing: Listing, layer: Layer) -> Layer | None:
    """Return the layer that holds the uncertainty of another."""
    found = listing.layers().get(layer.uncertainty or "")
    return found if found is not None and found.raster is not None else None


def _uncertainty(listing: Listing, layer: Layer, longitude: float, latitude: float) -> dict[str, Any] | None:
    paired = _paired(listing, layer)
    values = None if paired is None else values_at(raster_of(paired), longitude, latitude)
    if paired is None or values is None or not math.isfinite(values[0]):
        return None
    return {"value": _rounded(values[0]), "units": paired.units, "kind": _kind(paired)}


def _kind(paired: Layer) -> str:
    return "probability" if paired.quantity == "probability" else "standard_uncertainty"


def _rounded(value: float) -> float:
    """Return a stored number without the digits that float32 does not have."""
    return float(f"{value:.7g}")


def _mean_uncertainty(paired: Layer, shape: Any) -> dict[str, Any] | None:
    cells = cells_within(raster_of(paired), shape)
    mean = None if cells is None else statistics(raster_of(paired), cells)["mean"]
    if mean is None:
        return None
    kind = _kind(paired)
    meaning = MEAN_PROBABILITY if kind == "probability" else MEAN_UNCERTAINTY
    return {"value": _rounded(mean), "units": paired.units, "kind": kind, "meaning": meaning._asdict()}
