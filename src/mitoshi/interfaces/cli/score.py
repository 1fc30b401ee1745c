"""`score`: agreement, calibration and coverage of a product against a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mitoshi.core.errors import InputError, ParameterError
from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.evidence.score import Settings
    from mitoshi.evidence.score.tables import Table

__all__ = ["score"]


@click.command()
@click.argument("product_path", metavar="[PRODUCT]", required=False)
@click.option(
    "--reference", metavar="FILE", help="Raster, polygons or points that count as true; '#key=value' describes it."
)
@click.option("--pairs", metavar="CSV", type=click.Path(path_type=Path), help="Columns product, reference, group.")
@click.option(
    "--product",
    metavar="NAME",
    help="Product of a bundle.  [default: the first coded, measured or listed one; of damage scored by a list, the buildings]",
)
@click.option(
    "--kind", type=click.Choice(["coded", "probability", "measured", "listed"]), help="[default: by its content]"
)
@click.option(
    "--map", "mapping", metavar="CODE=CLASS,…", help="What the reference's codes mean, such as 1=1,2=1,255=none."
)
@click.option("--product-map", metavar="CODE=CLASS,…", help="What the product's codes mean.")
@click.option("--positive", metavar="CODE,…", help="Classes that together are what is looked for.")
@click.option(
    "--uncertainty", metavar="FILE", help="Probability or standard uncertainty of a product that is no bundle."
)
@click.option(
    "--reference-area", metavar="FILE", help="Polygons inside which the polygons of the reference are complete."
)
@click.option("--column", metavar="NAME", help="Column of the reference that holds the class or the measured value.")
@click.option("--product-column", metavar="NAME", help="Column of a product of features that holds the class.")
@click.option("--ordered", is_flag=True, help="Codes are in an order, such as degrees of damage: weighted kappa, too.")
@click.option("--zones", metavar="FILE", help="Polygons or raster of codes by which agreement is given, too.")
@click.option("--zone-column", metavar="NAME", help="Column that names the zones.")
@click.option("--baseline", metavar="FILE", help="Another product, compared in the same way and shown beside.")
@click.option(
    "--match", "matching", type=click.Choice(["iou", "centroid"]), default="iou", show_default=True, help="Of lists."
)
@click.option(
    "--overlap",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.5,
    show_default=True,
    help="Least IoU of a match.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.5,
    show_default=True,
    help="From which a probability counts as positive.",
)
@click.option(
    "--at-least", type=float, metavar="VALUE", help="Compare measured values where product or reference reaches this."
)
@click.option(
    "--truth", multiple=True, metavar="FIGURE=VALUE", help="True value of a bundle's figure; may be repeated."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record, tables, map of errors and report.")
@json_option
def score(product_path: str | None, pairs: Path | None, out: Path | None, *, as_json: bool, **given: Any) -> None:
    """Score a product against a reference.

    PRODUCT is the folder of an evidence bundle, or one raster or vector file of any other tool. What was not observed is
    counted, and is neither right nor wrong. Without --out the tables are printed.
    """
    settings = _settings(given)
    if out is not None:
        from mitoshi.evidence.score.output import check_folder

        check_folder(out)
    if pairs is not None:
        if product_path is not None or given["reference"] is not None:
            raise InputError("--pairs names products and references; leave PRODUCT and --reference out")
        _score_pairs(pairs, settings, out, as_json=as_json)
        return
    if product_path is None or given["reference"] is None:
        raise InputError("a comparison needs a product and a reference; give PRODUCT --reference FILE, or --pairs CSV")
    _score_one(product_path, settings, out, as_json=as_json)


def _settings(given: dict[str, Any]) -> Settings:
    from mitoshi.evidence.score import Settings

    options = {**given, "reference": given["reference"] or ""}
    options["positive"] = _codes(options["positive"])
    options["truths"] = _truths(options.pop("truth"))
    return Settings(**options)


def _codes(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise ParameterError(f"--positive takes codes such as 1,2, got {text!r}") from None


def _truths(pairs: Sequence[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ParameterError(f"--truth takes FIGURE=VALUE such as flooded_area=12.3, got {pair!r}") from None
    return found


def _score_one(path: str, settings: Settings, out: Path | None, *, as_json: bool) -> None:
    from mitoshi.evidence.score import score as compare
    from mitoshi.evidence.score.output import write_score
    from mitoshi.evidence.score.record import record
    from mitoshi.evidence.score.tables import tables_of

    with progress_bar("score", quiet=as_json) as progress:
        found = compare(path, settings, progress)
    files = () if out is None else write_score(found, out)
    if as_json:
        print_json({**record(found), **({} if out is None else {"out": str(out), "files": list(files)})})
        return
    _show(tables_of(found)[: 1 if out is not None else None])
    for note in found.notes:
        click.echo(f"- {note.en}")
    _say_where(out, files)


def _score_pairs(path: Path, settings: Settings, out: Path | None, *, as_json: bool) -> None:
    from mitoshi.evidence.score.pairs import read_pairs, score_pairs
    from mitoshi.evidence.score.pairs_output import pairs_record, pairs_tables, write_pairs

    with progress_bar("score", quiet=as_json, lines=True) as progress:
        found = score_pairs(read_pairs(path), settings, progress)
    files = () if out is None else write_pairs(found, out)
    if as_json:
        print_json({**pairs_record(found), **({} if out is None else {"out": str(out), "files": list(files)})})
        return
    _show(pairs_tables(found))
    _say_where(out, files)


def _say_where(out: Path | None, files: tuple[str, ...]) -> None:
    if out is not None:
        click.echo(f"score {out}: {', '.join(files)}")


def _show(tables: Sequence[Table]) -> None:
    """Print tables with columns as wide as their widest cell."""
    for table in tables:
        head = [t.en for t in table.head]
        rows = [[c if isinstance(c, str) else c.en for c in row] for row in table.rows]
        widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
        click.echo(table.title.en)
        for row in [head, *rows]:
            first, *others = (
                cell.ljust(width) if n == 0 else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            click.echo(f"  {'  '.join([first, *others])}".rstrip())
        click.echo("")
