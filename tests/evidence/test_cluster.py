import os
import signal
from pathlib import Path

import dask
import pytest
from conftest import SAID, TIME
from evidence_sample import methods as sample

from mitoshi import evidence
from mitoshi.core.errors import InputError


def test_an_address_where_nobody_answers_is_one_line(made, tmp_path):
    with pytest.raises(InputError, match="no dask scheduler answers at carrier-pigeon"):
        evidence.run(
            sample.window_dark, {"after": f"{made}/after.tif#{SAID}"}, {}, tmp_path / "out", time=TIME,
            cluster="carrier-pigeon://loft",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # distributed warns of sockets and of the worker that dies
def test_a_killed_worker_changes_nothing(case, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    source = {"after": f"{case}/after.tif#{SAID}"}
    evidence.run(sample.slow_dark, source, {}, case / "here", time=TIME, tile_size=512)
    killed = []
    # By default a nanny changes the environment variables of the process that starts it, which the bundle records.
    dask.config.set({"distributed.nanny.pre-spawn-environ": {}})
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        first = next(iter(cluster.workers.values())).pid

        def kill_in_mid_run(done, total, message):
            if message == "tiles" and done == 2 and not killed:
                killed.append(first)
                os.kill(first, signal.SIGKILL)

        evidence.run(
            sample.slow_dark, source, {}, case / "there", time=TIME, tile_size=512, cluster=cluster.scheduler_address,
            progress=kill_in_mid_run,
        )  # fmt: skip
    assert killed
    assert evidence.verify(case / "there").status == "identical"
    here, there = (
        {p.relative_to(case / n): p.read_bytes() for p in (case / n).rglob("*") if p.is_file()}
        for n in ("here", "there")
    )
    assert here == there
