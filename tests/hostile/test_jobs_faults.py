"""Killed workers, killed services, poison, full disks: no job is lost, none is done twice, nothing half-made stays."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest
from job_trials import finished, ground_store, installed, running, submitted, until

from mitoshi.catalog import Catalogue
from mitoshi.workflows.bundle_store import BundleStore
from mitoshi.workflows.jobs import Jobs, Workers

pytestmark = pytest.mark.slow

FULL = "the disk is full; free some space and ask again"
SERVICE = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process inherits that it is ignored
from mitoshi.workflows.jobs import Jobs, Workers
with Workers(Jobs(sys.argv[1]), store=sys.argv[2]):
    print("works", flush=True)
    time.sleep(300)
"""


@pytest.fixture(scope="module")
def store(built_region, tmp_path_factory):
    with installed():
        yield ground_store(built_region, tmp_path_factory.mktemp("faults"))


@pytest.fixture
def jobs(tmp_path, store):
    return Jobs(tmp_path / "service")


@contextmanager
def service(jobs, store):
    """Run a supervisor in a process of its own, as `mitoshi serve` does."""
    command = [sys.executable, "-c", SERVICE, str(jobs.folder), str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def gone(pid):
    """Tell whether a process has ended; one that only waits to be buried has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def assert_tidy(jobs, *done):
    """There is one whole bundle for each of these jobs, and nothing else."""
    assert sorted(p.name for p in jobs.runs.iterdir()) == sorted(j.id for j in done)
    assert len(BundleStore([jobs.runs]).bundles()) == len(done)
    scratch = jobs.folder / "scratch"
    assert not scratch.exists() or not list(scratch.iterdir())


def test_a_worker_killed_in_mid_job_is_replaced_and_the_job_done_once(jobs, store, area):
    with Workers(jobs, store=store):
        job = submitted(jobs, area, seconds=1.0)
        held = running(jobs, job)
        assert list(jobs.runs.glob(f".{job.id}.mitoshi-*"))
        os.kill(held.pid, signal.SIGKILL)
        done = finished(jobs, job)
    assert (done.status, done.attempts, done.error) == ("successful", 2, "")
    assert_tidy(jobs, done)
    assert (
        len([i for i in Catalogue(store).search() if i.properties.get("mitoshi:bundle") == done.result["bundle"]]) == 1
    )


def test_service_and_worker_killed_then_nothing_queued_is_lost_and_the_running_one_is_done(jobs, store, area):
    with service(jobs, store) as process:
        queue = [submitted(jobs, area, seconds=1.0), *(submitted(jobs, area, megabytes=n) for n in (1, 2))]
        held = running(jobs, queue[0])
        process.kill()
        process.wait()
        os.kill(held.pid, signal.SIGKILL)
        until(lambda: gone(held.pid), "the worker to end")
    assert [Jobs(jobs.folder).get(j.id).status for j in queue] == ["running", "accepted", "accepted"]
    with Workers(jobs, store=store):
        done = [finished(jobs, j) for j in queue]
    assert [(j.status, j.attempts) for j in done] == [("successful", 2), ("successful", 1), ("successful", 1)]
    assert_tidy(jobs, *done)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_killed_service_and_the_next_one_does_its_job_again(jobs, store, area, sign):
    with service(jobs, store) as process:
        queue = [submitted(jobs, area, seconds=2.0), submitted(jobs, area)]
        held = running(jobs, queue[0])
        process.send_signal(sign)
        process.wait(10)
        until(lambda: gone(held.pid), "the worker to end", 5)
    with Workers(jobs, store=store):
        done = [finished(jobs, j) for j in queue]
    assert [j.status for j in done] == ["successful", "successful"]
    assert_tidy(jobs, *done)


GRANDCHILDREN = """
import multiprocessing, os, sys, time
from mitoshi.workflows.jobs.parent import end_with
end_with(int(sys.argv[1]))
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,))
child.start()
print(os.getpid(), child.pid, flush=True)
deadline = time.monotonic() + 300
while time.monotonic() < deadline:
    pass
"""
FATHER = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], str(os.getpid())], start_new_session=True)
"""


@pytest.mark.parametrize("kernel", [True, False], ids=["by the kernel", "by looking"])
def test_processes_of_a_worker_end_with_the_service_too(kernel):
    script = GRANDCHILDREN
    if not kernel:
        script = script.replace(
            "end_with(int",
            "from mitoshi.workflows.jobs import parent as p; p._signal_at_death = lambda: None; end_with(int",
            1,
        )
    father = subprocess.Popen([sys.executable, "-c", FATHER, script], stdout=subprocess.PIPE, text=True)
    worker, child = map(int, father.stdout.readline().split())
    assert not gone(worker)
    assert not gone(child)
    father.kill()
    father.wait()
    father.stdout.close()
    until(lambda: gone(worker) and gone(child), "both to end", 5)


ORPHANED_AT_FORK = """
import os, signal, time
from mitoshi.workflows.jobs import parent as p
p.end_with(os.getppid())
ask = p._signal_at_death
p._signal_at_death = lambda: (time.sleep(1), ask())
if os.fork() == 0:
    print("goes on", flush=True)
    os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_whose_worker_ends_before_it_could_ask_the_kernel_ends_at_once():
    ended = subprocess.run(
        [sys.executable, "-c", ORPHANED_AT_FORK], stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "")


def test_a_worker_whose_service_is_gone_before_it_begins_ends_at_once():
    script = "from mitoshi.workflows.jobs.parent import end_with; end_with(1 << 22); print('goes on')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_service_that_is_stopped_leaves_no_process_and_its_job_waits_again(jobs, store, area):
    with Workers(jobs, store=store) as workers:
        job = submitted(jobs, area, seconds=60.0)
        held = running(jobs, job)
        assert workers.pids == (held.pid,)
        began = time.monotonic()
    assert time.monotonic() - began < 6
    assert gone(held.pid)
    waits = jobs.get(job.id)
    assert (waits.status, waits.attempts, waits.message) == ("accepted", 0, "waits again")
    assert_tidy(jobs)
    jobs.dismiss(job.id)


@pytest.mark.parametrize("frozen", [False, True], ids=["willing", "deaf"])
def test_dismissing_a_running_job_ends_its_worker_and_removes_what_it_made(jobs, store, area, frozen, monkeypatch):
    monkeypatch.setattr("mitoshi.workflows.jobs.workers.KILL_SECONDS", 1.0)
    with Workers(jobs, store=store):
        job = submitted(jobs, area, seconds=300.0)
        held = running(jobs, job)
        if frozen:
            os.kill(held.pid, signal.SIGSTOP)  # as deaf to SIGTERM as a loop in compiled code
        assert jobs.dismiss(job.id).status == "dismissed"
        until(lambda: gone(held.pid), "the worker to end", 12)
        until(lambda: not jobs.held(), "the job to be let go", 5)
        assert jobs.get(job.id).status == "dismissed"
        assert_tidy(jobs)
        done = finished(jobs, submitted(jobs, area))
    assert done.status == "successful"


def test_a_queued_job_that_is_dismissed_never_begins(jobs, store, area):
    job = submitted(jobs, area, signal=int(signal.SIGKILL))
    assert jobs.dismiss(job.id).status == "dismissed"
    with Workers(jobs, store=store):
        done = finished(jobs, submitted(jobs, area))
    assert (done.status, jobs.get(job.id).attempts) == ("successful", 0)
    assert_tidy(jobs, done)


@pytest.mark.slow
def test_a_job_that_kills_its_worker_fails_after_three_attempts_with_the_reason(jobs, store, area):
    with Workers(jobs, store=store):
        poison, healthy = submitted(jobs, area, signal=int(signal.SIGSEGV)), submitted(jobs, area)
        failed, done = finished(jobs, poison), finished(jobs, healthy)
    assert (failed.status, failed.attempts) == ("failed", 3)
    assert failed.error == "the worker died 3 times (signal 11)"
    assert done.status == "successful"
    assert_tidy(jobs, done)


def test_killed_while_publishing_is_published_by_the_next_without_computing_again(jobs, store, area):
    handle = os.open(store / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # as another ingest does: publishing waits
        with Workers(jobs, store=store):
            job = submitted(jobs, area)
            held = running(jobs, job, "publishing")
            assert jobs.dismiss(job.id).status == "running"  # too late for that
            made = (jobs.runs / job.id / "run.json").stat()
            os.kill(held.pid, signal.SIGKILL)
            until(lambda: jobs.get(job.id).attempts == 2, "the second attempt")
            fcntl.flock(handle, fcntl.LOCK_UN)
            done = finished(jobs, job)
    finally:
        os.close(handle)
    assert done.status == "successful"
    assert (jobs.runs / job.id / "run.json").stat() == made
    assert {i.id for i in Catalogue(store).search()} >= set(done.result["items"])
    assert_tidy(jobs, done)


@contextmanager
def small_disk(folder):
    """Mount a file system of 24 MB of its own."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here; the same is shown with a limit on the size of files")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_gives_one_clear_error_and_harms_nothing(built_region, store, area, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        own = ground_store(built_region, disk)
        jobs, before = Jobs(own / "service"), len(Catalogue(own))
        with Workers(jobs, store=own):
            first = finished(jobs, submitted(jobs, area))
            assert first.status == "successful", first.error
            there = len(Catalogue(own))
            assert there == before + 1
            with (disk / "ballast").open("wb") as file:
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
                file.write(b"\0" * (free - 100_000))
            failed = finished(jobs, submitted(jobs, area, megabytes=1))
            assert (failed.status, failed.error) == ("failed", FULL)
            assert Catalogue(own).check() > 0
            assert len(Catalogue(own)) == there
            assert jobs.get(first.id) == first
            assert_tidy(jobs, first)
            (disk / "ballast").unlink()
            again = finished(jobs, submitted(jobs, area, megabytes=2))
        assert again.status == "successful", again.error
        assert len(Catalogue(own)) == there + 1
        assert_tidy(jobs, first, again)


def test_files_that_may_not_grow_give_the_same_error(jobs, store, area):
    with Workers(jobs, store=store) as workers:
        first = finished(jobs, submitted(jobs, area))
        soft, hard = resource.prlimit(workers.pids[0], resource.RLIMIT_FSIZE)
        with jobs._database.reading() as connection:  # an empty journal, so that the job's end can still be noted
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        raster = (jobs.runs / first.id / "ground.tif").stat().st_size  # the same in every run, as a report is not
        resource.prlimit(workers.pids[0], resource.RLIMIT_FSIZE, (raster - 1, hard))
        failed = finished(jobs, submitted(jobs, area, megabytes=1))
        resource.prlimit(workers.pids[0], resource.RLIMIT_FSIZE, (soft, hard))
        assert (failed.status, failed.error) == ("failed", FULL)
        assert_tidy(jobs, first)
        done = finished(jobs, submitted(jobs, area))
    assert done.status == "successful"
    Catalogue(store).check()
