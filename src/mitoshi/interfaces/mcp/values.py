"""The values of an item of the catalogue at a place, with their uncertainty."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.display.source import DataSource

    Values = Callable[[str, float, float], list[dict[str, Any]]]

__all__ = ["values_of"]

MOST = 32  # layers of one item


def values_of(open_source: Callable[[], DataSource]) -> Values:
    """Return what tells the values of an item at a place, one for each of its layers.

    Parameters
    ----------
    open_source
        Gives the data that may be read; called at the first question, for reading rasters takes long to import.
    """
    source = cache(open_source)

    def told(item: str, longitude: float, latitude: float) -> list[dict[str, Any]]:
        try:
            from mitoshi.display.layers import listing_of
            from mitoshi.display.values import value_at
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("mitoshi"):
                raise
            raise InputError(f"values need {error.name}; install it with pip install 'mitoshi[serve]'") from None
        listing = listing_of(source())
        layers = [layer for layer in listing.layers().values() if layer.item == item and layer.raster is not None]
        if not layers:
            raise InputError(f"no raster {item[:120]!r} can be read here; search lists what the catalogue has")
        return [
            {"title": layer.title._asdict(), "datetime": layer.moment, "simulated": layer.simulated}
            | value_at(listing, layer, longitude, latitude)
            for layer in layers[:MOST]
        ]

    return told
