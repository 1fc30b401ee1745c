"""The list of jobs: kept, claimed once, finished once."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from mitoshi.core.errors import RunError
from mitoshi.workflows.jobs import FINAL, Jobs, QueueFullError, Workers
from mitoshi.workflows.jobs.process import alive, born, resident

RUN = {"method": "disaster.flood-extent", "data": {}, "parameters": {}, "area": [1, 2, 3, 4], "event": None}
PID, BIRTH = 4_000_000, 1.0  # of no process


@pytest.fixture
def jobs(tmp_path):
    return Jobs(tmp_path / "service")


def submitted(jobs, **more):
    return jobs.submit("run", "disaster.flood-extent", RUN, **more)


def test_a_submitted_job_is_kept_and_read_by_another_process(jobs):
    job = submitted(jobs, owner="mika", label="after the typhoon")
    assert re.fullmatch("[0-9a-f]{32}", job.id)
    assert (job.status, job.progress, job.attempts, job.revision, job.final) == ("accepted", 0, 0, 1, False)
    assert (job.owner, job.label, job.request, job.result) == ("mika", "after the typhoon", RUN, None)
    assert datetime.fromisoformat(job.created).tzinfo is not None
    code = f"from mitoshi.workflows.jobs import Jobs; print(Jobs({str(jobs.folder)!r}).get({job.id!r}).owner)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "mika\n"
    assert jobs.get("0" * 32) is None
    assert jobs.get("../../etc/passwd") is None


def test_pages_are_newest_first_and_filtered(jobs):
    ids = [jobs.submit("run", f"p{n % 2}", {}, owner=f"o{n % 3}").id for n in range(7)]
    page, total = jobs.page(3, 0)
    assert ([j.id for j in page], total) == (ids[:3:-1], 7)
    assert [j.id for j in jobs.page(3, 6)[0]] == ids[:1]
    assert [j.id for j in jobs.page(10, 0, process=("p1",))[0]] == [ids[5], ids[3], ids[1]]
    assert jobs.page(10, 0, owner="o0")[1] == 3
    assert jobs.page(10, 0, status=("running",)) == ([], 0)
    jobs.dismiss(ids[0])
    assert [j.id for j in jobs.page(10, 0, status=("dismissed", "failed"), process=("p0", "p1"), owner="o0")[0]] == ids[
        :1
    ]
    assert jobs.page(0, 0)[1] == 7


def test_only_so_many_jobs_may_wait(jobs):
    for _ in range(3):
        submitted(jobs, limit=3)
    with pytest.raises(QueueFullError, match="^3 jobs are waiting, which is the limit; try again later$"):
        submitted(jobs, limit=3)
    assert jobs.claim(PID, BIRTH) is not None
    submitted(jobs, limit=3)  # one that runs does not wait


def test_a_job_goes_its_way_and_every_change_is_counted(jobs):
    job = submitted(jobs)
    claimed = jobs.claim(PID, BIRTH)
    assert (claimed.id, claimed.status, claimed.attempts, claimed.revision) == (job.id, "running", 1, 2)
    assert claimed.started >= claimed.created
    assert jobs.claim(PID, BIRTH) is None
    assert jobs.tell(job.id, PID, 40, "tiles 2/5")
    assert not jobs.tell(job.id, PID + 1, 90, "somebody else")
    seen = jobs.get(job.id)
    assert (seen.progress, seen.message, seen.revision) == (40, "tiles 2/5", 3)
    assert [(h.job.id, h.pid, h.born) for h in jobs.held()] == [(job.id, PID, BIRTH)]
    assert jobs.succeed(job.id, PID, {"bundle": "b", "folder": "f", "items": []})
    done = jobs.get(job.id)
    assert (done.status, done.progress, done.result["bundle"], done.final) == ("successful", 100, "b", True)
    assert done.finished >= done.started
    assert not jobs.fail(job.id, PID, "too late")
    assert jobs.dismiss(job.id) == done
    assert jobs.held() == []


def test_what_is_put_back_keeps_its_place_and_its_first_start(jobs):
    first, second = submitted(jobs), submitted(jobs)
    started = jobs.claim(PID, BIRTH).started
    assert jobs.put_back(first.id, PID, counted=True)
    again = jobs.claim(PID, BIRTH)
    assert (again.id, again.attempts, again.started) == (first.id, 2, started)
    assert jobs.put_back(first.id, PID, counted=False)
    assert jobs.get(first.id).attempts == 1
    assert jobs.claim(PID, BIRTH).id == first.id
    assert jobs.claim(PID, BIRTH).id == second.id


def test_dismissing_while_queued_while_running_and_while_publishing(jobs):
    queued = jobs.dismiss(submitted(jobs).id)
    assert (queued.status, queued.message) == ("dismissed", "dismissed")
    assert jobs.claim(PID, BIRTH) is None
    running = submitted(jobs)
    jobs.claim(PID, BIRTH)
    assert jobs.dismiss(running.id).status == "dismissed"
    assert not jobs.tell(running.id, PID, 10, "tiles")
    assert not jobs.seal(running.id, PID)
    assert not jobs.succeed(running.id, PID, {})
    assert [h.pid for h in jobs.held()] == [PID]  # its process may still be at work
    jobs.released(running.id, PID)
    assert jobs.held() == []
    publishing = submitted(jobs)
    jobs.claim(PID, BIRTH)
    assert jobs.seal(publishing.id, PID)
    assert jobs.dismiss(publishing.id).status == "running"
    assert jobs.succeed(publishing.id, PID, {"items": ["a"]})
    assert jobs.dismiss("0" * 32) is None


def test_forgetting_removes_what_is_not_published(jobs):
    kept, gone, waiting = submitted(jobs), submitted(jobs), submitted(jobs)
    for job in (kept, gone):
        jobs.claim(PID, BIRTH)
        (jobs.runs / job.id).mkdir(parents=True)
        (jobs.runs / f".{job.id}.mitoshi-x").mkdir()
    jobs.seal(kept.id, PID)
    jobs.succeed(kept.id, PID, {"items": ["a"]})
    jobs.fail(gone.id, PID, "it rained")
    assert jobs.forget(kept.id)
    assert jobs.forget(gone.id)
    assert not jobs.forget(waiting.id)
    assert [p.name for p in jobs.runs.iterdir()] == [kept.id]
    assert [j.id for j in jobs.page(10, 0)[0]] == [waiting.id]
    assert not jobs.forget("..")
    jobs.discard("..")
    assert jobs.runs.exists()


def test_old_jobs_and_too_many_are_forgotten(jobs):
    ids = [submitted(jobs).id for _ in range(5)]
    for id in ids[:4]:
        jobs.dismiss(id)
    month = (datetime.now(UTC) - timedelta(days=31)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with sqlite3.connect(jobs.folder / "jobs.sqlite") as connection:
        connection.execute("UPDATE jobs SET finished = ? WHERE id = ?", [month, ids[3]])
    connection.close()
    assert jobs.forget_old() == 1
    assert jobs.forget_old(most=2) == 1
    assert [j.id for j in jobs.page(10, 0)[0]] == [ids[4], ids[2], ids[1]]


def test_of_200_jobs_from_8_threads_each_is_claimed_once(jobs):
    claimed: list[str] = []

    def submit():
        for _ in range(25):
            submitted(jobs)

    def claim(number):
        own = Jobs(jobs.folder)  # as a process of its own has
        while (job := own.claim(PID + number, BIRTH)) is not None:
            claimed.append(job.id)

    for target in (submit, claim):
        threads = [threading.Thread(target=target, args=(n,) if target is claim else ()) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(claimed) == len(set(claimed)) == 200
    page, total = jobs.page(500, 0)
    assert (total, {j.status for j in page}, {j.attempts for j in page}) == (200, {"running"}, {1})


def test_connections_of_one_process_keep_their_locks(jobs):
    """A process that opens and closes the file anew would lose them; another that ends would then take the journal away."""
    submitted(jobs)
    with jobs._database.reading(), jobs._database.reading():
        pass
    code = (
        f"from mitoshi.workflows.jobs import Jobs; j = Jobs({str(jobs.folder)!r});"
        "print(j.submit('run', 'p', {}).id); j._database._idle.pop().close()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert jobs.get(told.stdout.strip()) is not None
    assert jobs.dismiss(told.stdout.strip()).status == "dismissed"
    assert (jobs.folder / "jobs.sqlite-wal").exists()


def test_a_damaged_list_is_told_in_one_line(jobs):
    submitted(jobs)
    (jobs.folder / "jobs.sqlite").write_bytes(b"this is not a database at all" * 1000)
    for journal in ("jobs.sqlite-wal", "jobs.sqlite-shm"):
        (jobs.folder / journal).unlink(missing_ok=True)
    fresh = Jobs(jobs.folder)
    with pytest.raises(RunError) as told:
        fresh.page(10, 0)
    assert str(told.value) == (
        "the list of jobs jobs.sqlite is damaged (file is not a database); move it away and start again, the bundles stay"
    )
    with pytest.raises(RunError, match="is damaged"), Workers(fresh, store=jobs.folder):
        raise AssertionError("must not start")


def test_a_full_disk_leaves_the_list_as_it_was(jobs, monkeypatch):
    first = submitted(jobs)
    opened = type(jobs._database)._opened

    def small(database):
        connection = opened(database)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then says what it says on a full disk
        return connection

    monkeypatch.setattr(type(jobs._database), "_opened", small)
    full = Jobs(jobs.folder)
    with pytest.raises(RunError, match="^the list of jobs .* was left as it was: the disk is full; free some space$"):
        full.submit("run", "p", {"long": "x" * 50_000})
    monkeypatch.undo()
    after = Jobs(jobs.folder)
    assert after.get(first.id) == first
    assert all(json.dumps(j.request) for j in after.page(200, 0)[0])
    assert after.submit("run", "p", {}).status == "accepted"


def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path):
    (tmp_path / "service").write_text("a file")
    with pytest.raises(RunError, match=r"^the list of jobs jobs\.sqlite cannot be used"):
        Jobs(tmp_path / "service").page(1, 0)


def test_the_list_is_for_its_owners_eyes(jobs):
    submitted(jobs)
    for file in jobs.folder.glob("jobs.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_process_is_known_by_number_and_birth():
    me = os.getpid()
    assert alive(me, born(me))
    assert not alive(me, born(me) - 3600)
    assert born(PID) == 0.0
    assert resident(me, born(me)) > 2**20
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    birth = born(child.pid)
    child.wait()
    assert not alive(child.pid, birth)


def test_no_workers_is_allowed_and_does_nothing(jobs):
    with Workers(jobs, store=jobs.folder / "nowhere", count=0) as workers:
        assert workers.pids == ()
    assert not jobs.folder.exists()
    assert frozenset({"successful", "failed", "dismissed"}) == FINAL
