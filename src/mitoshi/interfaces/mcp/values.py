"""The values of an item of the catalogue at a place, with their uncertainty: what the service's own route answers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.interfaces.api.service import Service

    Values = Callable[[str, float, float], list[dict[str, Any]]]

__all__ = ["values_of"]

MOST = 32  # layers of one item


def values_of(open_service: Callable[[], Service]) -> Values:
    """Return what tells the values of an item at a place, one for each of its layers.

    Parameters
    ----------
    open_service
        Gives the service whose catalogue is read; called at the first question, for reading rasters takes long to import.
    """

    @cache
    def route() -> tuple[Any, Any]:
        try:
            from fastapi import FastAPI

            from mitoshi.interfaces.api import values
            from mitoshi.interfaces.api.layers_list import listing_of
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("mitoshi"):
                raise
            raise InputError(f"values need {error.name}; install it with pip install 'mitoshi[serve]'") from None
        service, app = open_service(), FastAPI()
        values.attach(app, service)
        ask = next(r.endpoint for r in app.routes if getattr(r, "path", "") == "/values")  # type: ignore[attr-defined]
        return listing_of(service), ask

    def told(item: str, longitude: float, latitude: float) -> list[dict[str, Any]]:
        listing, ask = route()
        layers = [layer for layer in listing.layers().values() if layer.item == item and layer.raster is not None]
        if not layers:
            raise InputError(f"no raster {item[:120]!r} can be read here; search lists what the catalogue has")
        return [
            {"title": layer.title._asdict(), "datetime": layer.moment, "simulated": layer.simulated}
            | ask(layer=layer.id, lon=longitude, lat=latitude)
            for layer in layers[:MOST]
        ]

    return told
