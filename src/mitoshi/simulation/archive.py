"""The demo's archive: many simulated observations of one region, and its truth beside them in a folder of its own."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.requirement import instant
from mitoshi.methods.optical.forward import BANDS
from mitoshi.methods.sar.forward import OPEN_SEA, WATER
from mitoshi.simulation.flood import with_flood
from mitoshi.simulation.observe import (
    OpticalPass,
    RadarPass,
    elevation_model,
    observe_optical,
    observe_radar,
    unobservable,
    water_occurrence,
)
from mitoshi.simulation.region import Ground, Region, buildings, flood_depth, region, roads
from mitoshi.simulation.write import tags, trimmed, write_array, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mitoshi.simulation.flood import SolvedFlood

    Array = np.ndarray[Any, Any]

__all__ = ["EVENT", "LAND_COVER_CODES", "Plan", "default_plan", "write_region", "write_truth"]

EVENT = "2026-10-12T00:00:00Z"
PRODUCED = "2025-04-01T00:00:00Z"  # elevation, water history and land cover are older than every event
QUANTIFICATION, OFFSET = 10_000, -1000

# Codes of ESA WorldCover for the scatterers: sea, water, bare, tarmac, paddy, grass, forest, urban, road.
LAND_COVER_CODES = np.array((80, 80, 60, 50, 40, 30, 10, 50, 50), np.uint8)


class Plan(NamedTuple):
    """Which passes an archive holds.

    Attributes
    ----------
    radar, optical
        Passes over the region.
    elsewhere
        A radar pass over another region, whose image must not be taken for this one's.
    """

    radar: tuple[RadarPass, ...]
    optical: tuple[OpticalPass, ...]
    elsewhere: RadarPass


def default_plan(event: str = EVENT) -> Plan:
    """Return passes of two tracks before and after an event, optical ones, one long before and one elsewhere.

    Parameters
    ----------
    event
        When the flood begins, ISO 8601.

    Notes
    -----
    The right pair for the event is the ascending pass 20 hours after it and the ascending one 12 days before that. The
    latest pass before the event is a descending one, with another view: the trap.
    """

    def at(days: float) -> str:
        return f"{instant(event) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"

    first = 20.0 / 24.0
    floods = {0: 1.0, 12: 0.15}
    ascending = [
        RadarPass(at(first + d), flood=floods.get(d, 0.0), wind_db=1.5 + 0.5 * (d % 5)) for d in (-36, -24, -12, 0, 12)
    ]
    seen = {2.4: 0.75, 14.4: 0.0}
    descending = [
        RadarPass(at(d), "descending", 46, 42.5, flood=seen.get(d, 0.0)) for d in (-33.6, -21.6, -9.6, -3.6, 2.4, 14.4)
    ]
    long_before = RadarPass(at(first - 396))
    clear = OpticalPass(at(-17.94), 0.08)
    cloudy = OpticalPass(at(1.06), 0.65, 0.95)
    later = OpticalPass(at(6.06), 0.2, 0.35)
    return Plan((*ascending, *descending, long_before), (clear, cloudy, later), RadarPass(at(first), flood=1.0))


def write_region(
    place: Region, out: Path, plan: Plan | None = None, progress: Callable[[str], None] | None = None
) -> list[Path]:
    """Write an archive: ``out/archive`` for ingestion and ``out/truth`` with what is true.

    Parameters
    ----------
    place
        The region; it must fit in memory (use `write_pair` for large ones). Its flood is solved, up to 2.25 megapixels.
    out
        A folder, made where it is missing.
    plan
        The passes; None is `default_plan()`.
    progress
        Called with each file's name once it is written.

    Returns
    -------
    The paths of everything in the archive, the truth not among them.
    """
    plan = plan or default_plan()
    archive = Path(out) / "archive"
    archive.mkdir(parents=True, exist_ok=True)
    tell = progress or (lambda _: None)
    place = with_flood(place)
    ground = place.ground()
    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(lambda p: _write_radar(place, ground, p, archive), plan.radar))
    other = region((place.shape[0] // 3, place.shape[1] // 3), place.pixel_size, place.seed + 1, crs=place.crs,
                   west=place.west + 2 * place.shape[1] * place.pixel_size, north=place.north)  # fmt: skip
    written.append(_write_radar(other, other.ground(), plan.elsewhere, archive, prefix="SIM-ELSEWHERE"))
    with ThreadPoolExecutor(2) as pool:
        for paths in pool.map(lambda p: write_optical(place, ground, p, archive), plan.optical):
            written += paths
    written += write_maps(place, ground, archive)
    peak = next((p for p in plan.radar if p.flood > 0), plan.radar[-1])
    truth = write_truth(place, ground, peak, Path(out) / "truth")
    for path in (*written, *truth):
        tell(path.name)
    return written


def _write_radar(place: Region, ground: Ground, passage: RadarPass, folder: Path, prefix: str = "SIM") -> Path:
    """Write one pass as a two-band GeoTIFF of linear gamma nought."""
    direction = passage.orbit_state[:1].upper()
    stamp = f"{instant(passage.time):%Y%m%dT%H%M%S}"
    path = folder / f"{prefix}_RTC_{direction}{passage.relative_orbit:03d}_{stamp}Z_VV-VH.tif"
    bands = ("VV", "VH")
    values = trimmed(observe_radar(place, ground, passage, bands))
    return write_array(path, place, values, bands, radar_tags(place, passage, bands), float("nan"))


def radar_tags(place: Region, passage: RadarPass, polarisations: Sequence[str]) -> dict[str, str]:
    """Return the tags of a radar file."""
    return tags(
        place,
        "gamma0",
        passage.time,
        bands="+".join(polarisations),
        orbit_state=passage.orbit_state,
        relative_orbit=str(passage.relative_orbit),
        incidence_angle=f"{passage.incidence_deg:g}",
        equivalent_number_of_looks=f"{passage.looks:g}",
    )


def write_optical(place: Region, ground: Ground, passage: OpticalPass, folder: Path) -> list[Path]:
    """Write one optical pass as a folder in the manner of the Sentinel-2 L2A cloud-optimised archive.

    Parameters
    ----------
    place, ground, passage
        What is seen, and when.
    folder
        Where the product's folder goes.

    Returns
    -------
    The band files and the STAC item beside them; digital numbers are ``10000 reflectance + 1000``, as since 2022.
    """
    name = f"SIM_S2A_54RXV_{instant(passage.time):%Y%m%d}_0_L2A"
    product = folder / name
    product.mkdir(exist_ok=True)
    view = observe_optical(place, ground, passage)
    written = []
    for band, values in zip(BANDS, view.reflectance, strict=True):
        numbers = np.clip(np.rint(values * QUANTIFICATION) - OFFSET, 1, 65535).astype(np.uint16)
        stated = tags(place, "surface_reflectance", passage.time, bands=band, scale="0.0001", offset="-0.1")
        written.append(write_array(product / f"{band}.tif", place, numbers, (band,), stated, 0))
    stated = tags(place, "quality", passage.time, bands="SCL")
    written.append(write_array(product / "SCL.tif", place, view.scene_class, ("SCL",), stated, 0))
    item = optical_item(place, passage, name, float((view.scene_class == 9).mean()))
    written.append(write_json(product / f"{name}.json", json.dumps(item, indent=1)))
    return written


def optical_item(place: Region, passage: OpticalPass, name: str, cloud: float) -> dict[str, Any]:
    """Return the STAC item of an optical product, as a dictionary."""
    w, s, e, n = place.bbox
    keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16", "SCL": "scl"}
    assets = {
        key: {
            "href": f"./{band}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "proj:shape": list(place.shape),
            "proj:transform": list(place.transform),
            "eo:bands": [{"name": key, "common_name": key}] if band != "SCL" else [],
            "raster:bands": [
                {"nodata": 0, "data_type": "uint8"}
                if band == "SCL"
                else {"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}
            ],
            "roles": ["data"] if band == "SCL" else ["data", "reflectance"],
        }
        for band, key in keys.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "bbox": [w, s, e, n],
        "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        "properties": {
            "datetime": passage.time,
            "platform": "simulated",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "gsd": place.pixel_size,
            "eo:cloud_cover": round(100 * cloud, 2),
            "proj:epsg": int(place.crs.split(":")[1]),
            "s2:processing_baseline": "05.10",
            "earthsearch:boa_offset_applied": False,
            "mitoshi:simulated": True,
            "mitoshi:seed": place.seed,
        },
        "links": [],
        "assets": assets,
    }


def write_maps(place: Region, ground: Ground, folder: Path) -> list[Path]:
    """Write what does not change: the elevation model, the water history and the land-cover map."""
    codes = LAND_COVER_CODES[ground.cover.kind]
    return [
        write_array(folder / "SIM_DEM.tif", place, elevation_model(place, ground), ("elevation",),
                    tags(place, "elevation", PRODUCED), float("nan")),
        write_array(folder / "SIM_water_occurrence.tif", place, water_occurrence(ground), ("water_occurrence",),
                    tags(place, "water_occurrence", PRODUCED), float("nan")),
        write_array(folder / "SIM_land_cover.tif", place, codes, ("land_cover",), tags(place, "land_cover", PRODUCED), 0),
    ]  # fmt: skip


def flood_code(ground: Ground, share: float) -> Array:
    """Return 0 dry, 1 flooded, 2 permanent water; uint8 (rows, columns)."""
    permanent = (ground.cover.kind == OPEN_SEA) | (ground.cover.kind == WATER)
    codes: Array = np.where(permanent, 2, flood_depth(ground, share) > 0).astype(np.uint8)
    return codes


def write_truth(place: Region, ground: Ground, passage: RadarPass, folder: Path) -> list[Path]:
    """Write what is true at a pass: flood, depth, what the radar cannot see, terrain, buildings, roads, population, inflows.

    Parameters
    ----------
    place, ground
        The region and its ground.
    passage
        The pass whose flood and view are meant.
    folder
        Made where it is missing. Never give it to ingestion.
    """
    folder.mkdir(parents=True, exist_ok=True)
    when = passage.time
    layers: list[tuple[str, Array, str, float | None]] = [
        ("flood", flood_code(ground, passage.flood), "value", None),
        ("flood_depth", flood_depth(ground, passage.flood), "value", None),
        ("not_observable", unobservable(place, ground, passage).astype(np.uint8), "value", None),
        ("terrain", ground.terrain.elevation, "elevation", None),
        ("scatterer", ground.cover.kind, "value", None),
        ("building_height", ground.cover.building_height, "value", None),
        ("population", ground.cover.population, "population", None),
    ]
    written = [
        write_array(folder / f"{name}.tif", place, values, (name,), tags(place, quantity, when, truth="true"), nodata)
        for name, values, quantity, nodata in layers
    ]
    written.append(write_json(folder / "buildings.geojson", _buildings_geojson(place, ground)))
    written.append(write_json(folder / "roads.geojson", _roads_geojson(place)))
    if place.flood is not None:
        written.append(write_json(folder / "inflows.geojson", _inflows_geojson(place, place.flood)))
    return written


def _inflows_geojson(place: Region, flood: SolvedFlood) -> str:
    """Return the hydrographs that drove the flood, one feature per river and time, as `disaster.inundation` takes them."""
    transformer = _to_degrees(place)
    features = []
    for inflow in flood.inflows:
        lon, lat = transformer.transform(inflow.x, inflow.y)
        for time, discharge in zip(inflow.time_s, inflow.discharge_m3_s, strict=True):
            stated = json.dumps({"name": inflow.name, "time_s": time, "discharge_m3_s": discharge})
            point = f'{{"type":"Point","coordinates":[{lon:.7f},{lat:.7f}]}}'
            features.append(f'{{"type":"Feature","properties":{stated},"geometry":{point}}}')
    return _collection(place, features)


def _to_degrees(place: Region) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True)


def _collection(place: Region, features: Sequence[str]) -> str:
    stated = f'"mitoshi:simulated":true,"mitoshi_simulated":true,"mitoshi:seed":{place.seed}'
    head = f'{{"type":"FeatureCollection",{stated},"features":[\n'
    return head + ",\n".join(features) + "\n]}\n"


def _buildings_geojson(place: Region, ground: Ground) -> str:
    table = buildings(place, ground)
    if not len(table):
        return _collection(place, [])
    corners = table[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1]].reshape(-1, 2)
    lon, lat = _to_degrees(place).transform(corners[:, 0], corners[:, 1])
    rings = np.stack([lon, lat], axis=1).reshape(-1, 5, 2)
    features = []
    for n, (ring, height) in enumerate(zip(rings, table[:, 4], strict=True)):
        points = ",".join(f"[{x:.7f},{y:.7f}]" for x, y in ring)
        features.append(
            f'{{"type":"Feature","id":{n},"properties":{{"height_m":{height:.1f},"floors":{max(1, round(height / 3))}}},'
            f'"geometry":{{"type":"Polygon","coordinates":[[{points}]]}}}}'
        )
    return _collection(place, features)


def _roads_geojson(place: Region) -> str:
    transformer = _to_degrees(place)
    features = []
    for n, line in enumerate(roads(place)):
        lon, lat = transformer.transform(line[:, 0], line[:, 1])
        points = ",".join(f"[{x:.7f},{y:.7f}]" for x, y in zip(lon, lat, strict=True))
        features.append(
            f'{{"type":"Feature","id":{n},"properties":{{"kind":"main"}},'
            f'"geometry":{{"type":"LineString","coordinates":[{points}]}}}}'
        )
    return _collection(place, features)
