"""Who and what is in the way of a flood: buildings, people, a connected road network, facilities, settlements, districts.

Everything follows from the region and its seed, tile by tile, so a region of any size can be written. The files are what
`disaster.impact` asks for, in formats that any tool reads, and each says that it is simulated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.grid import tiles
from mitoshi.simulation.noise import key, uniform
from mitoshi.simulation.region import Region, buildings, region, roads
from mitoshi.simulation.terrain import LAND
from mitoshi.simulation.write import create, tags, trimmed, write_json

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["Exposure", "exposure", "write_exposure"]

TILE = 2048
PRODUCED = "2025-04-01T00:00:00Z"
SETTLEMENT_M = 500.0  # buildings of one lattice cell of this size are one settlement
FEWEST = 12  # buildings of a settlement
STOREY_M = 3.0
AREA_PER_HEAD_M2 = 40.0
FLOOR_HEIGHT_M = (0.45, 0.65)  # the Building Standards Act asks for 45 cm above the ground under timber floors
WOOD, STEEL = 0.80, 0.12  # shares of low buildings; the rest, and what is tall, is reinforced concrete
TALL_STOREYS = 4
REACH_M = 3000.0  # a settlement further than this from every main road has none
DISTRICTS = 4  # along each side
SHELTER_AREA_M2 = 2.0  # of floor for one person, to give shelters a capacity


class Exposure(NamedTuple):
    """The features, each a list of GeoJSON features in the region's CRS (coordinates in metres)."""

    buildings: list[dict[str, Any]]
    roads: list[dict[str, Any]]
    facilities: list[dict[str, Any]]
    settlements: list[dict[str, Any]]
    districts: list[dict[str, Any]]


def exposure(place: Region, most: int | None = None) -> Exposure:
    """Return what stands and lives in a region.

    Parameters
    ----------
    place
        The region; it is made tile by tile.
    most
        Buildings at most: every n-th one is kept, evenly over the region; None keeps all.
    """
    table, water = _surveyed(place)
    table = table if most is None or len(table) <= most else table[np.linspace(0, len(table) - 1, most).astype(int)]
    built = [_building(n, row, place.seed) for n, row in enumerate(table)]
    towns = _settlements(table, built)
    network = _network(place, towns, water)
    return Exposure(
        built, network, _facilities(place, towns, table), [_town_feature(t) for t in towns], _districts(place)
    )


def write_exposure(
    folder: Path, shape: tuple[int, int], *, seed: int = 1, pixel_size: float = 10.0, buildings: int | None = None
) -> list[Path]:
    """Write the exposure of a region: GeoJSON or GeoPackage of features, and the population of every cell.

    Parameters
    ----------
    folder
        Made where it is missing.
    shape, seed, pixel_size
        Of the region, as for `mitoshi.simulation.region`.
    buildings
        At most so many; None keeps all.
    """
    place = region(shape, pixel_size, seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = exposure(place, buildings)
    written = [
        _write_features(folder / f"{name}.geojson", place, getattr(found, name))
        for name in ("roads", "facilities", "settlements", "districts")
    ]
    written.append(_write_buildings(folder / "buildings.parquet", place, found.buildings))
    written.append(_write_population(folder / "SIM_population.tif", place))
    return written


def _surveyed(place: Region) -> tuple[Array, list[tuple[tuple[int, int], Array]]]:
    """Return all buildings (n, 5) and, tile by tile, where permanent water is."""
    found, water = [], []
    for tile in tiles(place.shape, TILE):
        ground = place.ground(tile.write)
        found.append(buildings(place, ground))
        water.append(((tile.row, tile.column), ground.terrain.water != LAND))
    table = np.concatenate(found)
    return table[np.lexsort((table[:, 0], table[:, 1]))], water


def _building(number: int, row: Array, seed: int) -> dict[str, Any]:
    west, south, east, north, height = (float(v) for v in row)
    stream = key(seed, "exposure")
    chance, raised, use = (uniform(number, n, stream) for n in range(3))
    storeys = max(1, round(height / STOREY_M))
    low = storeys < TALL_STOREYS
    structure = (
        ("wood" if chance < WOOD else "steel" if chance < WOOD + STEEL else "reinforced_concrete")
        if low
        else "reinforced_concrete"
    )
    area = (east - west) * (north - south)
    residential = use < 0.88
    properties = {
        "id": f"B{number:06d}",
        "structure": structure,
        "storeys": storeys,
        "floor_height_m": round(FLOOR_HEIGHT_M[0] + (FLOOR_HEIGHT_M[1] - FLOOR_HEIGHT_M[0]) * raised, 2),
        "floor_area_m2": round(area * storeys, 1),
        "use": "residential" if residential else "office",
        "occupants": round(area * storeys / AREA_PER_HEAD_M2, 2) if residential else 0.0,
    }
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return _feature(properties, "Polygon", [ring])


class _Town(NamedTuple):
    number: int
    easting: float
    northing: float
    population: float
    buildings: int


def _settlements(table: Array, built: list[dict[str, Any]]) -> list[_Town]:
    """Return the lattice cells with enough buildings, the most populous first."""
    if not len(table):
        return []
    centres = np.stack([(table[:, 0] + table[:, 2]) / 2, (table[:, 1] + table[:, 3]) / 2], axis=1)
    cells = np.floor(centres / SETTLEMENT_M).astype(np.int64)
    _, member = np.unique(cells, axis=0, return_inverse=True)
    people = np.array([b["properties"]["occupants"] for b in built])
    count = np.bincount(member)
    sums = [np.bincount(member, weights=w) for w in (centres[:, 0], centres[:, 1], people)]
    towns = [
        _Town(0, float(sums[0][n] / count[n]), float(sums[1][n] / count[n]), float(sums[2][n]), int(count[n]))
        for n in range(len(count))
        if count[n] >= FEWEST
    ]
    ordered = sorted(towns, key=lambda t: (-t.population, t.easting, t.northing))
    return [t._replace(number=n) for n, t in enumerate(ordered)]


def _town_feature(town: _Town) -> dict[str, Any]:
    properties = {
        "id": f"S{town.number:04d}",
        "name": f"集落{town.number + 1}",
        "population": round(town.population, 1),
    }
    return _feature(properties, "Point", [round(town.easting, 2), round(town.northing, 2)])


def _network(place: Region, towns: list[_Town], water: list[tuple[tuple[int, int], Array]]) -> list[dict[str, Any]]:
    """Return main roads and a local road from each settlement to the nearest of them, split where they meet."""
    import shapely

    frame = _box(place)
    main = shapely.intersection(shapely.multilinestrings([shapely.linestrings(line) for line in roads(place)]), frame)
    links = []
    for town in towns:
        point = shapely.Point(town.easting, town.northing)
        to = shapely.get_point(shapely.shortest_line(point, main), 1) if not main.is_empty else point
        if 1.0 < point.distance(to) <= REACH_M:
            end = shapely.Point(*(np.array([to.x, to.y]) + (np.array([to.x, to.y]) - [point.x, point.y]) * 1e-6))
            links.append(shapely.LineString([point, end]))
    noded = shapely.set_precision(shapely.union_all([main, *links]), 0.01)
    parts = [p for p in shapely.get_parts(shapely.line_merge(noded)) if p.length > 0]
    split = shapely.get_parts(shapely.node(shapely.multilinestrings(parts))) if parts else []
    local = shapely.union_all([shapely.buffer(link, 0.5) for link in links]) if links else shapely.Polygon()
    ordered = sorted(split, key=lambda p: p.wkb)
    return [_road(n, part, place, water, local=local.contains(part)) for n, part in enumerate(ordered)]


def _road(
    number: int, part: Any, place: Region, water: list[tuple[tuple[int, int], Array]], *, local: bool
) -> dict[str, Any]:
    properties = {
        "id": f"R{number:05d}",
        "road_class": "local" if local else "primary",
        "width_m": 5.5 if local else 12.0,
        "bridge": bool(_over_water(part, place, water)),
    }
    return _feature(properties, "LineString", [[round(x, 2), round(y, 2)] for x, y in part.coords])


def _over_water(part: Any, place: Region, water: list[tuple[tuple[int, int], Array]]) -> bool:
    """Tell whether a road crosses permanent water somewhere."""
    steps = max(2, int(part.length / place.pixel_size) + 1)
    for share in np.linspace(0.0, 1.0, steps):
        point = part.interpolate(share, normalized=True)
        column, row = int((point.x - place.west) / place.pixel_size), int((place.north - point.y) / place.pixel_size)
        for (top, left), mask in water:
            if 0 <= row - top < mask.shape[0] and 0 <= column - left < mask.shape[1] and mask[row - top, column - left]:
                return True
    return False


def _facilities(place: Region, towns: list[_Town], table: Array) -> list[dict[str, Any]]:
    """Return hospitals in the largest settlements, a shelter in each, a fire station, a depot and pump stations."""
    found = []
    hospitals = max(1, len(towns) // 12)
    for town in towns:
        at = _beside(town, table, 0)
        capacity = round(max(50.0, 0.4 * town.population))
        found.append(_facility("shelter", town, at, capacity, "避難所"))
        if town.number < hospitals:
            found.append(_facility("hospital", town, _beside(town, table, 1), 200, "病院"))
            found.append(_facility("fire_station", town, _beside(town, table, 2), 20, "消防署"))
        if town.number % 6 == 3:
            found.append(_facility("pump_station", town, _beside(town, table, 3), 10, "排水機場"))
    north = (place.west + 0.5 * place.shape[1] * place.pixel_size, place.north - 300.0)
    found.append(
        _feature(
            {"id": "F-depot", "name": "災害対策車両基地", "facility": "depot", "capacity": 12.0}, "Point", list(north)
        )
    )
    return found


def _beside(town: _Town, table: Array, turn: int) -> list[float]:
    """Return the centre of one of the town's buildings: facilities stand where buildings do."""
    centres = np.stack([(table[:, 0] + table[:, 2]) / 2, (table[:, 1] + table[:, 3]) / 2], axis=1)
    order = np.argsort(np.hypot(centres[:, 0] - town.easting, centres[:, 1] - town.northing), kind="stable")
    east, north = centres[order[min(turn * 3, len(order) - 1)]]
    return [round(float(east), 2), round(float(north), 2)]


def _facility(kind: str, town: _Town, at: list[float], capacity: float, word: str) -> dict[str, Any]:
    name = f"集落{town.number + 1}{word}"
    return _feature(
        {"id": f"F-{kind}-{town.number:04d}", "name": name, "facility": kind, "capacity": float(capacity)}, "Point", at
    )


def _districts(place: Region) -> list[dict[str, Any]]:
    size = place.pixel_size
    width, height = place.shape[1] * size / DISTRICTS, place.shape[0] * size / DISTRICTS
    found = []
    for row in range(DISTRICTS):
        for column in range(DISTRICTS):
            west, north = place.west + column * width, place.north - row * height
            ring = [
                [west, north - height],
                [west + width, north - height],
                [west + width, north],
                [west, north],
                [west, north - height],
            ]
            found.append(
                _feature({"id": f"D{row}{column}", "name": f"第{row * DISTRICTS + column + 1}地区"}, "Polygon", [ring])
            )
    return found


def _box(place: Region) -> Any:
    import shapely

    size = place.pixel_size
    return shapely.box(place.west, place.north - place.shape[0] * size, place.west + place.shape[1] * size, place.north)


def _feature(properties: dict[str, Any], kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def _write_features(path: Path, place: Region, features: list[dict[str, Any]]) -> Path:
    """Write GeoJSON in degrees (RFC 7946), to a centimetre."""
    from pyproj import Transformer

    move = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True).transform

    def moved(part: Any) -> Any:
        if isinstance(part[0], list):
            return [moved(p) for p in part]
        return [round(v, 7) for v in move(part[0], part[1])]

    lines = [
        json.dumps(
            {**f, "geometry": {**f["geometry"], "coordinates": moved(f["geometry"]["coordinates"])}}, ensure_ascii=False
        )
        for f in features
    ]
    said = f'"mitoshi_simulated":true,"mitoshi_quantity":"{path.stem}","mitoshi_seed":{place.seed}'
    head = f'{{"type":"FeatureCollection",{said},"features":[\n'
    return write_json(path, head + ",\n".join(lines) + "\n]}\n")


def _write_buildings(path: Path, place: Region, features: list[dict[str, Any]]) -> Path:
    """Write GeoParquet in the region's CRS: tens of thousands of buildings in a moment."""
    from io import BytesIO

    import geopandas
    import pyarrow.parquet as pq
    import shapely

    columns = list(features[0]["properties"]) if features else ["id"]
    table = {name: [f["properties"][name] for f in features] for name in columns}
    shapes = shapely.polygons([f["geometry"]["coordinates"][0] for f in features]) if features else []
    stream = BytesIO()
    geopandas.GeoDataFrame(table, geometry=shapes, crs=place.crs).to_parquet(stream, index=False)
    content = pq.read_table(stream)
    said = {b"mitoshi_simulated": b"true", b"mitoshi_quantity": b"buildings", b"mitoshi_seed": str(place.seed).encode()}
    temporary = path.with_name(f".{path.name}.partial")
    pq.write_table(content.replace_schema_metadata({**content.schema.metadata, **said}), temporary)
    temporary.replace(path)
    return path


def _write_population(path: Path, place: Region) -> Path:
    stated = tags(place, "population", PRODUCED)
    with create(path, place, "float32", ("population",), stated, float("nan")) as file:
        for tile in tiles(place.shape, TILE):
            people = place.ground(tile.write).cover.population
            rows, columns = tile.write
            file.write(trimmed(people), 1, window=((rows.start, rows.stop), (columns.start, columns.stop)))
    return path
