"""The map of errors: as a COG, and as a picture in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.declaration import Output
from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.quantity import Quantity
from mitoshi.core.text import Text
from mitoshi.evidence.cog import Pyramid, encode
from mitoshi.evidence.digest import BLOCK
from mitoshi.evidence.frame import Frame
from mitoshi.evidence.layers import encoding_of, halving_of, rounded
from mitoshi.evidence.products import picture_level
from mitoshi.evidence.score.coded import FALSE_ALARM, HIT, MISS, NO_REFERENCE, NOT_OBSERVED, REJECTION
from mitoshi.evidence.score.sketch import MATCHES

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.core.text import Language
    from mitoshi.evidence.score.result import Score

__all__ = ["ERRORS", "error_picture", "write_errors"]

TITLE = Text("agreement with the reference", "参照データとの一致")
KINDS = (
    CodedClass(REJECTION, Text("correct rejection", "正（非該当）"), "#f2efe6"),
    CodedClass(HIT, Text("hit", "正（該当）"), "#0072b2"),
    CodedClass(MISS, Text("miss", "見逃し"), "#d55e00"),
    CodedClass(FALSE_ALARM, Text("false alarm", "誤警報"), "#f0c800"),
    CodedClass(NOT_OBSERVED, Text("not observed", "未観測"), "#9a9a9a"),
    CodedClass(NO_REFERENCE, Text("no reference", "参照なし"), "#dcdcdc"),
)
ERRORS = Coded(TITLE, KINDS, nodata=NO_REFERENCE, no_uncertainty=Text("a comparison", "比較の結果"))
SHOWN = Coded(TITLE, KINDS, nodata=NOT_OBSERVED, no_uncertainty=ERRORS.no_uncertainty)  # hatched as on every map
ERROR = Text("product minus reference", "プロダクト－参照データ")
NOT_COMPARED = Text("not compared", "比較対象外")
STEPS = 1e-4  # of the largest error
MAP_TITLE = Text("{product} against {reference}", "{product} と {reference} の比較")


def _layer(score: Score) -> Coded | Measured:
    if score.classes is not None:
        return ERRORS
    assert score.errors is not None  # noqa: S101 - a map of errors is asked for
    seen = np.abs(score.errors[np.isfinite(score.errors)])
    most = float(np.percentile(seen, 98)) if seen.size else 1.0
    limit = float(f"{max(most, 1e-12):.1g}")
    quantity = Quantity("error", score.units or "1", ERROR)
    return Measured(
        ERROR, quantity, limit * STEPS, no_uncertainty=ERRORS.no_uncertainty, limits=(-limit, limit), colours="RdBu"
    )


def _frame(score: Score) -> Frame:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    part, grid = score.overlap, score.grid
    assert part is not None  # noqa: S101
    assert grid is not None  # noqa: S101
    return Frame(GeoBox(part.shape, grid.affine @ Affine.translation(part.columns.start, part.rows.start), grid.crs))


def write_errors(score: Score, path: Path, folder: Path) -> None:
    """Write the map of errors as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    score
        With errors.
    path
        Of the file.
    folder
        For temporary files.
    """
    output = Output("errors", _layer(score), "")
    assert score.errors is not None  # noqa: S101
    pyramid = Pyramid(_frame(score).shape, encoding_of(output), halving_of(output), folder)
    try:
        for top in range(0, score.errors.shape[0], BLOCK):
            rows = _stored(score.errors[top : top + BLOCK], output)
            pyramid.add(encode(rows, encoding_of(output)))
            pyramid.add_halved(halving_of(output)(rows))
        tags = {"MITOSHI_SIMULATED": "true"} if score.simulated else {}
        pyramid.finish(path, _frame(score), tags)
    finally:
        pyramid.close()


def _stored(values: np.ndarray[Any, Any], output: Output) -> np.ndarray[Any, Any]:
    return rounded(values, output.layer.resolution) if isinstance(output.layer, Measured) else values


def error_picture(score: Score, language: Language) -> bytes:
    """Return the map of errors as a PNG with its legend.

    Parameters
    ----------
    score
        With errors, or a sketch of features.
    language
        Of the words.
    """
    from mitoshi.evidence.quicklook import draw

    title = MAP_TITLE.format(product=score.product.source.name, reference=score.reference.name)
    if score.sketch is not None:
        codes, place = score.sketch
        shown = place if place.crs is not None else None
        return draw(codes, MATCHES, grid=shown, language=language, title=title, simulated=score.simulated)
    layer, frame = _layer(score), _frame(score)
    assert score.errors is not None  # noqa: S101
    level = picture_level(frame.shape)
    values, grid = score.errors, frame.geobox
    if level:
        values = np.asarray(values[:: 2**level, :: 2**level])
        grid = grid.zoom_out(2**level)
    return draw(
        values,
        SHOWN if isinstance(layer, Coded) else layer,
        grid=grid if frame.georeferenced else None,
        language=language,
        title=title,
        simulated=score.simulated,
        missing=NOT_COMPARED,
    )
