"""Run-up of a solitary wave on a plane beach by cell size, against Synolakis (1987).

    python benchmarks/runup_convergence.py [H_OVER_D ...]

R/d = 2.831 sqrt(cot beta) (H/d)^(5/4) for waves that do not break (J. Fluid Mech. 185, 523). Beach 1:19.85, d = 1 m,
no friction, full mode, the wave sent in over an incident-wave edge. Breaking starts at H/d = 0.0378 or so for this slope. The
law is asymptotic: it is itself a few per cent off at the larger heights.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from mitoshi.methods.hydraulics.shallow_water import Domain, Edges, IncidentWave, at_rest, simulate

GRAVITY, SLOPE, FLAT_M, LAND_M = 9.81, 1 / 19.85, 20.0, 12.0
CELLS_M = (0.4, 0.2, 0.1, 0.05)


def solitary(height, times, arrival):
    """Return the surface at the edge [m] of a solitary wave over a depth of 1 m."""
    steepness, celerity = np.sqrt(0.75 * height), np.sqrt(GRAVITY * (1.0 + height))
    return height / np.cosh(steepness * celerity * (times - arrival)) ** 2


def synolakis(height):
    """Return the law's run-up [m] over a depth of 1 m."""
    return 2.831 * np.sqrt(1 / SLOPE) * height**1.25


def run_up(height, cell_m):
    """Return the highest surface on land [m]."""
    width = 2.0 * np.arccosh(np.sqrt(1000.0)) / np.sqrt(0.75 * height)
    arrival = 0.5 * width / np.sqrt(GRAVITY)
    x = cell_m * (np.arange(int((FLAT_M + 1 / SLOPE + LAND_M) / cell_m)) + 0.5)
    bed = np.maximum(-1.0, (x - FLAT_M - 1 / SLOPE) * SLOPE)
    times = np.linspace(0.0, 2.0 * arrival, 400)
    edge = IncidentWave(times, np.append(solitary(height, times, arrival)[:-1], 0.0))
    domain = Domain(np.tile(bed, (3, 1)), (cell_m, cell_m), 0.0, Edges(west=edge))
    until = 2.0 * arrival + (FLAT_M + 3 / SLOPE) / np.sqrt(GRAVITY)
    flow = simulate(domain, at_rest(domain, 0.0), until_s=until, wet_depth_m=1e-4)
    wet = flow.maximum_depth[1] > 1e-3 * height
    return float(flow.maximum_surface[1][wet & (bed > 0)].max(initial=0.0))


def table(heights, cells_m=CELLS_M):
    """Return (H/d, cell [m], run-up [m], law [m], relative error) by height and cell size."""
    found = []
    for height in heights:
        for cell in cells_m:
            value = run_up(height, cell)
            found.append((height, cell, value, synolakis(height), value / synolakis(height) - 1.0))
    return found


if __name__ == "__main__":
    clock = time.perf_counter()
    print(" H/d    cell m  run-up m  law m    error")
    for row in table([float(a) for a in sys.argv[1:]] or [0.005, 0.01, 0.019]):
        print(f"{row[0]:6.3f}  {row[1]:6.3f}  {row[2]:7.4f}  {row[3]:7.4f}  {row[4]:+6.1%}")
    print(f"{time.perf_counter() - clock:.0f} s")
