"""The door: content decides, names are checked, links stay inside, and no request leaves."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError, RefusedError
from mitoshi.sensors import guard
from mitoshi.sensors.fetch import Limits, checked_address, fetch
from mitoshi.sensors.footprint import footprint
from mitoshi.sensors.tree import open_tree

VRT = (
    '<VRTDataset rasterXSize="64" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
    '<SourceFilename relativeToVRT="0">/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>'
)
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize("name", ["x.vrt", "x.tif", "x.png", "x.nc", "x"])
@pytest.mark.parametrize("lead", ["", "\n ", '<?xml version="1.0"?>\n', "<!-- II*\0 -->"])
def test_a_vrt_is_refused_under_any_name(tmp_path, name, lead):
    (tmp_path / name).write_text(lead + VRT)
    with pytest.raises(InputError, match=r"VRT|not recognised"):
        sensors.open_observation(tmp_path / name)
    with pytest.raises(InputError), guard.open_raster(tmp_path / name):
        pass


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1:9/x.tif",
        "/vsizip//etc/x.zip/y.tif",
        "GTIFF_DIR:1:/etc/passwd",
        "/dev/zero",
        "/etc",
        VRT,
        "",
    ],
)
def test_virtual_paths_and_devices_are_refused(path):
    with pytest.raises(InputError):
        sensors.items(path)


def test_huge_images_are_refused_or_lazy(tmp_path):
    import rasterio

    path = tmp_path / "zeros.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 40_000, "width": 40_000, "dtype": "uint8", "sparse_ok": True}
    with rasterio.open(path, "w", **profile, tiled=True, compress="deflate"):
        pass
    layer = next(iter(sensors.open_observation(path).layers.values()))
    assert layer.isel(y=slice(39_990, 40_000), x=slice(0, 10)).values.max() == 0  # 1.6 GB decoded, 100 pixels read
    bomb = tmp_path / "bomb.tif"
    with rasterio.open(
        bomb, "w", **(profile | {"height": 300_000, "width": 300_000}), tiled=True, compress="deflate", BIGTIFF="YES"
    ):
        pass
    with pytest.raises(RefusedError, match="looks like a bomb"):
        sensors.items(bomb)


def test_a_side_that_no_sensor_makes_is_refused():
    with pytest.raises(RefusedError, match="more than any sensor makes"):
        guard.check_shape((1, 2**31), "x.tif")
    guard.check_shape((2_000_000, 100_000), "x.tif")


def test_blocks_that_are_too_large_to_decode_are_refused(write_raster, monkeypatch):
    path = write_raster("x.tif", np.zeros((128, 128), "float32"))
    monkeypatch.setattr(guard, "MAX_BLOCK_BYTES", 64 * 64 * 4 - 1)
    with pytest.raises(RefusedError, match="rewrite it in tiles"):
        sensors.items(path)


def _zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in entries:
            out.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../x.tif", "a/../../x.tif", "/etc/x.tif", "..\\x.tif", "C:\\x.tif", "a\nb.tif"])
def test_archive_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(RefusedError, match="leads out"):
        open_tree(_zip(tmp_path / "a.zip", [(name, b"x")]))
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        out.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(RefusedError, match="leads out"):
        open_tree(tmp_path / "a.tar")


def test_archive_links_and_bombs_are_refused(tmp_path):
    link = zipfile.ZipInfo("x.tif")
    link.external_attr = 0o120777 << 16
    with pytest.raises(RefusedError, match="links are not followed"):
        open_tree(_zip(tmp_path / "link.zip", [(link, b"/etc/passwd")]))
    info = tarfile.TarInfo("x.tif")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "link.tar", "w") as out:
        out.addfile(info)
    with pytest.raises(RefusedError, match="link or device"):
        open_tree(tmp_path / "link.tar")
    sparse = tarfile.TarInfo("x.tif")
    sparse.size = 100 * 2**30
    (tmp_path / "size.tar").write_bytes(sparse.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(RefusedError, match="bomb"):
        open_tree(tmp_path / "size.tar")


def test_a_member_longer_than_stated_is_refused(tmp_path):
    path = _zip(tmp_path / "a.zip", [("x.tif", b"0" * 1000)])
    raw = path.read_bytes().replace((1000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(raw)
    tree = open_tree(path)
    with pytest.raises(InputError):
        tree.locate("x.tif")
    assert list((tmp_path / "cache").rglob("x.tif")) == []


def test_stored_members_are_read_in_place(tmp_path, write_raster):
    values = np.random.default_rng(0).normal(-12, 2, (64, 64)).astype("float32")
    raster = write_raster("x.tif", values)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as out:
        out.write(raster, "x.tif")
    location = open_tree(tmp_path / "a.zip").locate("x.tif")
    assert location.path == str(tmp_path / "a.zip")
    with guard.open_raster(location) as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)


def test_folder_links_that_lead_out_are_not_part_of_the_product(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "B04.tif").symlink_to("/etc/passwd")
    assert open_tree(tmp_path / "p").members == {}


def test_xml_entities_are_refused():
    text = b'<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY x SYSTEM "file:///etc/passwd">]><l>&a;&x;</l>'
    with pytest.raises(RefusedError, match="entities"):
        guard.parse_xml(text, "m.xml")
    with pytest.raises(InputError, match="not well-formed"):
        guard.parse_xml(b"<a>", "m.xml")


def test_json_depth_numbers_and_encoding():
    with pytest.raises(RefusedError, match="deeper"):
        guard.parse_json(b"[" * 100_000, "x.json")
    for bad in (b'{"a": NaN}', b'{"a": 1e999}', b"{'a': 1}", b"\xff\xfe{"):
        with pytest.raises(InputError, match="not strict JSON"):
            guard.parse_json(bad, "x.json")
    assert guard.parse_json(b'{"a": "[[[["}', "x.json") == {"a": "[[[["}


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "../../etc/passwd",
        "/etc/passwd",
        "http://169.254.169.254/x",
        "/vsizip//x",
        "GTIFF_DIR:1:/etc/passwd",
        'NETCDF:"/etc/passwd":x',
        VRT,
        "..%2f..%2fetc/passwd\x00",
        "\\\\host\\share:x",
    ],
)
def test_links_stay_in_the_folder(tmp_path, href):
    with pytest.raises(RefusedError):
        guard.local_href(href, tmp_path)


def test_good_links_resolve(tmp_path):
    assert guard.local_href("./a/B04.tif", tmp_path) == tmp_path / "a" / "B04.tif"
    assert guard.local_href(f"file://{tmp_path}/B04.tif", tmp_path) == tmp_path / "B04.tif"


def test_foreign_item_beside_its_files(tmp_path, write_raster):
    values = np.full((64, 64), 5000, "uint16")
    for band in ("B04", "B08"):
        write_raster(f"item/{band}.tif", values)
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "../../evil", "geometry": None, "links": [],
        "properties": {"datetime": "2023-05-05T00:00:00Z", "s2:processing_baseline": "05.09", "mitoshi:source": "/etc/passwd"},
        "assets": {"red": {"href": "./B04.tif"}, "nir": {"href": "https://example.com/a/B08.tif"}},
    }  # fmt: skip
    path = tmp_path / "item" / "item.json"
    path.write_text(json.dumps(item))
    observation = sensors.open_observation(path)
    np.testing.assert_allclose(observation.layers["surface_reflectance"].values, 0.4, atol=1e-6)
    assert observation.item.id == "evil"
    assert observation.item.properties["mitoshi:source"] == str(path)
    assert sensors.open_item(observation.item).item.to_dict() == observation.item.to_dict()
    item["assets"]["red"]["href"] = "../item2/B04.tif"
    path.write_text(json.dumps(item))
    with pytest.raises(RefusedError, match="leaves the item's folder"):
        sensors.items(path)


def test_an_item_from_an_address_may_not_name_local_files(write_raster):
    item = sensors.items(write_raster("x.tif", np.full((64, 64), -12, "float32")))[0]
    item.set_self_href("https://example.com/items/x.json")
    with pytest.raises(RefusedError, match="comes from an address"):
        sensors.open_item(item)


@pytest.fixture
def server():
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            if self.path.startswith("/away"):
                self.send_response(302)
                self.send_header(
                    "Location", "http://169.254.169.254/latest" if self.path == "/away" else self.path + "/on"
                )
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello" if self.path == "/good.tif" else b"hel")

        def log_message(self, *_):
            return None

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", seen
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_private_addresses_get_no_request(server):
    url, seen = server
    for address in (
        url,
        url.replace("127.0.0.1", "localhost"),
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
    ):
        with pytest.raises(RefusedError, match="private network"):
            fetch(f"{address}/x.tif")
    for address in ("ftp://example.com/x", "file:///etc/passwd", "gopher://x/", "https://user:secret@example.com/"):
        with pytest.raises(RefusedError) as refusal:
            fetch(address)
        assert "secret" not in str(refusal.value)
    assert seen == []


def test_rebinding_names_are_pinned():
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    assert checked_address("http://rebind.example/", resolve=lambda *_: next(answers))[2] == "93.184.215.14"
    with pytest.raises(RefusedError):
        checked_address("http://rebind.example/", resolve=lambda *_: ["93.184.215.14", "127.0.0.1"])


def test_trusted_host_is_fetched_once_and_redirects_are_checked(server):
    url, seen = server
    trusted = Limits(trusted=(url.removeprefix("http://"),), connect_seconds=2, read_seconds=2)
    assert fetch(f"{url}/good.tif", trusted).read_bytes() == b"hello"
    assert fetch(f"{url}/good.tif", trusted)
    assert seen == ["/good.tif"]
    with pytest.raises(RefusedError, match="private network"):
        fetch(f"{url}/away", trusted)
    with pytest.raises(RefusedError, match="redirected more than 5 times"):
        fetch(f"{url}/away/again", trusted)
    with pytest.raises(InputError):
        fetch(f"{url}/short.tif", trusted)
    assert not list(Path(os.environ["MITOSHI_CACHE"]).rglob("short*"))


def test_what_was_fetched_lies_under_its_content_and_needs_no_server_again(server):
    url, seen = server
    trusted = Limits(trusted=(url.removeprefix("http://"),))
    path = fetch(f"{url}/good.tif", trusted)
    digest = hashlib.sha256(b"hello").hexdigest()
    assert path == Path(os.environ["MITOSHI_CACHE"]) / "fetched" / digest / "good.tif"
    assert fetch(f"{url}/good.tif", Limits(trusted=()), resolve=lambda *_: []) == path
    assert seen == ["/good.tif"]


def test_hosts_are_trusted_by_the_environment_alone(server, monkeypatch):
    url, seen = server
    monkeypatch.delenv("MITOSHI_TRUSTED_HOSTS", raising=False)
    with pytest.raises(RefusedError, match="MITOSHI_TRUSTED_HOSTS"):
        fetch(f"{url}/good.tif")
    monkeypatch.setenv("MITOSHI_TRUSTED_HOSTS", "127.0.0.1:1")
    with pytest.raises(RefusedError, match="private network"):
        fetch(f"{url}/good.tif")
    assert seen == []
    monkeypatch.setenv("MITOSHI_TRUSTED_HOSTS", f"example.org:443, {url.removeprefix('http://')}")
    assert fetch(f"{url}/good.tif").read_bytes() == b"hello"


@pytest.mark.parametrize(
    "address", ["http://[::1/x.tif", "http://a..b/x.tif", "http://host:99999/x.tif", "http:///x.tif"]
)
def test_malformed_addresses_are_refused_with_one_line(address):
    with pytest.raises(InputError) as refusal:
        fetch(f"{address}?key=hidden")
    assert "hidden" not in str(refusal.value)


@pytest.mark.filterwarnings("error::rasterio.errors.NotGeoreferencedWarning")
def test_pictures_without_georeference_open_quietly_in_many_threads(tmp_path):
    """Warnings are errors here, and the filter that silences this one belongs to the whole process."""
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        Image.new("L", (16, 16), 9).save(path)

    def shape(path):
        with guard.open_raster(path) as dataset:
            return dataset.shape

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(shape, paths * 25)) == {(16, 16)}


def test_footprint_is_cut_at_the_antimeridian():
    geometry, bbox = footprint([(179, 10), (-179, 10), (-179, 12), (179, 12)])
    assert geometry["type"] == "MultiPolygon"
    assert bbox == [179.0, 10.0, -179.0, 12.0]
    spans = sorted((min(x for x, _ in ring[0]), max(x for x, _ in ring[0])) for ring in geometry["coordinates"])
    assert spans == [(-180.0, -179.0), (179.0, 180.0)]
    assert footprint([(10, 0), (11, 0), (11, 1), (10, 1)])[1] == [10, 0, 11, 1]


def test_import_is_cheap():
    import subprocess
    import sys

    code = "import sys, mitoshi.sensors; print(sorted(m for m in ('rasterio','xarray','pystac','odc') if m in sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
