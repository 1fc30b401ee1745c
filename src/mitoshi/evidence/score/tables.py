"""A comparison in tables, in both languages: what the terminal, the CSV and the report show."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.text import Text
from mitoshi.evidence.score.coded import CodedTally
from mitoshi.evidence.score.listed import ListedTally
from mitoshi.evidence.score.measures import (
    MEASURES,
    agreement_by_class,
    area,
    by_band,
    by_class,
    by_zone,
    measures,
    share,
    title_of,
    written,
)
from mitoshi.evidence.wording import interval, number, quantity
from mitoshi.methods.statistics.distance_bands import BANDS
from mitoshi.methods.statistics.patches import SIZES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.core.text import Language
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.figures import FigureCheck
    from mitoshi.evidence.score.measured import MeasuredTally
    from mitoshi.evidence.score.result import Score

__all__ = ["Table", "table_text", "tables_of"]

MEASURE, PRODUCT, BASELINE = Text("measure", "指標"), Text("product", "プロダクト"), Text("baseline", "比較対象")
SUMMARY = Text("Agreement on: {title}", "一致度：{title}")
SUMMARY_VALUES = Text("Errors of the measured values", "測定値の誤差")
CONFUSION = Text(
    "Confusion matrix (cells; rows product, columns reference)", "混同行列（セル数、行：プロダクト、列：参照データ）"
)
CONFUSION_LIST = Text(
    "Confusion matrix (matched features; rows product, columns reference)",
    "混同行列（対応した地物数、行：プロダクト、列：参照データ）",
)
PRODUCT_IS = Text("product ↓ reference →", "プロダクト↓ 参照→")
NOT_OBSERVED, NO_REFERENCE = Text("not observed", "未観測"), Text("no reference", "参照なし")
CLASSES = Text("By class", "区分別")
CLASS = Text("class", "区分")
BY_DISTANCE = Text("By distance from the reference's class boundary", "参照データの境界からの距離別")
DISTANCE = Text("distance [cells]", "距離［セル］")
METRES = Text("[m]", "［m］")
CELLS = Text("cells", "セル数")
MISSES, FALSE_ALARMS = Text("misses", "見逃し"), Text("false alarms", "誤警報")
ACCURACY = Text("accuracy", "精度")
PATCHES = Text("Errors by size of their connected patch", "連結した誤りの大きさ別")
SIZE = Text("cells of the patch", "連結セル数")
MISSED_PATCHES, MISSED_CELLS = Text("missed patches", "見逃しの塊数"), Text("missed cells", "見逃しセル数")
FALSE_PATCHES, FALSE_CELLS = Text("false patches", "誤警報の塊数"), Text("false cells", "誤警報セル数")
RELIABILITY = Text("Reliability of the probability", "確率の信頼度")
BIN, STATED, OBSERVED = (
    Text("stated range", "確率の範囲"),
    Text("mean stated", "平均確率"),
    Text("observed", "実際の割合"),
)
ZONES, ZONE = Text("By zone", "地区別"), Text("zone", "地区")
PRECISION, RECALL = Text("precision", "適合率"), Text("recall", "再現率")
EVERYWHERE = Text("IoU, all this class", "IoU（全域この区分）")
OF_BASELINE = Text("IoU, baseline", "IoU（比較対象）")
AREA_P, AREA_R = Text("area, product", "面積（プロダクト）"), Text("area, reference", "面積（参照）")
BIAS, UNSEEN = Text("bias", "バイアス"), Text("not observed", "未観測")
CHECKS = Text("Figures with an interval against the truth", "区間つき数値と真値の比較")
FIGURE, INTERVAL, TRUTH = Text("figure", "数値"), Text("interval", "信頼区間"), Text("truth", "真値")
INSIDE, RATIO = Text("inside", "区間内"), Text("upper/lower", "上限/下限")
YES, NO = Text("yes", "はい"), Text("no", "いいえ")
UNMATCHED = Text("Features without a partner", "対応のない地物")
POINTS, POINT, VALUE, DIFFERENCE = (
    Text("At each point", "地点別"),
    Text("point", "地点"),
    Text("product", "プロダクト"),
    Text("difference", "差"),
)
REFERENCE = Text("reference", "参照データ")

Cell = Text | str
LANGUAGES: tuple[Language, Language] = ("en", "ja")


class Table(NamedTuple):
    """Rows with a head.

    Attributes
    ----------
    name
        Machine name.
    title, head, rows
        What it says; every row has as many cells as the head.
    """

    name: str
    title: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]


def plain_text(words: str) -> Text:
    """Return words that are the same in both languages."""
    return Text(words, words)


def table_text(table: Table, language: Language) -> str:
    """Return a table as lines of letters of one width, its columns as wide as their widest cell."""
    head = [t.in_(language) for t in table.head]
    rows = [[c if isinstance(c, str) else c.in_(language) for c in row] for row in table.rows]
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    lines = [table.title.in_(language)]
    for row in [head, *rows]:
        first, *others = (
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(f"  {'  '.join([first, *others])}".rstrip())
    return "\n".join(lines)


def tables_of(score: Score) -> tuple[Table, ...]:
    """Return the tables of a comparison, the most important first."""
    tally = score.tally
    found = [summary(score)]
    if isinstance(tally, CodedTally) and score.classes is not None:
        found += _of_map(tally, score.classes, score.other)
    elif isinstance(tally, ListedTally) and score.classes is not None:
        found += _of_list(tally, score.classes)
    elif not isinstance(tally, CodedTally | ListedTally):
        found += _of_values(tally, score)
    if score.checks:
        found.append(_checks(score.checks))
    return tuple(found)


def summary(score: Score) -> Table:
    """Return every number of the comparison, and of the baseline beside it."""
    own = measures(score.tally, score.classes)
    other = None if score.other is None else measures(score.other, score.classes)
    head = (MEASURE, PRODUCT) if other is None else (MEASURE, PRODUCT, BASELINE)
    known = not isinstance(score.tally, CodedTally) or score.tally.georeferenced
    what = "points" if score.points is not None else score.kind

    def cell(values: dict[str, float], name: str) -> Text:
        value = values.get(name, float("nan"))
        en, ja = (
            written(name, value, unit=score.units, georeferenced=known, language=language) for language in LANGUAGES
        )
        return Text(en, ja)

    rows: list[tuple[Cell, ...]] = [
        (title_of(name, what), cell(own, name), *([] if other is None else [cell(other, name)])) for name in own
    ]
    title = SUMMARY_VALUES
    if score.classes is not None:
        words = score.classes.positive_title
        title = Text(SUMMARY.en.format(title=words.en), SUMMARY.ja.format(title=words.ja))
    return Table("summary", title, head, tuple(rows))


def _of_map(tally: CodedTally, classes: Classes, other: Any) -> list[Table]:
    rival = other if isinstance(other, CodedTally) else None
    found = [_confusion(tally, classes, CONFUSION), _by_class(tally, classes, rival), _bands(tally)]
    found += [_patches(tally)] if tally.misses is not None else []
    found += [_reliability(tally)] if tally.probability is not None else []
    return found + ([_zones(tally, classes)] if tally.zones else [])


def _confusion(tally: CodedTally | ListedTally, classes: Classes, title: Text) -> Table:
    names = [_class(k.code, k.title) for k in classes.kinds]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *(number(float(v), 0) for v in row))
        for name, row in zip([*names, NOT_OBSERVED], tally.cells, strict=True)
    )
    return Table("confusion", title, (PRODUCT_IS, *names, NO_REFERENCE), rows)


def _class(code: int, title: Text) -> Text:
    return title if str(code) in title.en else Text(f"{code} {title.en}", f"{code} {title.ja}")


RATIOS = ("precision", "recall", "f1", "intersection_over_union", "constant_intersection_over_union")
RATIO_HEADS = (PRECISION, RECALL, plain_text("F1"), plain_text("IoU"), EVERYWHERE)


def _by_class(tally: CodedTally, classes: Classes, other: CodedTally | None) -> Table:
    rivals = [] if other is None else agreement_by_class(other.compared)
    rows: list[tuple[Cell, ...]] = []
    for n, (kind, of) in enumerate(zip(classes.kinds, by_class(tally), strict=True)):
        ratios = [number(of[k], 3) for k in RATIOS]
        ratios += [number(rivals[n]["intersection_over_union"], 3)] if rivals else []
        areas = [area(of[k], georeferenced=tally.georeferenced) for k in ("mapped_area", "reference_area")]
        shares = [share(of[k]) for k in ("area_bias", "not_observed_share")]
        rows.append((_class(kind.code, kind.title), *ratios, *areas, *shares))
    beside = () if other is None else (OF_BASELINE,)
    return Table("classes", CLASSES, (CLASS, *RATIO_HEADS, *beside, AREA_P, AREA_R, BIAS, UNSEEN), tuple(rows))


def _by_class_of_list(tally: ListedTally, classes: Classes) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (_class(kind.code, kind.title), *(number(of[k], 3) for k in RATIOS))
        for kind, of in zip(classes.kinds, agreement_by_class(tally.compared), strict=True)
    )
    return Table("classes", CLASSES, (CLASS, *RATIO_HEADS), rows)


def _bands(tally: CodedTally) -> Table:
    rows = []
    for (low, high), of in zip(BANDS, by_band(tally), strict=True):
        metres = [number(v * tally.side_m, 0 if tally.side_m >= 3 else 1) for v in (low, high)]
        span = f">{low:g}" if high == float("inf") else f"{low:g}–{high:g}"
        far = f">{metres[0]}" if high == float("inf") else "–".join(metres)
        counts = [number(of[k], 0) for k in ("compared", "misses", "false_alarms")]
        ratios = [number(of[k], 3) for k in ("overall_accuracy", "intersection_over_union")]
        rows.append((span, far if tally.side_m == tally.side_m else "—", *counts, *ratios))
    head = (DISTANCE, METRES, CELLS, MISSES, FALSE_ALARMS, ACCURACY, plain_text("IoU"))
    return Table("distance", BY_DISTANCE, head, tuple(rows))


def _patches(tally: CodedTally) -> Table:
    bounds = [0, *SIZES]
    names = [f"{a + 1}–{b}" if a + 1 < b else f"{b}" for a, b in zip(bounds, SIZES, strict=False)]
    names.append(f">{SIZES[-1]}")
    columns = [c for p in (tally.misses, tally.false_alarms) if p is not None for c in (p.patches, p.cells)]
    rows = tuple((name, *(number(c[n], 0) for c in columns)) for n, name in enumerate(names))
    return Table("patches", PATCHES, (SIZE, MISSED_PATCHES, MISSED_CELLS, FALSE_PATCHES, FALSE_CELLS), rows)


def _reliability(tally: CodedTally) -> Table:
    assert tally.probability is not None  # noqa: S101 - the caller asks only then
    table = tally.probability.reliability
    bins = table.cells.size
    rows = []
    for n in range(bins):
        cells = float(table.cells[n])
        means = [number(float(v[n]) / cells, 3) if cells else "—" for v in (table.stated, table.observed)]
        rows.append((f"{n / bins:.1f}–{(n + 1) / bins:.1f}", number(cells, 0), *means))
    return Table("reliability", RELIABILITY, (BIN, CELLS, STATED, OBSERVED), tuple(rows))


def _zones(tally: CodedTally, classes: Classes) -> Table:
    rows = []
    for name, matrix in tally.zones.items():
        of = by_zone(matrix, classes)
        ratios = [number(of[k], 3) for k in ("intersection_over_union", "f1", "precision", "recall")]
        rows.append((name, number(of["compared"], 0), *ratios, share(of["not_observed_share"])))
    head = (ZONE, CELLS, plain_text("IoU"), plain_text("F1"), PRECISION, RECALL, UNSEEN)
    return Table("zones", ZONES, head, tuple(rows))


def _of_list(tally: ListedTally, classes: Classes) -> list[Table]:
    names = [*(_class(k.code, k.title) for k in classes.kinds), NOT_OBSERVED]
    counts = zip(names, tally.only_product, tally.only_reference, strict=True)
    rows = tuple((name, number(float(a), 0), number(float(b), 0)) for name, a, b in counts)
    alone = Table("unmatched", UNMATCHED, (CLASS, PRODUCT, REFERENCE), rows)
    return [_confusion(tally, classes, CONFUSION_LIST), _by_class_of_list(tally, classes), alone]


def _of_values(tally: MeasuredTally, score: Score) -> list[Table]:
    found = []
    if tally.zones:
        names = ("root_mean_square_error", "bias", "mean_absolute_error")
        rows = [
            (
                zone,
                number(sums.cells, 0),
                *(
                    written(n, v, unit=score.units)
                    for n, v in zip(names, (sums.rmse, sums.bias, sums.mae), strict=True)
                ),
            )
            for zone, sums in tally.zones.items()
        ]
        head = (ZONE, CELLS, *(MEASURES[n].title for n in names))
        found.append(Table("zones", ZONES, head, tuple(rows)))
    if score.points is not None:
        points = score.points
        values = zip(points.names, points.truth, points.value, points.value - points.truth, strict=True)
        point_rows = tuple((name, *(number(float(v), 3) for v in row)) for name, *row in values)
        found.append(Table("points", POINTS, (POINT, REFERENCE, VALUE, DIFFERENCE), point_rows))
    return found


def _checks(checks: Sequence[FigureCheck]) -> Table:
    rows = []
    for check in checks:
        figure = check.figure
        value, bounds, truth = (
            Text(*(of(figure, language) for language in LANGUAGES))
            for of in (partial(quantity, value=figure.value), interval, partial(quantity, value=check.truth))
        )
        rows.append((figure.title, value, bounds, truth, YES if check.inside else NO, number(check.ratio, 2)))
    head = (FIGURE, PRODUCT, INTERVAL, TRUTH, INSIDE, RATIO)
    return Table("figures", CHECKS, head, tuple(rows))
