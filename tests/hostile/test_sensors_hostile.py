"""Every hostile file through the readers, in a process of its own: one clear line, no crash, no hang, nothing disclosed or sent."""

from __future__ import annotations

import json
import multiprocessing
import re
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError, MitoshiError
from mitoshi.core.quantity import BACKSCATTER

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    # rasterio 1.4 multiplies affine transforms in a way that affine 3 announces to retire.
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]
SECONDS_PER_FILE = 10.0
MEMORY = 2 * 2**30
# GDAL decodes these six without an error; they are small pictures, and reading them is harmless.
READABLE = re.compile(r"_oor_panic_id_000023|0da013a|74d2a78|wrong_bits")
SECRET = "root:"


def _attempt(path: str) -> tuple[str, str, float]:
    """Open a file in every way a user could and read a window of each layer; return the outcome and its line."""
    start = time.monotonic()
    lines = []
    for attempt in (_by_items, _by_opening, _by_asking):
        try:
            lines.append(attempt(path))
        except MitoshiError as error:
            lines.append(f"{type(error).__name__}: {error}")
    kind = "read" if lines[1].startswith("read") else "refused"
    return kind, "\n".join(lines), time.monotonic() - start


def _by_items(path: str) -> str:
    return f"items {[json.dumps(item.to_dict()) for item in sensors.items(path)]}"


def _read(observation) -> str:
    for layer in observation.layers.values():
        text = bytes(layer.isel(y=slice(0, 64), x=slice(0, 64)).values.astype("uint8").tobytes())
        if SECRET.encode() in text:
            return f"disclosed {SECRET}"
    return f"read {sorted(observation.layers)}"


def _by_opening(path: str) -> str:
    return _read(sensors.open_observation(path))


def _by_asking(path: str) -> str:
    return _read(sensors.open_observation(f"{path}#quantity=sigma0,units=dB,time=2024-01-01", expecting=BACKSCATTER))


def _attempt_all(paths: list[str], limit: int) -> tuple[list[tuple[str, str, float]], int]:
    import logging

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes = [_attempt(path) for path in paths]
    return outcomes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _hostile(shared_data) -> list[Path]:
    return sorted(path for path in shared_data("platform/hostile").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def outcomes(shared_data, tmp_path_factory):
    """Outcome of every hostile file, from one spawned process whose address space is bounded."""
    files = _hostile(shared_data)
    disguised = tmp_path_factory.mktemp("disguised")
    for path in [p for p in files if p.suffix == ".vrt"]:
        for suffix in (".tif", ".png", ".json", ".nc"):
            copy = disguised / f"{path.stem}{suffix}"
            copy.write_bytes(path.read_bytes())
            files.append(copy)
    listener, sent = _listener()
    source = next(p for p in files if p.name == "source_http_metadata.vrt").read_text()
    aimed = disguised / "aimed.tif"
    aimed.write_text(source.replace("127.0.0.1:9", f"127.0.0.1:{listener.getsockname()[1]}"))
    item = json.loads(next(p for p in files if p.name == "href_path_traversal.json").read_text())
    for key in "abcdefg":
        item["assets"] = {key: {"href": f"http://127.0.0.1:{listener.getsockname()[1]}/x.tif", "roles": ["data"]}}
    (disguised / "aimed.json").write_text(json.dumps(item))
    files += [aimed, disguised / "aimed.json"]
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        # The address space holds the libraries' mappings too (about 2 GiB), so its limit is wider than that of memory in use.
        found, peak = pool.apply_async(_attempt_all, ([str(p) for p in files], 6 * 2**30)).get(timeout=600)
    listener.close()
    return dict(zip(files, found, strict=True)), peak, sent


def _listener():
    listener = socket.create_server(("127.0.0.1", 0))
    sent: list[object] = []

    def accept() -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            sent.append(address)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    return listener, sent


def test_every_file_is_there(outcomes):
    assert len(outcomes[0]) >= 170


def test_each_is_refused_with_one_clear_line_or_harmless(outcomes):
    for path, (kind, text, _) in outcomes[0].items():
        lines = text.split("\n")
        assert len(lines) == 3, (path.name, text)
        assert kind == ("read" if READABLE.search(path.name) else "refused"), (path.name, text)
        if kind == "refused":
            said = [line for line in lines if not line.startswith("items ")]
            assert all(20 < len(line) < 900 for line in said), (path.name, text)
            assert not any("Traceback" in line or "Error(" in line for line in lines)


def test_nothing_is_disclosed(outcomes):
    for path, (_, text, _) in outcomes[0].items():
        assert SECRET not in text, path.name
        assert "daemon" not in text, path.name


def test_no_request_is_sent(outcomes):
    assert outcomes[2] == []


def test_no_file_takes_long_and_memory_stays_small(outcomes):
    slowest = max(outcomes[0].items(), key=lambda pair: pair[1][2])
    assert slowest[1][2] < SECONDS_PER_FILE, slowest
    assert outcomes[1] < MEMORY


def test_archives_leave_nothing_behind(outcomes):
    assert not Path("/tmp/evil.txt").exists()
    assert not Path("/tmp/pwned").exists()


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deeply_nested_json(tmp_path, depth):
    (tmp_path / "deep.json").write_text("[" * depth + "]" * depth)
    with pytest.raises(InputError, match=r"deeper|no STAC item"):
        sensors.items(tmp_path / "deep.json")


def test_zip_bomb(tmp_path):
    import zipfile

    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out,
        out.open("B04.tif", "w", force_zip64=True) as member,
    ):
        for _ in range(200):
            member.write(bytes(2**20))
    # 200 MiB of zeros in 0.2 MiB are no raster, whatever their name.
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError):
        sensors.open_observation(tmp_path / "bomb.zip")
