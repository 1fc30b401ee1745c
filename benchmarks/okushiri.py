"""Okushiri 1993: run-up on nested grids against three field surveys.

    python benchmarks/okushiri.py [MINUTES]

The outer grid (24") is driven by the initial surface HNO1993, and drives the island (3"), which drives Aonae and Monai (0.9" x
0.5"), and that the valley of Monai (0.18" x 0.13"). Nesting is one-way. Positions of the surveys are shifted as the benchmark's
users do (offsets published with GeoClaw's and SWALS' BP09 results) and matched to the highest run-up within 150 m. Nothing is
tuned.
K is the geometric mean of observed over modelled height and kappa its geometric standard deviation (Aida 1978).
"""

from __future__ import annotations

import csv
import json
import sys
import time

import numpy as np
from hydraulics_cases import DATA, read

from mitoshi.methods.hydraulics.nesting import edges_from, nest
from mitoshi.methods.hydraulics.shallow_water import Domain, Edges, Open, at_rest, simulate

FOLDER = DATA / "tsunami_okushiri1993"
MANNING = 0.025
METRES = (111_080.0, 82_700.0)  # per degree of latitude and longitude at 42.1 N, WGS84
TREE = {"OK24": ("OK03",), "OK03": ("AO15", "MO01"), "MO01": ("MB05",), "AO15": (), "MB05": ()}
SHIFTS = {"Tohoku": (0.001819111, -0.01124044), "UJNR": (0.0002246666, -0.011496), "Tsuji": (0.005152444, -0.01318489)}
"""Degrees of longitude and latitude to add, by survey (SWALS, examples/nthmp/BP09/plot_results.R)."""
OUTER = (138.3, 40.8, 140.6, 43.5)
REACH_M = 150.0


def grid(name):
    """Return bed and affine; the outer grid is cut to the part that matters for the island in the first hour."""
    bed, affine = read(FOLDER / f"{name}.tif")
    if name != "OK24":
        return bed, affine
    west, south, east, north = OUTER
    rows = slice(int((north - affine.f) / affine.e), int((south - affine.f) / affine.e))
    columns = slice(int((west - affine.c) / affine.a), int((east - affine.c) / affine.a))
    return bed[rows, columns], affine @ type(affine).translation(columns.start, rows.start)


def displaced(shape, affine):
    """Return the initial surface, bilinear, on a grid; 0 beyond its data."""
    from scipy.interpolate import RegularGridInterpolator

    values, source = read(FOLDER / "HNO1993.tif")
    y = source.f + source.e * (np.arange(values.shape[0]) + 0.5)
    x = source.c + source.a * (np.arange(values.shape[1]) + 0.5)
    at = RegularGridInterpolator((y[::-1], x), np.nan_to_num(values)[::-1], bounds_error=False, fill_value=0.0)
    rows, columns = np.indices(shape)
    return at((affine.f + affine.e * (rows + 0.5), affine.c + affine.a * (columns + 0.5)))


def simulate_tree(name, minutes, edges, results):
    """Run a grid and the grids inside it; fill `results` with bed, affine and highest surface."""
    bed, affine = grid(name)
    cell = (abs(affine.e) * METRES[0], abs(affine.a) * METRES[1])
    domain = Domain(bed, cell, MANNING, edges)
    children = {child: nest(*(lambda b, a: (b.shape, a))(*grid(child)), bed.shape, affine) for child in TREE[name]}
    gauges = np.unique(np.concatenate([n.gauges for n in children.values()]), axis=0) if children else None
    start = at_rest(domain, np.where(bed < 0, displaced(bed.shape, affine), -1e4))
    clock = time.perf_counter()
    flow = simulate(domain, start, until_s=60.0 * minutes, gauges=gauges, gauge_interval_s=2.0 if children else None)
    results[name] = {"bed": bed, "affine": affine, "surface": flow.maximum_surface, "steps": flow.steps,
                     "wall_s": time.perf_counter() - clock}  # fmt: skip
    print(name, bed.shape, f"{results[name]['wall_s']:.0f} s, {flow.steps} steps", flush=True)
    for child, place in children.items():
        order = {tuple(cell): k for k, cell in enumerate(gauges)}
        chosen = [order[tuple(cell)] for cell in place.gauges]
        part = flow._replace(gauge_surface=flow.gauge_surface[:, chosen], gauge_depth=flow.gauge_depth[:, chosen])
        simulate_tree(child, minutes, edges_from(place, part), results)


def degrees(*parts):
    """Return degrees from degrees, minutes and seconds; NaN where any is missing."""
    try:
        return sum(float(part) / 60**k for k, part in enumerate(parts))
    except ValueError:
        return np.nan


def surveyed():
    """Return (survey, longitude, latitude, height m) of every field height with a position."""
    found = []
    with (FOLDER / "FieldData_Tohoku.csv").open(encoding="latin-1") as file:
        for row in list(csv.reader(file))[1:]:
            if row[3].strip() and float(row[3]) < 9999:
                found.append(("Tohoku", degrees(*row[7:10]), degrees(*row[4:7]), float(row[3]) / 100.0))
    with (FOLDER / "FieldData_UJNR.csv").open(encoding="latin-1") as file:
        for row in list(csv.reader(file))[1:]:
            if row[8].replace(".", "").isdigit():
                found.append(("UJNR", degrees(*row[5:7]), degrees(*row[3:5]), float(row[8])))
    with (FOLDER / "FieldData_Tsuji.csv").open(encoding="latin-1") as file:
        for row in list(csv.reader(file))[1:]:
            heights = [float(h) for h in row[2].split("-") if h.replace(".", "").isdigit()]
            if heights:
                found.append(("Tsuji", degrees(*row[6:9]), degrees(*row[3:6]), max(heights)))
    return [(s, x + SHIFTS[s][0], y + SHIFTS[s][1], h) for s, x, y, h in found if np.isfinite(x + y)]


def modelled(x, y, results):
    """Return the highest run-up on land within reach, on the finest grid that holds the place, and that grid's name."""
    for name in ("MB05", "AO15", "MO01", "OK03"):
        bed, affine, surface = (results[name][k] for k in ("bed", "affine", "surface"))
        rows, columns = np.indices(bed.shape)
        east = (affine.c + affine.a * (columns + 0.5) - x) * METRES[1]
        north = (affine.f + affine.e * (rows + 0.5) - y) * METRES[0]
        column, row = ~affine * (x, y)
        if not (3 <= row < bed.shape[0] - 3 and 3 <= column < bed.shape[1] - 3):
            continue
        near = (np.hypot(east, north) <= REACH_M) & (bed > 0) & np.isfinite(surface)
        if near.any():
            return float(surface[near].max()), name
    return np.nan, ""


def compare(results):
    """Return the table of heights and K and kappa by survey and in all."""
    table = [(s, x, y, h, *modelled(x, y, results)) for s, x, y, h in surveyed()]
    summary = {}
    for survey in (*SHIFTS, "all"):
        pairs = np.array([(r[3], r[4]) for r in table if survey in (r[0], "all") and r[4] > 0.1 and r[3] > 0.1])
        logs = np.log(pairs[:, 0] / pairs[:, 1])
        summary[survey] = {"sites": len(pairs), "K": float(np.exp(logs.mean())), "kappa": float(np.exp(logs.std()))}
    summary["without_modelled_water"] = sum(not r[4] > 0.1 for r in table)
    summary["highest_by_grid_m"] = {
        n: float(np.nanmax(np.where(r["bed"] > 0, r["surface"], np.nan))) for n, r in results.items()
    }
    return table, summary


if __name__ == "__main__":
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    found = {}
    simulate_tree("OK24", minutes, Edges(*[Open()] * 4), found)
    rows, totals = compare(found)
    for survey, x, y, height, model, grid_name in rows:
        print(f"{survey:7s} {x:.4f} {y:.4f} field {height:5.1f} m, model {model:5.1f} m ({grid_name})")
    print(json.dumps(totals, indent=1))
