"""Small real-shaped items."""

from __future__ import annotations

from typing import Any

import pytest


def made_item(name: str, west: float = 139.0, south: float = 35.0, time: str = "2019-10-12T20:00:00Z", **extra: Any):
    east, north = west + 1.0, south + 1.0
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": name,
        "collection": extra.pop("collection", "sentinel-1-grd"),
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": [west, south, east, north],
        "properties": {"datetime": time, "gsd": 10.0, "sar:polarizations": ["VV", "VH"], **extra},
        "links": [],
        "assets": {"vv": {"href": "https://example.org/vv.tif", "type": "image/tiff", "roles": ["data"]}},
    }


@pytest.fixture
def item():
    return made_item
