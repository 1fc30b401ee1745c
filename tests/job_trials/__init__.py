"""What the tests of jobs share: a method that misbehaves as told, a small store, and patience with bounds."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

METHOD = "trial.behave"
PLUGIN = Path(__file__).parent / "plugin"
LONGEST = 90.0  # seconds; test processes share few cores


@contextmanager
def installed():
    """Let worker processes started meanwhile find the method, as that of an installed package."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        info = Path(folder) / "job_trials-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: job-trials\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[mitoshi.methods]\nmisbehaving = misbehaving\n")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(PLUGIN), folder]))
        yield


def ground_store(region, folder):
    """Return a catalogue in which there is the elevation of the region, and nothing else."""
    from mitoshi.catalog import Catalogue
    from mitoshi.sensors import items

    store = folder / "catalogue"
    Catalogue(store).ingest([region / "archive" / "SIM_DEM.tif"], describe=items)
    return store


def until(condition, what, seconds=LONGEST):
    """Wait until a condition holds and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.01)
    return found


def submitted(jobs, area, **parameters):
    """Submit a run of the method that misbehaves."""
    request = {"method": METHOD, "data": {}, "parameters": parameters, "area": list(area), "event": None}
    return jobs.submit("run", METHOD, request)


def finished(jobs, job):
    """Return a job when nothing more happens to it."""
    return until(lambda: (now := jobs.get(job.id)).final and now, f"the end of {job.id}")


def running(jobs, job, message="survey"):
    """Return the process that holds a job, once it is inside its method."""

    def held():
        return next((h for h in jobs.held() if h.job.id == job.id and h.job.message.startswith(message)), None)

    return until(held, f"{job.id} to run")
