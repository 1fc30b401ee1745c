"""The numbers of a comparison by name, each with its words and the way it is written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mitoshi.core.text import Text
from mitoshi.evidence.score.coded import CodedTally
from mitoshi.evidence.score.listed import ListedTally
from mitoshi.evidence.wording import COUNTED, THIN, number, units
from mitoshi.methods.statistics.confusion import (
    class_agreement,
    cohens_kappa,
    overall_accuracy,
    two_classes,
    weighted_kappa,
)
from mitoshi.methods.statistics.coverage import LEVELS
from mitoshi.methods.statistics.probability_scores import brier_score, roc_auc

if TYPE_CHECKING:
    from mitoshi.core.text import Language
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.measured import MeasuredTally

__all__ = [
    "MEASURES",
    "Measure",
    "agreement_by_class",
    "area",
    "by_band",
    "by_class",
    "by_zone",
    "measures",
    "share",
    "title_of",
    "written",
]

Form = Literal["ratio", "share", "count", "area", "value"]


class Measure(NamedTuple):
    """A number of a comparison: its words, and whether it is a ratio, a share, a count, an area or in the product's unit."""

    title: Text
    form: Form


MEASURES: dict[str, Measure] = {
    "intersection_over_union": Measure(Text("intersection over union (IoU)", "IoU（重なり率）"), "ratio"),
    "f1": Measure(Text("F1", "F値（F1）"), "ratio"),
    "precision": Measure(Text("precision (user's accuracy)", "適合率（ユーザー精度）"), "ratio"),
    "recall": Measure(Text("recall (producer's accuracy)", "再現率（プロデューサー精度）"), "ratio"),
    "overall_accuracy": Measure(Text("overall accuracy", "全体精度"), "ratio"),
    "kappa": Measure(Text("Cohen's kappa", "カッパ係数"), "ratio"),
    "class_accuracy": Measure(Text("overall accuracy over all classes", "全区分の全体精度"), "ratio"),
    "class_kappa": Measure(Text("Cohen's kappa over all classes", "全区分のカッパ係数"), "ratio"),
    "linear_weighted_kappa": Measure(Text("weighted kappa, linear", "重み付きカッパ係数（線形）"), "ratio"),
    "quadratic_weighted_kappa": Measure(Text("weighted kappa, quadratic", "重み付きカッパ係数（二乗）"), "ratio"),
    "constant_intersection_over_union": Measure(
        Text("IoU of a map that is positive everywhere", "全域を該当区分とした地図の IoU"), "ratio"
    ),
    "constant_accuracy": Measure(
        Text("overall accuracy of a map of the commonest class", "全域を最も多い区分とした地図の全体精度"), "ratio"
    ),
    "pure_intersection_over_union": Measure(Text("IoU without mixed cells", "混在セルを除いた IoU"), "ratio"),
    "compared": Measure(Text("compared cells", "比較したセル数"), "count"),
    "mapped_area": Measure(Text("area in the product", "プロダクトでの面積"), "area"),
    "reference_area": Measure(Text("area in the reference", "参照データでの面積"), "area"),
    "area_bias": Measure(Text("area bias", "面積バイアス"), "share"),
    "not_observed_share": Measure(Text("share of the reference not observed", "参照データのうち未観測の割合"), "share"),
    "not_observed_positive_share": Measure(
        Text("share of the reference's positive class not observed", "参照データの該当区分のうち未観測の割合"), "share"
    ),
    "expected_calibration_error": Measure(Text("expected calibration error", "期待校正誤差"), "ratio"),
    "brier_score": Measure(Text("Brier score", "ブライアスコア"), "ratio"),
    "roc_auc": Measure(Text("area under the ROC curve (AUC)", "ROC曲線下面積（AUC）"), "ratio"),
    "probability_cells": Measure(Text("cells with a probability", "確率のあるセル数"), "count"),
    "root_mean_square_error": Measure(Text("root mean square error", "二乗平均平方根誤差（RMSE）"), "value"),
    "bias": Measure(Text("bias (product minus reference)", "バイアス（プロダクト－参照データ）"), "value"),
    "mean_absolute_error": Measure(Text("mean absolute error", "平均絶対誤差（MAE）"), "value"),
    "median_absolute_deviation": Measure(Text("median absolute deviation", "中央絶対偏差（MAD）"), "value"),
    **{
        f"coverage_{level * 100:g}": Measure(
            Text(f"coverage of the {level * 100:g} % interval", f"{level * 100:g} % 区間の被覆率"), "share"
        )
        for level in LEVELS
    },
    "spread_over_skill": Measure(Text("spread over skill", "スプレッド／スキル比"), "ratio"),
    "matched_reference_share": Measure(
        Text("share of the reference's features that match", "参照データの地物のうち対応した割合"), "share"
    ),
    "matched_product_share": Measure(
        Text("share of the product's features that match", "プロダクトの地物のうち対応した割合"), "share"
    ),
    "matched": Measure(Text("matched features", "対応した地物数"), "count"),
    "only_product": Measure(Text("features only in the product", "プロダクトのみの地物数"), "count"),
    "only_reference": Measure(Text("features only in the reference", "参照データのみの地物数"), "count"),
}


COMPARED = {"listed": Text("compared features", "比較した地物数"), "points": Text("compared points", "比較した地点数")}


def title_of(name: str, what: str = "") -> Text:
    """Return the words of a number; `what` is "listed" or "points" where features or points are counted, not cells."""
    return COMPARED[what] if name == "compared" and what in COMPARED else MEASURES[name].title


def measures(tally: CodedTally | MeasuredTally | ListedTally, classes: Classes | None) -> dict[str, float]:
    """Return every number of a comparison, or of the sum of several, by name; NaN where it is not defined.

    Parameters
    ----------
    tally
        The sums.
    classes
        Of a comparison of classes.
    """
    if isinstance(tally, CodedTally):
        return _of_map(tally, _known(classes))
    if isinstance(tally, ListedTally):
        return _of_list(tally, _known(classes))
    return _of_values(tally)


def _known(classes: Classes | None) -> Classes:
    if classes is None:
        raise TypeError("a comparison of classes has classes")
    return classes


def _agreement(matrix: Any, classes: Classes) -> dict[str, float]:
    two = two_classes(matrix, classes.is_positive)
    one = class_agreement(two, 1)
    found = {
        "intersection_over_union": one.intersection_over_union,
        "f1": one.f1,
        "precision": one.precision,
        "recall": one.recall,
        "overall_accuracy": overall_accuracy(two),
        "kappa": cohens_kappa(two),
    }
    if len(classes.codes) > 2:
        found |= {"class_accuracy": overall_accuracy(matrix), "class_kappa": cohens_kappa(matrix)}
        if classes.ordered:
            found |= {
                "linear_weighted_kappa": weighted_kappa(matrix, 1),
                "quadratic_weighted_kappa": weighted_kappa(matrix, 2),
            }
    return found


def _constant(matrix: Any, classes: Classes) -> dict[str, float]:
    """Return what answers without an image would reach: the whole of one class."""
    columns = np.asarray(matrix).sum(axis=0)
    total = float(columns.sum())
    return {
        "constant_intersection_over_union": _ratio(float(columns[classes.is_positive].sum()), total),
        "constant_accuracy": _ratio(float(columns.max()), total),
    }


def _of_map(tally: CodedTally, classes: Classes) -> dict[str, float]:
    positive = classes.is_positive
    areas = tally.areas[:-1, :-1]
    mapped, reference = float(areas[positive].sum()), float(areas[:, positive].sum())
    unseen = tally.unobserved
    known = tally.cells[:, :-1].sum(axis=0)
    found = {
        **_agreement(tally.compared, classes),
        **_constant(tally.compared, classes),
        "compared": float(tally.compared.sum()),
        "mapped_area": mapped,
        "reference_area": reference,
        "area_bias": _ratio(mapped - reference, reference),
        "not_observed_share": _ratio(float(unseen.sum()), float(known.sum())),
        "not_observed_positive_share": _ratio(float(unseen[positive].sum()), float(known[positive].sum())),
    }
    if float(tally.pure[:-1, :-1].sum()) < found["compared"]:
        pure = class_agreement(two_classes(tally.pure[:-1, :-1], positive), 1)
        found["pure_intersection_over_union"] = pure.intersection_over_union
    if tally.probability is not None:
        found |= {
            "expected_calibration_error": tally.probability.reliability.error,
            "brier_score": brier_score(tally.probability),
            "roc_auc": roc_auc(tally.probability),
            "probability_cells": float(tally.probability.reliability.cells.sum()),
        }
    return found


def _of_values(tally: MeasuredTally) -> dict[str, float]:
    sums = tally.differences
    found = {
        "root_mean_square_error": sums.rmse,
        "bias": sums.bias,
        "mean_absolute_error": sums.mae,
        "median_absolute_deviation": tally.deviation,
        "compared": float(sums.cells),
        "not_observed_share": _ratio(tally.unobserved, sums.cells + tally.unobserved),
    }
    if tally.coverage is not None:
        found |= {f"coverage_{n * 100:g}": s for n, s in zip(LEVELS, tally.coverage.shares, strict=True)}
        found["spread_over_skill"] = tally.coverage.spread_over_skill
    return found


def _of_list(tally: ListedTally, classes: Classes) -> dict[str, float]:
    matched = float(tally.cells.sum())
    known = tally.cells[:, :-1]
    return {
        **_agreement(tally.compared, classes),
        **_constant(tally.compared, classes),
        "compared": float(tally.compared.sum()),
        "matched_reference_share": _ratio(matched, matched + float(tally.only_reference.sum())),
        "matched_product_share": _ratio(matched, matched + float(tally.only_product.sum())),
        "matched": matched,
        "only_product": float(tally.only_product.sum()),
        "only_reference": float(tally.only_reference.sum()),
        "not_observed_share": _ratio(float(known[-1].sum()), float(known.sum())),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


def written(name: str, value: float, *, unit: str = "", georeferenced: bool = True, language: Language = "en") -> str:
    """Write a number of a comparison; NaN is a dash.

    Parameters
    ----------
    name
        Of the measure.
    value
        Of it.
    unit
        Of measured values.
    georeferenced
        Whether areas are in m2; else they are pixels.
    language
        Of the word for pixels.
    """
    form = MEASURES[name].form
    if not math.isfinite(value):
        return "—"
    if form == "share":
        return share(value)
    if form == "count":
        return number(value, 0)
    if form == "area":
        return area(value, georeferenced=georeferenced).in_(language)
    if form == "value":
        said = units(unit)
        return f"{number(value, 3)}{THIN if said not in ('', '°') else ''}{said}"
    return number(value, 3)


def share(value: float) -> str:
    """Write a share in percent; a little never reads as nothing, nor almost all as all."""
    if not math.isfinite(value):
        return "—"
    if 0 < abs(value) < 0.0005:
        return f"<0.1{THIN}%"
    return f">99.9{THIN}%" if 0.9995 < value < 1 else f"{number(100.0 * value, 1)}{THIN}%"


def area(value: float, *, georeferenced: bool = True) -> Text:
    """Write an area in km2, or in hectares where it is small; in pixels without georeference."""
    if not math.isfinite(value):
        return Text("—", "—")
    if not georeferenced:
        pixels = number(value, 0)
        return Text(f"{pixels}{THIN}{COUNTED['pixel'].en}", f"{pixels}{THIN}{COUNTED['pixel'].ja}")
    if 0 < abs(value) < 1e6:
        words = f"{number(value / 1e4, 2)}{THIN}ha"
    else:
        words = f"{number(value / 1e6, 3 if abs(value) < 1e8 else 1)}{THIN}km²"
    return Text(words, words)


def by_class(tally: CodedTally) -> list[dict[str, float]]:
    """Return agreement, areas and what was not observed of each class."""
    areas = tally.areas
    rows = []
    for n, agreement in enumerate(agreement_by_class(tally.compared)):
        mapped, reference = float(areas[n, :-1].sum()), float(areas[:-1, n].sum())
        rows.append(
            {
                **agreement,
                "mapped_area": mapped,
                "reference_area": reference,
                "area_bias": _ratio(mapped - reference, reference),
                "not_observed_share": _ratio(float(areas[-1, n]), float(areas[:, n].sum())),
            }
        )
    return rows


def agreement_by_class(matrix: Any) -> list[dict[str, float]]:
    """Return agreement on each class, and the IoU of a map that is of this class everywhere: its share of the reference.

    Parameters
    ----------
    matrix
        Confusion matrix, (classes, classes).
    """
    columns = np.asarray(matrix).sum(axis=0)
    rows = []
    for n in range(len(columns)):
        one = class_agreement(matrix, n)
        rows.append(
            {
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
                "intersection_over_union": one.intersection_over_union,
                "constant_intersection_over_union": _ratio(float(columns[n]), float(columns.sum())),
            }
        )
    return rows


def by_zone(matrix: Any, classes: Classes) -> dict[str, float]:
    """Return agreement on the positive class in one zone."""
    found = _agreement(np.asarray(matrix)[:-1, :-1], classes)
    known = float(matrix[:, :-1].sum())
    return {
        "compared": float(matrix[:-1, :-1].sum()),
        **{k: found[k] for k in ("intersection_over_union", "f1", "precision", "recall")},
        "not_observed_share": _ratio(float(matrix[-1, :-1].sum()), known),
    }


def by_band(tally: CodedTally) -> list[dict[str, float]]:
    """Return agreement in each band of distance from the reference's boundary."""
    rows = []
    for band in tally.bands:
        one = class_agreement(band, 1)
        rows.append(
            {
                "compared": float(band.sum()),
                "misses": one.misses,
                "false_alarms": one.false_alarms,
                "overall_accuracy": overall_accuracy(band),
                "intersection_over_union": one.intersection_over_union,
            }
        )
    return rows
