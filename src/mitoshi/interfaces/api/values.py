"""What a layer says at a place or over an area, now and over time, with its uncertainty or the reason why there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from mitoshi.core.errors import InputError
from mitoshi.core.geometry_cost import MOST_VERTICES, joined
from mitoshi.core.text import Text
from mitoshi.interfaces.api.heavy_work import BUSY
from mitoshi.interfaces.api.layers_list import listing_of
from mitoshi.interfaces.api.legend import Classes
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.values_reading import NO_VALUE, OUTSIDE, cells_within, statistics, values_at

if TYPE_CHECKING:
    from mitoshi.interfaces.api.layers_list import Layer, Listing
    from mitoshi.interfaces.api.raster_access import Raster
    from mitoshi.interfaces.api.service import Service

__all__ = ["AreaQuestion", "Polygon", "attach", "value_at"]

MOST_MEMBERS, MOST_MEMBERS_OF_AREA = 500, 100  # of a series, the latest ones
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit, or a damaged file."},
    403: {"description": "The file behind the layer is not one that may be read."},
    404: {"description": "No such layer, or it has no pixels."},
}
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

LayerId = Annotated[str, Query(min_length=1, max_length=1024, description="A layer of /layers.")]
Longitude = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")]
Latitude = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")]
Position = Annotated[list[float], Field(min_length=2, max_length=4)]


class Polygon(BaseModel):
    """A GeoJSON polygon or multi-polygon in degrees."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any] = Field(min_length=1, max_length=MOST_VERTICES)


class AreaQuestion(BaseModel):
    """An area of a layer."""

    model_config = ConfigDict(extra="forbid")
    layer: str = Field(min_length=1, max_length=1024)
    geometry: Polygon


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of values to the application."""
    listing = listing_of(service)
    heavy = service.heavy
    told: dict[str, Any] = {"tags": ["values"], "responses": PROBLEMS}
    costly: dict[str, Any] = {**told, "responses": {**PROBLEMS, 503: BUSY}}

    @app.get("/values", summary="The value of a layer at a place, with its uncertainty", **told)
    def value(layer: LayerId, lon: Longitude, lat: Latitude) -> dict[str, Any]:
        found = listing.find(layer)
        return value_at(listing, found, lon, lat)

    @app.get("/values/series", summary="The values of a layer's time series at a place", **told)
    def series(layer: LayerId, lon: Longitude, lat: Latitude) -> dict[str, Any]:
        found = listing.find(layer)
        _raster(found)
        members = [one for one in listing.series(found) if one.raster is not None][-MOST_MEMBERS:]
        values = [(one, value_at(listing, one, lon, lat)) for one in members]
        points = [
            {"datetime": one.moment, "layer": one.id, **{k: v[k] for k in ("value", "uncertainty", "class")}}
            for one, v in values
            if v["observed"]
        ]
        return {"title": found.title._asdict(), "units": found.units, "series": points}

    @app.post("/values/area", summary="The distribution of a layer's values over an area", **costly)
    async def area(question: AreaQuestion) -> dict[str, Any]:
        async with heavy.turn():
            found, shape = await heavy.run(_asked, listing, question)
            return await heavy.run(_area, listing, found, shape)

    @app.post("/values/area/series", summary="A layer's time series over an area", **costly)
    async def area_series(question: AreaQuestion) -> dict[str, Any]:
        async with heavy.turn():
            return await _area_series(question)

    async def _area_series(question: AreaQuestion) -> dict[str, Any]:
        found, shape = await heavy.run(_asked, listing, question)
        members = [m for m in await heavy.run(listing.series, found) if m.raster is not None]
        points = []
        for one in members[-MOST_MEMBERS_OF_AREA:]:
            answer = await heavy.run(_area, listing, one, shape)  # others get their turn in between
            if answer["count"]:
                kept = ("uncertainty", "seen_share", "standard_deviation", "percentiles", "classes")
                points.append(
                    {"datetime": one.moment, "layer": one.id, "value": answer["mean"], "class": None}
                    | {k: answer[k] for k in kept}
                )
        return {"title": found.title._asdict(), "units": found.units, "series": points}


def _asked(listing: Listing, question: AreaQuestion) -> tuple[Layer, Any]:
    """Return the layer and the area that a question is about."""
    found = listing.find(question.layer)
    _raster(found)
    return found, _shape(question.geometry)


def _raster(layer: Layer) -> Raster:
    if layer.raster is None:
        raise Problem(404, f"{layer.id[:120]!r} has no pixels: {layer.no_tiles or 'its features carry their values'}")
    return layer.raster


def _reason(layer: Layer) -> dict[str, str] | None:
    """Return why a layer has no uncertainty, in both languages."""
    return None if layer.no_uncertainty is None else layer.no_uncertainty._asdict()


def value_at(listing: Listing, layer: Layer, longitude: float, latitude: float) -> dict[str, Any]:
    """Return what ``GET /values`` answers.

    Raises
    ------
    Problem
        404 where the layer has no pixels.
    InputError
        If a file is damaged.
    """
    raster = _raster(layer)
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
    values = None if paired is None else values_at(_raster(paired), longitude, latitude)
    if paired is None or values is None or not math.isfinite(values[0]):
        return None
    return {"value": _rounded(values[0]), "units": paired.units, "kind": _kind(paired)}


def _kind(paired: Layer) -> str:
    return "probability" if paired.quantity == "probability" else "standard_uncertainty"


def _rounded(value: float) -> float:
    """Return a stored number without the digits that float32 does not have."""
    return float(f"{value:.7g}")


def _shape(given: Polygon) -> Any:
    """Return a polygon of GeoJSON, made valid.

    Raises
    ------
    Problem
        400 where it is none, is too long, crosses itself too often, or does not lie on the Earth.
    """
    import shapely

    try:
        polygons = given.coordinates if given.type == "MultiPolygon" else [given.coordinates]
        if sum(len(ring) for rings in polygons for ring in rings) > MOST_VERTICES:
            raise Problem(400, f"the area has more than {MOST_VERTICES} vertices; simplify it")
        parts = [shapely.Polygon(_ring(rings[0]), [_ring(hole) for hole in rings[1:]]) for rings in polygons]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError, shapely.errors.ShapelyError):
        raise Problem(400, "the area is no polygon of GeoJSON; give rings of [longitude, latitude]") from None
    try:
        whole = joined(parts)
    except InputError as error:
        raise Problem(400, str(error)) from None
    west, south, east, north = whole.bounds if not whole.is_empty else (math.nan,) * 4
    if not whole.area > 0:
        raise Problem(400, "the area is empty; give a polygon with an inside")
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Problem(400, "the area does not lie on the Earth; give degrees, and two polygons across the antimeridian")
    return whole


def _ring(positions: Any) -> list[tuple[float, float]]:
    ring = [(float(p[0]), float(p[1])) for p in positions]
    if not all(math.isfinite(v) for p in ring for v in p):
        raise ValueError("a coordinate is not finite")
    return ring


def _area(listing: Listing, layer: Layer, shape: Any) -> dict[str, Any]:
    from pyproj import Geod

    raster = _raster(layer)
    if len(raster.bands) > 1:
        raise Problem(404, f"{layer.id[:120]!r} is a picture of three bands; ask for one of its bands")
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


def _mean_uncertainty(paired: Layer, shape: Any) -> dict[str, Any] | None:
    cells = cells_within(_raster(paired), shape)
    mean = None if cells is None else statistics(_raster(paired), cells)["mean"]
    if mean is None:
        return None
    kind = _kind(paired)
    meaning = MEAN_PROBABILITY if kind == "probability" else MEAN_UNCERTAINTY
    return {"value": _rounded(mean), "units": paired.units, "kind": kind, "meaning": meaning._asdict()}
