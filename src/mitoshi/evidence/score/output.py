"""The folder that a comparison leaves behind: numbers, tables, map of errors and report, written whole or not at all."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import BundleError, InputError
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import draft, is_free, read_json, scratch, write_file
from mitoshi.evidence.digest import pretty_json
from mitoshi.evidence.score.record import FORMAT, record
from mitoshi.evidence.score.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mitoshi.core.text import Language
    from mitoshi.evidence.score.result import Score
    from mitoshi.evidence.score.tables import Table

__all__ = ["check_folder", "csv_text", "write_score"]

LANGUAGES: tuple[Language, ...] = ("en", "ja")


def check_folder(out: Path) -> None:
    """Make sure that a comparison may be written to `out`: it is new, empty, or holds another comparison.

    Raises
    ------
    InputError
        If something else is there.
    """
    if is_free(out):
        return
    try:
        there: Any = read_json(out, "score.json")
    except BundleError:
        there = {}
    if there.get("format") != FORMAT:
        raise InputError(f"{out} holds other files; give a new folder with --out")


def write_score(score: Score, out: Path) -> tuple[str, ...]:
    """Write a comparison into a folder and return the names of its files.

    Parameters
    ----------
    score
        What was compared.
    out
        The folder; one with another comparison is replaced.

    Raises
    ------
    InputError
        If the folder holds other files.
    """
    from mitoshi.evidence.score.map import error_picture, write_errors
    from mitoshi.evidence.score.report import render

    check_folder(out)
    with draft(out) as folder:
        write_file(folder / "score.json", pretty_json(record(score)))
        write_file(folder / "score.csv", csv_text(tables_of(score)))
        pictures: dict[str, bytes] = {}
        if score.errors is not None:
            with scratch("mitoshi-score") as temporary:
                write_errors(score, folder / "errors.tif", temporary)
        if score.errors is not None or score.sketch is not None:
            pictures = {language: error_picture(score, language) for language in LANGUAGES}
        for language in LANGUAGES:
            if pictures:
                write_file(folder / f"errors.{language}.png", pictures[language])
            write_file(folder / f"score.{language}.pdf", render(score, pictures.get(language), language))
        return tuple(sorted(p.name for p in folder.iterdir()))


def csv_text(tables: Sequence[Table]) -> bytes:
    """Return tables one below the other, each row with the name of its table in front; UTF-8 with a mark, for spreadsheets."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    for table in tables:
        writer.writerow([table.name, *(_plain(t.en) for t in table.head)])
        writer.writerows([table.name, *(_plain(c.en if isinstance(c, Text) else c) for c in row)] for row in table.rows)
    return stream.getvalue().encode("utf-8-sig")


def _plain(cell: str) -> str:
    """Return a cell that a spreadsheet reads: plain spaces and minus signs, and nothing that it takes for a formula."""
    words = cell.replace("\u202f", " ").replace("\u2212", "-")
    return f"'{words}" if words[:1] in "=+@" else words
