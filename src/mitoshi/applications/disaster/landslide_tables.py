"""Landslides and dammed lakes as tables with outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.landslide_lakes import DammedLake, catchments
from mitoshi.applications.disaster.landslide_segments import Slide, outline
from mitoshi.core.features import Column, Features
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.applications.disaster.landslide_evidence import Terrain
    from mitoshi.core.quantity import Raster

__all__ = [
    "LAKE_COLUMNS",
    "SLIDE_COLUMNS",
    "Rows",
    "joined_lakes",
    "joined_slides",
    "lake_table",
    "rows_of",
    "slide_table",
]


def _ranged(name: str, title: Text, units: str, doc: str) -> tuple[Column, Column, Column]:
    """Return the columns of an estimate and its 90 % range."""
    return (
        Column(name, "float", title, units, doc=doc),
        Column(f"{name}_lower", "float", Text(f"{title.en}, lower", f"{title.ja}の下限"), units, doc="5 % quantile."),
        Column(f"{name}_upper", "float", Text(f"{title.en}, upper", f"{title.ja}の上限"), units, doc="95 % quantile."),
    )


SLIDE_COLUMNS = (
    Column("id", "str", Text("identifier", "識別子"), doc="Number in the run."),
    *_ranged("area_m2", Text("area", "面積"), "m2", "Area seen from above."),
    *_ranged(
        "volume_m3", Text("volume", "移動土量"), "m3", "Volume lowered, or of the whole slide by the area-volume law."
    ),
    Column("volume_from", "str", Text("source of the volume", "土量の根拠"), doc="elevation_change or area_law."),
    *_ranged(
        "deposit_m3", Text("deposited volume", "堆積土量"), "m3", "Volume raised; missing without elevation change."
    ),
    *_ranged(
        "net_m3", Text("net volume", "正味の土量変化"), "m3", "Raised less lowered; what left the slide is negative."
    ),
    Column("lowering_m", "float", Text("largest lowering", "最大侵食深"), "m"),
    Column("raising_m", "float", Text("largest raising", "最大堆積厚"), "m"),
    Column(
        "probability", "float", Text("mean probability", "平均確率"), "1", doc="Mean over the slide.", resolution=0.001
    ),
    Column("slope_deg", "float", Text("mean slope before", "平均傾斜"), "degree", resolution=0.1),
    Column("drop_m", "float", Text("height drop", "比高"), "m", doc="Highest less lowest cell before.", resolution=0.1),
    Column(
        "crosses_channel", "bool", Text("crosses a channel", "河道との交差"), doc="A channel runs through its cells."
    ),
    Column("catchment_km2", "float", Text("largest catchment crossed", "交差する流域面積"), "km2"),
)
LAKE_COLUMNS = (
    Column("id", "str", Text("identifier", "識別子"), doc="Number in the run, largest volume first."),
    Column("landslide_id", "str", Text("landslide", "土砂移動の識別子"), doc="The landslide that dams it."),
    *_ranged("crest_m", Text("elevation of the crest", "閉塞部の最低標高"), "m", "Lowest point of the blocking section."),
    *_ranged("area_m2", Text("area when full", "満水時の面積"), "m2", "At the moment of overtopping."),
    *_ranged("volume_m3", Text("volume when full", "満水時の貯水量"), "m3", "At the moment of overtopping."),
    Column("depth_m", "float", Text("largest depth", "最大水深"), "m"),
    Column("catchment_km2", "float", Text("catchment", "流域面積"), "km2", doc="Within the grid."),
    *_ranged("inflow_m3_s", Text("inflow", "流入量"), "m3 s-1", "Missing where neither inflow nor rain is given."),
    *_ranged("hours_to_overtopping", Text("hours to overtopping", "越流までの時間"), "h", "From an empty lake; V / Q."),
    Column("cut", "bool", Text("reaches the grid's edge", "範囲外に達する"), doc="Crest and volume are then lower bounds."),
)  # fmt: skip


def _three(name: str, values: Sequence[tuple[float, float, float]]) -> dict[str, NDArray[np.float64]]:
    table = np.array(values, dtype=float).reshape(-1, 3)
    return {name: table[:, 0], f"{name}_lower": table[:, 1], f"{name}_upper": table[:, 2]}


class Rows(NamedTuple):
    """A list without its reference system: columns by name, and outlines as well-known binary."""

    columns: dict[str, list[Any]]
    outlines: list[bytes]

    def table(self, like: Raster) -> Features:
        """Return the list in the reference system of a raster."""
        import geopandas
        import shapely

        return geopandas.GeoDataFrame(self.columns, geometry=list(shapely.from_wkb(self.outlines)), crs=_crs(like))


def rows_of(table: Features) -> Rows:
    """Return a list as plain rows, which a survey can hand over."""
    columns = {str(name): table[name].tolist() for name in table.columns if name != "geometry"}
    return Rows(columns, list(table.geometry.to_wkb()))


def joined_slides(parts: list[Rows]) -> Rows:
    """Return the landslides of all pieces, from the top of the grid down."""
    if not parts:
        return _none(SLIDE_COLUMNS)
    joined = _joined(parts)
    return _ordered(joined, sorted(range(len(joined.outlines)), key=lambda n: int(joined.columns["id"][n])))


def joined_lakes(parts: list[Rows]) -> Rows:
    """Return the lakes of all pieces, largest volume first, and number them."""
    if not parts:
        return _none(LAKE_COLUMNS)
    joined = _joined(parts)
    ordered = _ordered(joined, sorted(range(len(joined.outlines)), key=lambda n: -joined.columns["volume_m3"][n]))
    return Rows({**ordered.columns, "id": [str(n) for n in range(1, len(ordered.outlines) + 1)]}, ordered.outlines)


def _none(columns: tuple[Column, ...]) -> Rows:
    return Rows({c.name: [] for c in columns}, [])


def _joined(parts: list[Rows]) -> Rows:
    names = parts[0].columns
    return Rows(
        {name: [value for part in parts for value in part.columns[name]] for name in names},
        [outline for part in parts for outline in part.outlines],
    )


def _ordered(rows: Rows, order: list[int]) -> Rows:
    return Rows(
        {name: [values[n] for n in order] for name, values in rows.columns.items()}, [rows.outlines[n] for n in order]
    )


def slide_table(
    numbers: list[int],
    slides: list[Slide],
    terrain: Terrain,
    chance: NDArray[np.float32],
    like: Raster,
    areas: NDArray[np.float64],
    channel_km2: float,
) -> Features:
    """Return one row per landslide, in the order given."""
    import geopandas

    drained = None if terrain.drainage is None or not slides else catchments(terrain, areas)

    def each(values: NDArray[Any] | None, summary: Any) -> NDArray[np.float64]:
        if values is None:
            return np.full(len(slides), np.nan)
        return np.array([float(summary(values[s.window][s.cells])) for s in slides], dtype=float)

    crossed = each(drained, np.max)
    columns = {
        "id": [str(n) for n in numbers],
        **_three("area_m2", [s.area for s in slides]),
        **_three("volume_m3", [s.volume for s in slides]),
        "volume_from": ["elevation_change" if s.from_change else "area_law" for s in slides],
        **_three("deposit_m3", [s.deposit for s in slides]),
        **_three("net_m3", [s.net for s in slides]),
        "lowering_m": np.array([s.lowering for s in slides], float),
        "raising_m": np.array([s.raising for s in slides], float),
        "probability": each(chance, np.mean),
        "slope_deg": each(terrain.slope_deg, _mean),
        "drop_m": each(terrain.before, lambda v: np.nanmax(v) - np.nanmin(v) if np.isfinite(v).any() else np.nan),
        "crosses_channel": np.nan_to_num(crossed) >= channel_km2,
        "catchment_km2": crossed,
    }
    return geopandas.GeoDataFrame(columns, geometry=[outline(s.window, s.cells, like) for s in slides], crs=_crs(like))


def lake_table(lakes: list[DammedLake], like: Raster) -> Features:
    """Return one row per lake, largest volume first."""
    import geopandas

    columns = {
        "id": [str(n) for n in range(1, len(lakes) + 1)],
        "landslide_id": [str(lake.slide) for lake in lakes],
        **_three("crest_m", [lake.crest for lake in lakes]),
        **_three("area_m2", [lake.area for lake in lakes]),
        **_three("volume_m3", [lake.volume for lake in lakes]),
        "depth_m": np.array([lake.depth for lake in lakes], float),
        "catchment_km2": np.array([lake.catchment_km2 for lake in lakes], float),
        **_three("inflow_m3_s", [lake.inflow for lake in lakes]),
        **_three("hours_to_overtopping", [lake.hours for lake in lakes]),
        "cut": np.array([lake.cut for lake in lakes], bool),
    }
    return geopandas.GeoDataFrame(
        columns, geometry=[outline(lake.window, lake.inside, like) for lake in lakes], crs=_crs(like)
    )


def _mean(values: NDArray[np.float32]) -> float:
    seen = values[np.isfinite(values)]
    return float(seen.mean(dtype=np.float64)) if seen.size else float("nan")


def _crs(like: Raster) -> Any:
    """Return the reference system of a raster, None without one."""
    import odc.geo.xr  # noqa: F401

    found = like.odc.crs
    return None if found is None else found.to_wkt()
