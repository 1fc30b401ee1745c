"""What a layer says at a place or over an area, now and over time, with its uncertainty or the reason why there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from mitoshi.core.errors import InputError
from mitoshi.core.geometry_cost import MOST_VERTICES, joined
from mitoshi.display.layers import listing_of
from mitoshi.display.values import raster_of, value_at, values_over
from mitoshi.interfaces.api.heavy_work import BUSY
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from mitoshi.display.layers import Layer, Listing
    from mitoshi.interfaces.api.service import Service

__all__ = ["AreaQuestion", "Polygon", "attach"]

MOST_MEMBERS, MOST_MEMBERS_OF_AREA = 500, 100  # of a series, the latest ones
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit, or a damaged file."},
    403: {"description": "The file behind the layer is not one that may be read."},
    404: {"description": "No such layer, or it has no pixels."},
}

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
        raster_of(found)
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
            return await heavy.run(values_over, listing, found, shape)

    @app.post("/values/area/series", summary="A layer's time series over an area", **costly)
    async def area_series(question: AreaQuestion) -> dict[str, Any]:
        async with heavy.turn():
            return await _area_series(question)

    async def _area_series(question: AreaQuestion) -> dict[str, Any]:
        found, shape = await heavy.run(_asked, listing, question)
        members = [m for m in await heavy.run(listing.series, found) if m.raster is not None]
        points = []
        for one in members[-MOST_MEMBERS_OF_AREA:]:
            answer = await heavy.run(values_over, listing, one, shape)  # others get their turn in between
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
    raster_of(found)
    return found, _shape(question.geometry)


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
