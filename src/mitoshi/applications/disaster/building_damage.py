"""Damage of every building from images of before and after, as a probability per damage class."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from mitoshi.applications.disaster import arguments_ja
from mitoshi.applications.disaster.building_damage_evidence import Reference, Widths
from mitoshi.applications.disaster.building_damage_figures import NOT_OBSERVED, figures, tally
from mitoshi.applications.disaster.building_damage_footprints import outside_images
from mitoshi.applications.disaster.building_damage_model import CLASS_NAMES
from mitoshi.applications.disaster.building_damage_objects import Images, check
from mitoshi.applications.disaster.building_damage_proxy import LARGEST_WINDOW, damage_proxy
from mitoshi.applications.disaster.building_damage_survey import DamageSurvey, pixel_size, prior_of, survey_damage
from mitoshi.core.feature_kinds import BUILDINGS
from mitoshi.core.features import Column, Features
from mitoshi.core.method import Surveyed, method
from mitoshi.core.product import CodedClass, Listed, Measured
from mitoshi.core.quantity import BACKSCATTER, CLOUD_MASK, COHERENCE, OPTICAL, PROBABILITY, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.scene import ArrayScene
from mitoshi.core.support import Scene
from mitoshi.core.text import Text
from mitoshi.methods.optical.cover import COVER_MARGIN

__all__ = ["INDEPENDENCE_TOLERANCE", "BuildingDamage", "building_damage"]

INDEPENDENCE_TOLERANCE = 1e-9
"""Most by which a building's probabilities may change when other footprints enter the list or leave it: the last bits of sums."""

MARGIN = LARGEST_WINDOW // 2 + 2 + COVER_MARGIN
"""Half of the largest window of the damage proxy, a pixel of its fine detail, a spare one, and what a cloud is told by."""

CLASSES = (
    CodedClass(0, Text("no visible damage", "被害なし（画像上）"), "#56b4e9"),
    CodedClass(1, Text("minor damage", "軽微な被害"), "#f0e442"),
    CodedClass(2, Text("major damage", "大きな被害"), "#e69f00"),
    CodedClass(3, Text("destroyed", "倒壊・流失"), "#d55e00"),
    CodedClass(NOT_OBSERVED, Text("not observed", "未観測"), "#9a9a9a"),
)


def _probability(name: str, title: Text, doc: str) -> Column:
    return Column(name, "float", title, "1", doc=doc, resolution=0.001)


COLUMNS = (
    Column("id", "str", Text("identifier", "識別子"), doc="Identifier of the footprint; its position where it has none."),
    Column("observed", "bool", Text("observed", "観測"), doc="Whether any image shows it on both dates."),
    Column("damage_class", "int", Text("damage class", "被害区分"), "1",
           doc="Median of probability: 0 no visible damage, 1 minor damage, 2 major damage, 3 destroyed; 255 not observed."),
    _probability("p_none", Text("probability of no visible damage", "被害なし（画像上）の確率"), "The four sum to 1."),
    _probability("p_minor", Text("probability of minor damage", "軽微な被害の確率"), "Share damaged 5 to 20 %."),
    _probability("p_major", Text("probability of major damage", "大きな被害の確率"), "Share damaged 20 to 50 %."),
    _probability("p_destroyed", Text("probability of being destroyed", "倒壊・流失の確率"), "Share damaged above 50 %."),
    _probability("damaged_share", Text("expected damaged share", "被害割合の期待値"), "Expected share damaged, 0..1."),
    _probability("damaged_share_lower", Text("damaged share, lower", "被害割合の下限"), "5 % quantile."),
    _probability("damaged_share_upper", Text("damaged share, upper", "被害割合の上限"), "95 % quantile."),
    _probability("coherence_loss", Text("loss of coherence", "コヒーレンスの低下"),
                 "Coherence before minus across over natural ratio; evidence, not an estimate of damage."),
    Column("backscatter_change_db", "float", Text("change of backscatter", "後方散乱の変化"), "dB",
           doc="Mean of polarisations; evidence.", resolution=0.01),
    _probability("optical_correlation", Text("optical correlation", "光学画像の相関"), "Best correlation of the dates."),
    _probability("edge_agreement", Text("agreement of edges", "輪郭の一致度"), "Best agreement of edges of the dates."),
)  # fmt: skip


class BuildingDamage(NamedTuple):
    """Damage of the buildings, and of every pixel's surroundings.

    Attributes
    ----------
    buildings
        One row per footprint, in the order given: probability of each class, the class that holds the median (least expected
        distance on the ordered scale), expected damaged share with its 90 % interval, and the evidence. What no image shows is
        not observed: its class is 255 and its numbers are missing.
    damage_proxy
        Probability that what stands within the window around a pixel has lost more than a fifth, shape (y, x); NaN where not
        observed. Meant for where no footprint is known; fields and trees change too.
    """

    buildings: Annotated[
        Features,
        Listed(
            Text("building damage", "建物被害"),
            COLUMNS,
            geometry=("Polygon", "MultiPolygon", "Point", "MultiPoint"),
            uncertainty="p_none, p_minor, p_major, p_destroyed, damaged_share_lower, damaged_share_upper",
            class_column="damage_class",
            classes=CLASSES,
        ),
    ]
    damage_proxy: Annotated[
        Raster,
        Measured(
            Text("damage proxy: probability of major damage", "被害指標（大きな被害の確率）"),
            PROBABILITY,
            0.001,
            no_uncertainty=Text(
                "a probability; it is itself the statement of uncertainty", "確率であり、それ自体が不確かさを表す"
            ),
            limits=(0.0, 1.0),
            colours="YlOrRd",
        ),
    ]


@method(
    version="2.2.1",
    reference="doi:10.1785/0220150152 (Yun et al. 2015, damage proxy maps from coherence); doi:10.1109/36.739146 (Touzi et al.)",
    support=Scene(survey_damage, MARGIN),
    title=Text("Building damage", "建物被害"),
    ja=arguments_ja.BUILDING_DAMAGE,
    caveats=(
        Text(
            "The class shares expected beforehand and the widths that turn change into damage are assumptions, not learnt from "
            "surveyed buildings; take the probabilities for ranking and for a first count, and replace them where surveys exist.",
            "事前の被害区分の割合と、変化を被害に換算する幅は仮定であり、現地調査から学習したものではありません。確率は優先順位付けと概数に用い、調査結果があれば値を置き換えてください。",
        ),
        Text(
            "Buildings that stand in water or mud with their roofs whole are mapped as 'no visible damage'.",
            "屋根が残ったまま浸水・埋没した建物は、「被害なし（画像上）」と判定されます。",
        ),
        Text(
            "Images from above see roofs. Soft-storey collapse, flooding inside and cracks are not seen.",
            "上空からの画像が捉えるのは屋根です。層崩壊、内部の浸水、ひび割れは捉えられません。",
        ),
        Text(
            "The damage classes are of the image, not those of the damage certificate.",
            "被害区分は画像上の区分であり、罹災証明の区分ではありません。",
        ),
    ),
    tally=tally,
    figures=figures,
    assumes=outside_images,
)
def building_damage(
    footprints: Annotated[Features, BUILDINGS, Need()],
    coherence_before: Annotated[Raster, COHERENCE, Need(when="before", within="60d")] | None = None,
    coherence_across: Annotated[Raster, COHERENCE, Need(when="after", within="30d")] | None = None,
    before: Annotated[Raster, BACKSCATTER, Need(when="before", within="60d", same_geometry_as="after")] | None = None,
    after: Annotated[Raster, BACKSCATTER, Need(when="after", within="14d")] | None = None,
    before_optical: Annotated[Raster, OPTICAL, Need(when="before", within="730d", resolution=5.0)] | None = None,
    after_optical: Annotated[Raster, OPTICAL, Need(when="after", within="30d", resolution=5.0)] | None = None,
    cloud: Annotated[Raster, CLOUD_MASK, Need(when="after", within="30d")] | None = None,
    /,
    *,
    context_m: Annotated[float, Ge(0.0), Le(30.0)] = 3.0,
    search_m: Annotated[float, Ge(0.0), Le(10.0)] = 2.5,
    window_m: Annotated[float, Gt(0.0), Le(200.0)] = 12.0,
    prior_minor: Annotated[float, Gt(0.0), Le(0.9)] = 0.025,
    prior_major: Annotated[float, Gt(0.0), Le(0.9)] = 0.025,
    prior_destroyed: Annotated[float, Gt(0.0), Le(0.9)] = 0.025,
    undamaged_correlation: Annotated[float, Gt(0.0), Le(1.0)] = 0.66,
    undamaged_edges: Annotated[float, Gt(0.0), Le(1.0)] = 0.38,
    coherence_looks: Annotated[float, Ge(2.0), Le(1000.0)] = 12.0,
    backscatter_looks: Annotated[float, Gt(0.5), Le(1000.0)] = 4.4,
    natural_coherence: Annotated[float, Gt(0.0), Le(1.0)] = 0.1,
    natural_backscatter_db: Annotated[float, Gt(0.0), Le(10.0)] = 1.2,
    natural_correlation: Annotated[float, Gt(0.0), Le(1.0)] = 0.08,
    natural_edges: Annotated[float, Gt(0.0), Le(1.0)] = 0.03,
    natural_detail: Annotated[float, Gt(0.0), Le(5.0)] = 0.5,
    damage_backscatter_db: Annotated[float, Gt(0.0), Le(20.0)] = 4.0,
    damage_detail: Annotated[float, Gt(0.0), Le(5.0)] = 1.0,
    resolution_tolerance: Annotated[float, Ge(1.0), Le(100.0)] = 2.0,
    surveyed: Annotated[DamageSurvey | None, Surveyed()] = None,
) -> BuildingDamage:
    """Estimate the damage of every building from coherence, backscatter and optical images before and after an event.

    One hidden quantity per building, the damaged share f, explains all images. Coherence across the event is
    κ γ_before (1 - f): replaced scatterers no longer add up; κ is the ratio of undamaged steady pixels. Correlation
    of the brightness of two optical dates is ρ (1 - f), and the agreement of their edges ε (1 - f), each at the best shift within
    the search radius, since buildings lean, and not below the level of chance. Backscatter (log ratio) changes either way: mean
    0, variance natural² + (damage f)², with speckle from the number of looks. Fine detail against contrast grows: debris is
    grainy. Joint likelihoods at 24 shares are summed over the classes no visible damage (f < 0.05), minor damage
    (< 0.2), major damage (< 0.5) and destroyed, each with its prior. Levels, widths and
    priors are absolute: a building's class does not depend on the others in the list. Optical pixels that opaque cloud or
    lightless shadow hides after and not before (bright and white, or black, over a patch) are not observed.

    Parameters
    ----------
    footprints
        Buildings before the event.
    coherence_before, coherence_across
        Coherence of a pair before the event, and of a pair across it, 0..1.
    before, after
        Calibrated backscatter before and after, same polarisations.
    before_optical, after_optical
        Optical images before and after, same bands, any radiometric scale; pixels of a few metres or finer.
    cloud
        Mask of `after_optical`: 0 where the ground is seen, anything else where cloud, shadow or smoke hides it.
    context_m
        Width around a footprint that counts as part of it [m].
    search_m
        Largest shift between the optical dates that is tried [m], at most 8 pixels.
    window_m
        Side of the window of the damage proxy [m], at least 3 and at most 29 pixels.
    prior_minor, prior_major, prior_destroyed
        Share of buildings expected in each class before looking (assumed; no visible damage is the rest). Low, since most of
        what a scene shows stands: with 0.025 backscatter alone expects less than 2 % destroyed on stable ground.
    undamaged_correlation, undamaged_edges
        Correlation and agreement of edges of an undamaged building, ρ and ε: means over two events (Guatemala 2018, Florence
        2018) of the medians over the buildings that stand, in images of 0.5 m.
    coherence_looks, backscatter_looks
        Independent looks of a coherence estimate and of a pixel of backscatter.
    natural_coherence, natural_correlation, natural_edges, natural_detail
        Standard deviation between undamaged buildings (assumed; the optical ones chosen on the western half of one tile of Joplin
        2011): coherence, correlation, agreement of edges, natural log of fine detail over contrast.
    natural_backscatter_db
        The same for backscatter: 95 % of drops on stable ground are below 2.0 dB (`benchmarks/natural_change.py`) over 1.645.
    damage_backscatter_db, damage_detail
        Change where everything is destroyed: standard deviation (assumed), mean log ratio (chosen as the optical widths).
    resolution_tolerance
        Factor by which the ratio of the sharpness of the optical dates may differ from the usual 1.25 before they are refused;
        100 takes any. Sharpness is the mean square difference of neighbours over that of pixels four apart.
    surveyed
        What the whole scene and every footprint show; the runner gives it.

    Returns
    -------
    BuildingDamage
        A row per footprint, and the damage proxy of every pixel.

    Raises
    ------
    InputError
        If no image is given, or only one of a pair, or a pair does not match, shows nothing in common or differs in sharpness.
    ParameterError
        If the priors leave nothing for undamaged buildings.

    Notes
    -----
    Limits: coherence needs a short baseline and no snow or vegetation; a building smaller than a pixel is diluted by its
    surroundings; more than 512 pixels from the block of 1024 that holds its centre a footprint is not read. The levels of
    undamaged buildings are those of images of half a metre of the same kind; coarser or oblique images agree less.
    """
    images = Images(coherence_before, coherence_across, before, after, before_optical, after_optical, cloud)
    check(images)
    if surveyed is None:
        surveyed = survey_damage(
            ArrayScene({"footprints": footprints, **images._asdict()}),
            context_m=context_m, search_m=search_m, prior_minor=prior_minor, prior_major=prior_major,
            prior_destroyed=prior_destroyed, undamaged_correlation=undamaged_correlation, undamaged_edges=undamaged_edges,
            coherence_looks=coherence_looks, backscatter_looks=backscatter_looks, natural_coherence=natural_coherence,
            natural_backscatter_db=natural_backscatter_db, natural_correlation=natural_correlation,
            natural_edges=natural_edges, natural_detail=natural_detail, damage_backscatter_db=damage_backscatter_db,
            damage_detail=damage_detail, resolution_tolerance=resolution_tolerance,
        )  # fmt: skip
    widths = Widths(
        coherence_looks, natural_coherence, natural_backscatter_db, natural_correlation, natural_edges, natural_detail,
        damage_backscatter_db, damage_detail, backscatter_looks,
    )  # fmt: skip
    prior = prior_of(prior_minor, prior_major, prior_destroyed)
    reference = Reference(surveyed.scales.coherence_ratio, undamaged_correlation, undamaged_edges)
    pixel = pixel_size(images.grid.attrs)
    window = 2 * round(max(1.0, (window_m / pixel - 1.0) / 2.0)) + 1
    proxy = damage_proxy(images.clear(), surveyed.scales, reference, widths, prior, window=window)
    return BuildingDamage(_table(footprints, surveyed), _raster(proxy, images.grid))


def _table(footprints: Features, surveyed: DamageSurvey) -> Features:
    import geopandas

    known, seen, ratio = surveyed.known, surveyed.seen, surveyed.scales.coherence_ratio
    observed = np.isfinite(known.share)
    given = [None] * len(footprints) if "id" not in footprints.columns else list(footprints["id"])
    below = np.cumsum(np.where(observed[:, None], known.classes, 1.0), axis=1)
    middle = np.where(observed, (below < 0.5).sum(axis=1), NOT_OBSERVED)
    changes = seen.backscatter_change_db
    columns = {
        "id": [str(position) if value is None else str(value) for position, value in enumerate(given)],
        "observed": observed,
        "damage_class": middle.astype(np.int64),
        **{f"p_{name}": known.classes[:, k] for k, name in enumerate(CLASS_NAMES)},
        "damaged_share": known.share,
        "damaged_share_lower": known.lower,
        "damaged_share_upper": known.upper,
        "coherence_loss": seen.coherence_before - seen.coherence_across / ratio,
        "backscatter_change_db": changes.mean(axis=1) if changes.shape[1] else np.full(len(observed), np.nan),
        "optical_correlation": seen.correlation,
        "edge_agreement": seen.edges,
    }
    return geopandas.GeoDataFrame(columns, geometry=footprints.geometry.to_numpy(), crs=footprints.crs)


def _raster(values: NDArray[Any], like: Raster) -> Raster:
    coords = {name: like[name] for name in ("y", "x") if name in like.coords}
    return xr.DataArray(values, dims=("y", "x"), coords=coords)
