"""Bundles made to kill, fill or stall whoever verifies them: one clear line each, quick, little memory, no dead caller."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import geopandas
import hostile_files as files
import numpy as np
import psutil
import pytest
from conftest import SAID, TIME, power, write_raster
from forger import edit, reseal, restate
from shapely.geometry import box

from mitoshi import evidence
from mitoshi.core import isolated, isolation
from mitoshi.core.errors import BundleError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux (pidfd_open)"),
    pytest.mark.usefixtures("isolated_calls"),
]
HERE = Path(__file__).parent
MOST_SECONDS, MOST_BYTES = 60, 2 * 2**30
VRT = (
    b'<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
    b"<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install the sample methods, and a reader that dies, as a distribution does: for workers and for commands."""
    about = tmp_path_factory.mktemp("installed") / "sample-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
    lines = "lists = evidence_sample.lists\nmethods = evidence_sample.methods\ndeadly = deadly_reader\n"
    (about / "entry_points.txt").write_text(f"[mitoshi.methods]\n{lines}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(about.parent))
        isolated._POOL.close()  # a worker from before does not know the methods
        yield
        isolated._POOL.close()


@pytest.fixture(scope="module")
def honest(installed, tmp_path_factory):
    """Return a folder with two bundles and their inputs: of lists and a raster, and of rasters with an outline."""
    from evidence_sample.lists import heights
    from evidence_sample.methods import scene_dark

    folder = tmp_path_factory.mktemp("honest")
    slope = np.repeat(np.arange(99, -1, -1, dtype=np.float32)[:, None], 120, axis=1)[None]
    write_raster(folder / "dem.tif", slope)
    write_raster(folder / "after.tif", power((200, 300)))
    places = [box(500100 + 30 * n, 3999900 - 200 * n, 500108 + 30 * n, 3999908 - 200 * n) for n in range(3)]
    frame = geopandas.GeoDataFrame({"id": ["a", "b", "c"]}, geometry=places, crs="EPSG:32631")
    frame.to_crs("EPSG:4326").to_file(folder / "buildings.geojson", driver="GeoJSON")
    sources = {"buildings": f"{folder}/buildings.geojson", "elevation": f"{folder}/dem.tif#quantity=elevation,units=m"}
    evidence.run(heights, sources, {}, folder / "lists", time=TIME)
    evidence.run(scene_dark, {"after": f"{folder}/after.tif#{SAID}"}, {}, folder / "rasters", time=TIME)
    return folder


@pytest.fixture
def case(honest, tmp_path):
    shutil.copytree(honest, tmp_path / "case")
    return tmp_path / "case"


class Watch:
    """Notes the largest memory of any process below this one, and how long it took."""

    def __enter__(self):
        self.largest, self._start, self._over = 0, time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._start
        assert self.seconds < MOST_SECONDS
        assert self.largest < MOST_BYTES

    def _look(self):
        while not self._over.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                try:  # the peak that the kernel notes, not only what is held now
                    status = Path(f"/proc/{child.pid}/status").read_text()
                except OSError:
                    continue
                peaks = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
                self.largest = max(self.largest, *peaks, 0)


def answer(bundle):
    """Return the verdict and its first line as Python gets it; a bundle that is none is refused with one line."""
    with Watch() as watch:
        try:
            verdict = evidence.verify(bundle)
            status, said = verdict.status, verdict.reasons[0] if verdict.reasons else ""
        except BundleError as error:
            status, said = "refused", str(error)
    print(f"{status}: {said} [{watch.seconds:.1f} s, {watch.largest >> 20} MiB]")
    assert "\n" not in said
    assert "internal error" not in said
    return status, said


def command(bundle):
    """Return the verdict and its first line as the command line gives it, and the exit status."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    program = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", "verify", str(bundle)]
    with Watch():
        done = subprocess.run(program, capture_output=True, text=True, check=False, env=environment, timeout=60)
    print(done.stdout, done.stderr)
    assert "internal error" not in done.stderr
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return lines[0], lines[1].strip() if len(lines) > 1 else "", done.returncode


def changed(make):
    return lambda path: path.write_bytes(make(path.read_bytes()))


def filled(make):
    return lambda path: path.write_bytes(make())


PRODUCTS = {
    "collections in GeoParquet": ("lists/buildings.parquet", changed(files.nested_parquet), "row 1 nests deeper than 32"),
    "a dictionary of gigabytes": ("lists/summary.parquet", changed(files.dictionary_bomb), "more than 1 GiB"),
    "a vast raster": ("lists/lowered.tif", changed(files.vast_tiff), "lowered.tif is damaged"),
    "one strip of 400 MB": ("lists/lowered.tif", filled(files.dense_tiff), "lowered.tif"),
    "a VRT": ("rasters/share.tif", filled(lambda: VRT), "is a VRT"),
    "deep features": ("rasters/dark.geojson", filled(files.deep_json), "dark.geojson is "),
    "collections in GeoJSON": ("rasters/dark.geojson", filled(files.deep_geojson), "dark.geojson is "),
    "few deep features": ("rasters/dark.geojson", filled(lambda: files.deep_json(30_000)), "nests deeper"),
    "deep figures": ("lists/figures.json", filled(lambda: files.deep_json(30_000)), "nests deeper"),
    "a deep item": ("lists/stac/lowered.json", filled(files.deep_json), "stac/lowered.json is "),
    "a deep crate": ("rasters/ro-crate-metadata.json", filled(files.deep_json), "ro-crate-metadata.json is "),
    "a document of gigabytes": ("rasters/report.en.pdf", filled(files.pdf_bomb), "report.en.pdf"),
    "pixels of gigabytes": ("rasters/quicklook.png", changed(files.png_bomb), "quicklook.png"),
    "a vast picture": ("rasters/quicklook.ja.png", changed(files.vast_png), "quicklook.ja.png"),
    "an archive of gigabytes": ("rasters/more.zip", filled(files.zip_bomb), "more.zip is no part"),
    "an archive as a list": ("lists/summary.parquet", filled(files.zip_bomb), "summary.parquet"),
    "a reader that dies": ("rasters/report.ja.pdf", changed(lambda b: b + b"die of this"), "its reader died (signal 6)"),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_hostile_product_is_different_in_one_line(case, name):
    place, make, words = PRODUCTS[name]
    path = case / place
    make(path)
    bundle = case / place.split("/")[0]
    if "crate" not in name and "item" not in name:
        restate(bundle)
    reseal(bundle)
    status, said = answer(bundle)
    assert status == "different"
    assert words in said


def test_a_file_that_stalls_its_reader_is_different(case, monkeypatch):
    monkeypatch.setenv("MITOSHI_READER_SECONDS", "4")
    isolated._POOL.close()  # a worker reads the limit when it starts
    changed(lambda b: b + b"    wait for ever")(case / "rasters/figures.json")
    reseal(case / "rasters")
    status, said = answer(case / "rasters")
    isolated._POOL.close()
    assert status == "different"
    assert "figures.json cannot be read: it took more than 6 s; " in said


def test_a_reader_has_30_s_and_half_as_much_again_on_the_clock():
    at_ease = isolation._limits("/no/such/file", 0)
    assert at_ease[1] == 30
    assert isolation._over(0, (29.9, 44.9), at_ease) == ""
    assert "more than 30 s" in isolation._over(0, (30.1, 30.1), at_ease)
    assert "more than 45 s" in isolation._over(0, (1.0, 45.1), at_ease)


def test_the_command_line_says_the_same(case):
    for name in ("a document of gigabytes", "a reader that dies", "collections in GeoParquet"):
        place, make, words = PRODUCTS[name]
        bundle = case / name.replace(" ", "-")
        shutil.copytree(case / place.split("/")[0], bundle)
        make(bundle / place.split("/")[1])
        restate(bundle)
        reseal(bundle)
        status, said, code = command(bundle)
        assert (status, code) == ("different", 1)
        assert words in said


def test_a_link_out_of_the_bundle_is_refused_in_one_line(case):
    (case / "lists/lowered.tif").unlink()
    (case / "lists/lowered.tif").symlink_to(case / "dem.tif")
    reseal(case / "lists")
    assert answer(case / "lists") == ("refused", "'lowered.tif' is a link or a device; a bundle holds plain files only")
    line, _, code = command(case / "lists")
    assert (line.startswith("mitoshi: 'lowered.tif' is a link"), code) == (True, 2)


def carry(bundle, argument, name, content):
    """Let a bundle carry a file inside as one of its inputs."""
    digest = hashlib.sha256(content).hexdigest()

    def change(run):
        (record,) = run["inputs"][argument]
        record.update(
            name=name, kind="file", description=None, files=[{"name": name, "size": len(content), "sha256": digest}]
        )

    edit(bundle / "run.json", change)
    (bundle / "inputs/files").mkdir(exist_ok=True)
    (bundle / "inputs/files" / name).write_bytes(content)
    restate(bundle)
    reseal(bundle)


INPUTS = {
    "deep.geojson": files.deep_geojson,
    "deep.csv": files.deep_csv,
    "deep.json": files.deep_json,
    "scene.zip": files.zip_bomb,
}  # not the vast TIFF: as an input it is an honest scene of 400 million pixels, and a run's own check of memory decides


@pytest.mark.parametrize("name", INPUTS)
def test_a_hostile_input_inside_makes_a_bundle_unverifiable(case, name):
    carry(case / "lists", "elevation" if name.endswith("tif") else "buildings", name, INPUTS[name]())
    status, said = answer(case / "lists")
    assert status == "unverifiable"
    assert said.startswith("the run cannot be repeated: ")
    assert name in said


@pytest.mark.real
def test_the_hostile_files_of_before_as_inputs(case, shared_data):
    for path in sorted(shared_data("cases/hostile").iterdir()):
        bundle = case / path.stem
        shutil.copytree(case / "lists", bundle)
        argument = "elevation" if path.suffix in (".tif", ".nc") else "buildings"
        carry(bundle, argument, path.name, path.read_bytes())
        status, said = answer(bundle)
        assert (status, path.name in said) == ("unverifiable", True), path.name


def test_an_honest_bundle_after_a_hostile_one_is_identical(case):
    assert answer(case / "lists")[0] == answer(case / "rasters")[0] == "identical"


def test_a_python_ingest_refuses_killers_and_reads_the_others(case, tmp_path):
    from mitoshi.catalog import Catalogue
    from mitoshi.sensors import items

    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.geojson").write_bytes(files.deep_geojson())
    (folder / "b.parquet").write_bytes(files.nested_parquet((case / "lists/buildings.parquet").read_bytes()))
    (folder / "c.csv").write_bytes(files.deep_csv())
    shutil.copy(case / "buildings.geojson", folder / "d.geojson")
    shutil.copy(case / "rasters/stac/dark.json", folder / "e.json")
    with Watch():
        report = Catalogue(tmp_path / "store").ingest([folder], describe=items)
    assert [Path(r.source).name for r in report.refused if "deep" in r.reason] == ["a.geojson", "b.parquet", "c.csv"]
    assert any(name.startswith("d") for name in report.added)
    assert not any("internal" in r.reason or "signal" in r.reason for r in report.refused)


def test_a_job_of_the_service_survives_a_hostile_bundle(case, tmp_path):
    from mitoshi.workflows.jobs import Jobs
    from mitoshi.workflows.jobs.work import _verified

    place, make, words = PRODUCTS["a reader that dies"]
    make(case / place)
    reseal(case / "rasters")
    jobs = Jobs(tmp_path / "jobs")
    job = jobs.submit("verify", "verify", {"folder": str(case / "rasters")})
    with Watch():
        verdict = _verified(job, jobs, tmp_path / "store", lambda *_: None)
    assert verdict["status"] == "different"
    assert words in verdict["reasons"][0]
    assert json.dumps(verdict)
