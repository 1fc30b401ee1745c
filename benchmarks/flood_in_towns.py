"""Probability of water in buildings that no radar sees: `disaster.flood-extent` and `disaster.flood-depth` on simulated towns.

    python benchmarks/flood_in_towns.py [--seeds 1 2 … 40] [--size 384]

Each seed is a coast with towns whose flood the shallow-water solver made, seen by a simulated radar before and after, with an
elevation model that errs by 0.6 m over 250 m (told to the method) and a land-cover map. Scored are buildings whose centre lies in
a pixel that is not observable. Two maps are carried on: "own", that of `disaster.flood-extent`, errors and all; and "ideal", the
true flood wherever a radar can see. Beside them what was said before (every unseen building is dry) and one probability for all
(the wet share of the tuning seeds 101 to 110, which alone served to choose the method).
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mitoshi.applications.disaster.flood_depth import flood_depth
from mitoshi.applications.disaster.flood_depth_figures import figures, tally
from mitoshi.applications.disaster.flood_extent import flood_extent
from mitoshi.methods.statistics.calibration import expected_calibration_error
from mitoshi.simulation import (
    RadarPass,
    buildings,
    elevation_model,
    observe_radar,
    region,
    unobservable,
    water_occurrence,
    with_flood,
)
from mitoshi.simulation import flood_depth as true_depth
from mitoshi.simulation.archive import LAND_COVER_CODES, flood_code

PIXEL_M = 10.0
ERROR_M = 0.6
LEAST_M3 = 5000.0
"""Volume of unseen water, said or true, from which a seed counts for the volume's interval."""

TUNING_SHARE = 0.113
"""Wet share of the unseen buildings of seeds 101 to 110."""

AFTER, BEFORE = RadarPass("2026-10-12T20:00:00Z", flood=1.0), RadarPass("2026-09-30T20:00:00Z")


class Unseen(NamedTuple):
    """Unseen buildings of one seed: probability of water, depth if there is water, its uncertainty, and the true depth.

    With them the volume of all unseen water [m3]: lower end, best estimate, upper end of the 90 % interval, and the truth.
    """

    chance: Any
    depth: Any
    uncertainty: Any
    truth: Any
    volume: Any


def raster(values: Any, quantity: str, units: str = "1") -> xr.DataArray:
    places = {name: np.arange(n) + 0.5 for name, n in zip(("y", "x"), values.shape[-2:], strict=True)}
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": PIXEL_M}
    if values.ndim == 2:
        return xr.DataArray(np.asarray(values, np.float32), dims=("y", "x"), coords=places, attrs=attrs)
    coords = {"polarisation": ["VV", "VH"], **places}
    return xr.DataArray(np.asarray(values, np.float32), dims=("polarisation", "y", "x"), coords=coords, attrs=attrs)


def scored(seed: int, size: int) -> dict[str, Unseen]:
    """Return the unseen buildings of one seed by both maps."""
    place = with_flood(region((size, size), PIXEL_M, seed))
    ground = place.ground()
    truth, model = true_depth(ground), raster(elevation_model(place, ground), "elevation", "m")
    own = flood_extent(
        raster(observe_radar(place, ground, AFTER), "gamma0"),
        raster(observe_radar(place, ground, BEFORE), "gamma0"),
        model,
        raster(water_occurrence(ground), "water_occurrence"),
        raster(LAND_COVER_CODES[ground.cover.kind], "land_cover"),
    ).flood.to_numpy()
    codes = flood_code(ground, 1.0).astype(float)
    ideal = np.where(unobservable(place, ground, AFTER) & (codes != 2), np.nan, codes)
    table = buildings(place, ground)
    columns = ((table[:, 0] + table[:, 2]) / 2 - place.west) / PIXEL_M
    rows = (place.north - (table[:, 1] + table[:, 3]) / 2) / PIXEL_M
    where = rows.astype(int), columns.astype(int)
    maps = {"own": np.where(own == 255, np.nan, own.astype(float)), "ideal": ideal}
    return {name: _unseen(codes, model, where, truth) for name, codes in maps.items()}


def _unseen(codes: Any, model: xr.DataArray, where: tuple[Any, Any], truth: Any) -> Unseen:
    found = flood_depth(raster(codes, "flood_extent"), model, elevation_error_m=ERROR_M, edge_depth_m=0.0)
    hidden = np.isnan(codes[where])
    layers = (found.water_probability, found.depth, found.depth_uncertainty)
    known = np.isnan(codes) & np.isfinite(found.water_probability.to_numpy())
    told = {f.name: f for f in figures(tally(found, PIXEL_M**2), {})}["unseen_flood_volume"]
    volume = np.array([told.lower, told.value, told.upper, PIXEL_M**2 * truth[known].sum()])
    return Unseen(
        *(layer.to_numpy()[where][hidden].astype(float) for layer in layers), truth[where][hidden], volume[None]
    )


def report(name: str, parts: list[Unseen]) -> float:
    """Print the scores of all seeds together and return the expected calibration error."""
    every = Unseen(*(np.concatenate(field) for field in zip(*parts, strict=True)))
    known = np.isfinite(every.chance)
    chance, wet = every.chance[known], every.truth[known] > 0
    error = expected_calibration_error(chance, wet)
    print(f"{name}: {wet.size} unseen buildings, {wet.sum()} wet, {(~known).sum()} not determined")
    print(
        f"  carried            ECE {error:.3f}, Brier {np.mean((chance - wet) ** 2):.3f}, expected wet {chance.sum():.0f}"
    )
    for title, constant in (("all dry", 0.0), ("one for all", TUNING_SHARE)):
        print(f"  {title:18s} ECE {abs(constant - wet.mean()):.3f}, Brier {np.mean((constant - wet) ** 2):.3f}")
    for low in np.arange(10) / 10:
        inside = (chance >= low) & ((chance < low + 0.1) | (low > 0.85))
        if inside.any():
            print(f"    said {chance[inside].mean():.3f}, wet {wet[inside].mean():.3f} of {inside.sum()}")
    both = wet & (chance > 0)
    miss = every.depth[known][both] - every.truth[known][both]
    held = np.abs(miss) < 1.645 * every.uncertainty[known][both]
    spread = np.sqrt(np.mean(miss**2))
    print(f"  depth if wet: bias {miss.mean():+.2f} m, RMSE {spread:.2f} m, 90 % interval holds {held.mean():.3f}")
    by_seed = [(p.chance[np.isfinite(p.chance)], p.truth[np.isfinite(p.chance)] > 0) for p in parts]
    gaps = [abs(c.mean() - w.mean()) for c, w in by_seed if w.size >= 100]
    print(f"  share of wet buildings, mean gap over {len(gaps)} seeds with 100 and more: {np.mean(gaps):.3f}")
    low, value, high, true = every.volume[every.volume[:, 1:].max(axis=1) > LEAST_M3].T
    inside, miss = (low <= true) & (true <= high), np.exp(np.median(np.abs(np.log((value + 1) / (true + 1)))))
    print(
        f"  volume of unseen water: truth inside the interval in {inside.sum()} of {inside.size} seeds "
        f"({(true > high).sum()} above, {(true < low).sum()} below), "
        f"upper/lower at the median {np.median(high / np.maximum(low, 1)):.1f}, off by x {miss:.2f}"
    )
    return float(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 41)))
    parser.add_argument("--size", type=int, default=384)
    given = parser.parse_args()
    parts: dict[str, list[Unseen]] = {"own": [], "ideal": []}
    for seed in given.seeds:
        for name, part in scored(seed, given.size).items():
            parts[name].append(part)
            wet = int((part.truth > 0).sum())
            print(
                f"seed {seed}, {name}: {part.truth.size} unseen, {wet} wet, expected {np.nansum(part.chance):.0f}",
                flush=True,
            )
    for name in ("own", "ideal"):
        report(f"{name} map", parts[name])


if __name__ == "__main__":
    main()
