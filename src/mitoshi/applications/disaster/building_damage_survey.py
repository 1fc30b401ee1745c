"""The survey of a scene for building damage: every footprint in the block that holds its centre, and the scene's few levels.

A footprint's row depends on its own pixels, on constants, and on the natural ratio of coherence over all steady pixels. It does
not depend on the other footprints, and not on how a run is tiled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_evidence import Reference, Widths
from mitoshi.applications.disaster.building_damage_footprints import blocks_of, cells_of, in_pixels
from mitoshi.applications.disaster.building_damage_model import Posterior, joint_likelihood, posterior
from mitoshi.applications.disaster.building_damage_objects import (
    Images,
    Observed,
    bands,
    check,
    check_different,
    observe,
)
from mitoshi.applications.disaster.building_damage_pairs import OpticalSums, check_optical, optical_sums
from mitoshi.applications.disaster.building_damage_proxy import Scales
from mitoshi.core.errors import InputError, ParameterError
from mitoshi.methods.optical.change import Radiometry, brightness, radiometry
from mitoshi.methods.optical.cover import COVER_MARGIN
from mitoshi.methods.sar.coherence_change import natural_coherence_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.scene import SceneView

__all__ = ["DamageSurvey", "pixel_size", "prior_of", "survey_damage"]

BLOCK = 1024
LARGEST_MARGIN = 512
"""Pixels around a block that are read for the footprints in it. What a larger building shows beyond is not seen."""

SAMPLE_PIXELS = 1_000_000
UNREFERENCED_PIXEL_M = 1.0
"""Pixel side taken where an image has no georeference; lengths then count pixels."""

LONGEST_SHIFT = 8
SAMPLED = (("coherence_before", "coherence_across"), ("before_optical", "after_optical"))


class DamageSurvey(NamedTuple):
    """What the tiles of a scene share, and the rows of the list.

    Attributes
    ----------
    scales
        Levels of the whole scene.
    known
        Posterior of every footprint, in the order given.
    seen
        Observations of every footprint.
    """

    scales: Scales
    known: Posterior
    seen: Observed


class _Found(NamedTuple):
    """What one block holds: positions of its footprints, their observations, samples of pairs, sums, and what differs."""

    members: NDArray[np.int64]
    seen: Observed
    samples: tuple[NDArray[np.float32], ...]
    optical: OpticalSums | None
    differing: tuple[int | None, ...]


@dataclass(frozen=True)
class _Block:
    """Observes the footprints of one block; picklable, for a runner may call it in another process."""

    shapes: NDArray[Any]
    blocks: NDArray[np.int64]
    shape: tuple[int, int]
    margin: int
    reach: int
    step: int

    def __call__(self, row: int, column: int, arrays: Mapping[str, Any]) -> _Found:
        given = Images.of(arrays)
        check(given)
        images = given.clear()
        number = row // BLOCK * -(-self.shape[1] // BLOCK) + column // BLOCK
        members = np.flatnonzero(self.blocks == number)
        first = max(0, row - self.margin), max(0, column - self.margin)
        size = images.grid.sizes
        cells = cells_of(self.shapes[members], first, (size["y"], size["x"]))
        core = (slice(row - first[0], row - first[0] + BLOCK), slice(column - first[1], column - first[1] + BLOCK))
        offset = -row % self.step, -column % self.step
        samples = tuple(
            _pairs(images, names, core, offset, self.step)
            for names in SAMPLED
            if all(getattr(images, name) is not None for name in names)
        )
        seen = observe(cells, images, self.reach)
        return _Found(members, seen, samples, optical_sums(given, images, core), given.differing(core))


def _pairs(
    images: Images, names: tuple[str, str], core: tuple[slice, slice], offset: tuple[int, int], step: int
) -> NDArray[np.float32]:
    """Return brightness of both images at every `step`-th pixel of the scene where both were seen, shape (2, n)."""
    thin = [
        brightness(bands(getattr(images, name)[..., core[0], core[1]][..., offset[0] :: step, offset[1] :: step]))
        for name in names
    ]
    both = np.isfinite(thin[0]) & np.isfinite(thin[1])
    return np.stack([values[both] for values in thin])


def pixel_size(attrs: Mapping[str, Any]) -> float:
    """Return the side of a pixel in metres, 1 where it is not known."""
    return float(attrs.get("pixel_size_m") or UNREFERENCED_PIXEL_M)


def prior_of(minor: float, major: float, destroyed: float) -> NDArray[np.float64]:
    """Return the class shares expected before looking, shape (4,).

    Raises
    ------
    ParameterError
        If nothing is left for undamaged buildings.
    """
    undamaged = 1.0 - minor - major - destroyed
    if undamaged <= 0.0:
        raise ParameterError(
            f"prior_minor + prior_major + prior_destroyed must be below 1, got {minor + major + destroyed:g}"
        )
    return np.array([undamaged, minor, major, destroyed])


def survey_damage(
    view: SceneView,
    *,
    context_m: float,
    search_m: float,
    prior_minor: float,
    prior_major: float,
    prior_destroyed: float,
    undamaged_correlation: float,
    undamaged_edges: float,
    coherence_looks: float,
    backscatter_looks: float,
    natural_coherence: float,
    natural_backscatter_db: float,
    natural_correlation: float,
    natural_edges: float,
    natural_detail: float,
    damage_backscatter_db: float,
    damage_detail: float,
    resolution_tolerance: float,
) -> DamageSurvey:
    """Return what is known of every footprint, and the scene's levels. See `building_damage` for the parameters."""
    footprints = view.features("footprints")
    if footprints is None:
        raise InputError("building damage needs footprints; give --footprints FILE")
    prior = prior_of(prior_minor, prior_major, prior_destroyed)
    pixel = pixel_size(view.like.attrs)
    shapes = in_pixels(footprints.geometry.to_numpy(), view.like)
    reach = min(LONGEST_SHIFT, math.ceil(search_m / pixel)) if search_m > 0 else 0
    scales, seen = _looked(view, shapes, context_m / pixel, reach, resolution_tolerance)
    widths = Widths(
        coherence_looks, natural_coherence, natural_backscatter_db, natural_correlation, natural_edges, natural_detail,
        damage_backscatter_db, damage_detail, backscatter_looks,
    )  # fmt: skip
    reference = Reference(scales.coherence_ratio, undamaged_correlation, undamaged_edges)
    likelihood = joint_likelihood(seen.evidence(reference, widths, (2 * reach + 1) ** 2), len(shapes))
    known = posterior(likelihood, prior)
    return DamageSurvey(scales, known, seen)


def _looked(
    view: SceneView, shapes: NDArray[Any], context: float, reach: int, tolerance: float
) -> tuple[Scales, Observed]:
    """Look at every block of the scene once."""
    import shapely

    around = shapely.buffer(shapes, context) if context > 0 else shapes
    blocks, half = blocks_of(around, view.shape, BLOCK)
    margin = min(LARGEST_MARGIN, half + reach + 2 + COVER_MARGIN)
    step = max(1, math.ceil(math.sqrt(view.shape[0] * view.shape[1] / SAMPLE_PIXELS)))
    found = view.map_blocks(_Block(around, blocks, view.shape, margin, reach, step), BLOCK, margin)
    order = np.argsort(np.concatenate([f.members for f in found]), kind="stable")
    seen = Observed(*(np.concatenate(parts)[order] for parts in zip(*(f.seen for f in found), strict=True)))
    pairs = [np.concatenate(parts, axis=1) for parts in zip(*(f.samples for f in found), strict=True)]
    sums = [f.optical for f in found if f.optical is not None]
    if sums:
        check_optical(sums, tolerance)
    check_different([f.differing for f in found])
    return _scales(view, pairs), seen


def _scales(view: SceneView, pairs: list[NDArray[np.float32]]) -> Scales:
    ratio = 1.0
    optical: tuple[Radiometry | None, Radiometry | None] = (None, None)
    names = [n for n in SAMPLED if all(view.given(argument) for argument in n)]
    for sampled, pair in zip(names, pairs, strict=True):
        if sampled is SAMPLED[0]:
            ratio = natural_coherence_ratio(*pair)
        elif pair.shape[1]:
            optical = radiometry(pair[:1]), radiometry(pair[1:])
    return Scales(ratio, *optical)
