"""How the outputs of a method are stored: quantised, encoded, thinned for overviews."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mitoshi.core.carried import TAG
from mitoshi.core.errors import RunError
from mitoshi.core.product import Coded, Listed, Measured
from mitoshi.evidence.cog import Encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mitoshi.core.method import Output

__all__ = ["encoding_of", "halving_of", "stored", "tags_of"]

CODED_LEVEL, MEASURED_LEVEL = 6, 1  # DEFLATE levels, see Encoding.level


def encoding_of(output: Output) -> Encoding:
    """Return how the layer of an output is stored."""
    layer = cast("Coded | Measured", output.layer)  # lists are no rasters
    if isinstance(layer, Coded):
        colours = tuple((c.code, _rgb(c.colour)) for c in layer.classes)
        return Encoding("uint8", layer.nodata, CODED_LEVEL, None, output.name, colours)
    return Encoding("float32", float("nan"), MEASURED_LEVEL, layer.quantity.units, output.name)


def tags_of(output: Output, *, simulated: bool, observed: str | None, carried: Sequence[str] = ()) -> dict[str, str]:
    """Return what a product's file says of itself, so that it can be the input of another run without further words."""
    layer = output.layer
    quantity = None if isinstance(layer, Listed) else layer.quantity
    found = {} if quantity is None else {"MITOSHI_QUANTITY": quantity.name, "MITOSHI_UNITS": quantity.units}
    if isinstance(layer, Measured):
        found["MITOSHI_RESOLUTION"] = f"{layer.resolution:g}"
    when = {"MITOSHI_DATETIME": observed} if observed else {}
    said = {TAG: ",".join(carried)} if carried else {}
    return {**found, **when, **said, **({"MITOSHI_SIMULATED": "true"} if simulated else {})}


def header_of(output: Output) -> dict[str, Any]:
    """Return what is hashed with the pixels of a product, the grid apart."""
    encoding = encoding_of(output)
    return {"dims": ["y", "x"], "dtype": "u1" if encoding.dtype == "uint8" else "<f4", "units": encoding.units}


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def stored(values: Any, output: Output, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Return a result as it is stored: codes as uint8, measures as float32 rounded to their declared resolution.

    Parameters
    ----------
    values
        What the method returned, (y, x).
    output
        Its declaration.
    shape
        What the runner expects.

    Raises
    ------
    RunError
        If the method broke its declaration.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise RunError(f"{output.name} has shape {array.shape}, expected {shape}; mend the method")
    if isinstance(output.layer, Measured):
        return rounded(array, output.layer.resolution)
    layer = cast("Coded", output.layer)
    codes = array.astype(np.uint8)
    if not np.array_equal(codes, array):
        raise RunError(f"{output.name} holds values that are no codes from 0 to 255; mend the method")
    known = np.zeros(256, bool)
    known[[c.code for c in layer.classes] + [layer.nodata]] = True
    if not known[codes].all():
        raise RunError(f"{output.name} holds a code that it does not declare; mend the method")
    return codes


def rounded(values: npt.NDArray[Any], resolution: float) -> npt.NDArray[np.float32]:
    """Return values rounded to the nearest multiple of `resolution`, one NaN, no negative zero; infinities become NaN.

    >>> rounded(np.array([0.014, -0.001]), 0.01).tolist()
    [0.009999999776482582, 0.0]
    """
    steps = np.rint(np.asarray(values, dtype=np.float64) / resolution)
    steps[~np.isfinite(steps)] = np.nan
    return (steps * resolution + 0.0).astype(np.float32)


def halving_of(output: Output) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Return the overview rule: of 2 × 2 codes the first is shown; measures are averaged over what was observed."""
    if isinstance(output.layer, Coded):
        return _first_of_four
    return partial(_mean_of_four, resolution=cast("Measured", output.layer).resolution)


def _first_of_four(codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(codes[::2, ::2])


def _mean_of_four(values: npt.NDArray[Any], resolution: float) -> npt.NDArray[Any]:
    return rounded(block_mean_of(values, 2), resolution)


def block_mean_of(values: npt.NDArray[Any], factor: int) -> npt.NDArray[np.float64]:
    """Return means over `factor` × `factor` pixels, without NaN; edge blocks may be smaller.

    The sums run over whole planes in a fixed order, which is several times faster than a reduction over short axes.
    """
    rows, columns = (-(-n // factor) for n in values.shape)
    total, count = np.zeros((rows, columns)), np.zeros((rows, columns), np.int32)
    for y in range(factor):
        for x in range(factor):
            plane = values[y::factor, x::factor]
            seen = ~np.isnan(plane)
            part = (slice(plane.shape[0]), slice(plane.shape[1]))
            np.add(total[part], plane, out=total[part], where=seen)
            count[part] += seen
    with np.errstate(invalid="ignore"):
        mean: npt.NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
