"""What the images and terrain models say of every cell: log likelihood ratios, slope, and where mass could have run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.landslide_inputs import check_filled
from mitoshi.applications.disaster.landslide_probability import (
    Earlier,
    SlideModel,
    normal_log_ratio,
    scene_centre,
    slide_probability,
    slope_log_odds,
)
from mitoshi.core.cells import cell_sides_m
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import to_db
from mitoshi.methods.optical.cover import cover_of, masked
from mitoshi.methods.optical.vegetation import ndvi, red_and_near_infrared, relative_ndvi_change
from mitoshi.methods.terrain.drainage import Drainage, drainage
from mitoshi.methods.terrain.elevation_change import ChangeNoise, change_noise
from mitoshi.methods.terrain.slope import slope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitoshi.core.quantity import Raster

__all__ = [
    "Changes",
    "Evidence",
    "Levels",
    "Terrain",
    "changes_of",
    "elevation_change_of",
    "levels_of",
    "probability",
    "read_evidence",
    "read_terrain",
    "with_drainage",
]

RUNOUT_FACTOR = 10.0
"""Prior odds of a slide in the path below a certain one, relative to elsewhere: what comes down runs on. Assumed."""

SEED_PROBABILITY = 0.9
SEED_CELLS = 4
"""Connected cells above the seed probability that make a slide certain enough to look for its run-out below."""

SMALLEST_BACKSCATTER_WINDOW = 3
FLOODED, PERMANENT = 1, 2  # codes of a flood map


class Terrain(NamedTuple):
    """Terrain on the grid of the run.

    Attributes
    ----------
    before
        Elevation before in metres, or None.
    change
        Elevation change in metres, or None.
    noise
        Bias and noise of the change, or None.
    slope_deg
        Slope before, or None.
    drainage
        Drainage of the terrain before, or None until it is asked for.
    """

    before: NDArray[np.float32] | None
    change: NDArray[np.float32] | None
    noise: ChangeNoise | None
    slope_deg: NDArray[np.float32] | None
    drainage: Drainage | None


class Evidence(NamedTuple):
    """Log likelihood ratios, all (y, x).

    Attributes
    ----------
    terrain
        Of the elevation change.
    images
        Sum of those of images; 0 where water explains the change.
    observed
        Where there is any.
    """

    terrain: NDArray[np.float32]
    images: NDArray[np.float32]
    observed: NDArray[np.bool_]


class Changes(NamedTuple):
    """What changed, each (y, x), or None: elevation in metres, backscatter in dB, rdNDVI."""

    elevation: NDArray[np.float32] | None
    backscatter_db: NDArray[np.float32] | None
    vegetation: NDArray[np.float32] | None


class Levels(NamedTuple):
    """Centre and spread of what changed where nothing slid, over the scene: of elevation, backscatter and rdNDVI."""

    elevation: ChangeNoise | None
    backscatter_db: tuple[float, float] | None
    vegetation: tuple[float, float] | None


def changes_of(arrays: Mapping[str, Raster | None]) -> Changes:
    """Return what changed within the data arguments by name.

    Raises
    ------
    InputError
        If only one of a pair is given, a pair does not match, or there is nothing to compare.
    """
    elevation = elevation_change_of(*(arrays.get(n) for n in ("elevation", "elevation_after", "elevation_change")))
    check_filled(arrays)
    radar = _pair("before", "after", arrays, _backscatter)
    cloud = arrays.get("cloud")
    hidden = None if cloud is None else masked(cloud)
    optical = _pair("before_optical", "after_optical", arrays, partial(_vegetation, hidden=hidden))
    if elevation is None and radar is None and optical is None:
        raise InputError(
            "landslides need a change: give --elevation-change, or --elevation and --elevation-after, or --before and --after, "
            "or --before-optical and --after-optical; of a single image see disaster.landslide-optical"
        )
    return Changes(elevation, radar, optical)


def levels_of(parts: list[Changes]) -> Levels:
    """Return the levels of a scene from parts of one size, of which most did not move."""

    def joined(layer: int) -> NDArray[np.float32] | None:
        given = [part[layer] for part in parts]
        return None if given[0] is None else np.concatenate([g for g in given if g is not None])

    elevation, radar, optical = (joined(layer) for layer in range(3))
    return Levels(
        None if elevation is None else change_noise(elevation),
        None if radar is None else scene_centre(radar),
        None if optical is None else scene_centre(optical),
    )


def elevation_change_of(
    elevation: Raster | None, elevation_after: Raster | None, elevation_change: Raster | None
) -> NDArray[np.float32] | None:
    """Return the elevation change, given or as the difference of both terrains; None where neither is there."""
    if elevation_change is not None:
        return _plane(elevation_change)
    return None if elevation is None or elevation_after is None else _plane(elevation_after) - _plane(elevation)


def _plane(raster: Raster) -> NDArray[np.float32]:
    return np.asarray(raster.to_numpy(), np.float32)


def read_terrain(
    elevation: Raster | None,
    elevation_after: Raster | None,
    change: NDArray[np.float32] | None,
    levels: Levels,
    cell_m: float,
) -> Terrain:
    """Return the terrain before, its change, and what follows from them. The terrain before is derived where it is not given."""
    like = elevation if elevation is not None else elevation_after
    if like is None or (elevation is None and change is None):
        return Terrain(None, change, levels.elevation, None, None)
    before = _plane(like) if elevation is not None or change is None else _plane(like) - change
    sides = cell_sides_m(like) or (cell_m, cell_m)
    return Terrain(before, change, levels.elevation, slope(before, pixel_size=sides), None)


def with_drainage(terrain: Terrain, like: Raster, cell_m: float) -> Terrain:
    """Return a terrain with its drainage, which takes longer than everything else; none where there is no terrain."""
    if terrain.before is None:
        return terrain
    height, width = cell_sides_m(like) or (cell_m, cell_m)
    return terrain._replace(drainage=drainage(terrain.before, cell=(float(np.mean(height)), float(np.mean(width)))))


def read_evidence(
    changes: Changes, levels: Levels, model: SlideModel, shape: tuple[int, int], flood: Raster | None = None
) -> Evidence:
    """Return the evidence of elevation change, vegetation loss and backscatter change.

    Water changes backscatter and reflectance as a slide does: what images say of flooded and of permanent water is left out.
    """
    sums, observed = [np.zeros(shape, np.float32), np.zeros(shape, np.float32)], np.zeros(shape, bool)
    half = model.vegetation_loss / 2.0
    laws = {
        "elevation": (0, 0.0, model.change_m),
        "backscatter_db": (1, 0.0, model.backscatter_db),
        "vegetation": (1, -model.vegetation_loss, half),
    }
    for name, (kind, mean, spread) in laws.items():
        change = getattr(changes, name)
        if change is None:
            continue
        centre, sigma = _centre(getattr(levels, name))
        sums[kind] += normal_log_ratio(change, centre, sigma, mean, spread)
        observed |= np.isfinite(change)
    if flood is not None:
        sums[1][_near_water(flood.to_numpy())] = 0.0
    return Evidence(sums[0], sums[1], observed)


def _centre(level: ChangeNoise | tuple[float, float]) -> tuple[float, float]:
    return (level.bias, max(level.sigma, 1e-3)) if isinstance(level, ChangeNoise) else level


def _near_water(codes: NDArray[Any]) -> NDArray[np.bool_]:
    """Return water and the cells beside it, whose backscatter is a mean with the water's."""
    from scipy import ndimage

    water = (codes == FLOODED) | (codes == PERMANENT)
    return np.asarray(ndimage.binary_dilation(water, np.ones((SMALLEST_BACKSCATTER_WINDOW,) * 2, bool)))


def _pair(
    first: str,
    second: str,
    arrays: Mapping[str, Raster | None],
    compare: Callable[[Raster, Raster], NDArray[np.float32]],
) -> NDArray[np.float32] | None:
    one, other = arrays.get(first), arrays.get(second)
    if one is None and other is None:
        return None
    if one is None or other is None:
        given, lacking = (first, second) if other is None else (second, first)
        raise InputError(f"{given} is given without {lacking}; give both dates, --{lacking.replace('_', '-')} FILE")
    return compare(one, other)


def _backscatter(before: Raster, after: Raster) -> NDArray[np.float32]:
    """Mean change in dB of the polarisations, over 3 × 3 cells; slides may darken or brighten."""
    names = [[str(v) for v in r["polarisation"].values] if "polarisation" in r.coords else [] for r in (before, after)]
    if names[0] != names[1]:
        raise InputError(f"before has polarisations {names[0]} and after {names[1]}; give the same ones")
    powers = [_stack(r) for r in (before, after)]
    return np.asarray(
        np.mean([to_db(_mean_3x3(b)) - to_db(_mean_3x3(a)) for b, a in zip(*powers[::-1], strict=True)], axis=0)
    )


def _vegetation(before: Raster, after: Raster, hidden: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Return rdNDVI, NaN where cloud or lightless shadow hides either date, or where the image after is masked."""
    indices = []
    for image in (before, after):
        names = [str(v) for v in image["band"].values] if "band" in image.coords else []
        red, near_infrared = red_and_near_infrared(names)
        bands = _stack(image)
        indices.append(np.where(cover_of(image), np.float32(np.nan), ndvi(bands[red], bands[near_infrared])))
    if hidden is not None:
        indices[1] = np.where(hidden, np.float32(np.nan), indices[1])
    return relative_ndvi_change(indices[0], indices[1])


def _stack(image: Raster) -> NDArray[np.float32]:
    values = np.asarray(image.to_numpy(), np.float32)
    return values if values.ndim == 3 else values[None]


def _mean_3x3(power: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(power, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9.0), np.float32)


def probability(
    evidence: Evidence, terrain: Terrain, model: SlideModel, runout_cells: int, drained: Callable[[Terrain], Terrain]
) -> NDArray[np.float32]:
    """Return the probability that each cell slid, shape (y, x), NaN where not observed.

    First without, then with raised prior odds in the drainage path below every certain slide, `runout_cells` to either side.
    On flat ground images speak for a slide only there: fields, floods and shores change for many other reasons.
    """
    prior = slope_log_odds(terrain.slope_deg, model)
    steep = _steep(terrain, model)
    first = evidence.terrain + np.where(steep, evidence.images, np.minimum(evidence.images, 0.0))
    chance = slide_probability(first, prior, evidence.observed, model.smoothness)
    seeds = _certain(chance)
    tree = drained(terrain).drainage if seeds.any() else None  # nothing runs out of nothing
    if tree is None:
        return chance
    below = _runout(seeds, tree, runout_cells)
    raised = np.asarray(prior + np.log(RUNOUT_FACTOR) * below, np.float32)
    second = evidence.terrain + np.where(steep | below, evidence.images, np.minimum(evidence.images, 0.0))
    return slide_probability(second, raised, evidence.observed, model.smoothness, Earlier(chance, below))


def _steep(terrain: Terrain, model: SlideModel) -> Any:
    """Return where the ground is steep enough to slide; everywhere where no terrain is given."""
    if terrain.slope_deg is None:
        return True
    with np.errstate(invalid="ignore"):
        return ~(terrain.slope_deg < model.slope_deg[0])


def _certain(chance: NDArray[np.float32]) -> NDArray[np.bool_]:
    from scipy import ndimage

    with np.errstate(invalid="ignore"):
        seeds = chance > SEED_PROBABILITY
    labels, count = ndimage.label(seeds, structure=np.ones((3, 3)))
    large = np.bincount(labels.ravel(), minlength=count + 1) >= SEED_CELLS
    large[0] = False
    return np.asarray(large[labels])


def _runout(seeds: NDArray[np.bool_], tree: Drainage, width: int) -> NDArray[np.bool_]:
    """Return the cells at most `width` cells from a drainage path that begins in a seed."""
    from scipy import ndimage

    reached = seeds.ravel().copy()
    downstream = tree.downstream.ravel()
    current: NDArray[Any] = np.flatnonzero(reached)
    while current.size:
        following = np.unique(downstream[current])
        current = following[(following >= 0) & ~reached[np.maximum(following, 0)]]
        reached[current] = True
    path = reached.reshape(seeds.shape)
    return np.asarray(ndimage.binary_dilation(path, np.ones((3, 3), bool), iterations=width) if width > 0 else path)
