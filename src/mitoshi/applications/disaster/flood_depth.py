"""Depth of the water in a flood map, from the heights of its edge, with its standard uncertainty."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.flood_depth_cells import codes_of
from mitoshi.applications.disaster.flood_depth_classes import CLASSES, classes_of
from mitoshi.applications.disaster.flood_depth_coherence import Urban, pair_of, updated
from mitoshi.applications.disaster.flood_depth_figures import figures, tally
from mitoshi.applications.disaster.flood_depth_survey import LARGEST_CELL, DepthSurvey, survey_depth
from mitoshi.applications.disaster.flood_depth_tile import CARRIED, CONFIRMED, SEEN, STEP_M, UNKNOWN, tile_depth
from mitoshi.core.method import Surveyed, method
from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.quantity import (
    BUILT_UP,
    COHERENCE,
    ELEVATION,
    FLOOD_EXTENT,
    HEIGHT_UNCERTAINTY,
    PROBABILITY,
    WATER_DEPTH,
    WATER_SURFACE,
    Raster,
)
from mitoshi.core.requirement import Need
from mitoshi.core.scene import ArrayScene
from mitoshi.core.support import Scene
from mitoshi.core.text import Text
from mitoshi.methods.sar.flood_survey import origin_in

__all__ = ["STEP_M", "FloodDepth", "flood_depth"]


class FloodDepth(NamedTuple):
    """Depth of flood water.

    Attributes
    ----------
    depth
        Depth of water over ground that is dry in normal times [m], shape (y, x). At least 0.01 on every flooded pixel, 0 on dry
        ground and on permanent water. Where the map saw nothing: the mean depth if water stands there, 0 where it does not come,
        NaN where that is not known.
    depth_uncertainty
        Standard uncertainty of the depth, given that there is water [m], shape (y, x); 0 where the depth is 0, NaN where it is
        NaN. Whether a pixel that was seen is flooded at all is what the flood probability says.
    water_surface
        Elevation of the water's surface where there is a depth [m], shape (y, x), as ground plus depth; NaN elsewhere.
    water_probability
        Probability of flood water, shape (y, x): 1 where the map says flooded, 0 where it says dry or permanent water. Where the
        map saw nothing: the probability that the surface carried in from the water around stands above the ground and above what
        lies on the way; NaN where that is not known.
    depth_class
        The map for people, shape (y, x): 1 dry, 2 to 7 flooded by depth (bounds 0.5, 3, 5, 10 and 20 m), 8 permanent water; where
        the map saw nothing 9 water probable (0.5 and more), 10 possible (0.05 and more), 11 unlikely, 255 nothing known.
    depth_source
        What the other layers rest on, shape (y, x): 0 seen by the flood map, 1 carried in from around, 2 the same, with
        the probability that coherence gives it, 255 nothing known.
    """

    depth: Annotated[
        Raster,
        Measured(
            Text("flood depth", "浸水深"),
            WATER_DEPTH,
            STEP_M,
            uncertainty="depth_uncertainty",
            limits=(0.0, 5.0),
            colours="YlGnBu",
        ),
    ]
    depth_uncertainty: Annotated[
        Raster,
        Measured(
            Text("standard uncertainty of the depth", "浸水深の標準不確かさ"),
            HEIGHT_UNCERTAINTY,
            STEP_M,
            no_uncertainty=Text("it is itself the uncertainty of the depth", "浸水深の不確かさそのもの"),
            limits=(0.0, 1.5),
            colours="magma",
        ),
    ]
    water_surface: Annotated[
        Raster,
        Measured(
            Text("elevation of the water surface", "水面標高"),
            WATER_SURFACE,
            STEP_M,
            uncertainty="depth_uncertainty",
            limits=(0.0, 50.0),
            colours="viridis",
        ),
    ]
    water_probability: Annotated[
        Raster,
        Measured(
            Text("probability of water", "水のある確率"),
            PROBABILITY,
            0.001,
            no_uncertainty=Text("it is itself an uncertainty", "それ自体が不確かさを表す"),
            limits=(0.0, 1.0),
            colours="Blues",
        ),
    ]
    depth_class: Annotated[
        Raster,
        Coded(
            Text("flood depth and what was not seen", "浸水深と観測不能域"),
            CLASSES,
            nodata=UNKNOWN,
            no_uncertainty=Text("that of the depth is in its layer", "浸水深の不確かさとして示す"),
        ),
    ]
    depth_source: Annotated[
        Raster,
        Coded(
            Text("what the depth rests on", "浸水深の根拠"),
            (
                CodedClass(SEEN, Text("seen by the flood map", "浸水域図による観測"), "#f2efe6"),
                CodedClass(
                    CARRIED, Text("not observable: carried in from around", "観測不能：周囲の水面を延長"), "#cc79a7"
                ),
                CodedClass(
                    CONFIRMED,
                    Text("not observable: carried in, with coherence", "観測不能：周囲の水面とコヒーレンスによる"),
                    "#d55e00",
                ),
                CodedClass(UNKNOWN, Text("not observable: nothing known", "観測不能：判定できない"), "#9a9a9a"),
            ),
            nodata=UNKNOWN,
            no_uncertainty=Text("that of what it names is in its layer", "各層の不確かさとして示す"),
        ),
    ]


@method(
    version="1.1.0",
    reference="doi:10.5194/nhess-24-2817-2024 (Betterle and Salamon); doi:10.5194/nhess-19-2053-2019 (Cohen et al.)",
    support=Scene(survey_depth, LARGEST_CELL),
    title=Text("Flood depth from flood extent and elevation", "浸水域と標高による浸水深"),
    ja=arguments_ja.FLOOD_DEPTH,
    caveats=(
        Text(
            "Depth follows from where the flood map ends. Where its edge is hidden (towns, forest) or stands at a wall, the "
            "surface is carried over from elsewhere and the uncertainty grows.",
            "浸水深は浸水域の縁の標高から求めます。縁が市街地や森林に隠れる場所や堤防などの壁際では、"
            "離れた場所の水位を用いるため不確かさが大きくなります。",
        ),
        Text(
            "Where the map saw nothing, the probability of water is that of a surface carried in from the water around. Water of "
            "other origin (rain, drains, a flood that lies wholly in the town) is not in it.",
            "観測不能域の確率は、周囲で観測された水面を延長して求めた値です。雨水や排水路による浸水、市街地の中だけの浸水は含みません。",
        ),
        Text(
            "The elevation model must show the ground, not roofs and tree tops, and must not predate earthworks. Its stated "
            "error is taken as given.",
            "標高データは建物や樹冠でなく地表面を表し、地形改変後のものである必要があります。標高の誤差は入力値のとおりとみなします。",
        ),
    ),
    tally=tally,
    figures=figures,
)
def flood_depth(
    flood: Annotated[Raster, FLOOD_EXTENT, Need(when="after", within="6d", resolution=50.0)],
    elevation: Annotated[Raster, ELEVATION, Need(passes=True)],
    coherence_before: Annotated[Raster, COHERENCE, Need(when="before", within="60d")] | None = None,
    coherence_across: Annotated[Raster, COHERENCE, Need(when="after", within="30d")] | None = None,
    built_up: Annotated[Raster, BUILT_UP, Need()] | None = None,
    /,
    *,
    elevation_error_m: Annotated[float, Ge(0.02), Le(10.0)] = 0.3,
    surface_slope: Annotated[float, Ge(1e-6), Le(0.05)] = 1e-3,
    edge_depth_m: Annotated[float, Ge(0.0), Le(1.0)] = 0.1,
    unseen_reach_m: Annotated[float, Ge(0.0), Le(20_000.0)] = 2000.0,
    coherence_looks: Annotated[float, Ge(3.0), Le(250.0)] = 12.0,
    natural_coherence: Annotated[float, Ge(0.0), Le(0.5)] = 0.1,
    flooded_coherence: Annotated[float, Ge(0.0), Le(1.0)] = 0.5,
    other_coherence: Annotated[float, Ge(0.001), Le(0.5)] = 0.05,
    built_up_threshold: Annotated[float, Ge(0.01), Le(1.0)] = 0.1,
    surveyed: Annotated[DepthSurvey | None, Surveyed()] = None,
) -> FloodDepth:
    """Return the depth of a mapped flood.

    Where a flood ends, its surface meets the ground. The flooded and permanent water is cut into pieces, connected within
    cells of 32 × 32 pixels (64 in scenes above 256 megapixels), and pieces that touch are joined over the whole scene.
    Between a flooded pixel and its dry neighbour the surface lies somewhere between the two elevations; such heights are
    averaged over stretches of 8 × 8 pixels, each with a variance that grows with the step between the two, so that walls and
    cliffs say little. Edges within two pixels of what was not seen or beside permanent water are not the water's edge and are
    left out, as are dry specks below 0.1 km². The surface is the robust mode of a Gaussian random field on the pieces
    (`mitoshi.methods.hydraulics.water_surface`): it follows the edge, slopes with the river, bridges what has no edge, is
    continuous through connected water and free to jump across a levee. Water without any edge takes the 98 % quantile of its
    ground. Depth is the mean of surface less ground, given that it is positive and that shallow water is more frequent than
    deep (an exponential prior of twice the scene's mean depth).

    What was not seen: the membrane goes on from the water that touches it over unseen ground that it can reach, held down by
    ground seen to be dry beside it (`mitoshi.methods.hydraulics.carried_surface`). The probability of water is that of the
    surface standing above the ground and above the highest ground on the lowest way from the water. In built-up
    ground to which it may come, coherence before and across the event updates it by Bayes' rule
    (`mitoshi.applications.disaster.flood_depth_coherence`).

    Parameters
    ----------
    flood
        0 dry, 1 flooded, 2 permanent water, NaN not observable.
    elevation
        Terrain height [m] in any vertical datum. Where it is finer than the flood map, its mean is the ground and levees narrower
        than a pixel hold the water.
    coherence_before, coherence_across
        Interferometric coherence, 0 to 1, of a pair before the event and of a pair across it; NaN where not observed.
    built_up
        Share of the pixel that buildings cover, 0 to 1. Coherence counts there alone.
    elevation_error_m
        Standard error of the elevation [m]. The default is that of the 5 m laser model of the Geospatial Information Authority
        of Japan (DEM5A: within 0.3 m); its photogrammetric models DEM5B and DEM5C have 0.7 and 1.4 m, DEM10B from contours 5 m
        (fgd.gsi.go.jp/download/ref_dem.html).
    surface_slope
        Size of the slope of the water's surface that is to be expected, metres per metre.
    edge_depth_m
        Depth of water at the edge of the flood map [m]: shallower water is not mapped, for stubble and grass stand out of it.
        The default is the 0.1 m of Betterle and Salamon (2024); 0 for a map that ends where the water does.
    unseen_reach_m
        Distance from what was seen up to which unseen ground that water does not reach is taken for dry [m]; beyond it nothing is
        known. An assumption: a town is narrower, the missing half of a scene is not.
    coherence_looks
        Independent looks of the coherence estimates, as their processor states them.
    natural_coherence
        Standard deviation of the coherence of dry built-up ground from pair to pair. An assumption, that of
        `disaster.building-damage`.
    flooded_coherence
        Largest share of its coherence that flooded built-up ground keeps: roofs and walls above the water. An assumption.
    other_coherence
        Share of built-up pixels whose coherence does not follow water: lost without it (rain, works, damage) or kept in it. It
        bounds what coherence can say. An assumption.
    built_up_threshold
        Share of buildings from which ground is built-up, as for `disaster.flood-extent`.
    surveyed
        The scene's water surface; the runner gives it.

    Returns
    -------
    FloodDepth
        Depth, its standard uncertainty, the water's surface, the probability of water, and what they rest on.

    Raises
    ------
    InputError
        If nothing of the flood map was observed, the elevation is none in metres, or a coherence lies outside 0 to 1 or comes
        without its partner or built_up.

    Notes
    -----
    The uncertainty holds the elevation's error, the scatter of the shoreline's heights beyond what is stated, and what the
    field does not know at a distance from any shoreline. It does not hold errors of the flood map itself. Stored depth is
    rounded to 0.01 m.
    """
    if surveyed is None:
        layers = {"coherence_before": coherence_before, "coherence_across": coherence_across, "built_up": built_up}
        surveyed = survey_depth(
            ArrayScene({"flood": flood, "elevation": elevation, **layers}),
            elevation_error_m=elevation_error_m,
            surface_slope=surface_slope,
            edge_depth_m=edge_depth_m,
            unseen_reach_m=unseen_reach_m,
        )
    ground = np.asarray(elevation.to_numpy(), np.float32)
    codes = codes_of(flood.to_numpy())
    found = tile_depth(codes, ground, surveyed, origin_in(surveyed.corner, flood), elevation_error_m)
    pair = pair_of(coherence_before, coherence_across, built_up)
    if pair is not None:
        urban = Urban(coherence_looks, natural_coherence, flooded_coherence, other_coherence, built_up_threshold)
        found = updated(found, pair, urban, surveyed.coherence_ratio)
    shown: tuple[NDArray[Any], ...] = (*found[:-1], classes_of(codes, found), found.source)
    return FloodDepth(*(_raster(values, flood) for values in shown))


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
