"""Landslides with area and volume, and the lakes that they dam with the time until they overtop."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.landslide_evidence import elevation_change_of
from mitoshi.applications.disaster.landslide_figures import SLIDE_PROBABILITY, figures, tally
from mitoshi.applications.disaster.landslide_survey import SlideSurvey, as_probability, survey_landslides
from mitoshi.applications.disaster.landslide_tables import LAKE_COLUMNS, SLIDE_COLUMNS
from mitoshi.core.errors import InputError
from mitoshi.core.features import Features
from mitoshi.core.method import Surveyed, method
from mitoshi.core.product import Coded, CodedClass, Listed
from mitoshi.core.quantity import BACKSCATTER, CLOUD_MASK, ELEVATION, ELEVATION_CHANGE, FLOOD_EXTENT, OPTICAL, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.scene import ArrayScene
from mitoshi.core.support import Scene
from mitoshi.core.text import Text

__all__ = ["DEPOSIT", "NOT_OBSERVABLE", "SLIDE", "SOURCE", "STABLE", "Landslide", "landslide"]

STABLE, SOURCE, DEPOSIT, SLIDE, NOT_OBSERVABLE = 0, 1, 2, 3, 255


class Landslide(NamedTuple):
    """Landslides and dammed lakes.

    Attributes
    ----------
    landslide
        0 no landslide, 1 lowered (source), 2 raised (deposit), 3 landslide without elevation change, 255 not observable, (y, x).
    landslide_probability
        Probability that the cell slid, shape (y, x), NaN where not observable. Its calibration rests on assumed priors.
    landslides
        One row per landslide: area, volume and their 90 % ranges, whether the volume comes from elevation change or from the
        area-volume law, slope, height drop, and the catchment of a channel that it crosses.
    lakes
        One row per lake behind a deposit, at the moment it overtops: crest, area, volume, inflow and hours to overtopping with
        their 90 % ranges.
    """

    landslide: Annotated[
        Raster,
        Coded(
            Text("landslides", "土砂移動"),
            (
                CodedClass(STABLE, Text("no landslide", "土砂移動なし"), "#f2efe6"),
                CodedClass(SOURCE, Text("lowered (source)", "侵食域（発生域）"), "#a6611a"),
                CodedClass(DEPOSIT, Text("raised (deposit)", "堆積域"), "#dfc27d"),
                CodedClass(SLIDE, Text("landslide", "土砂移動（区分なし）"), "#d55e00"),
                CodedClass(NOT_OBSERVABLE, Text("not observable", "観測不能"), "#9a9a9a"),
            ),
            nodata=NOT_OBSERVABLE,
            uncertainty="landslide_probability",
        ),
    ]
    landslide_probability: Annotated[
        Raster,
        SLIDE_PROBABILITY,
    ]
    landslides: Annotated[
        Features,
        Listed(
            Text("landslides", "土砂移動の一覧"),
            SLIDE_COLUMNS,
            geometry=("Polygon", "MultiPolygon"),
            uncertainty="area_m2_lower, area_m2_upper, volume_m3_lower, volume_m3_upper, deposit_m3_lower, deposit_m3_upper, "
            "net_m3_lower, net_m3_upper",
        ),
    ]
    lakes: Annotated[
        Features,
        Listed(
            Text("lakes behind landslide dams", "河道閉塞による湛水域"),
            LAKE_COLUMNS,
            geometry=("Polygon", "MultiPolygon"),
            uncertainty="crest_m_lower, crest_m_upper, area_m2_lower, area_m2_upper, volume_m3_lower, volume_m3_upper, "
            "inflow_m3_s_lower, inflow_m3_s_upper, hours_to_overtopping_lower, hours_to_overtopping_upper",
        ),
    ]


@method(
    version="1.3.0",
    reference="doi:10.5194/nhess-22-753-2022 (Handwerger et al.); doi:10.1016/j.rse.2019.111235 (Lu et al.); "
    "doi:10.1016/j.cageo.2013.04.024 (Barnes et al., priority flood)",
    support=Scene(survey_landslides, 0),
    title=Text("Landslides and dammed lakes", "土砂移動と河道閉塞"),
    ja=arguments_ja.LANDSLIDE,
    caveats=(
        Text(
            "Without an elevation change volumes come from an area-volume law whose coefficients are not confirmed at the "
            "source; they may be off by a factor of several.",
            "標高変化がない場合の土量は面積と土量の経験式によります。係数は原典で確認できておらず、数倍の差があり得ます。",
        ),
        Text(
            "Vegetation loss and backscatter change are not landslides by themselves: felling, fire, snow and harvest "
            "look alike.",
            "植生の消失や後方散乱の変化は土砂移動だけで生じるものではありません。伐採、火災、積雪、収穫も同様に見えます。",
        ),
        Text(
            "The time to overtopping assumes a tight dam and a steady inflow. Seepage delays it, rain shortens it, and dams "
            "may fail earlier.",
            "越流までの時間は、漏水のない堤体と一定の流入を仮定しています。漏水で遅れ、降雨で早まり、越流前に決壊することもあります。",
        ),
    ),
    tally=tally,
    figures=figures,
)
def landslide(
    elevation: Annotated[Raster, ELEVATION, Need()] | None = None,
    elevation_after: Annotated[Raster, ELEVATION, Need(when="after", within="60d")] | None = None,
    elevation_change: Annotated[Raster, ELEVATION_CHANGE, Need()] | None = None,
    before: Annotated[Raster, BACKSCATTER, Need(when="before", within="60d", same_geometry_as="after")] | None = None,
    after: Annotated[Raster, BACKSCATTER, Need(when="after", within="14d")] | None = None,
    before_optical: Annotated[Raster, OPTICAL, Need(when="before", within="365d", resolution=30.0)] | None = None,
    after_optical: Annotated[Raster, OPTICAL, Need(when="after", within="60d", resolution=30.0)] | None = None,
    flood: Annotated[Raster, FLOOD_EXTENT, Need(when="after", within="14d")] | None = None,
    cloud: Annotated[Raster, CLOUD_MASK, Need(when="after", within="60d")] | None = None,
    /,
    *,
    cell_m: Annotated[float, Ge(0.0), Le(1000.0)] = 0.0,
    smallest_m2: Annotated[float, Ge(0.0), Le(1e7)] = 1000.0,
    prior: Annotated[float, Gt(0.0), Le(0.5)] = 0.02,
    change_m: Annotated[float, Gt(0.0), Le(100.0)] = 2.0,
    vegetation_loss: Annotated[float, Gt(0.0), Le(2.0)] = 0.4,
    backscatter_db: Annotated[float, Gt(0.0), Le(20.0)] = 4.0,
    smoothness: Annotated[float, Ge(0.0), Le(2.0)] = 0.5,
    slope_low_deg: Annotated[float, Ge(0.0), Le(89.0)] = 5.0,
    slope_high_deg: Annotated[float, Gt(0.0), Le(90.0)] = 15.0,
    runout_width_m: Annotated[float, Ge(0.0), Le(500.0)] = 15.0,
    volume_coefficient: Annotated[float, Gt(0.0), Le(10.0)] = 0.074,
    volume_exponent: Annotated[float, Ge(1.0), Le(2.0)] = 1.45,
    volume_log10_scatter: Annotated[float, Ge(0.0), Le(2.0)] = 0.4,
    channel_km2: Annotated[float, Gt(0.0), Le(1e5)] = 0.1,
    smallest_lake_m3: Annotated[float, Ge(0.0), Le(1e9)] = 1000.0,
    inflow_m3_s: Annotated[float, Ge(0.0), Le(1e5)] = 0.0,
    rainfall_mm_h: Annotated[float, Ge(0.0), Le(300.0)] = 0.0,
    runoff_coefficient: Annotated[float, Gt(0.0), Le(1.0)] = 0.7,
    inflow_doubt: Annotated[float, Ge(1.0), Le(20.0)] = 2.0,
    surveyed: Annotated[SlideSurvey | None, Surveyed()] = None,
) -> Landslide:
    """Map landslides from changes of elevation, vegetation and backscatter, and the lakes that their deposits dam.

    Every kind of evidence adds a log likelihood ratio per cell, with the noise measured on the scene itself: elevation
    change N(0, σ² + change²) against N(0, σ²); rdNDVI N(-loss, …); backscatter ratio in dB, either way. What images say
    counts on slopes and in the path below slides, and not on water. The prior falls on flat ground and rises in the
    drainage path below certain slides, and neighbours support each other (mean field of a Markov random field). Cells
    above 0.5 form landslides. Volume is the sum of the elevation change, its error from the spread of block means over
    stable ground; else V = coefficient · A^exponent. Where the terrain after holds water that the terrain before did not,
    the deposit dams a lake: its level is the lowest point along the best way out, and time to overtopping is volume over
    inflow.

    Parameters
    ----------
    elevation
        Terrain before [m]; gives slope, drainage, channels and lakes.
    elevation_after
        Terrain after [m]; with `elevation` it gives the change.
    elevation_change
        Change of elevation [m], positive upward.
    before, after
        Backscatter before and after, same polarisations.
    before_optical, after_optical
        Optical images with red and near-infrared bands.
    flood
        Flood map of the same event: what images say of water is no landslide.
    cloud
        Mask of `after_optical`: 0 where the ground is seen, anything else where it is hidden. Opaque cloud (bright and white over
        a patch) and lightless shadow of either date are left out without it.
    cell_m
        Side of a cell where the files have no georeference; 0 takes it from the georeference.
    smallest_m2
        Landslides smaller than this are left out.
    prior
        Share of steep cells expected to have slid (assumed).
    change_m, vegetation_loss, backscatter_db
        What sliding does: standard deviation of the change in m, mean loss of rdNDVI, standard deviation in dB (assumed).
    smoothness
        Log odds that each of eight neighbours adds (assumed).
    slope_low_deg, slope_high_deg
        The prior rises from a twentieth to its full value between these slopes.
    runout_width_m
        Distance from the drainage path below a slide within which prior odds are ten times as high (assumed).
    volume_coefficient, volume_exponent, volume_log10_scatter
        Area-volume law in m2 and m3 (Guzzetti et al. 2009, from memory, unconfirmed) and the scatter of log10 V (assumed).
    channel_km2
        Catchment from which a valley counts as a channel.
    smallest_lake_m3
        Lakes that hold less are left out.
    inflow_m3_s
        Inflow to the lakes; 0 where not known.
    rainfall_mm_h, runoff_coefficient
        Rain over the catchment and the share that runs off, used where `inflow_m3_s` is 0: Q = f r A / 3.6.
    inflow_doubt
        Factor by which the inflow may be off either way.
    surveyed
        What the whole scene shows; the runner gives it.

    Returns
    -------
    Landslide
        Classes, probability, landslides and lakes.

    Raises
    ------
    InputError
        If there is no change to look at, only one of a pair is given, or the grid has no scale.

    Notes
    -----
    Limits: elevation changes of vegetation, snow and buildings are not told from slides; catchments end at the grid's edge.
    Scenes of more than 6 million cells are seen in pieces of 1280 × 1280 with 256 cells around (more for long slides, up to
    768): run-out, catchments and lakes end there.
    """
    arrays = {
        "elevation": elevation, "elevation_after": elevation_after, "elevation_change": elevation_change, "before": before,
        "after": after, "before_optical": before_optical, "after_optical": after_optical, "flood": flood, "cloud": cloud,
    }  # fmt: skip
    like = next((r for name, r in arrays.items() if r is not None and name not in ("flood", "cloud")), None)
    if like is None:
        raise InputError("landslides need a change of something; give --elevation-change FILE, or images of two dates")
    if surveyed is None:
        surveyed = survey_landslides(
            ArrayScene(arrays), cell_m=cell_m, smallest_m2=smallest_m2, prior=prior, change_m=change_m,
            vegetation_loss=vegetation_loss, backscatter_db=backscatter_db, smoothness=smoothness,
            slope_low_deg=slope_low_deg, slope_high_deg=slope_high_deg, runout_width_m=runout_width_m,
            volume_coefficient=volume_coefficient, volume_exponent=volume_exponent,
            volume_log10_scatter=volume_log10_scatter, channel_km2=channel_km2, smallest_lake_m3=smallest_lake_m3,
            inflow_m3_s=inflow_m3_s, rainfall_mm_h=rainfall_mm_h, runoff_coefficient=runoff_coefficient,
            inflow_doubt=inflow_doubt,
        )  # fmt: skip
    place = surveyed.cut(like)
    chance = as_probability(surveyed.chance[place])
    change = elevation_change_of(elevation, elevation_after, elevation_change)
    codes = _codes(
        surveyed.slid[place], np.isfinite(chance), None if change is None else change - np.float32(surveyed.bias)
    )
    return Landslide(
        _raster(codes, like), _raster(chance, like), surveyed.slides.table(like), surveyed.lakes.table(like)
    )


def _codes(
    slid: NDArray[np.bool_], observed: NDArray[np.bool_], moved: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    """Return the classes: by the sign of the elevation change of the cell where there is one."""
    codes = np.where(slid, SLIDE, STABLE)
    if moved is not None:
        with np.errstate(invalid="ignore"):
            codes = np.where(slid & (moved < 0), SOURCE, np.where(slid & (moved >= 0), DEPOSIT, codes))
    return np.where(observed, codes, NOT_OBSERVABLE).astype(np.uint8)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
