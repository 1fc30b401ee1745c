"""The real command `respond --time …`, killed by the kernel at seeded moments and called again, against one that was not killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.sensors import items
from mitoshi.simulation import EVENT, region, write_region

pytestmark = pytest.mark.slow
KILLS = 6
STEPS = ("flood", "depth")


def size_by_name(folder):
    found = {}
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                found[os.path.join(here, name)] = os.stat(os.path.join(here, name)).st_size
            except OSError:
                continue  # renamed or removed meanwhile
    return found


def called(command, folder, *, change=None, wait=0.0):
    """Call the command; return how many changes of its folder were seen, and whether it was killed soon after one of them."""
    before, seen = size_by_name(folder), 0
    with subprocess.Popen(
        [*command, "--out", str(folder)], stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None:
            now = size_by_name(folder)
            seen, before = seen + (now != before), now
            if change is not None and seen >= change:
                time.sleep(wait)
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    return seen, True
            time.sleep(0.005)
    assert process.returncode == 0
    return seen, False


def left_behind(folder):
    sums = {p.parent.name: p.read_bytes() for p in folder.glob("*/SHA256SUMS")}
    handed = {p.relative_to(folder): p.read_bytes() for p in (folder / "handover").rglob("*") if p.is_file()}
    return (folder / "respond.json").read_bytes(), sums, handed


def test_killed_anywhere_and_called_again_it_leaves_the_same_bytes(tmp_path):
    place = region((256, 256), seed=5)
    write_region(place, tmp_path / "region")
    store = tmp_path / "store"
    assert not Catalogue(store).ingest([tmp_path / "region/archive"], describe=items).refused
    box = place.bbox
    command = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", "respond"]
    command += [f"--area={box.west},{box.south},{box.east},{box.north}", "--event", EVENT, "--store", str(store)]
    command += ["--time", "2026-10-13T01:00:00Z", *(word for step in STEPS for word in ("--step", step))]
    changes, _ = called(command, tmp_path / "whole")
    whole = left_behind(tmp_path / "whole")
    assert set(whole[1]) == set(STEPS)
    rng, killed = random.Random(20261130), 0
    # Twice in each folder: soon after one of the changes seen, spread over the run.
    for number in range(KILLS // 2):
        folder = tmp_path / f"killed-{number}"
        for part in (number, number + KILLS // 2):
            change = 1 + round((part + rng.random()) * (changes - 2) / KILLS)
            killed += called(
                command, folder, change=change if part == number else 1 + change // 3, wait=rng.random() * 0.3
            )[1]
        called(command, folder)
        assert left_behind(folder) == whole, f"folder {number}"
    assert killed >= KILLS
