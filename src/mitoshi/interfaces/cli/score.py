"""`score`: agreement, calibration and coverage of a product against a reference."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mitoshi.core.errors import InputError, ParameterError
from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.evidence.score import Settings
    from mitoshi.evidence.score.options import Option
    from mitoshi.evidence.score.tables import Table

__all__ = ["score"]


class ScoreCommand(click.Command):
    """A command whose options are the declared ones of a comparison; they are imported when it is called."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the arguments and options, the declared ones after the place of the product."""
        from mitoshi.evidence.score.options import OPTIONS

        first, *others = super().get_params(ctx)
        return [first, *map(_click_option, OPTIONS), *others]


def _click_option(option: Option) -> click.Option:
    names = [f"--{(option.flag or option.name).replace('_', '-')}", option.field]
    if option.form == "flag":
        return click.Option(names, is_flag=True, help=option.doc)
    kind: Any = None
    if option.form == "choice":
        kind = click.Choice(option.choices)
    elif option.form == "number":
        bounded = option.lower > -math.inf
        kind = click.FloatRange(option.lower, option.upper, min_open=True) if bounded else float
    return click.Option(
        names,
        type=kind,
        metavar=option.metavar or None,
        multiple=option.form == "truths",
        default=option.default,
        show_default=option.default is not None,
        help=option.doc,
    )


@click.command(cls=ScoreCommand)
@click.argument("product_path", metavar="[PRODUCT]", required=False)
@click.option("--pairs", metavar="CSV", type=click.Path(path_type=Path), help="Columns product, reference, group.")
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
    options["truths"] = _truths(options["truths"])
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
    from mitoshi.evidence.score.tables import table_text

    for table in tables:
        click.echo(table_text(table, "en"))
        click.echo("")
