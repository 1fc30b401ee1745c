"""Layers and circumstances for the handover's tests."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas
import numpy as np
import pytest
import shapely

from mitoshi.core.features import Column
from mitoshi.core.text import Text
from mitoshi.handover.layers import Context, Issuer, LayerForHandover, Legend, LegendClass

TIME = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)


@pytest.fixture
def context():
    return Context(Text("Heavy rain of November", "11月豪雨"), TIME, simulated=True, evidence=("disaster.impact-1a2b",))


@pytest.fixture
def issuer():
    return Issuer("河川事務所", "bousai@example.jp")


@pytest.fixture
def flood():
    """Two flooded areas in UTM zone 54, one of them in two parts and with a hole."""
    ring = shapely.Polygon([(0, 0), (400, 0), (400, 300), (0, 300)], [[(50, 50), (50, 90), (90, 90), (90, 50)]])
    parts = shapely.MultiPolygon([ring, shapely.box(600, 0, 700, 100)])
    place = shapely.transform(
        np.array([parts, shapely.box(1000, 0, 1100, 50)], object), lambda p: p + np.array([380000, 3950000])
    )
    features = geopandas.GeoDataFrame(
        {"id": ["1", "2"], "area_m2": [128400.0, 5000.0], "note": ["堤防の北側", None]}, geometry=place, crs=32654
    )
    columns = (
        Column("id", "str", Text("identifier", "識別子")),
        Column("area_m2", "float", Text("area", "面積"), "m2"),
        Column("note", "str", Text("note", "備考")),
    )
    return LayerForHandover(Text("Flood extent", "浸水域"), features, columns, code="01-008-03", colour="#2b8cbe")


@pytest.fixture
def roads():
    features = geopandas.GeoDataFrame(
        {"id": ["r1", "r2", "r3"], "passable": ["no", "yes", "unknown"], "depth_m": [0.8, 0.0, np.nan], "bridge": [0.0, 1.0, 0.0]},
        geometry=[shapely.LineString([(139.7, 35.7), (139.71, 35.71)]), shapely.MultiLineString([[(139, 35), (139.1, 35)], [(139.2, 35), (139.3, 35)]]), shapely.LineString([(139.5, 35), (139.6, 35)])],
        crs=4326,
    )  # fmt: skip
    columns = (
        Column("id", "str", Text("identifier", "識別子")),
        Column("passable", "str", Text("passable", "通行可否")),
        Column("depth_m", "float", Text("greatest depth", "最大浸水深"), "m"),
        Column("bridge", "bool", Text("bridge", "橋梁")),
    )
    return LayerForHandover(
        Text("Roads", "道路"),
        features,
        columns,
        code="01-005-02",
        attributes={"passstts": "passable"},
        values={"passstts": {"no": "road_close", "yes": "その他の規制"}},
        constants={"detail": "衛星観測からの推定"},
        legend=Legend("passable", (LegendClass("no", Text("closed", "通行不可"), "#d7301f"), LegendClass("yes", Text("open", "通行可"), "#33a02c"))),
    )  # fmt: skip


@pytest.fixture
def counts():
    """A plain table: damage by district."""
    table = geopandas.GeoDataFrame(
        {"district": ["A", "=cmd()"], "houses": [12, 3], "houses_lower": [9.5, 1.0], "houses_upper": [18.0, 5.0]}
    )
    columns = (
        Column("district", "str", Text("district", "地区")),
        Column("houses", "int", Text("houses flooded", "浸水家屋数"), "1"),
        Column("houses_lower", "float", Text("lower bound", "下限"), "1"),
        Column("houses_upper", "float", Text("upper bound", "上限"), "1"),
    )
    return LayerForHandover(Text("Damage by district", "地区別被害"), table, columns)  # fmt: skip
