"""A method that sees the whole scene, takes features and gives lists; its results can be told by other means."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import geopandas
import numpy as np
import xarray as xr
from annotated_types import Ge, Le

from mitoshi.core.feature_kinds import BUILDINGS, RAINFALL
from mitoshi.core.features import Column, Features
from mitoshi.core.method import Whole, method
from mitoshi.core.product import CodedClass, Figure, Listed, Measured
from mitoshi.core.quantity import ELEVATION, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.text import Text

HIGH, LOW = 2, 1


class Heights(NamedTuple):
    """Height of every building.

    Attributes
    ----------
    buildings
        Elevation at the centre of each building.
    summary
        Number of buildings per class.
    lowered
        Elevation less the rain that fell.
    """

    buildings: Annotated[
        Features,
        Listed(
            Text("buildings", "建物"),
            (
                Column("id", "str", Text("identifier", "識別子")),
                Column("height", "float", Text("height", "標高"), "m", resolution=0.1),
                Column("kind", "int", Text("class", "区分"), "1"),
            ),
            ("Polygon", "MultiPolygon", "Point"),
            no_uncertainty=Text("the elevation of this test is exact", "試験用"),
            class_column="kind",
            classes=(
                CodedClass(LOW, Text("low", "低い"), "#0072b2"),
                CodedClass(HIGH, Text("high", "高い"), "#d55e00"),
            ),
        ),
    ]
    summary: Annotated[
        Features,
        Listed(
            Text("summary", "集計"),
            (Column("kind", "str", Text("class", "区分")), Column("count", "int", Text("buildings", "棟数"), "1")),
            no_uncertainty=Text("a count of given buildings", "試験用"),
        ),
    ]
    lowered: Annotated[
        Raster,
        Measured(
            Text("lowered", "低下後"), ELEVATION, 0.01, no_uncertainty=Text("a test", "試験用"), limits=(0.0, 100.0)
        ),
    ]


def tally(found, cell_area_m2):
    return {"buildings": float(len(found.buildings)), "cell": float(np.mean(cell_area_m2))}


def figures(totals, parameters):
    reason = Text("a count", "計数")
    return (Figure("buildings", Text("buildings", "建物"), totals["buildings"], None, None, "1", None, reason),)


@method(
    version="1.0.0",
    reference="a test",
    support=Whole(),
    title=Text("Heights of buildings", "建物の標高"),
    name="test.heights",
    tally=tally,
    figures=figures,
)
def heights(
    buildings: Annotated[Features, BUILDINGS, Need()],
    elevation: Annotated[Raster, ELEVATION, Need()],
    rain: Annotated[Features, RAINFALL, Need()] | None = None,
    /,
    *,
    limit: Annotated[float, Ge(0.0), Le(1000.0)] = 50.0,
) -> Heights:
    """Look the elevation of every building up.

    Parameters
    ----------
    buildings
        Where to look.
    elevation
        What to look up [m].
    rain
        Lowers the elevation by its sum.
    limit
        From where on a building is high [m].
    """
    affine = elevation.odc.geobox.affine
    centres = buildings.geometry.centroid
    columns, rows = ~affine * (centres.x.to_numpy(), centres.y.to_numpy())
    ground = elevation.to_numpy()
    found = ground[rows.astype(int), columns.astype(int)].astype(float)
    kind = np.where(found >= limit, HIGH, LOW)
    fallen = 0.0 if rain is None else float(rain["rate_mm_h"].sum())
    listed = geopandas.GeoDataFrame(
        {"id": buildings["id"], "height": found, "kind": kind}, geometry=buildings.geometry, crs=buildings.crs
    )
    summary = geopandas.GeoDataFrame({"kind": ["low", "high"], "count": [(kind == LOW).sum(), (kind == HIGH).sum()]})
    return Heights(listed, summary, xr.DataArray((ground - fallen).astype(np.float32), dims=("y", "x")))
