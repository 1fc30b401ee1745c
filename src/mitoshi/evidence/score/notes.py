"""What must be said of a comparison: times, grids, what counts where, and what was supposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.core.text import Text
from mitoshi.evidence.score import cautions
from mitoshi.evidence.score.classes import MISSING
from mitoshi.evidence.score.grid import Polygons, Resampled
from mitoshi.evidence.score.measures import area as written_area
from mitoshi.evidence.score.measures import share as written_share
from mitoshi.evidence.wording import moment, number

if TYPE_CHECKING:
    from mitoshi.core.text import Language
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.coded import CodedScene, CodedTally
    from mitoshi.evidence.score.grid import Overlap
    from mitoshi.evidence.score.inputs import FeatureInput, Input, LayerInput, Product
    from mitoshi.evidence.score.listed import ListedTally, Match
    from mitoshi.evidence.score.measured import PointValues

__all__ = ["of_classes", "of_inputs", "of_lists", "of_measures", "of_places", "of_points"]

NO_TIME = Text("states no time", "時刻の記載なし")
TIMES = Text("product: {product}; reference: {reference}", "プロダクト：{product}、参照データ：{reference}")
DIFFERENCE = Text("; reference {hours} h {side} than the product", "、参照データはプロダクトより {hours} 時間{side}")
SAME_TIME = Text("; same time", "、同時刻")
SIMULATED = Text("{name} is simulated: not a real observation", "{name} は模擬データであり、実際の観測ではありません")
LARGEST = Text(
    "The reference lies on another grid: each cell takes the class with the largest share of {points} × {points} points",
    "参照データは別の格子のため、プロダクトの各セルに {points}×{points} 点で最大の面積率をもつ区分を割り当てました",
)
BURNT = Text(
    "The polygons of the reference are drawn on the product's grid: each cell has the class with the largest share",
    "参照データのポリゴンはプロダクトの格子に変換し、各セルに最大の面積率をもつ区分を割り当てました",
)
ALL_POSITIVE = Text(
    "Every polygon of the reference counts as class {code}; --column names the column that says otherwise",
    "参照データのポリゴンはすべて区分 {code} とみなします（--column で区分の列を指定できます）",
)
PRODUCT_POSITIVE = Text(
    "Every polygon of the product counts as class {code}; --product-column names the column that says otherwise",
    "プロダクトのポリゴンはすべて区分 {code} とみなします（--product-column で区分の列を指定できます）",
)
PRODUCT_OUTSIDE = Text(
    "Outside the product's polygons is class {code}", "プロダクトのポリゴンの外は区分 {code} とみなします"
)
UNSEEN_OUTSIDE = Text(
    "Outside the product's polygons, which have no class 0, nothing counts as observed",
    "プロダクトのポリゴンに区分 0 がないため、その外は未観測とみなします",
)
OUTSIDE_AREA = Text(
    "outside them and inside {area} is class {code}", "ポリゴンの外は {area} の内側で区分 {code} とみなします"
)
OUTSIDE_EXTENT = Text(
    "outside them and inside the rectangle that holds them is class {code} (--reference-area FILE says otherwise)",
    "ポリゴンの外は全体を囲む矩形の内側で区分 {code} とみなします（--reference-area で指定できます）",
)
MIXED = Text(
    "{mixed} of {cells} compared cells are mixed: a class boundary of the reference runs through them",
    "比較した {cells} セルのうち {mixed} セルは参照データの区分の境界を含みます",
)
SHARE = Text(
    "compared: {compared} of {cells} cells of the product ({share})",
    "比較したセル：プロダクトの {cells} セル中 {compared}（{share}）",
)
AREAS = Text(
    "area of '{title}' where both were observed: product {product}, reference {reference}: the product's is {difference}",
    "両方が観測した範囲での「{title}」の面積：プロダクト {product}、参照データ {reference}。プロダクトのほうが{difference}",
)
LARGER, SMALLER = Text("{share} larger", " {share} 広いです"), Text("{share} smaller", " {share} 狭いです")
BEYOND = Text(
    "{share} of the reference's extent lies outside the product's grid and is not counted",
    "参照データの範囲の {share} はプロダクトの格子の外にあり、集計に含みません",
)
PROBABILITY = Text("the probability is read as that of: {title}", "確率は「{title}」の確率とみなします")
OF_REFERENCE = Text("class 1 of the reference", "参照データの区分 1")
PROBABLE_PART = Text(
    "calibration is over the cells that have a probability and a reference",
    "校正は確率と参照データの両方があるセルについての値です",
)
MEANT = Text(
    "the reference is averaged over the product's cells where it is finer, and interpolated where it is coarser",
    "参照データがプロダクトより細かい場合はセル内で平均し、粗い場合は内挿しました",
)
REFERENCE_EXACT = Text(
    "the reference counts as exact: its own errors are part of these figures",
    "参照データは正しいものとみなします。その誤差もこれらの値に含まれます",
)
AT_LEAST = Text(
    "compared where the product or the reference is {value} or more",
    "プロダクトまたは参照データが {value} 以上のセルを比較しました",
)
AT_POINTS = Text(
    "each point is compared with the cell it lies in; {outside} of {points} points lie outside the product's grid",
    "各点はその点を含むセルと比較しました。{points} 点中 {outside} 点はプロダクトの格子の外です",
)
BY_IOU = Text(
    "features match where their intersection over union is {least:g} or more, the best pair first, each once",
    "地物は重なり（IoU）が {least:g} 以上のとき、値の大きい組から1対1で対応させました",
)
BY_CENTROID = Text(
    "features match where the inner point of one lies in the other, the nearest pair first, each once",
    "地物は一方の内点が他方に含まれるとき、近い組から1対1で対応させました",
)
IN_RASTER = Text(
    "each feature takes the class of {name} that has the largest share of it, a point that of its cell; one in which {name} "
    "states no class is not compared",
    "各地物には {name} のうち最大の面積を占める区分（点はそのセルの区分）を割り当てました。"
    "{name} に区分のない地物は比較していません",
)
MADE_BY = Text(
    "the product was made by {method}; evidence bundle {bundle}",
    "プロダクトは {method} によるものです（証跡一式 {bundle}）",
)
ASSUMED = Text("{name}: {text}", "{name}：{text}")


def of_inputs(product: Product, reference: Input) -> tuple[Text, ...]:
    """Return the times of both, what is simulated, and what the readers had to suppose."""
    inputs: tuple[Input, ...] = (product.source, reference)
    said = [_times(product.source, reference)]
    said += [MADE_BY.format(method=product.method, bundle=product.bundle[:12])] if product.bundle else []
    said += [SIMULATED.format(name=i.name) for i in inputs if i.simulated]
    said += [
        Text(ASSUMED.en.format(name=i.name, text=t.en), ASSUMED.ja.format(name=i.name, text=t.ja))
        for i in inputs
        for t in i.assumptions
    ]
    return tuple(dict.fromkeys(said))


def _times(product: Input, reference: Input) -> Text:
    words = [_time(i) for i in (product, reference)]
    said = Text(
        TIMES.en.format(product=words[0].en, reference=words[1].en),
        TIMES.ja.format(product=words[0].ja, reference=words[1].ja),
    )
    if product.times is None or reference.times is None:
        return said
    hours = (reference.times[0] - product.times[0]).total_seconds() / 3600.0
    if hours == 0:
        return Text(said.en + SAME_TIME.en, said.ja + SAME_TIME.ja)
    side = Text("later", "後") if hours > 0 else Text("earlier", "前")
    shown = number(abs(hours), 1)
    return Text(
        said.en + DIFFERENCE.en.format(hours=shown, side=side.en),
        said.ja + DIFFERENCE.ja.format(hours=shown, side=side.ja),
    )


def _time(found: Input) -> Text:
    if found.times is None:
        return NO_TIME
    first, last = found.times

    def words(language: Language) -> str:
        return moment(first, language) if first == last else f"{moment(first, language)} – {moment(last, language)}"

    return Text(words("en"), words("ja"))


def of_classes(
    scene: CodedScene,
    base: LayerInput,
    tally: CodedTally,
    area: FeatureInput | None,
    names: tuple[str, str],
    *,
    columns: tuple[str | None, str | None],
    thresholded: bool,
) -> tuple[Text, ...]:
    """Return how classes were brought onto one grid, how much was compared, and what limits the numbers.

    Parameters
    ----------
    scene, base, tally
        What was compared, whose grid, and the sums.
    area
        Polygons inside which the reference is complete.
    names, columns
        Of product and reference, and of their columns that hold the class.
    thresholded
        Whether a probability was compared.
    """
    truth, classes = scene.reference, scene.classes
    column = columns[1]
    compared = float(tally.compared.sum())
    said = [
        *cautions.of_matrix(tally.compared, classes, float(tally.unobserved.sum())),
        _share(compared, base),
        *_areas(tally, classes),
    ]
    for side, name in zip((scene.product, truth), names, strict=True):
        said += cautions.of_polygons(side, name) if isinstance(side, Polygons) else ()
    if isinstance(scene.product, Polygons):
        outside = scene.product.outside
        said += [PRODUCT_POSITIVE.format(code=classes.positive[0])] if columns[0] is None else []
        said.append(UNSEEN_OUTSIDE if outside == MISSING else PRODUCT_OUTSIDE.format(code=classes.codes[outside]))
    if isinstance(truth, Resampled):
        said.append(LARGEST.format(points=truth.points))
    if isinstance(truth, Polygons):
        code = classes.codes[int(np.argmin(classes.is_positive))]
        rest = OUTSIDE_EXTENT.format(code=code) if area is None else OUTSIDE_AREA.format(area=area.name, code=code)
        said += [BURNT, Text(rest.en[:1].upper() + rest.en[1:], rest.ja)]
        said += [ALL_POSITIVE.format(code=classes.positive[0])] if column is None else []
    if isinstance(truth, Resampled | Polygons):
        mixed = compared - float(tally.pure[:-1, :-1].sum())
        said.append(MIXED.format(mixed=number(mixed, 0), cells=number(compared, 0)))
    said += _beyond(scene.overlap)
    if scene.probability is not None:
        title = OF_REFERENCE if thresholded else classes.positive_title
        said += [Text(PROBABILITY.en.format(title=title.en), PROBABILITY.ja.format(title=title.ja)), PROBABLE_PART]
    return (*said, REFERENCE_EXACT)


def _share(compared: float, base: LayerInput) -> Text:
    cells = base.shape[0] * base.shape[1]
    return SHARE.format(compared=number(compared, 0), cells=number(cells, 0), share=written_share(compared / cells))


def _areas(tally: CodedTally, classes: Classes) -> list[Text]:
    """Return by how much the product's area of the positive class differs from that of the reference, where it has one."""
    both = tally.areas[:-1, :-1]
    product, reference = float(both[classes.is_positive].sum()), float(both[:, classes.is_positive].sum())
    if reference <= 0.0 or product == reference:
        return []
    difference = (LARGER if product > reference else SMALLER).format(
        share=written_share(abs(product / reference - 1.0))
    )
    sizes = [written_area(value, georeferenced=tally.georeferenced) for value in (product, reference)]
    title = classes.positive_title
    return [
        Text(
            AREAS.en.format(title=title.en, product=sizes[0].en, reference=sizes[1].en, difference=difference.en),
            AREAS.ja.format(title=title.ja, product=sizes[0].ja, reference=sizes[1].ja, difference=difference.ja),
        )
    ]


def _beyond(part: Overlap) -> list[Text]:
    return [BEYOND.format(share=written_share(part.beyond))] if part.beyond > 0 else []


def of_measures(base: LayerInput, reference: LayerInput, part: Overlap, at_least: float | None) -> tuple[Text, ...]:
    """Return how the reference was brought onto the product's grid."""
    from mitoshi.cube.grid import same_grid

    placed = base.grid.crs is not None and not same_grid(base.grid, reference.grid)
    least = [] if at_least is None else [AT_LEAST.format(value=f"{at_least:g} {base.units}")]
    return (*least, *([MEANT] if placed else []), *_beyond(part), REFERENCE_EXACT)


def of_points(points: PointValues) -> tuple[Text, ...]:
    """Return how points were compared, and how many lie outside."""
    return AT_POINTS.format(outside=int((~points.inside).sum()), points=len(points.names)), REFERENCE_EXACT


def of_lists(tally: ListedTally, classes: Classes, how: Match, least: float) -> tuple[Text, ...]:
    """Return how features were matched, and what limits the numbers."""
    matched = BY_CENTROID if how == "centroid" else BY_IOU.format(least=least)
    return *_limits(tally, classes), matched, REFERENCE_EXACT


def of_places(tally: ListedTally, classes: Classes, raster: str) -> tuple[Text, ...]:
    """Return how features were compared with a raster, and what limits the numbers."""
    return *_limits(tally, classes), IN_RASTER.format(name=raster), REFERENCE_EXACT


def _limits(tally: ListedTally, classes: Classes) -> tuple[Text, ...]:
    return cautions.of_matrix(tally.compared, classes, float(tally.cells[-1, :-1].sum()))
