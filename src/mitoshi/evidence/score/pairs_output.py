"""Tables, record and report of several pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mitoshi.core.plain import plain
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import draft, write_file
from mitoshi.evidence.digest import pretty_json
from mitoshi.evidence.layout import paragraph, pdf_session, stacked
from mitoshi.evidence.score.measures import MEASURES, measures, share, title_of, written
from mitoshi.evidence.score.output import LANGUAGES, check_folder, csv_text
from mitoshi.evidence.score.pairs import mean_measures
from mitoshi.evidence.score.record import FORMAT, settings_record, tally_record, versions
from mitoshi.evidence.score.report import WIDTH, pages, table_blocks
from mitoshi.evidence.score.tables import Cell, Table
from mitoshi.evidence.wording import number

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.core.text import Language
    from mitoshi.evidence.score.pairs import PairsScore

__all__ = ["pairs_record", "pairs_tables", "write_pairs"]

COLUMNS = (
    "intersection_over_union",
    "f1",
    "precision",
    "recall",
    "overall_accuracy",
    "expected_calibration_error",
    "root_mean_square_error",
    "bias",
    "mean_absolute_error",
    "coverage_90",
    "not_observed_share",
)
SHORT = {
    "intersection_over_union": Text("IoU", "IoU"),
    "f1": Text("F1", "F1"),
    "precision": Text("precision", "適合率"),
    "recall": Text("recall", "再現率"),
    "overall_accuracy": Text("accuracy", "精度"),
    "expected_calibration_error": Text("ECE", "ECE"),
    "root_mean_square_error": Text("RMSE", "RMSE"),
    "bias": Text("bias", "バイアス"),
    "mean_absolute_error": Text("MAE", "MAE"),
    "coverage_90": Text("coverage 90 %", "90 % 被覆率"),
    "not_observed_share": Text("not observed", "未観測"),
    "compared": Text("compared", "比較数"),
}
PAIRS, PAIR, GROUP = Text("Each pair", "組ごと"), Text("product", "プロダクト"), Text("group", "群")
GROUPS = Text("By group, pooled", "群ごと（合算）")
ALL, SUM = Text("All pairs", "全体"), Text("over", "集計")
POOLED, MEAN, BASELINE = (
    Text("pooled", "合算"),
    Text("mean of pairs", "組の平均"),
    Text("baseline, pooled", "比較対象（合算）"),
)
INTERVALS = Text("Intervals of figures: how often they hold the truth", "区間つき数値が真値を含む割合")
FIGURE, INSIDE, OF, SHARE, RANGE, RATIO = (
    Text("figure", "数値"),
    Text("inside", "区間内"),
    Text("pairs compared / all", "比較した組数 / 全組数"),
    Text("share", "割合"),
    Text("90 % interval (Wilson)", "90 % 区間（Wilson）"),
    Text("median upper/lower", "上限/下限の中央値"),
)
TITLE = Text("Comparison of {count} pairs with references", "{count} 組の参照データとの比較")
POOLED_OVER = Text("{title}: {value}, pooled; {compared}: {cells}", "{title}：{value}（合算、{compared} {cells}）")
ON = Text("Positive class: {title}", "該当区分：{title}")
CAUTION = Text(
    "Pooled numbers are of summed counts, so that large scenes weigh more; the mean weighs every pair alike. Cells of one scene "
    "are not independent; the interval of a share of pairs takes the pairs as independent.",
    "合算値はセル数の合計から求めるため大きなシーンほど重みが大きく、平均は各組を等しく扱います。シーン内のセルは互いに独立ではありません。"
    "割合の区間は各組を独立とみなしたものです。",
)


def pairs_tables(found: PairsScore) -> tuple[Table, ...]:
    """Return the tables of several pairs: each, by group, pooled and mean, and how often intervals hold the truth."""
    each = [measures(s.tally, s.classes) for s in found.scores]
    names = [n for n in COLUMNS if any(n in m for m in each)] + ["compared"]
    head = tuple(SHORT[n] for n in names)
    unit = found.scores[0].units

    def cells(values: dict[str, float]) -> list[str]:
        return [written(n, values.get(n, math.nan), unit=unit) for n in names]

    rows: list[tuple[Cell, ...]] = [(p.name, p.group or "—", *cells(m)) for p, m in zip(found.pairs, each, strict=True)]
    grouped: list[tuple[Cell, ...]] = [
        (name or "—", *cells(measures(tally, found.classes))) for name, tally in found.groups.items()
    ]
    whole: list[tuple[Cell, ...]] = [
        (POOLED, *cells(measures(found.pooled, found.classes))),
        (MEAN, *cells({k: v for k, v in mean_measures(found.scores).items() if k != "compared"})),
    ]
    if found.other is not None:
        whole.append((BASELINE, *cells(measures(found.other, found.classes))))
    tables = [Table("all", ALL, (SUM, *head), tuple(whole))]
    tables += [Table("groups", GROUPS, (GROUP, *head), tuple(grouped))] if len(grouped) > 1 else []
    tables.append(Table("pairs", PAIRS, (PAIR, GROUP, *head), tuple(rows)))
    return (*tables, *([_intervals(found)] if found.coverages else []))


def _intervals(found: PairsScore) -> Table:
    titles = {c.figure.name: c.figure.title for s in found.scores for c in s.checks}
    rows = tuple(
        (
            titles[c.name],
            number(c.inside, 0),
            f"{c.pairs} / {len(found.pairs)}",
            share(c.inside / c.pairs),
            f"{share(c.lower)} – {share(c.upper)}",
            number(c.median_ratio, 2),
        )
        for c in found.coverages
    )
    return Table("intervals", INTERVALS, (FIGURE, INSIDE, OF, SHARE, RANGE, RATIO), rows)


def pairs_record(found: PairsScore) -> dict[str, Any]:
    """Return everything that is known of several pairs; NaN is null."""
    classes = found.classes
    pairs = [
        {
            "product": p.name,
            "reference": s.reference.name,
            "group": p.group,
            "sha256": dict(sorted(s.digests.items())),
            "score": tally_record(s.tally, s.classes),
            "baseline_score": None if s.other is None else tally_record(s.other, s.classes),
            "notes": [n._asdict() for n in s.notes],
        }
        for p, s in zip(found.pairs, found.scores, strict=True)
    ]
    known: dict[str, Any] = plain(
        {
            "format": FORMAT,
            "kind": found.scores[0].kind,
            "parameters": {**settings_record(found.settings), "reference": None},
            "versions": versions(),
            "simulated": found.simulated,
            "classes": None if classes is None else {"codes": list(classes.codes), "positive": list(classes.positive)},
            "pooled": tally_record(found.pooled, classes),
            "baseline_pooled": None if found.other is None else tally_record(found.other, classes),
            "mean": mean_measures(found.scores),
            "groups": {name: tally_record(tally, classes) for name, tally in found.groups.items()},
            "interval_coverage": [vars(c) for c in found.coverages],
            "pairs": pairs,
        }
    )
    return known


def write_pairs(found: PairsScore, out: Path) -> tuple[str, ...]:
    """Write the comparison of several pairs into a folder and return the names of its files.

    Parameters
    ----------
    found
        What was compared.
    out
        The folder; one with another comparison is replaced.

    Raises
    ------
    InputError
        If the folder holds other files.
    """
    check_folder(out)
    with draft(out) as folder:
        write_file(folder / "score.json", pretty_json(pairs_record(found)))
        write_file(folder / "score.csv", csv_text(pairs_tables(found)))
        for language in LANGUAGES:
            write_file(folder / f"score.{language}.pdf", render_pairs(found, language))
        return tuple(sorted(p.name for p in folder.iterdir()))


def render_pairs(found: PairsScore, language: Language) -> bytes:
    """Return the report of several pairs as a PDF; the same comparison gives the same bytes.

    Parameters
    ----------
    found
        What was compared.
    language
        Of the words.
    """
    with pdf_session():
        title = TITLE.in_(language).format(count=len(found.pairs))
        pooled = measures(found.pooled, found.classes)
        first = next(n for n in COLUMNS if n in pooled)
        said = POOLED_OVER.format(
            title=MEASURES[first].title.in_(language),
            value=written(first, pooled[first], unit=found.scores[0].units),
            compared=title_of("compared", found.scores[0].kind).in_(language),
            cells=number(pooled["compared"], 0),
        )
        about = (
            "" if found.classes is None else ON.in_(language).format(title=found.classes.positive_title.in_(language))
        )
        head = stacked(
            [
                paragraph(title, WIDTH, 18.0, weight="Bold"),
                paragraph(said.in_(language), WIDTH, 13.0),
                paragraph(about, WIDTH, 10.0),
            ],
            3.0,
        )
        blocks = [head]
        for table in pairs_tables(found):
            blocks += table_blocks(table, language)
        blocks.append(paragraph(CAUTION.in_(language), WIDTH, 8.4, colour="#555555"))
        return pages(blocks, title, language)
