"""Small methods of the three kinds of support, whose results can be told by other means. Importable by worker processes."""

from __future__ import annotations

import time
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from annotated_types import Ge, Le

from mitoshi.core.method import Scene, Stack, Surveyed, Tolerance, Window, method
from mitoshi.core.product import Coded, CodedClass, Figure, Measured
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, PROBABILITY, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.text import Text

DARK = (
    CodedClass(0, Text("bright", "明"), "#eeeeee"),
    CodedClass(1, Text("dark", "暗"), "#0044cc"),
    CodedClass(255, Text("not observed", "観測なし"), "#888888"),
)


class Dark(NamedTuple):
    """What is dark.

    Attributes
    ----------
    dark
        1 where the mean backscatter of 3 by 3 pixels lies below the scene's mean.
    share
        How far below, 0 to 1.
    """

    dark: Annotated[Raster, Coded(Text("dark", "暗部"), DARK, uncertainty="share", outline=1)]
    share: Annotated[
        Raster,
        Measured(
            Text("share", "割合"),
            PROBABILITY,
            0.01,
            no_uncertainty=Text("it is the uncertainty of another output", "試験用"),
        ),
    ]


class Mean(NamedTuple):
    """Mean power of the scene."""

    mean: float
    elevation: float


def block_sum(row: int, column: int, arrays: Any) -> tuple[float, int]:
    values = arrays["after"].to_numpy()[0].astype(float)
    seen = np.isfinite(values)
    return float(values[seen].sum()), int(seen.sum())


def survey(view, *, factor):
    parts = view.map_blocks(block_sum, 512)
    lowest = view.overview("elevation", 10_000)
    total = sum(p[0] for p in parts) / max(1, sum(p[1] for p in parts))
    return Mean(total * factor, 0.0 if lowest is None else float(np.nanmin(lowest)))


def windowed_mean(values):
    """Mean over 3 x 3 in a fixed order, NaN at unseen pixels and outside counted as zero weight."""
    padded = np.pad(values, 1, constant_values=np.nan)
    total, count = np.zeros(values.shape, np.float32), np.zeros(values.shape, np.float32)
    for dy in range(3):
        for dx in range(3):
            part = padded[dy : dy + values.shape[0], dx : dx + values.shape[1]]
            seen = np.isfinite(part)
            total += np.where(seen, part, np.float32(0))
            count += seen
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def result(after, limit):
    values = windowed_mean(after.to_numpy()[0])
    seen = np.isfinite(values)
    dark = np.where(seen, values < limit, 255).astype(np.uint8)
    share = np.where(seen, np.exp(-np.nan_to_num(values) / np.float32(limit)), np.nan).astype(np.float32)
    return Dark(xr.DataArray(dark, dims=("y", "x")), xr.DataArray(share, dims=("y", "x")))


def tally(found, cell_area_m2):
    return {
        "pixels": float((found.dark == 1).sum()),
        "area_m2": float((np.asarray(found.dark == 1) * cell_area_m2).sum()),
        "unseen": float((found.dark == 255).sum()),
    }


def figures(totals, parameters):
    area = totals["area_m2"] / 1e6
    return (
        Figure("dark_area", Text("dark area", "暗部の面積"), area, 0.9 * area, 1.1 * area, "km2", 0.9),
        Figure(
            "dark_pixels",
            Text("dark pixels", "暗部の画素数"),
            totals["pixels"],
            None,
            None,
            "1",
            None,
            Text("a count", "計数"),
        ),
    )


@method(
    version="1.0.0",
    reference="a test",
    support=Scene(survey, 1),
    title=Text("dark of the scene", "シーンの暗部"),
    name="test.scene-dark",
    tally=tally,
    figures=figures,
    tolerance=Tolerance(steps=1.0, pixels=1e-3),
    caveats=(Text("A test.", "試験です。"),),
)
def scene_dark(
    after: Annotated[Raster, BACKSCATTER, Need("after", "3d")],
    elevation: Annotated[Raster | None, ELEVATION, Need()] = None,
    /,
    *,
    factor: Annotated[float, Ge(0.01), Le(10)] = 0.5,
    mean: Annotated[Any, Surveyed()] = None,
) -> Dark:
    """Tell what is darker than `factor` times the scene's mean.

    Parameters
    ----------
    after
        Backscatter.
    elevation
        Not used but by the survey.
    factor
        Of the mean.
    """
    return result(after, mean.mean)


@method(
    version="1.0.0",
    reference="a test",
    support=Window(1),
    title=Text("dark", "暗部"),
    name="test.window-dark",
    tally=tally,
    figures=figures,
)
def window_dark(
    after: Annotated[Raster, BACKSCATTER, Need("after", "3d")],
    /,
    *,
    limit: Annotated[float, Ge(0.0001), Le(10)] = 0.05,
) -> Dark:
    """Tell what is darker than a limit.

    Parameters
    ----------
    after
        Backscatter.
    limit
        Linear power.
    """
    return result(after, limit)


@method(version="1.0.0", reference="a test", support=Window(1), title=Text("slow", "低速"), name="test.slow-dark")
def slow_dark(after: Annotated[Raster, BACKSCATTER, Need("after", "3d")], /) -> Dark:
    """Take its time, so that a worker can be killed in between."""
    time.sleep(0.4)
    return result(after, 0.05)


class Trend(NamedTuple):
    """What became brighter.

    Attributes
    ----------
    trend
        Change in a day.
    """

    trend: Annotated[
        Raster,
        Measured(Text("trend", "傾向"), PROBABILITY, 1e-6, no_uncertainty=Text("a test", "試験用")),
    ]


@method(version="1.0.0", reference="a test", support=Stack(), title=Text("trend", "傾向"), name="test.trend")
def trend(images: Annotated[Raster, BACKSCATTER, Need("any", dates=3, gap="30d")], /) -> Trend:
    """Fit a line to every pixel's column.

    Parameters
    ----------
    images
        Backscatter (time, polarisation, y, x).
    """
    days = (images.time.to_numpy() - images.time.to_numpy()[0]) / np.timedelta64(1, "D")
    weights = (days - days.mean()) / ((days - days.mean()) ** 2).sum()
    slope = np.einsum("t,tyx->yx", weights, images.to_numpy()[:, 0].astype(float))
    return Trend(xr.DataArray(slope.astype(np.float32), dims=("y", "x")))
