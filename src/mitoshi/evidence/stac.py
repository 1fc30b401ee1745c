"""STAC: one item per product, with what a catalogue needs to find it and a stranger needs to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Coded, Listed
from mitoshi.evidence.digest import file_digest, multihash
from mitoshi.evidence.record import iso, observed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mitoshi.core.method import Output
    from mitoshi.core.product import Measured
    from mitoshi.evidence.frame import Frame
    from mitoshi.evidence.record import Plan

__all__ = ["catalog", "item"]

STAC_VERSION = "1.1.0"
SCHEMAS = {
    "classification": "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "projection": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "table": "https://stac-extensions.github.io/table/v1.2.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
}
PARQUET = "application/vnd.apache.parquet"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
EDGE_STEPS = 5  # points along each side of a footprint


def catalog(plan: Plan) -> dict[str, Any]:
    """Return the catalogue of a bundle's items."""
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": f"{plan.method.name}-{plan.time:%Y%m%dT%H%M%SZ}",
        "title": plan.method.title.en,
        "description": f"Products of {plan.method.name} {plan.method.version}",
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            *(
                {"rel": "item", "href": f"./{o.name}.json", "type": "application/geo+json", "title": o.layer.title.en}
                for o in plan.method.outputs
            ),
        ],
    }


def item(
    plan: Plan, output: Output, folder: Path, bundle_id: str, items: Mapping[str, str], version: str
) -> dict[str, Any]:
    """Return the item of one product.

    Parameters
    ----------
    plan, output
        What ran and which of its outputs.
    folder
        The bundle, for sizes and checksums.
    bundle_id
        Its identifier.
    items
        File in the bundle → identifier of the input's item.
    version
        Of mitoshi.
    """
    geometry, bbox = footprint(plan.frame)
    simulated = any(r["simulated"] for records in plan.inputs.values() for r in records)
    found: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": sorted(SCHEMAS[k] for k in _extensions(output)),
        "id": f"{bundle_id[:12]}-{output.name}",
        "geometry": geometry,
        "properties": {
            **observed(plan),
            "title": output.layer.title.en,
            "description": output.doc or output.layer.title.en,
            "created": iso(plan.time),
            "processing:facility": "mitoshi",
            "processing:lineage": f"{plan.method.name} {plan.method.version}, {plan.method.reference}",
            "processing:software": {"mitoshi": version},
            "processing:version": plan.method.version,
            "proj:code": _code(plan.frame),
            "proj:shape": list(plan.frame.shape),
            "proj:transform": list(plan.frame.transform),
            "mitoshi:bundle": bundle_id,
            "mitoshi:simulated": simulated,
        },
        "assets": _assets(output, folder),
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "./catalog.json", "type": "application/json"},
            *(
                {"rel": "derived_from", "href": f"../{file}", "type": "application/geo+json", "title": name}
                for file, name in items.items()
            ),
        ],
    }
    if plan.frame.georeferenced and _code(plan.frame) is None:
        found["properties"]["proj:wkt2"] = plan.frame.crs_text
    return found if bbox is None else {**found, "bbox": bbox}


def _code(frame: Frame) -> str | None:
    text = frame.crs_text
    return text if text is not None and text.startswith("EPSG:") else None


def _extensions(output: Output) -> set[str]:
    kind = {"table"} if not output.is_raster else {"classification"} if isinstance(output.layer, Coded) else {"raster"}
    return {"file", "processing", "projection", *kind}


def _assets(output: Output, folder: Path) -> dict[str, Any]:
    if isinstance(output.layer, Listed):
        data = {
            **_file(folder, f"{output.name}.parquet", PARQUET, output.layer.title.en, "data"),
            **_columns(output.layer),
        }
    else:
        data = {**_file(folder, f"{output.name}.tif", COG, output.layer.title.en, "data"), **_bands(output.layer)}
    found = {"data": data}
    if (folder / f"{output.name}.geojson").exists():
        found["outline"] = _file(folder, f"{output.name}.geojson", "application/geo+json", "outlines", "data")
    found["quicklook"] = _file(folder, "quicklook.png", "image/png", "quick-look", "overview")
    found["report"] = _file(folder, "report.en.pdf", "application/pdf", "report", "metadata")
    return found


def _columns(layer: Listed) -> dict[str, Any]:
    columns = [{"name": c.name, "type": c.dtype, "description": c.title.en} for c in layer.columns]
    shape = [{"name": "geometry", "type": "binary", "description": "WKB"}] if layer.geometry else []
    return {"table:columns": [*columns, *shape]}


def _bands(layer: Coded | Measured) -> dict[str, Any]:
    if isinstance(layer, Coded):
        classes = [
            {"value": c.code, "name": f"class_{c.code}", "title": c.title.en, "description": c.title.en,
             "color_hint": c.colour.lstrip("#").upper(), "nodata": c.code == layer.nodata}
            for c in layer.classes
        ]  # fmt: skip
        return {"data_type": "uint8", "nodata": layer.nodata, "classification:classes": classes}
    return {"data_type": "float32", "nodata": "nan", "unit": layer.quantity.units, "raster:sampling": "area"}


def _file(folder: Path, name: str, kind: str, title: str, role: str) -> dict[str, Any]:
    path = folder / name
    return {
        "href": f"../{name}",
        "type": kind,
        "title": title,
        "roles": [role],
        "file:checksum": multihash(file_digest(path)),
        "file:size": path.stat().st_size,
    }


def footprint(frame: Frame) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Return geometry and bbox of a grid in longitude and latitude; None without georeference.

    A bbox whose west exceeds its east crosses the antimeridian (RFC 7946, section 5.2).
    """
    if not frame.georeferenced:
        return None, None
    from mitoshi.evidence.outline import polygon_geometry
    from mitoshi.sensors.footprint import footprint_of_grid

    around = footprint_of_grid(frame.geobox)
    if around is not None and around[1][0] == -180.0 and around[1][2] == 180.0:
        return around  # the whole turn, as around a pole
    rows, columns = frame.shape
    steps = np.linspace(0, 1, EDGE_STEPS)[:-1]
    zero, one = np.zeros_like(steps), np.ones_like(steps)
    across = np.concatenate([steps, one, 1 - steps, zero, [0.0]]) * columns
    down = np.concatenate([zero, steps, one, 1 - steps, [0.0]]) * rows
    ring = frame.longitude_latitude(np.column_stack([across, down]))
    geometry, longitudes = polygon_geometry([ring])
    west, east = ((v + 180.0) % 360.0 - 180.0 if abs(v) > 180.0 else v for v in (longitudes.min(), longitudes.max()))
    if longitudes.max() - longitudes.min() >= 360.0:
        west, east = -180.0, 180.0
    bbox = [float(west), float(ring[:, 1].min()), float(east), float(ring[:, 1].max())]
    return geometry, [round(v, 7) for v in bbox]
