"""Native products of sensors: each becomes lazily read arrays in physical units and a STAC item.

    from mitoshi import sensors

    observation = sensors.open_observation("S1A_IW_GRDH_….zip")
    gamma0 = observation.layers["gamma0"]             # (polarisation, y, x), linear power, not yet read
    gamma0.isel(y=slice(0, 512), x=slice(0, 512)).load()

A new sensor is one new file with a module-level ``READER``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitoshi.sensors import guard
    from mitoshi.sensors.observation import Description, Observation, Reader
    from mitoshi.sensors.opening import items, open_item, open_observation, place_of, readers
    from mitoshi.sensors.stac import with_checksums

__all__ = [
    "Description",
    "Observation",
    "Reader",
    "guard",
    "items",
    "open_item",
    "open_observation",
    "place_of",
    "readers",
    "with_checksums",
]

_HOME = {
    "Description": "observation",
    "Observation": "observation",
    "Reader": "observation",
    "items": "opening",
    "open_item": "opening",
    "open_observation": "opening",
    "place_of": "opening",
    "readers": "opening",
    "with_checksums": "stac",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name in _HOME:
        return getattr(importlib.import_module(f"mitoshi.sensors.{_HOME[name]}"), name)
    if name == "guard":
        return importlib.import_module("mitoshi.sensors.guard")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
