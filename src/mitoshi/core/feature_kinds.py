"""The kinds of features that methods ask for. A file that does not say which one it is is taken for what is asked."""

from __future__ import annotations

from mitoshi.core.errors import QuantityError, misspelt
from mitoshi.core.features import Column, FeatureKind
from mitoshi.core.quantity import QUANTITIES, Quantity
from mitoshi.core.text import Text

__all__ = [
    "BUILDINGS",
    "DISTRICTS",
    "FACILITIES",
    "FAULTS",
    "FEATURE_KINDS",
    "GAUGES",
    "INFLOWS",
    "RAINFALL",
    "ROADS",
    "SETTLEMENTS",
    "WATER_LEVELS",
    "asked_for",
    "feature_kind",
]

POLYGONS, POINTS, LINES = ("Polygon", "MultiPolygon"), ("Point", "MultiPoint"), ("LineString", "MultiLineString")

ID = Column("id", "str", Text("identifier", "識別子"), doc="Identifier in the source.")
NAME = Column("name", "str", Text("name", "名称"), doc="Name for people.")
TIME_S = Column("time_s", "float", Text("time since the start", "開始からの時間"), "s", required=True)

BUILDINGS = FeatureKind(
    "buildings",
    Text("buildings", "建物"),
    (*POLYGONS, *POINTS),
    (
        ID,
        Column(
            "structure", "str", Text("structure", "構造"), doc="wood, reinforced_concrete, steel, masonry or unknown."
        ),
        Column("storeys", "float", Text("storeys", "階数"), "1"),
        Column("floor_height_m", "float", Text("height of the ground floor above ground", "床高"), "m"),
        Column("floor_area_m2", "float", Text("total floor area", "延床面積"), "m2"),
        Column("use", "str", Text("use", "用途"), doc="residential, office, …"),
        Column("occupants", "float", Text("occupants", "居住者数"), "1"),
    ),
)
ROADS = FeatureKind(
    "roads",
    Text("roads", "道路"),
    LINES,
    (
        ID,
        Column("road_class", "str", Text("class", "道路種別"), doc="motorway, primary, secondary, local, …"),
        Column("width_m", "float", Text("width", "幅員"), "m"),
        Column(
            "bridge",
            "str",
            Text("bridge", "橋梁"),
            doc="true, false or unknown; a missing one counts as false (as in OSM).",
        ),
    ),
)
FACILITIES = FeatureKind(
    "facilities",
    Text("facilities", "施設"),
    (*POINTS, *POLYGONS),
    (
        ID,
        NAME,
        Column(
            "facility", "str", Text("kind of facility", "施設種別"),
            doc="hospital, shelter, fire_station, police, school, pump_station, depot or other.",
        ),
        Column("capacity", "float", Text("capacity", "収容人数"), "1"),
    ),
)  # fmt: skip
SETTLEMENTS = FeatureKind(
    "settlements",
    Text("settlements", "集落"),
    (*POINTS, *POLYGONS),
    (ID, NAME, Column("population", "float", Text("population", "人口"), "1")),
)
DISTRICTS = FeatureKind("districts", Text("districts", "地区"), POLYGONS, (ID, NAME))
INFLOWS = FeatureKind(
    "inflows",
    Text("inflow hydrographs", "流入ハイドログラフ"),
    (*POINTS, *LINES, *POLYGONS),
    (
        Column("name", "str", Text("name", "名称"), required=True, doc="Rows of one name are one hydrograph."),
        TIME_S,
        Column("discharge_m3_s", "float", Text("discharge", "流量"), "m3 s-1", required=True),
    ),
)
RAINFALL = FeatureKind(
    "rainfall",
    Text("rainfall", "降雨"),
    (),
    (TIME_S, Column("rate_mm_h", "float", Text("rainfall rate", "降雨強度"), "mm h-1", required=True)),
)
WATER_LEVELS = FeatureKind(
    "water_levels",
    Text("water levels at the edges", "境界水位"),
    (),
    (
        Column("side", "str", Text("side", "辺"), required=True, doc="north, south, east or west."),
        TIME_S,
        Column("water_level_m", "float", Text("water level", "水位"), "m", required=True),
        Column(
            "speed_m_s",
            "float",
            Text("inward speed of the water", "流入方向の流速"),
            "m s-1",
            doc="Of the water outside, positive into the grid; missing where unknown.",
        ),
    ),
)
GAUGES = FeatureKind(
    "gauges",
    Text("places to read the water at", "水位観測点"),
    (*POINTS, *POLYGONS),
    (Column("name", "str", Text("name", "名称"), required=True, doc="Of the place."),),
)
FAULTS = FeatureKind(
    "faults",
    Text("fault segments", "断層"),
    (),
    (
        Column("longitude", "float", Text("longitude of the reference point", "基準点の経度"), "degree", required=True),
        Column("latitude", "float", Text("latitude of the reference point", "基準点の緯度"), "degree", required=True),
        Column("depth_top_m", "float", Text("depth of the top edge", "上端深さ"), "m", required=True),
        Column("strike_deg", "float", Text("strike", "走向"), "degree", required=True),
        Column("dip_deg", "float", Text("dip", "傾斜"), "degree", required=True),
        Column("rake_deg", "float", Text("rake", "すべり角"), "degree", required=True),
        Column("length_m", "float", Text("length", "長さ"), "m", required=True),
        Column("width_m", "float", Text("width", "幅"), "m", required=True),
        Column("slip_m", "float", Text("slip", "すべり量"), "m", required=True),
    ),
)

FEATURE_KINDS: dict[str, FeatureKind] = {k.name: k for k in tuple(globals().values()) if isinstance(k, FeatureKind)}


def feature_kind(name: str) -> FeatureKind:
    """Return the kind called `name`.

    Raises
    ------
    QuantityError
        If there is none; the message lists the known ones.
    """
    if name not in FEATURE_KINDS:
        raise QuantityError(misspelt("kind of features", name, FEATURE_KINDS))
    return FEATURE_KINDS[name]


def asked_for(name: str) -> Quantity | FeatureKind:
    """Return the quantity or the kind of features called `name`: what a catalogue may be asked for.

    Raises
    ------
    QuantityError
        If there is neither.
    """
    if name in FEATURE_KINDS:
        return FEATURE_KINDS[name]
    if name not in QUANTITIES:
        raise QuantityError(misspelt("quantity", name, {**QUANTITIES, **FEATURE_KINDS}))
    return QUANTITIES[name]
