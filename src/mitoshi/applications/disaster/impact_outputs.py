"""What `disaster.impact` gives: twelve lists, and where the uncertainty of each stands."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from mitoshi.applications.disaster import impact_columns as columns
from mitoshi.applications.disaster.impact_certificate import CLASSES
from mitoshi.core.features import Features
from mitoshi.core.product import Listed
from mitoshi.core.text import Text

__all__ = ["Impact"]

AREAS = ("Polygon", "MultiPolygon", "Point", "MultiPoint")


class Impact(NamedTuple):
    """Lists of the impact; a list is empty where the data for it were not given, and `given` says so.

    Attributes
    ----------
    buildings
        Depth, certificate, insurance, loss rate, waste and fragility of each building.
    people
        People by depth class; rows "dry" and "not_observed" complete them.
    districts
        Counts per district, the last row for what lies in none.
    roads
        Pieces of road between junctions, passable or not for cars and trucks.
    settlements
        Whether each is cut off, and the lengths of the ways to help.
    routes
        Passable ways from settlements to hospitals and shelters.
    facilities
        Facilities and the water at them.
    pumps
        Flooded segments, the largest first: volume, pump trucks, time, and where they can stand.
    waste
        Disaster waste by every set of units.
    losses
        Losses by the method of the 水害統計.
    totals
        People and buildings in the water in all, and how many of them nothing is known of.
    given
        What was given, and how much of it the depth map did not see.
    """

    buildings: Annotated[
        Features,
        Listed(
            Text("buildings in the water", "建物の浸水"),
            columns.BUILDINGS,
            AREAS,
            uncertainty="depth_lower, depth_upper, wet_probability, certificate_lower, certificate_upper",
            class_column="certificate",
            classes=CLASSES,
        ),
    ]
    people: Annotated[
        Features,
        Listed(
            Text("people by depth", "浸水深別の浸水域内人口"), columns.PEOPLE, uncertainty="people_lower, people_upper"
        ),
    ]
    districts: Annotated[
        Features,
        Listed(
            Text("counts by district", "地区別の集計"),
            columns.DISTRICTS,
            ("Polygon", "MultiPolygon"),
            uncertainty="wet_lower, wet_upper",
        ),
    ]
    roads: Annotated[
        Features,
        Listed(
            Text("roads", "道路の通行可否"),
            columns.ROADS,
            ("LineString",),
            uncertainty="car_passable_probability, truck_passable_probability",
            class_column="car",
            classes=columns.ROAD_CLASSES,
        ),
    ]
    settlements: Annotated[
        Features,
        Listed(
            Text("settlements cut off", "孤立集落"),
            columns.SETTLEMENTS,
            AREAS,
            uncertainty="cut_off_probability",
            class_column="state",
            classes=columns.CUT_OFF_CLASSES,
        ),
    ]
    routes: Annotated[
        Features,
        Listed(
            Text("passable routes", "通行可能経路"), columns.ROUTES, ("LineString",), uncertainty="open_probability"
        ),
    ]
    facilities: Annotated[
        Features,
        Listed(
            Text("facilities in the water", "施設の浸水"),
            columns.FACILITIES,
            AREAS,
            uncertainty="wet_probability, depth_lower, depth_upper",
            class_column="state",
            classes=columns.FACILITY_CLASSES,
        ),
    ]
    pumps: Annotated[
        Features,
        Listed(
            Text("pump trucks", "排水ポンプ車"),
            columns.PUMPS,
            ("Point",),
            uncertainty="volume_lower, volume_upper, pump_trucks_lower, pump_trucks_upper",
            class_column="place_access",
            classes=columns.PUMP_CLASSES,
        ),
    ]
    waste: Annotated[
        Features,
        Listed(Text("disaster waste", "災害廃棄物"), columns.WASTE, uncertainty="waste_lower, waste_upper"),
    ]
    losses: Annotated[
        Features,
        Listed(Text("flood losses", "水害被害額"), columns.LOSSES, uncertainty="loss_lower, loss_upper"),
    ]
    totals: Annotated[
        Features,
        Listed(Text("totals with ranges", "集計と信頼区間"), columns.TOTALS, uncertainty="value_lower, value_upper"),
    ]
    given: Annotated[
        Features,
        Listed(
            Text("data given and seen", "与えられたデータと観測状況"),
            columns.GIVEN,
            no_uncertainty=Text("a count of what was given", "与えられたものの数"),
        ),
    ]
