"""What makes numbers mean less than they seem to: exchanged classes, a reference of one class, polygons at odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.text import Text
from mitoshi.evidence.score.measures import share as written_share
from mitoshi.evidence.wording import number
from mitoshi.methods.statistics.confusion import cohens_kappa, two_classes

if TYPE_CHECKING:
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.grid import Polygons

__all__ = ["NOTHING_SEEN", "of_matrix", "of_polygons"]

WORSE_THAN_CHANCE = -0.05
"""Kappa below which agreement is no longer that of a map that knows nothing."""

NOTHING_SEEN = Text(
    "the product observed nothing where there is a reference: agreement is not known",
    "参照データのある範囲でプロダクトは何も観測していないため、一致度は不明です",
)
WORSE = Text(
    "agreement is worse than chance (kappa {kappa}): classes may be exchanged (--map '0=1,1=0'), or place or date be another",
    "一致度が偶然を下回ります（カッパ係数 {kappa}）。区分の取り違え（--map '0=1,1=0'）、場所や日付の違いをご確認ください",
)
NONE_POSITIVE = Text(
    "the reference holds nothing of '{title}' where it is compared: misses cannot occur, and an IoU of 0 only says that there "
    "are false alarms",
    "比較範囲の参照データに「{title}」がないため、見逃しは起こりえず、IoU の 0 は誤警報があることのみを示します",
)
ALL_POSITIVE = Text(
    "the reference holds nothing but '{title}' where it is compared: false alarms cannot occur; is the other class declared as "
    "'no data' (#nodata=…), or left out (--reference-area)?",
    "比較範囲の参照データは「{title}」だけのため、誤警報は起こりえません。他の区分が欠損値（#nodata=…）とされているか、"
    "範囲外（--reference-area）になっていないかご確認ください",
)
AT_ODDS = Text(
    "polygons of different classes overlap in {name} (pairs: {pairs}; {share} of the area of its polygons): there the later one "
    "in the file counts",
    "{name} では区分の異なるポリゴンが {pairs} 組重なります（ポリゴン面積の {share}）。"
    "重なる部分はファイル内で後のものとみなします",
)


def of_matrix(compared: Any, classes: Classes, unobserved: float) -> tuple[Text, ...]:
    """Return what limits the meaning of a comparison's numbers.

    Parameters
    ----------
    compared
        Confusion matrix over what both say something of, (classes, classes).
    classes
        Of the comparison.
    unobserved
        Cells or features with a reference that the product did not observe.
    """
    two = two_classes(np.asarray(compared), classes.is_positive)
    total, positive = float(two.sum()), float(two[:, 1].sum())
    title = classes.positive_title
    if total == 0.0:
        return (NOTHING_SEEN,) if unobserved > 0 else ()
    if positive in (0.0, total):
        words = NONE_POSITIVE if positive == 0.0 else ALL_POSITIVE
        return (Text(words.en.format(title=title.en), words.ja.format(title=title.ja)),)
    kappa = cohens_kappa(two)
    return (WORSE.format(kappa=number(kappa, 2)),) if kappa < WORSE_THAN_CHANCE else ()


def of_polygons(found: Polygons, name: str) -> tuple[Text, ...]:
    """Return how much of polygons is claimed by others of another class.

    Parameters
    ----------
    found
        Polygons with their class numbers.
    name
        Of their file.
    """
    import shapely

    if not len(found.shapes) or len(np.unique(found.numbers)) < 2:
        return ()
    one, other = shapely.STRtree(found.shapes).query(found.shapes, predicate="intersects")
    apart = (one < other) & (found.numbers[one] != found.numbers[other])
    shared = shapely.area(shapely.intersection(found.shapes[one[apart]], found.shapes[other[apart]]))
    whole, pairs = float(shapely.area(found.shapes).sum()), int((shared > 0).sum())
    if not pairs or whole <= 0:
        return ()
    return (AT_ODDS.format(pairs=number(pairs, 0), name=name, share=written_share(float(shared.sum()) / whole)),)
