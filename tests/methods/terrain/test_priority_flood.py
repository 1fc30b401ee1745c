"""Priority flood against the textbook's: a heap of (level, place)."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mitoshi.methods.terrain.priority_flood import OUTLET, _sorted_cells, neighbours, priority_flood

AROUND = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]


def with_a_heap(heights):
    """Return levels, cells the water came from and order by algorithm 3 of Barnes, Lehman and Mulla, with rows and columns."""
    framed = np.pad(heights, 1, constant_values=np.nan)
    levels, source, order = framed.copy(), {}, []
    opened = {
        (row, column)
        for row, column in zip(*np.nonzero(np.isfinite(framed)), strict=True)
        if any(np.isnan(framed[row + down, column + right]) for down, right in AROUND)
    }
    heap, seen = [(framed[cell], cell) for cell in opened], set(opened)
    heapq.heapify(heap)
    while heap:
        level, (row, column) = heapq.heappop(heap)
        order.append((row, column))
        for down, right in AROUND:
            other = (row + down, column + right)
            if other in seen or np.isnan(framed[other]):
                continue
            seen.add(other)
            levels[other], source[other] = max(framed[other], level), (row, column)
            heapq.heappush(heap, (levels[other], other))
    return levels, source, order


@pytest.mark.parametrize("kind", ["rough", "steps", "single precision", "gaps", "negative steps with gaps"])
def test_every_cell_is_reached_as_by_a_heap(kind):
    draw = np.random.default_rng(8)
    terrain = draw.normal(size=(37, 29))
    if "steps" in kind:
        terrain = np.round(terrain) * 0.5
    if kind == "single precision":
        terrain = np.round(terrain, 2).astype(np.float32).astype(float)
    if "gaps" in kind:
        terrain[draw.random(terrain.shape) < 0.07] = np.nan
    levels, source, order = with_a_heap(terrain)
    flood = priority_flood(terrain)
    assert_array_equal(flood.filled, levels)
    width = terrain.shape[1] + 2
    assert [divmod(int(cell), width) for cell in flood.order] == order
    steps = neighbours(width)
    for place in np.flatnonzero(np.isfinite(flood.ground)):
        came = source.get(divmod(int(place), width))
        step = flood.source[place]
        assert (step == OUTLET) == (came is None)
        assert came is None or divmod(int(place - steps[step]), width) == came


def test_nothing_observed_is_never_reached():
    assert priority_flood(np.full((4, 5), np.nan)).order.size == 0


@pytest.mark.parametrize("count", [0, 1, 5000])
@pytest.mark.parametrize("scale", [0.0, 3.0, 1e9])
def test_cells_come_by_height_then_by_place(count, scale):
    draw = np.random.default_rng(count)
    heights = np.round(draw.normal(0, scale, count)).astype(np.float32).astype(np.float64) + 0.0
    heights[draw.random(count) < 0.1] = np.nan
    observed = np.flatnonzero(~np.isnan(heights))
    expected = observed[np.lexsort((observed, heights[observed]))]
    assert_array_equal(_sorted_cells(heights), expected)
    if count == 5000 and scale:
        finer = heights + 1e-7  # no float32: sorted by comparison
        assert_array_equal(_sorted_cells(finer), observed[np.lexsort((observed, finer[observed]))])
