import hashlib
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time as clock
from pathlib import Path

import numpy as np
import pypdf
import pytest
import rasterio
import xarray as xr
from conftest import SAID, TIME, power, write_raster
from evidence_sample import methods as sample
from PIL import Image

from mitoshi import evidence
from mitoshi.core.errors import InputError, ParameterError, QuantityError
from mitoshi.core.grid import BBox
from mitoshi.core.text import Text
from mitoshi.evidence import Bundle

pytestmark = pytest.mark.slow


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


@pytest.fixture(scope="module")
def whole():
    """The method called on the whole array in memory: what any tiling must give."""
    return xr.DataArray(
        power(),
        dims=("polarisation", "y", "x"),
        coords={"polarisation": ["VV", "VH"]},
        attrs={"units": "1", "quantity": "sigma0"},
    )


def test_tiled_equals_whole_and_the_dark_rectangle_is_found(made, whole):
    class View:
        shape = whole.shape[-2:]

        def map_blocks(self, function, size):
            from mitoshi.core.scene import ArrayScene

            return ArrayScene({"after": whole, "elevation": None}).map_blocks(function, size)

        def overview(self, argument, most):
            return None

    mean = sample.survey(View(), factor=0.5)
    expected = sample.scene_dark(whole, mean=mean)
    assert np.array_equal(read(made / "bundle/dark.tif"), expected.dark)
    share = read(made / "bundle/share.tif")
    assert np.array_equal(np.isnan(share), np.isnan(expected.share))
    assert np.nanmax(np.abs(share - expected.share)) <= 0.005 + 1e-6
    inner = read(made / "bundle/dark.tif")[101:299, 401:699]
    assert (inner == 1).mean() > 0.999


def test_the_same_run_gives_the_same_bytes_with_one_or_two_workers(made, tmp_path):
    source = f"{made}/after.tif#{SAID}"
    out = made / "again"
    evidence.run(sample.scene_dark, {"after": source}, {}, out, time=TIME, tile_size=512, workers=2)
    assert files(out) == files(made / "bundle")


def test_products_and_figures_do_not_depend_on_the_tile_size(made):
    source = f"{made}/after.tif#{SAID}"
    evidence.run(sample.scene_dark, {"after": source}, {}, made / "large", time=TIME, tile_size=1024)
    large, small = files(made / "large"), files(made / "bundle")
    for name in ("dark.tif", "share.tif", "dark.geojson", "figures.json"):
        assert large[name] == small[name], name
    products, contents = ([json.loads(f["run.json"])[key] for f in (large, small)] for key in ("products", "content"))
    assert products[0] == products[1]
    assert contents[0] == contents[1]


def test_the_record_says_what_was_run(made):
    run = json.loads((made / "bundle/run.json").read_text())
    assert run["method"]["name"] == "test.scene-dark"
    assert run["parameters"] == {"factor": 0.5}
    assert run["time"] == "2026-01-02T03:04:05Z"
    (record,) = run["inputs"]["after"]
    assert record["name"] == "after.tif"
    assert "units=1" in record["description"]
    digest = subprocess.run(["sha256sum", made / "after.tif"], capture_output=True, text=True, check=True).stdout[:64]
    assert record["files"][0]["sha256"] == digest


def test_checksums_are_those_of_sha256sum(made):
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=made / "bundle", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == len(files(made / "bundle")) - 1


def _words_of(name, content):
    """Return what a file says without its compressed data, in which three given bytes stand by chance."""
    if name.endswith(".pdf"):
        pdf = pypdf.PdfReader(io.BytesIO(content))
        pages = "".join(page.extract_text() for page in pdf.pages)
        return (
            re.sub(rb"stream\r?\n.*?endstream", b"", content, flags=re.DOTALL)
            + pages.encode()
            + str(pdf.metadata).encode()
        )
    if name.endswith(".png"):
        return str(Image.open(io.BytesIO(content)).text).encode()
    if name.endswith(".tif"):
        with rasterio.MemoryFile(content) as file, file.open() as dataset:
            return str([dataset.tags(ns=space) for space in (None, *dataset.tag_namespaces())]).encode()
    return content


def test_no_path_user_or_host_is_written(made):
    import getpass
    import socket

    words = {str(made).encode(), str(Path.home()).encode() + b"/", f'"{socket.gethostname()}'.encode()}
    if getpass.getuser() != "root":
        words.add(getpass.getuser().encode())
    for name, content in files(made / "bundle").items():
        said = _words_of(name, content)
        assert said, name
        for word in words:
            assert word not in said, (name, word)
            assert len(word) < 8 or word not in content, (name, word)


def test_the_area_is_that_of_the_ellipsoid(tmp_path):
    # One degree by one degree at 60° N: 6 149.9 km2 on WGS 84 (between parallels: Karney 2013, eq. 60 integrated).
    from pyproj import Geod
    from rasterio import Affine

    path = write_raster(
        tmp_path / "dark.tif", np.full((1, 800, 600), 0.001, np.float32), crs="EPSG:4326",
        transform=Affine(1 / 600, 0, 10, 0, -1 / 800, 61),
    )  # fmt: skip
    bundle = evidence.run(
        sample.window_dark, {"after": f"{path}#quantity=sigma0,units=1,bands=VV"}, {}, tmp_path / "out", time=TIME
    )
    # The zone between two parallels, by summing thin geodesic quadrangles: independent of the code under test.
    edges = np.linspace(60, 61, 401)
    zone = sum(
        abs(Geod(ellps="WGS84").polygon_area_perimeter(np.r_[x, x[::-1]], np.r_[x * 0 + s, x * 0 + n])[0])
        for s, n in itertools.pairwise(edges)
        for x in [np.linspace(10, 11, 201)]
    )
    assert bundle.figures[0].value == pytest.approx(zone / 1e6, rel=1e-5)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_without_georeference_nothing_is_claimed_in_metres(tmp_path):
    path = write_raster(tmp_path / "after.tif", power((300, 400)), crs=None)
    evidence.run(sample.window_dark, {"after": f"{path}#{SAID}"}, {}, tmp_path / "out", time=TIME)
    outline = json.loads((tmp_path / "out/dark.geojson").read_text())
    assert outline["mitoshi:coordinates"].startswith("pixel")
    assert all("area_km2" not in f["properties"] for f in outline["features"])
    figures = {f["name"]: f for f in json.loads((tmp_path / "out/figures.json").read_text())["figures"]}
    assert figures["dark_area"]["value"] is None
    assert figures["dark_pixels"]["value"] == (read(tmp_path / "out/dark.tif") == 1).sum()
    item = json.loads((tmp_path / "out/stac/dark.json").read_text())
    assert item["geometry"] is None
    assert "bbox" not in item
    with rasterio.open(tmp_path / "out/dark.tif") as dataset:
        assert dataset.crs is None
    assert evidence.verify(tmp_path / "out").status == "identical"


def test_an_area_crops_on_the_pixel_lattice(made):
    with rasterio.open(made / "after.tif") as dataset:
        from rasterio.warp import transform_bounds

        left, top = dataset.xy(100, 400, offset="ul")
        right, bottom = dataset.xy(299, 699, offset="lr")
        west, south, east, north = transform_bounds(dataset.crs, "EPSG:4326", left, bottom, right, top)
    out = made / "cropped"
    area = BBox(west, south, east, north)
    evidence.run(sample.window_dark, {"after": f"{made}/after.tif#{SAID}"}, {}, out, time=TIME, area=area)
    with rasterio.open(out / "dark.tif") as dataset:
        codes = dataset.read(1)
        row, column = dataset.index(left + 5, top - 5)
    assert 200 <= codes.shape[0] <= 210
    assert 300 <= codes.shape[1] <= 310
    assert (codes[row + 1 : row + 199, column + 1 : column + 299] == 1).mean() > 0.99
    assert evidence.verify(out).status == "identical"


def test_another_argument_comes_onto_the_grid(made):
    from rasterio import Affine

    heights = write_raster(
        made / "dem.tif", np.full((1, 400, 600), 7, np.float32), transform=Affine(20, 0, 499990, 0, -20, 4000010)
    )
    sources = {"after": f"{made}/after.tif#{SAID}", "elevation": f"{heights}#quantity=elevation,units=m"}
    evidence.run(sample.scene_dark, sources, {}, made / "two", time=TIME)
    run = json.loads((made / "two/run.json").read_text())
    assert set(run["content"]) == {"after", "elevation"}
    assert evidence.verify(made / "two").status == "identical"


def test_bad_arguments_are_refused_in_one_line(made, tmp_path):
    good = {"after": f"{made}/after.tif#{SAID}"}
    cases = [
        (InputError, {"afer": good["after"]}, {}, "did you mean 'after'"),
        (InputError, {}, {}, "needs after"),
        (ParameterError, good, {"factr": 1.0}, "did you mean 'factor'"),
        (QuantityError, {"after": f"{made}/after.tif#quantity=elevation,units=m,bands=a+b"}, {}, "must be backscatter"),
        (InputError, {"after": str(tmp_path / "no.tif")}, {}, "no such file"),
    ]
    for kind, sources, parameters, words in cases:
        with pytest.raises(kind, match=words) as error:
            evidence.run(sample.scene_dark, sources, parameters, tmp_path / "out", time=TIME)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "out").exists()


def test_another_runs_folder_is_not_overwritten(case, tmp_path):
    source = {"after": f"{case}/after.tif#{SAID}"}
    with pytest.raises(InputError, match="bundle of another run"):
        evidence.run(sample.scene_dark, source, {"factor": 0.6}, case / "bundle", time=TIME)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("work of years")
    with pytest.raises(InputError, match="holds other files"):
        evidence.run(sample.scene_dark, source, {}, tmp_path / "mine", time=TIME)
    before = files(case / "bundle")
    later = TIME.replace(year=2027)
    evidence.run(sample.scene_dark, source, {}, case / "bundle", time=later, tile_size=512)
    after = files(case / "bundle")
    assert after["dark.tif"] == before["dark.tif"]
    assert json.loads(after["run.json"])["time"].startswith("2027")


def test_the_explanation_of_the_choice_is_kept(made):
    why = (Text("the first after the event", "災害後の最初の観測"),)
    bundle = evidence.run(
        sample.window_dark, {"after": f"{made}/after.tif#{SAID}"}, {}, made / "why", time=TIME, choice=why
    )
    assert bundle.choice == why
    assert bundle.products == ("dark.geojson", "dark.tif", "share.tif")


def test_a_small_memory_limit_makes_small_tiles(made):
    from mitoshi.evidence.runner import fitting_tile

    array = xr.DataArray(np.zeros((2, 4, 4), np.float32), dims=("polarisation", "y", "x"))
    assert fitting_tile(sample.scene_dark, [array], 2048, 2**31) == 2048
    assert fitting_tile(sample.scene_dark, [array], 2048, 2**28) == 1024
    assert fitting_tile(sample.scene_dark, [array], 600, 2**31) == 1024
    with pytest.raises(InputError, match="needs more than 1 MiB"):
        fitting_tile(sample.scene_dark, [array], 2048, 2**20)


RUN = """
import sys
sys.path.insert(0, {tests!r})
import evidence_sample.methods as sample
from datetime import UTC, datetime
from pathlib import Path
from mitoshi import evidence
print("ready", flush=True)
evidence.run(sample.slow_dark, {{"after": {source!r}}}, {{}}, Path({out!r}), time=datetime(2026, 1, 1, tzinfo=UTC),
             tile_size=512, progress=lambda *p: print(*p, flush=True))
"""


def test_a_killed_run_leaves_nothing_and_the_next_one_sweeps_up(case):
    out = case / "killed"
    code = RUN.format(tests=str(Path(__file__).parent), source=f"{case}/after.tif#{SAID}", out=str(out))
    for wanted in ("1 6 tiles", "5 6 tiles"):
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as child:
            for line in child.stdout:
                if line.strip() == wanted:
                    os.kill(child.pid, signal.SIGKILL)
                    break
            child.wait()
        assert child.returncode == -signal.SIGKILL
        assert not out.exists()
        assert list(case.glob(".killed.mitoshi-*"))
        clock.sleep(0.1)
    evidence.run(sample.slow_dark, {"after": f"{case}/after.tif#{SAID}"}, {}, out, time=TIME, tile_size=512)
    assert not list(case.glob(".killed.mitoshi-*"))
    assert evidence.verify(out).status == "identical"


def test_a_bundle_that_is_there_is_kept_or_replaced_only_when_that_is_said(case, tmp_path):
    import shutil

    source = {"after": f"{case}/after.tif#{SAID}"}
    out = tmp_path / "bundle"
    shutil.copytree(case / "bundle", out)
    before = files(out)
    moments = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    later = TIME.replace(year=2027)

    def again(existing, **changed):
        return evidence.run(sample.scene_dark, source, changed, out, time=later, existing=existing)

    assert again("kept").id == Bundle.open(case / "bundle").id
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == moments  # nothing was written
    with pytest.raises(InputError, match="bundle of another run.*--replace"):
        again("kept", factor=0.6)
    (out / "dark.tif").write_bytes(before["dark.tif"] + b"x")
    with pytest.raises(InputError, match=r"damaged bundle of this run \(dark.tif.*--replace"):
        again("kept")
    again("replaced", factor=0.6)
    assert json.loads((out / "run.json").read_text())["parameters"]["factor"] == 0.6
    assert evidence.verify(out, inputs=case).status == "identical"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("work of years")
    with pytest.raises(InputError, match="holds other files"):
        evidence.run(sample.scene_dark, source, {}, tmp_path / "mine", time=TIME, existing="replaced")


def test_a_bundle_by_other_code_is_not_taken_for_the_run(case, tmp_path):
    import shutil

    out = tmp_path / "bundle"
    shutil.copytree(case / "bundle", out)
    run = json.loads((out / "run.json").read_text())
    run["method"]["source_sha256"] = "0" * 64
    (out / "run.json").write_text(json.dumps(run))
    sums = (out / "SHA256SUMS").read_text().splitlines()
    changed = hashlib.sha256((out / "run.json").read_bytes()).hexdigest()
    (out / "SHA256SUMS").write_text(
        "".join(f"{changed if s.endswith('  run.json') else s[:64]}{s[64:]}\n" for s in sums)
    )
    with pytest.raises(InputError, match="other code of the method.*--replace"):
        evidence.run(sample.scene_dark, {"after": f"{case}/after.tif#{SAID}"}, {}, out, time=TIME, existing="kept")
