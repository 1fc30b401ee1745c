"""The picture within a map's frame: classes or colours over a grey background, what was not observable hatched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mitoshi.core.product import Coded
from mitoshi.core.quantity import DECIBEL_UNITS, QUANTITIES, to_db
from mitoshi.core.text import Text

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from mitoshi.core.method import Method, Output
    from mitoshi.core.product import Listed, Measured
    from mitoshi.core.text import Language

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

__all__ = ["background", "colours", "darker", "grey_ramp", "hatching", "painted", "shows_background"]

PAPER = "#ffffff"
GREYS = (48.0, 238.0)  # darkest and lightest grey of the background: neither competes with ink or paper
STRETCH = (2.0, 98.0)  # percentiles
LARGEST = (1400, 1400)  # no picture is larger
OVERSAMPLING = 2  # a layer finer than this times the display is thinned before it is averaged

DECIBEL = Text("Background: radar backscatter, dB, 2–98 % stretch", "背景：後方散乱係数（dB、2～98 %で伸長）")
LOGARITHMIC = Text(
    "Background: radar backscatter, logarithmic, 2–98 % stretch", "背景：レーダーの後方散乱（対数、2～98 %で伸長）"
)
RELATIVE = Text(
    "Background: relative backscatter (uncalibrated), 2–98 % stretch", "背景：相対後方散乱（未校正、2～98 %で伸長）"
)
DEPTH = Text(
    "Background: water depth, the darker the deeper, 2–98 % stretch", "背景：浸水深（暗いほど深い、2～98 %で伸長）"
)
IMAGE = Text("Background: input image, 2–98 % stretch", "背景：入力画像（2～98 %で伸長）")
OF_QUANTITY = Text("Background: {title}, 2–98 % stretch", "背景：{title}（2～98 %で伸長）")


def _thinned(values: Any, size: tuple[int, int]) -> Any:
    """Return every n-th row and column, so that a scene of any size costs no more than the display needs."""
    rows, columns = (max(1, n // (OVERSAMPLING * want)) for n, want in zip(values.shape, size[::-1], strict=True))
    return values[::rows, ::columns]


def _resized(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    return Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.BOX)


def background(array: Any, method: Method[..., Any], language: Language) -> tuple[Floats | None, str]:
    """Return what lies under the classes, 0 to 1 with NaN, and what the map says of it; see `quicklook.render`."""
    if array is None:
        return None, ""
    attributes = getattr(array, "attrs", {})
    values = np.asarray(_thinned(array[0] if array.ndim == 3 else array, LARGEST), dtype=np.float32)
    logarithmic, note = _scale(attributes.get("quantity"), attributes.get("units"), method)
    if logarithmic:
        values = np.asarray(to_db(values), dtype=np.float32)
    seen = values[np.isfinite(values)]
    low, high = np.percentile(seen, STRETCH) if seen.size else (0.0, 1.0)
    grey = np.clip((values - low) / max(float(high - low), 1e-6), 0.0, 1.0)
    if note is DEPTH:
        grey = 1.0 - grey  # ground without water is as light as paper, and houses in the water stand out
    return grey.astype(np.float32), note.in_(language)


def _scale(name: str | None, given_units: str | None, method: Method[..., Any]) -> tuple[bool, Text]:
    """Return whether a background is shown in logarithms, and what the map says of it."""
    if name == "relative_backscatter":
        return False, RELATIVE
    if given_units in DECIBEL_UNITS:
        return False, DECIBEL
    if name == "water_depth":
        return False, DEPTH
    if name in QUANTITIES:
        return (True, DECIBEL) if QUANTITIES[name].power else (False, _titled(QUANTITIES[name].title))
    # A plain array: power where the method takes power, but whether calibrated nobody says.
    return (True, LOGARITHMIC) if any(a.quantity.power for a in method.data) else (False, IMAGE)


def _titled(title: Text) -> Text:
    return Text(OF_QUANTITY.en.format(title=title.en), OF_QUANTITY.ja.format(title=title.ja))


def shows_background(layer: Coded | Measured | Listed) -> bool:
    """Return whether a layer leaves its background bare anywhere: the class of code 0 does, every other colour covers it."""
    return isinstance(layer, Coded) and any(kind.code == 0 for kind in layer.classes)


def painted(values: npt.NDArray[Any], output: Output, under: Floats | None, size: tuple[int, int]) -> Image.Image:
    """Return the map's picture: the layer over the background, what was not observable hatched.

    Parameters
    ----------
    values
        The layer, (y, x).
    output
        What it is.
    under
        From `background`, at any resolution; None leaves the paper.
    size
        (width, height) of the picture in pixels.
    """
    from PIL import Image

    picture = Image.new("RGB", size, PAPER)
    if under is not None:
        dark, light = GREYS
        grey = np.where(np.isfinite(under), dark + (light - dark) * np.nan_to_num(under), light).astype(np.uint8)
        picture.paste(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    thin = _thinned(values, size)
    if isinstance(output.layer, Coded):
        _paint_classes(picture, thin, output.layer, bare=under is not None)
    else:
        _paint_measured(picture, thin, cast("Measured", output.layer))
    return picture


def _paint_classes(picture: Image.Image, values: npt.NDArray[Any], layer: Coded, *, bare: bool) -> None:
    from PIL import Image

    for kind in layer.classes:
        if kind.code == layer.nodata or (bare and kind.code == 0):
            continue
        mask = _resized(values == kind.code, picture.size)
        picture.paste(kind.colour, (0, 0), mask)
        if kind.code == layer.outline:
            picture.paste(darker(kind.colour), (0, 0), Image.fromarray(_rim(np.asarray(mask))))
    unseen = _resized(values == layer.nodata, picture.size)
    picture.paste(hatching(picture.size), (0, 0), unseen)


def _paint_measured(picture: Image.Image, values: npt.NDArray[Any], layer: Measured) -> None:
    from PIL import Image

    low, high = layer.limits
    share = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0.0, 1.0)
    picture_colours = Image.fromarray(colours(layer)[np.rint(share * 255).astype(np.uint8)])
    picture.paste(picture_colours.resize(picture.size, Image.Resampling.BOX))
    picture.paste(hatching(picture.size), (0, 0), _resized(~np.isfinite(values), picture.size))


def colours(layer: Measured) -> Bytes:
    """Return the 256 colours of a measured layer's scale, (256, 3)."""
    from matplotlib import colormaps

    scale: Bytes = np.rint(colormaps[layer.colours](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return scale


def hatching(size: tuple[int, int]) -> Image.Image:
    """Return the grey oblique lines of what was not observable."""
    from PIL import Image

    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    grey = np.where((across + down) % 12 < 4, 110, 205).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _rim(mask: Bytes) -> Bytes:
    """Return 255 on the inner edge of a mask, so that a class is known by its outline and not by colour alone."""
    inside = np.pad(mask > 127, 1, mode="edge")
    core = inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return np.where(inside[1:-1, 1:-1] & ~core, 255, 0).astype(np.uint8)


def darker(colour: str) -> tuple[int, ...]:
    """Return a much darker shade of ``#rrggbb``."""
    return tuple(round(int(colour[i : i + 2], 16) * 0.45) for i in (1, 3, 5))


def grey_ramp(width: int, height: int) -> Image.Image:
    """Return the greys of the background, dark to light."""
    from PIL import Image

    return Image.fromarray(np.tile(np.linspace(*GREYS, width).astype(np.uint8), (height, 1))).convert("RGB")
